//! `cargo xtask test`: every test, in tiers, with counts. Starts cargo and the test bed.
//!
//! A test target whose name begins with `cluster` needs a real cluster. Those run last, three at a time on a cluster
//! each (`lanes`), then the demo alone. Everything else needs nothing and runs first.

mod lanes;
mod libtest;
mod table;
mod targets;

pub(crate) use table::{Row, Table};

use crate::Outcome;
use crate::process::cargo;
use kompox_testbed::{Image, Testbed};
use std::process::Command;
use std::time::Instant;
use targets::Target;

/// What to run.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out the tests on real clusters; the table says so.
    #[arg(long)]
    pub(crate) without_cluster: bool,
    /// Leave clusters running that a test brought up.
    #[arg(long)]
    pub(crate) keep_clusters: bool,
}

/// Runs the tiers, prints the table and fails unless everything passed.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut table = Table::default();
    tiers(arguments, &mut table)?;
    table.close()
}

/// Runs the tiers and adds their rows.
pub(crate) fn tiers(arguments: &Arguments, table: &mut Table) -> Outcome {
    let targets = targets::of_this_checkout()?;
    let (clusters, others): (Vec<_>, Vec<_>) = targets.into_iter().partition(Target::needs_cluster);

    table.add(run_cargo("unit, property", &["test", "--workspace", "--no-fail-fast", "--lib", "--bins"])?);
    let mut names: Vec<_> = others.iter().map(|target| target.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        let mut line = vec!["test", "--workspace", "--no-fail-fast"];
        line.extend(names.iter().flat_map(|name| ["--test", name]));
        table.add(run_cargo("golden, scripted, binary", &line)?);
    }
    table.add(run_cargo("documentation", &["test", "--workspace", "--no-fail-fast", "--doc"])?);

    if arguments.without_cluster {
        table.add(Row::left_out("real cluster", "--without-cluster"));
        return Ok(());
    }
    on_clusters(arguments, targets::in_order(clusters), table)
}

/// Builds the images, runs the targets in lanes, and takes down what was not up before.
fn on_clusters(arguments: &Arguments, targets: Vec<Target>, table: &mut Table) -> Outcome {
    if targets.is_empty() {
        return Ok(());
    }
    let testbed = Testbed::of_this_checkout()?;
    let up = |testbed: &Testbed| -> Vec<String> {
        let clusters = testbed.clusters().into_iter();
        clusters.filter(|cluster| cluster.is_up().unwrap_or(false)).map(|cluster| cluster.name()).collect()
    };
    let before = up(&testbed);
    let started = Instant::now();
    let images = testbed.ensure_images(Image::ALL);
    table.add(Row::step(
        "test bed images",
        images.as_ref().err().map(ToString::to_string),
        started.elapsed(),
    ));
    if images.is_err() {
        for target in targets {
            table.add(Row::left_out(&format!("real cluster: {}", target.name), "no test bed images"));
        }
        return Ok(());
    }
    lanes::run(targets, table)?;
    if !arguments.keep_clusters {
        for name in up(&testbed).into_iter().filter(|name| !before.contains(name)) {
            testbed.down(&name, None)?;
        }
    }
    Ok(())
}

/// Runs one cargo test command with its output on this terminal, and counts.
fn run_cargo(tier: &str, line: &[&str]) -> Result<Row, Box<dyn std::error::Error>> {
    println!("\n== {tier}: cargo {}", line.join(" "));
    counted(tier, cargo(line))
}

/// Runs a test command with its output on this terminal, and counts.
pub(crate) fn counted(tier: &str, mut command: Command) -> Result<Row, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let (counts, success) = libtest::run(&mut command)?;
    Ok(Row::tests(tier, counts, success, started.elapsed()))
}
