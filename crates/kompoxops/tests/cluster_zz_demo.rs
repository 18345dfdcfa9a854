//! The demo itself, last: Redmine's data survive everything that must not lose them.

use std::process::Command;

#[test]
fn the_demo_proves_that_data_survive() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .args(["xtask", "demo", "--prove"])
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{status}");
}
