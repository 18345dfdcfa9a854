//! `cargo xtask test`: every test, in tiers, with counts. Starts cargo and the test bed.
//!
//! A test target whose name begins with `cluster` needs a real cluster. Those run four at a time on a cluster each
//! (`lanes`), the demo last, and everything else beside them.

mod lanes;
mod libtest;
mod programs;
mod table;
mod targets;

pub(crate) use table::{Row, Table};

use crate::Outcome;
use crate::process::cargo;
use kompox_testbed::{Image, Testbed};
use programs::Programs;
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

/// Builds everything, then runs the tiers and adds their rows. What needs no cluster runs beside the clusters, which mostly
/// wait.
pub(crate) fn tiers(arguments: &Arguments, table: &mut Table) -> Outcome {
    let targets = targets::of_this_checkout()?;
    let (clusters, others): (Vec<_>, Vec<_>) = targets.into_iter().partition(Target::needs_cluster);
    let started = Instant::now();
    let programs = programs::build(&clusters);
    let failure = programs.as_ref().err().map(ToString::to_string);
    table.add(Row::step("build", failure, started.elapsed()));
    let Ok(programs) = programs else {
        table.add(Row::left_out("all tests", "not built"));
        return Ok(());
    };
    if arguments.without_cluster {
        without_clusters(&others)?.into_iter().for_each(|row| table.add(row));
        table.add(Row::left_out("real cluster", "--without-cluster"));
        return Ok(());
    }
    // Before the tests that need file systems of other kinds, which run beside the clusters.
    Testbed::of_this_checkout()?.ensure_packages()?;
    let (alone, beside) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let rows = on_clusters(arguments, targets::in_order(clusters), programs);
            rows.map_err(|error| error.to_string())
        });
        (without_clusters(&others), beside.join())
    });
    let beside = beside.map_err(|_| "the clusters' thread failed")?;
    alone?.into_iter().chain(beside?).for_each(|row| table.add(row));
    Ok(())
}

/// Everything that needs no cluster.
fn without_clusters(targets: &[Target]) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let mut rows = vec![run_cargo("unit", "unit, property", &["--lib", "--bins"])?];
    let mut names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let line: Vec<_> = names.iter().flat_map(|name| ["--test", name]).collect();
    if !line.is_empty() {
        rows.push(run_cargo("golden", "golden, scripted, binary", &line)?);
    }
    rows.push(run_cargo("doc", "documentation", &["--doc"])?);
    Ok(rows)
}

/// Builds the images, runs the targets in lanes, and takes down what was not up before.
fn on_clusters(
    arguments: &Arguments,
    targets: Vec<Target>,
    programs: Programs,
) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let testbed = Testbed::of_this_checkout()?;
    let up = |testbed: &Testbed| -> Vec<String> {
        let clusters = testbed.clusters().into_iter();
        clusters.filter(|cluster| cluster.is_up().unwrap_or(false)).map(|cluster| cluster.name()).collect()
    };
    let before = up(&testbed);
    let started = Instant::now();
    let images = testbed.ensure_images(Image::ALL);
    let failure = images.as_ref().err().map(ToString::to_string);
    let mut rows = vec![Row::step("test bed images", failure, started.elapsed())];
    if images.is_err() {
        let rest = targets.iter().map(|target| Row::left_out(&lanes::row_name(target), "no test bed images"));
        rows.extend(rest);
        return Ok(rows);
    }
    rows.extend(lanes::run(targets, programs)?);
    if !arguments.keep_clusters {
        for name in up(&testbed).into_iter().filter(|name| !before.contains(name)) {
            testbed.down(&name, None)?;
        }
    }
    Ok(rows)
}

/// Runs one `cargo test`; each line of its output begins with `name`.
fn run_cargo(name: &str, tier: &str, selection: &[&str]) -> Result<Row, Box<dyn std::error::Error>> {
    let line: Vec<_> =
        ["test", "--workspace", "--no-fail-fast"].into_iter().chain(selection.iter().copied()).collect();
    println!("\n== {tier}: cargo {}", line.join(" "));
    let started = Instant::now();
    let (counts, success) = libtest::run_named(&mut cargo(&line), name)?;
    Ok(Row::tests(tier, counts, success, started.elapsed()))
}

/// Runs a test command with its output on this terminal, and counts.
pub(crate) fn counted(tier: &str, mut command: Command) -> Result<Row, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let (counts, success) = libtest::run(&mut command)?;
    Ok(Row::tests(tier, counts, success, started.elapsed()))
}
