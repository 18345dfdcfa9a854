//! The commands, one module per noun: from arguments to use cases and from their answers to output.

mod app;
mod archive;
mod cluster;
mod compose;
mod config;
mod disk;
mod disk_log;
mod doctor;
mod documents;
mod export;
mod import;
mod init;
mod preview;
mod snapshot;
mod stream;
mod version;
mod watched;

use crate::arguments::{Arguments, Noun};
use crate::drivers;
use crate::exit::{DONE, Failure};
use crate::progress::Screen;
use crate::session::Session;

/// Runs the command and returns its exit code.
pub(crate) fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Failure> {
    let session = Session { global: &arguments.global, screen, drivers: drivers::registry() };
    match arguments.noun {
        Noun::Init(init) => init::run(&session, init)?,
        Noun::App(command) => return app::run(&session, command),
        Noun::Disk(command) => disk::run(&session, command)?,
        Noun::Snapshot(command) => snapshot::run(&session, command)?,
        Noun::Compose(command) => compose::run(&session, command)?,
        Noun::Cluster(command) => cluster::run(&session, &command)?,
        Noun::Doctor => doctor::run(&session)?,
        Noun::Config(command) => config::run(&session, &command)?,
        Noun::Version => version::run(&session)?,
        Noun::Completion(arguments) => documents::completion(&arguments)?,
        Noun::Man(arguments) => documents::man(&arguments)?,
    }
    Ok(DONE)
}
