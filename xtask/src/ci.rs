//! `cargo xtask ci`: what a change must pass. Formatting, lints, the rules of the project, then every test.

use crate::Outcome;
use crate::process::cargo;
use crate::test::{self, Row, Table};
use crate::tidy;
use std::time::Instant;

/// Runs everything, also after a failure, so that one run shows all that is wrong.
pub(crate) fn run(arguments: &test::Arguments) -> Outcome {
    let mut table = Table::default();
    table.add(check("formatting", || command(&["fmt", "--all", "--check"])));
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    table.add(check("lints", || command(&clippy)));
    table.add(check("tidy", || tidy::run(&crate::build::root())));
    test::tiers(arguments, &mut table)?;
    table.close()
}

fn check(name: &str, run: impl FnOnce() -> Result<(), String>) -> Row {
    println!("\n== {name}");
    let started = Instant::now();
    let failure = run().err();
    if let Some(failure) = &failure {
        println!("{failure}");
    }
    Row::step(name, failure, started.elapsed())
}

fn command(line: &[&str]) -> Result<(), String> {
    let status = cargo(line).status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {}: {status}", line.join(" "))) }
}
