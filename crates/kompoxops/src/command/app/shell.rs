//! `app shell`.

use super::{MODULE, exec};
use crate::arguments::ShellArguments;
use crate::exit::Failure;
use crate::session::{Session, Use};
use kompox_engine::app::{self, ExecOptions};
use std::io::{self, IsTerminal};

/// Returns the exit code of the shell.
pub(super) fn run(session: &Session<'_>, arguments: ShellArguments) -> Result<u8, Failure> {
    let opened = session.open_app()?;
    let tty = io::stdin().is_terminal() && io::stdout().is_terminal();
    let code = session.on_cluster(&opened, MODULE, Use::Stream, async |connected| {
        let scope = connected.app()?;
        let shell = app::find_shell(&scope, arguments.service.as_deref()).await?;
        let options =
            ExecOptions { service: arguments.service.clone(), command: vec![shell.to_owned()], tty };
        exec::converse(&scope, &options).await
    })?;
    Ok(exec::local(code))
}
