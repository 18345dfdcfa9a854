//! Every input that ever made the loader panic or take too much: `regressions/*.case`, as `cargo xtask fuzz` writes them.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use kompox_testcases::{cases, fuzz};
use std::time::Duration;

#[test]
fn regressions() {
    let cases = cases("regressions").unwrap();
    for case in &cases {
        let checked = fuzz::check(&case.project).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        // Without optimisation, and beside other tests.
        let limit = Duration::from_secs(5);
        assert!(checked.longest < limit, "{}: {:?}", case.name, checked.longest);
    }
    println!("regressions: {} inputs", cases.len());
}
