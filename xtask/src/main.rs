//! Development commands, as `cargo xtask COMMAND`. Each module owns one command.

mod bench;
mod build;
mod ci;
mod cluster;
mod conformance;
mod demo;
mod fuzz;
mod image;
mod measure;
mod process;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development commands of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job: a local cluster, Redmine deployed from its compose.yml, its URL.
    Demo(demo::Arguments),
    /// Real local Kubernetes clusters.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Builds container images for them.
    Image(image::Arguments),
    /// Every test, in tiers, with counts.
    Test(test::Arguments),
    /// The rules of the project that no compiler checks.
    Tidy,
    /// Ratios of kompoxops against kubectl, inside one run.
    Bench(bench::Arguments),
    /// The loader of compose files on damaged and made-up input: no panic, little time, little memory.
    ///
    /// Inputs are bytes of compose files, their trees, text with variables, env files, merges of two documents, and values
    /// with a syntax of their own. KOMPOX_SEED repeats a run. Findings are written into
    /// crates/kompox-compose/tests/regressions, where the tests of kompox-compose read them.
    Fuzz(fuzz::Arguments),
    /// What takes longer than every change can wait for.
    Conformance(conformance::Selection),
    /// What a change must pass: formatting, lints, tidy, test.
    Ci(test::Arguments),
}

/// What a command ends with: its error is printed with all its sources.
type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Cluster(command) => cluster::run(command),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Image(arguments) => image::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Tidy => tidy::run(&build::root()).map_err(Into::into),
        Command::Conformance(arguments) => conformance::run(&arguments),
        Command::Ci(arguments) => ci::run(&arguments),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        eprintln!("  caused by: {error}");
        source = error.source();
    }
    ExitCode::FAILURE
}
