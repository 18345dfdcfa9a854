//! Connections that are kept for the next request, and the commands that run over them. Connects to machines.
//!
//! A connection serves one command at a time. One whose command is given up is closed, so that the command learns that
//! nobody waits for it any more.

use super::Target;
use super::connect::{Session, connect};
use super::failure::Failure;
use crate::transport::pump::{copied, until_ended};
use futures::AsyncWriteExt as _;
use kompox_model::port::{ExecStreams, PortError};
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

/// How long an idle connection may take to show that it still lives.
const OPEN_LIMIT: Duration = Duration::from_secs(3);
/// Number of the stream of error output.
const STDERR: u32 = 1;
/// What a shell ends with when a signal ended its command; which one it was is told by name only.
const BY_SIGNAL: i32 = 128;

/// Connections that nobody uses just now.
#[derive(Default)]
pub(in crate::transport) struct Sessions {
    idle: Mutex<BTreeMap<Target, Vec<Session>>>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Runs a line of the shell there; the code it ended with.
    pub(in crate::transport) async fn exec(
        &self,
        target: &Target,
        line: &str,
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError> {
        let run = async {
            let (session, channel) = self.open(target).await?;
            let code = run(channel, line, streams).await?;
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(target.clone())
                .or_default()
                .push(session);
            Ok(code)
        };
        run.await.map_err(|failure: Failure| failure.error(target))
    }

    /// A connection with a channel: one that is idle, if it still lives, or a new one.
    async fn open(&self, target: &Target) -> Result<(Session, Channel<Msg>), Failure> {
        while let Some(session) = self.take(target) {
            match tokio::time::timeout(OPEN_LIMIT, session.channel_open_session()).await {
                Ok(Ok(channel)) => return Ok((session, channel)),
                _ => tracing::debug!(machine = %target.address, "an idle connection is gone"),
            }
        }
        let session = connect(target).await?;
        let channel = session.channel_open_session().await?;
        Ok((session, channel))
    }

    fn take(&self, target: &Target) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = idle.get_mut(target)?;
        sessions.retain(|session| !session.is_closed());
        sessions.pop()
    }
}

async fn run(channel: Channel<Msg>, line: &str, streams: ExecStreams<'_>) -> Result<i32, Failure> {
    channel.exec(true, line).await?;
    let (mut read, write) = channel.split();
    let input = async {
        if let Some(input) = streams.stdin {
            copied(input, &mut write.make_writer().compat_write()).await?;
        }
        write.eof().await.map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    };
    let output = async {
        let mut code = None;
        while let Some(message) = read.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    streams.stdout.write_all(&data).await.map_err(Failure::Stream)?;
                }
                ChannelMsg::ExtendedData { data, ext: STDERR } => {
                    streams.stderr.write_all(&data).await.map_err(Failure::Stream)?;
                }
                ChannelMsg::Failure => return Err(Failure::Cut),
                ChannelMsg::ExitStatus { exit_status } => code = i32::try_from(exit_status).ok(),
                ChannelMsg::ExitSignal { .. } => code = Some(BY_SIGNAL),
                _ => {}
            }
        }
        streams.stdout.flush().await.map_err(Failure::Stream)?;
        code.ok_or(Failure::Cut)
    };
    until_ended(input, output, Failure::Stream).await
}
