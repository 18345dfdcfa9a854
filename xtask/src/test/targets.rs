//! The integration test targets of the workspace. Starts cargo.

use crate::process::cargo;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One integration test target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    /// Its name.
    pub(super) name: String,
    /// The package it belongs to.
    pub(super) package: String,
    /// That package's folder.
    pub(super) folder: PathBuf,
}

/// The target that begins after all others.
const LAST: &str = "cluster_zz_demo";

impl Target {
    /// True for a target that needs a real cluster.
    pub(super) fn needs_cluster(&self) -> bool {
        self.name.starts_with("cluster")
    }
}

impl Target {
    /// True for the demo.
    pub(super) fn is_last(&self) -> bool {
        self.name == LAST
    }
}

/// Asks cargo for the targets.
pub(super) fn of_this_checkout() -> Result<Vec<Target>, Box<dyn std::error::Error>> {
    let output = cargo(&["metadata", "--no-deps", "--format-version=1"]).output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    Ok(read(&serde_json::from_slice(&output.stdout)?))
}

fn read(metadata: &Value) -> Vec<Target> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let is_test = |target: &Value| list(target, "kind").iter().any(|kind| kind == "test");
    let mut targets = Vec::new();
    for package in list(metadata, "packages") {
        for target in list(&package, "targets").iter().filter(|target| is_test(target)) {
            let manifest = PathBuf::from(text(&package, "manifest_path"));
            let folder = manifest.parent().unwrap_or(Path::new("")).to_owned();
            targets.push(Target { name: text(target, "name"), package: text(&package, "name"), folder });
        }
    }
    targets
}

/// By name, the demo last.
pub(super) fn in_order(mut targets: Vec<Target>) -> Vec<Target> {
    targets.sort_by_key(|target| (target.name == LAST, target.clone()));
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_test_targets_count_and_the_demo_is_last() {
        let target = |name: &str, kind: &str| json!({"name": name, "kind": [kind]});
        let metadata = json!({"packages": [
            {"name": "a", "targets": [target("a", "lib"), target("cluster_zz_demo", "test"), target("golden", "test")]},
            {"name": "b", "targets": [target("cluster_zzz", "test"), target("cluster_basics", "test")]},
        ]});
        let targets = in_order(read(&metadata));
        let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["cluster_basics", "cluster_zzz", "golden", "cluster_zz_demo"]);
        assert_eq!(targets.iter().filter(|target| target.needs_cluster()).count(), 3);
    }
}
