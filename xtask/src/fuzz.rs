//! `cargo xtask fuzz`: the loader of compose files on damaged and made-up input. Builds and starts `kompox-testcases`,
//! which writes what it finds into `crates/kompox-compose/tests/regressions`.

use crate::Outcome;
use crate::build;
use crate::test::{self, Row, Table};
use std::error::Error;
use std::process::Command;

/// How much.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Stop after so many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Stop after so many inputs.
    #[arg(long, default_value_t = u64::MAX)]
    executions: u64,
}

/// Runs it and fails if anything was found.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut table = Table::default();
    table.add(row(arguments.seconds, arguments.executions)?);
    table.close()
}

/// Runs it for so long or so many inputs, whatever is reached first.
pub(crate) fn row(seconds: u64, executions: u64) -> Result<Row, Box<dyn Error>> {
    let mut command = Command::new(build::fuzzing("kompox-testcases")?);
    command.args(["fuzz", &seconds.to_string(), &executions.to_string()]);
    test::counted(&format!("fuzzing for {seconds} s"), command)
}
