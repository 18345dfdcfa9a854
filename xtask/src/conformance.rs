//! `cargo xtask conformance`: what takes longer than every change can wait for. Starts cargo and the test bed.
//!
//! Run before something is called resolved: the property tests with many more cases, then every tier of
//! `cargo xtask test`, whose clusters have then been used before.

use crate::Outcome;
use crate::process::cargo;
use crate::test::{self, Table};

/// Cases of each property test; libraries choose some hundreds by default.
const CASES: &str = "20000";

/// Runs everything, prints the table and fails unless everything passed.
pub(crate) fn run(arguments: &test::Arguments) -> Outcome {
    let mut table = Table::default();
    let line = ["test", "--release", "--workspace", "--exclude", "xtask", "--no-fail-fast", "--lib"];
    let mut command = cargo(&line);
    command.env("PROPTEST_CASES", CASES);
    table.add(test::counted(&format!("property tests, {CASES} cases"), command)?);
    test::tiers(arguments, &mut table)?;
    table.close()
}
