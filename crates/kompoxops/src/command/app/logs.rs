//! `app logs`.

use super::MODULE;
use crate::arguments::LogsArguments;
use crate::exit::Failure;
use crate::session::{Session, Use};
use futures::AsyncWrite;
use kompox_engine::app::{self, LogOptions, LogStyle};
use std::env;
use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_util::compat::TokioAsyncWriteCompatExt;

pub(super) fn run(session: &Session<'_>, arguments: LogsArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let options = LogOptions {
        service: arguments.service,
        follow: arguments.follow,
        tail: arguments.tail.map(i64::from),
        since_seconds: arguments
            .since
            .and_then(|since| since.0)
            .map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
        previous: arguments.previous,
        timestamps: arguments.timestamps,
        style: style(),
    };
    session.on_cluster(&opened, MODULE, Use::Stream, async |connected| {
        let mut out = Watched { inner: tokio::io::stdout().compat_write(), failed: None };
        let result = app::logs(&connected.app()?, &options, &mut out).await;
        match out.failed {
            // Whoever read the lines has gone away and wants no more.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(Failure::Output(error)),
            None => Ok(result?),
        }
    })
}

/// Colours are for terminals that have them, unless the user wants none.
fn style() -> LogStyle {
    let terminal = io::stdout().is_terminal();
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    LogStyle { terminal, colour: terminal && !unwanted && !dumb }
}

/// A writer that remembers its own error, so that it is not taken for one of the cluster.
struct Watched<W> {
    inner: W,
    failed: Option<io::Error>,
}

impl<W> Watched<W> {
    fn watch<T>(&mut self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        result.map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Watched<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(context);
        self.watch(result)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_close(context);
        self.watch(result)
    }
}
