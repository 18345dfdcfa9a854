//! What `cargo metadata` says about our crates and everything they depend on. Starts cargo.

use super::purity::PURE;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// One package of the dependency graph.
#[derive(Debug, Clone, Default)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// SPDX expression.
    pub(super) licence: Option<String>,
    /// True for a crate of this workspace.
    pub(super) ours: bool,
    /// Names of the crates it declares outside `dev-dependencies`.
    pub(super) declares: BTreeSet<String>,
    /// Names of the crates it declares for its tests.
    pub(super) declares_for_tests: BTreeSet<String>,
    /// Ids of what it is built with, development dependencies left out.
    pub(super) uses: Vec<String>,
}

/// The packages by their ids.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) packages: BTreeMap<String, Package>,
    /// For each crate of the pure core, the names of everything that it is built with when it is built alone: features that
    /// others ask for add dependencies to what both use.
    pub(super) alone: BTreeMap<String, BTreeSet<String>>,
}

impl Metadata {
    /// Asks cargo for the graph as it is built on this machine.
    pub(super) fn of(root: &Path) -> Result<Self, String> {
        let host = run(Command::new("rustc").arg("-vV"))?;
        let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
        let line = ["metadata", "--format-version=1", "--filter-platform", host];
        let text = run(crate::process::cargo(&line).current_dir(root))?;
        let value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
        let mut metadata = Self::read(&value);
        let pure: Vec<_> = metadata.ours().map(|(_, package)| package.name.clone()).collect();
        for name in pure.into_iter().filter(|name| PURE.contains(&name.as_str())) {
            let line =
                ["tree", "--package", &name, "--edges", "normal,build", "--prefix", "none", "--target", host];
            let lines = run(crate::process::cargo(&line).current_dir(root))?;
            let names = lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned);
            metadata.alone.insert(name.clone(), names.collect());
        }
        Ok(metadata)
    }

    fn read(value: &Value) -> Self {
        let ours: BTreeSet<_> = list(value, "workspace_members").filter_map(Value::as_str).collect();
        let mut packages = BTreeMap::new();
        for package in list(value, "packages") {
            let id = text(package, "id");
            let declared = |tests: bool| {
                list(package, "dependencies")
                    .filter(|dependency| (dependency["kind"] == "dev") == tests)
                    .map(|dependency| text(dependency, "name"))
                    .collect()
            };
            let entry = Package {
                name: text(package, "name"),
                version: text(package, "version"),
                licence: package["license"].as_str().map(ToOwned::to_owned),
                ours: ours.contains(id.as_str()),
                declares: declared(false),
                declares_for_tests: declared(true),
                uses: Vec::new(),
            };
            packages.insert(id, entry);
        }
        for node in list(&value["resolve"], "nodes") {
            if let Some(package) = packages.get_mut(&text(node, "id")) {
                let built =
                    |dependency: &&Value| list(dependency, "dep_kinds").any(|kind| kind["kind"] != "dev");
                package.uses =
                    list(node, "deps").filter(built).map(|dependency| text(dependency, "pkg")).collect();
            }
        }
        Self { packages, alone: BTreeMap::new() }
    }

    /// Our own crates.
    pub(super) fn ours(&self) -> impl Iterator<Item = (&String, &Package)> {
        self.packages.iter().filter(|(_, package)| package.ours)
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot start {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
impl Metadata {
    /// A graph of `(name, declares)`; names that begin with `kompox` are ours, ids equal names.
    pub(super) fn of_edges(edges: &[(&str, &[&str])]) -> Self {
        let package = |(name, declares): &(&str, &[&str])| {
            let package = Package {
                name: (*name).to_owned(),
                version: "1.0.0".to_owned(),
                licence: Some("MIT".to_owned()),
                ours: name.starts_with("kompox"),
                declares: declares.iter().map(ToString::to_string).collect(),
                declares_for_tests: BTreeSet::new(),
                uses: declares.iter().map(ToString::to_string).collect(),
            };
            ((*name).to_owned(), package)
        };
        let mut metadata = Self { packages: edges.iter().map(package).collect(), alone: BTreeMap::new() };
        let reach = |name: &String| metadata.reach(name).into_iter().map(str::to_owned).collect();
        metadata.alone = metadata.packages.keys().map(|name| (name.clone(), reach(name))).collect();
        metadata
    }

    /// Everything that `id` is built with, directly or not.
    fn reach(&self, id: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for next in self.packages.get(id).into_iter().flat_map(|package| &package.uses) {
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn development_dependencies_are_kept_apart() {
        let metadata = Metadata::read(&json!({
            "workspace_members": ["a"],
            "packages": [
                {"id": "a", "name": "kompox-a", "version": "1.0.0", "license": null, "dependencies": [
                    {"name": "b", "kind": null}, {"name": "c", "kind": "dev"}, {"name": "d", "kind": "build"},
                ]},
                {"id": "b", "name": "b", "version": "1.0.0", "license": "MIT", "dependencies": []},
                {"id": "c", "name": "c", "version": "1.0.0", "license": "MIT", "dependencies": []},
            ],
            "resolve": {"nodes": [{"id": "a", "deps": [
                {"pkg": "b", "dep_kinds": [{"kind": null}, {"kind": "dev"}]},
                {"pkg": "c", "dep_kinds": [{"kind": "dev"}]},
            ]}]},
        }));
        let ours = metadata.ours().next().unwrap().1;
        assert_eq!(ours.declares.iter().collect::<Vec<_>>(), ["b", "d"]);
        assert_eq!(ours.declares_for_tests.iter().collect::<Vec<_>>(), ["c"]);
        assert_eq!(metadata.reach("a").into_iter().collect::<Vec<_>>(), ["b"]);
    }
}
