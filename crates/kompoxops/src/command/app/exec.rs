//! `app exec`.

use super::MODULE;
use crate::arguments::ExecArguments;
use crate::exit::{FAILED, Failure};
use crate::session::{Session, Use};
use crate::terminal::{self, Raw};
use kompox_engine::Scope;
use kompox_engine::app::{self, ExecOptions};
use kompox_model::port::ExecStreams;
use std::io::{self, IsTerminal};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

/// Returns the exit code of the remote command.
pub(super) fn run(session: &Session<'_>, arguments: ExecArguments) -> Result<u8, Failure> {
    let opened = session.open_app()?;
    let tty = !arguments.no_tty && io::stdin().is_terminal() && io::stdout().is_terminal();
    let options = ExecOptions { service: arguments.service, command: arguments.command, tty };
    let code = session.on_cluster(&opened, MODULE, Use::Stream, async |connected| {
        converse(&connected.app()?, &options).await
    })?;
    Ok(local(code))
}

/// A code no process of ours can end with is a failure all the same.
pub(super) fn local(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(FAILED)
}

/// Runs a command between this process's streams and the container.
pub(super) async fn converse(scope: &Scope<'_>, options: &ExecOptions) -> Result<i32, Failure> {
    let mut stdin = tokio::io::stdin().compat();
    let mut stdout = tokio::io::stdout().compat_write();
    let mut stderr = tokio::io::stderr().compat_write();
    let sizes = if options.tty { Some(terminal::sizes()?) } else { None };
    let streams = ExecStreams { stdin: Some(&mut stdin), stdout: &mut stdout, stderr: &mut stderr, sizes };
    let _raw = if options.tty { Some(Raw::enter()?) } else { None };
    Ok(app::exec(scope, options, streams).await?)
}
