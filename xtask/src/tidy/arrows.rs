//! Which crate may depend on which, and what the pure core may never reach. Pure.

use super::Finding;
use super::metadata::{Metadata, Package};
use super::purity::PURE;

/// Every crate with the crates of ours that it may use. Arrows point down only; the adapters see neither each
/// other nor the use cases, and only the binaries see everything.
///
/// `kompox-yaml` lies below the loaders because they need one located tree and one kind of diagnostic, which the
/// converter adds to and the use cases hand on.
const ARROWS: [(&str, &[&str]); 26] = [
    ("kompox-yaml", &[]),
    ("kompox-model", &[]),
    ("kompox-node-protocol", &[]),
    ("kompox-helm", &[]),
    ("kompox-compose", &["kompox-yaml"]),
    ("kompox-manifest", &["kompox-model", "kompox-yaml"]),
    ("kompox-convert", &["kompox-model", "kompox-compose", "kompox-node-protocol", "kompox-yaml"]),
    ("kompox-api", &["kompox-model"]),
    ("kompox-provider", &["kompox-model", "kompox-node-protocol"]),
    ("kompox-provider-k3s", DRIVER),
    ("kompox-provider-aks", DRIVER),
    ("kompox-provider-eks", DRIVER),
    ("kompox-provider-gke", DRIVER),
    ("kompox-provider-oke", DRIVER),
    ("kompox-kube", &["kompox-model", "kompox-helm"]),
    ("kompox-store", &["kompox-model", "kompox-manifest", "kompox-yaml"]),
    (
        "kompox-engine",
        &["kompox-model", "kompox-compose", "kompox-convert", "kompox-node-protocol", "kompox-yaml"],
    ),
    ("kompox-server", &["kompox-model", "kompox-api", "kompox-engine"]),
    ("kompox-operator", &["kompox-model", "kompox-kube"]),
    ("kompox-tree", &["kompox-node-protocol"]),
    ("kompox-node", &["kompox-node-protocol", "kompox-tree"]),
    ("kompox", &["kompox-api"]),
    ("kompox-testkit", &["kompox-model", "kompox-convert", "kompox-provider"]),
    ("kompox-testbed", &[]),
    ("kompox-testcases", &["kompox-compose", "kompox-yaml"]),
    ("xtask", &["kompox-testbed"]),
];

/// What a driver may use.
const DRIVER: &[&str] = &["kompox-model", "kompox-provider", "kompox-node-protocol"];

/// The binaries that wire everything below them; nothing may depend on them.
const WIRING: [&str; 2] = ["kompoxops", "kompoxsvc"];

/// Crates that hold binaries only or serve development: no product crate may use them.
const NEVER_BELOW: [&str; 8] = [
    "kompox",
    "kompox-node",
    "kompoxops",
    "kompoxsvc",
    "kompox-testkit",
    "kompox-testbed",
    "kompox-testcases",
    "xtask",
];

/// What tests of any crate may use besides the crate's own arrows.
const FOR_TESTS: [&str; 3] = ["kompox-testkit", "kompox-testbed", "kompox-testcases"];

/// What tests of a driver may use, too: the port it works through, on a real cluster.
const FOR_TESTS_OF_DRIVERS: &str = "kompox-kube";

/// What tests of the use cases may use, too: both ports with something behind them.
const FOR_TESTS_OF_USE_CASES: [&str; 2] = ["kompox-kube", "kompox-provider"];

/// Async runtimes, HTTP, Kubernetes and command-line crates that the pure core must not reach, with their
/// whole families. Allowed for the signatures of ports: futures-core, futures-io, async-trait, bytes.
const FORBIDDEN: [&str; 18] = [
    "tokio",
    "async-std",
    "smol",
    "mio",
    "hyper",
    "h2",
    "reqwest",
    "ureq",
    "tower",
    "axum",
    "kube",
    "kube-client",
    "rustls",
    "openssl",
    "clap",
    "futures-util",
    "rand",
    "getrandom",
];

pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    metadata
        .ours()
        .flat_map(|(_, package)| {
            let mut findings = arrows(metadata, package);
            if PURE.contains(&package.name.as_str()) {
                findings.extend(reached(metadata, package));
            }
            findings
        })
        .collect()
}

fn arrows(metadata: &Metadata, package: &Package) -> Vec<Finding> {
    let name = package.name.as_str();
    let path = manifest(name);
    let wiring = WIRING.contains(&name);
    let Some(allowed) = ARROWS
        .iter()
        .find(|(krate, _)| *krate == name)
        .map(|(_, allowed)| *allowed)
        .or(wiring.then_some(&[][..]))
    else {
        return vec![Finding::new(
            &path,
            None,
            "this crate has no row in the table of dependencies (xtask/src/tidy)",
        )];
    };
    let ours = |name: &&String| metadata.ours().any(|(_, package)| package.name == **name);
    let may = |other: &str| allowed.contains(&other) || wiring && !NEVER_BELOW.contains(&other);
    let production = package.declares.iter().filter(ours).filter(|other| !may(other));
    let tests = package.declares_for_tests.iter().filter(ours);
    let driver = allowed == DRIVER;
    let use_cases = name == "kompox-engine";
    let for_tests = |other: &str| {
        FOR_TESTS.contains(&other)
            || driver && other == FOR_TESTS_OF_DRIVERS
            || use_cases && FOR_TESTS_OF_USE_CASES.contains(&other)
    };
    let tests = tests.filter(|other| !may(other) && !for_tests(other));
    production
        .map(|other| format!("{name} may not depend on {other}"))
        .chain(tests.map(|other| format!("tests of {name} may not depend on {other}")))
        .map(|message| Finding::new(&path, None, message))
        .collect()
}

fn reached(metadata: &Metadata, package: &Package) -> Vec<Finding> {
    let names = metadata.alone.get(&package.name).into_iter().flatten();
    names
        .filter(|name| FORBIDDEN.contains(&name.as_str()))
        .map(|name| {
            let message = format!("{} is part of the pure core and reaches the crate {name}", package.name);
            Finding::new(&manifest(&package.name), None, message)
        })
        .collect()
}

fn manifest(name: &str) -> String {
    if name == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(edges: &[(&str, &[&str])]) -> Vec<String> {
        check(&Metadata::of_edges(edges)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn arrows_point_down_only() {
        assert_eq!(
            messages(&[
                ("kompox-model", &[]),
                ("kompox-engine", &["kompox-model"]),
                ("kompox-kube", &["kompox-model", "kompox-engine"]),
                ("kompox-testkit", &["kompox-model"]),
                ("kompoxops", &["kompox-kube", "kompox-engine", "kompox-testkit"]),
                ("kompox-new", &[]),
            ]),
            [
                "kompox-kube may not depend on kompox-engine",
                "this crate has no row in the table of dependencies (xtask/src/tidy)",
                "kompoxops may not depend on kompox-testkit",
            ]
        );
    }

    #[test]
    fn the_core_reaches_no_runtime_through_others() {
        let edges: &[(&str, &[&str])] = &[
            ("kompox-model", &["innocent"]),
            ("innocent", &["tokio"]),
            ("tokio", &[]),
            ("kompox-kube", &["tokio"]),
        ];
        assert_eq!(messages(edges), ["kompox-model is part of the pure core and reaches the crate tokio"]);
    }
}
