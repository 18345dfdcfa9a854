//! Building all test programs in one go. Starts cargo.

use super::targets::Target;
use crate::process::cargo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Programs by package and target.
pub(super) type Programs = BTreeMap<(String, String), PathBuf>;

/// Builds every test, so that nothing waits for a compiler while tests run, and finds the programs of `targets`.
pub(super) fn build(targets: &[Target]) -> Result<Programs, Box<dyn std::error::Error>> {
    let line = [
        "test",
        "--workspace",
        "--no-run",
        "--lib",
        "--bins",
        "--tests",
        "--message-format=json-render-diagnostics",
    ];
    println!("\n== build: cargo {}", line.join(" "));
    let output = cargo(&line).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the tests were not built: {}", output.status).into());
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let folders: BTreeMap<&Path, &Target> =
        targets.iter().map(|target| (target.folder.as_path(), target)).collect();
    Ok(messages.filter_map(|message| built(&message, &folders)).collect())
}

fn built(message: &Value, folders: &BTreeMap<&Path, &Target>) -> Option<((String, String), PathBuf)> {
    let program = message["executable"].as_str()?;
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let name = message["target"]["name"].as_str()?;
    let is_test = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "test");
    let package = folders.get(folder).filter(|_| is_test)?.package.clone();
    Some(((package, name.to_owned()), program.into()))
}
