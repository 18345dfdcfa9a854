//! `compose …`.

mod config;
mod import;

use crate::arguments::ComposeCommand;
use crate::exit::Failure;
use crate::session::Session;

pub(super) fn run(session: &Session<'_>, command: ComposeCommand) -> Result<(), Failure> {
    match command {
        ComposeCommand::Config(arguments) => config::run(session, &arguments),
        ComposeCommand::Import(arguments) => import::run(session, arguments),
    }
}
