//! `app logs`.

use super::MODULE;
use crate::arguments::LogsArguments;
use crate::command::watched::Watched;
use crate::exit::Failure;
use crate::session::{Session, Use};
use kompox_engine::app::{self, LogOptions, LogStyle};
use std::env;
use std::io::{self, IsTerminal};
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
        let mut out = Watched::new(tokio::io::stdout().compat_write(), |_| ());
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
