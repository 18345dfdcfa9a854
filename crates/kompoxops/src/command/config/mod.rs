//! `config …`: what the configuration says, without any cluster.

mod convert;
mod show;
mod validate;

use crate::arguments::ConfigCommand;
use crate::exit::Failure;
use crate::session::Session;

pub(super) fn run(session: &Session<'_>, command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Show(arguments) => show::run(session, arguments),
        ConfigCommand::Validate => validate::run(session),
        ConfigCommand::Convert(arguments) => convert::run(session, arguments),
    }
}
