//! Operates apps, disks and clusters from files alone.
//!
//! The binary: command line, wiring of drivers and adapters, output. It is the only place that names them; what is
//! done is decided in `kompox-engine`.

mod arguments;
mod command;
mod compose;
mod compose_project;
mod configuration;
mod connect;
mod consent;
mod diagnostics;
mod drivers;
mod ending;
mod exit;
mod interrupt;
mod kubeconfig;
mod logging;
mod output;
mod progress;
mod project_files;
mod report;
mod session;
mod terminal;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::restore_on_panic();
    let arguments = arguments::Arguments::parse();
    let screen = progress::Screen::new(arguments.global.log_format, arguments.global.no_progress);
    logging::start(arguments.global.log_level, &screen);
    let result = command::run(arguments, &screen);
    screen.clear();
    ExitCode::from(match result {
        Ok(code) => code,
        Err(failure) => {
            screen.failure(&failure);
            failure.code()
        }
    })
}
