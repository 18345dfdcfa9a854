//! `cargo xtask conformance`: what takes longer than every change can wait for. Starts cargo and the test bed.
//!
//! Run before something is called resolved: the property tests with many more cases, Kompose and Docker Compose against
//! their recordings, both loaders of compose files against each other on generated projects, the fuzzer, Kubernetes' own
//! suite of network policies against the test bed's engine, then every tier of `cargo xtask test`, whose clusters have then
//! been used before.

mod docker_compose;
mod kompose;

use crate::Outcome;
use crate::fuzz;
use crate::process::cargo;
use crate::test::{self, Row, Table};
use kompox_testbed::Testbed;
use std::time::Duration;

/// Cases of each property test; libraries choose some hundreds by default.
const CASES: &str = "20000";
/// Sequences of whole commands take longer.
const SEQUENCES: &str = "4000";

/// How long the fuzzer runs.
const FUZZING: u64 = 120;

const UPSTREAM: &str = "upstream NetworkPolicy suite";
/// Specs it has in the pinned version; fewer mean that it did not run as a whole.
const SPECS: u64 = 42;
/// Which cluster tests use; one letter.
const CLUSTER: &str = "KOMPOX_TESTBED_CLUSTER";

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// Only Kubernetes' own suite of network policies.
    #[arg(long, conflicts_with = "without_cluster")]
    upstream: bool,
    /// Only Kompose's recorded answers; with KOMPOX_BLESS=1, record them.
    #[arg(long, conflicts_with = "upstream")]
    kompose: bool,
    /// Only Docker Compose: its recorded answers and generated projects; with KOMPOX_BLESS=1, record the answers.
    /// KOMPOX_SEED and KOMPOX_NUMBER repeat generated ones.
    #[arg(long, conflicts_with_all = ["upstream", "kompose"])]
    docker_compose: bool,
    #[command(flatten)]
    test: test::Arguments,
}

/// Runs everything, prints the table and fails unless everything passed.
pub(crate) fn run(arguments: &Selection) -> Outcome {
    let mut table = Table::default();
    if arguments.kompose {
        table.add(kompose::recordings()?);
        return table.close();
    }
    if arguments.docker_compose {
        docker_compose::rows()?.into_iter().for_each(|row| table.add(row));
        return table.close();
    }
    if arguments.upstream {
        table.add(network_policies(&arguments.test)?);
        return table.close();
    }
    let line = ["test", "--release", "--workspace", "--exclude", "xtask", "--no-fail-fast", "--lib"];
    let mut command = cargo(&line);
    command.env("PROPTEST_CASES", CASES);
    table.add(test::counted(&format!("property tests, {CASES} cases"), command)?);
    let mut command = cargo(&["test", "--workspace", "--test", "app", "sequences"]);
    command.env("PROPTEST_CASES", SEQUENCES);
    table.add(test::counted("random sequences of commands", command)?);
    table.add(kompose::recordings()?);
    docker_compose::rows()?.into_iter().for_each(|row| table.add(row));
    table.add(fuzz::row(FUZZING, u64::MAX)?);
    table.add(network_policies(&arguments.test)?);
    test::tiers(&arguments.test, &mut table)?;
    table.close()
}

/// The upstream suite, on the cluster that the environment names; one that was not up is taken down again.
fn network_policies(arguments: &test::Arguments) -> Result<Row, Box<dyn std::error::Error>> {
    if arguments.without_cluster {
        return Ok(Row::left_out(UPSTREAM, "--without-cluster"));
    }
    let testbed = Testbed::of_this_checkout()?;
    let name = std::env::var(CLUSTER).unwrap_or_else(|_| "a".to_owned());
    let was_up = testbed.cluster(&name)?.is_up()?;
    let counts = testbed.network_policy_suite(&name);
    if !was_up && !arguments.keep_clusters {
        testbed.down(&name, None)?;
    }
    Ok(match counts {
        Ok(counts) => Row::upstream(UPSTREAM, counts, SPECS),
        Err(error) => Row::step(UPSTREAM, Some(error.to_string()), Duration::ZERO),
    })
}
