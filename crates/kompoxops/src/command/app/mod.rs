//! `app …`, one module per verb.

mod clone;
mod copy;
pub(super) mod deploy;
mod destroy;
mod diff;
mod dns;
mod exec;
mod fates;
mod list;
mod logs;
mod moving;
mod power;
mod shell;
mod status;
mod takeover;
mod tunnel;
mod validate;
mod volumes;

pub(super) use power::outage;

use crate::arguments::AppCommand;
use crate::exit::{DONE, Failure};
use crate::session::Session;

/// What the API server's audit log shows.
const MODULE: &str = "app";

pub(super) fn run(session: &Session<'_>, command: AppCommand) -> Result<u8, Failure> {
    match command {
        AppCommand::Validate(arguments) => return validate::run(session, &arguments),
        AppCommand::Deploy(arguments) => deploy::run(session, arguments)?,
        AppCommand::List => list::run(session)?,
        AppCommand::Diff(arguments) => return diff::run(session, &arguments),
        AppCommand::Status(arguments) => status::run(session, &arguments)?,
        AppCommand::Volumes(arguments) => volumes::run(session, &arguments)?,
        AppCommand::Logs(arguments) => logs::run(session, arguments)?,
        AppCommand::Exec(arguments) => return exec::run(session, arguments),
        AppCommand::Cp(arguments) => copy::run(session, &arguments)?,
        AppCommand::Stop => power::stop(session)?,
        AppCommand::Start(arguments) => power::start(session, &arguments)?,
        AppCommand::Restart(arguments) => power::restart(session, &arguments)?,
        AppCommand::Shell(arguments) => return shell::run(session, arguments),
        AppCommand::Tunnel(arguments) => tunnel::run(session, &arguments)?,
        AppCommand::Move(arguments) => moving::run(session, arguments)?,
        AppCommand::Takeover(arguments) => takeover::run(session, arguments)?,
        AppCommand::Clone(arguments) => clone::run(session, &arguments)?,
        AppCommand::Destroy(arguments) => destroy::run(session, &arguments)?,
    }
    Ok(DONE)
}
