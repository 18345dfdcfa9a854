//! Places that an app tries to reach, and what is expected of each.

use crate::bed::{App, bed, kubectl, text};
use serde_json::Value;
use std::time::{Duration, Instant};

/// New rules are seen after a moment.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the attempts of a matrix are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Under {
    /// Reachable whatever policy there is.
    Open,
    /// Kept away by the policy of the app that tries.
    Egress,
    /// Kept away by that, and by the policy of the app that is tried.
    Both,
}

/// A place and what is expected there.
#[derive(Debug)]
pub(crate) struct Place {
    what: &'static str,
    url: String,
    under: Under,
}

/// A place.
pub(crate) fn place(what: &'static str, under: Under, url: impl Into<String>) -> Place {
    Place { what, url: url.into(), under }
}

/// The server that other Pods and apps run.
pub(crate) const SERVER: &str = "/testserver";

/// Tries every place from a service of the app until each is reachable exactly if `open` says so.
pub(crate) fn expect(app: &App, places: &[Place], open: impl Fn(Under) -> bool) {
    let urls: Vec<&str> = places.iter().map(|place| place.url.as_str()).collect();
    let command = [&[SERVER, "reach"], &urls[..]].concat();
    let started = Instant::now();
    loop {
        let said = app.exec("web", &command);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), places.len(), "{said}");
        let wrong: Vec<String> = places
            .iter()
            .zip(lines)
            .filter(|(place, line)| line.ends_with(" open") != open(place.under))
            .map(|(place, line)| format!("{} should be {}: {line}", place.what, word(open(place.under))))
            .collect();
        if wrong.is_empty() {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{}", wrong.join("\n"));
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn word(open: bool) -> &'static str {
    if open { "open" } else { "closed" }
}

/// The targets on the cluster, with a route to the one outside; gone when dropped.
pub(crate) struct Targets;

impl Targets {
    pub(crate) fn start() -> Self {
        let targets = Self;
        let kubectl_of = bed().cluster.kubectl().expect("kubectl");
        kubectl_of.apply(include_str!("targets.yaml")).expect("targets");
        for (namespace, pod) in [
            ("policy-targets", "host"),
            ("policy-targets", "internet"),
            ("policy-targets", "impostor"),
            ("kube-system", "policy-neighbour"),
        ] {
            kubectl(&[
                "--namespace",
                namespace,
                "wait",
                "--for=condition=Ready",
                "--timeout=60s",
                "pod",
                pod,
            ]);
        }
        let via = address("policy-targets", &["internet"]);
        targets.on_node(&["ip", "route", "replace", "198.51.100.7/32", "via", &via]);
        targets
    }

    /// Runs a command in the cluster's own network namespace.
    fn on_node(&self, command: &[&str]) {
        kubectl(
            &[&["--namespace", "policy-targets", "exec", "host", "--container", "shell", "--"], command]
                .concat(),
        );
    }

    /// Whether the impostor reaches a place.
    pub(crate) fn others_reach(&self, url: &str) -> bool {
        let arguments = ["--namespace", "policy-targets", "exec", "impostor", "--", SERVER, "reach", url];
        kubectl(&arguments).trim_end().ends_with(" open")
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        let kubectl = bed().cluster.kubectl().expect("kubectl");
        let undo = "ip route del 198.51.100.7/32; ip address del 169.254.169.254/32 dev lo; \
                    ip address del 168.63.129.16/32 dev lo";
        let exec =
            ["--namespace", "policy-targets", "exec", "host", "--container", "shell", "--", "sh", "-c", undo];
        let undone = [
            kubectl.output(&exec),
            kubectl.output(&[
                "--namespace",
                "kube-system",
                "delete",
                "pod",
                "policy-neighbour",
                "--wait=false",
            ]),
            kubectl.output(&["delete", "namespace", "policy-targets", "--timeout=60s"]),
        ];
        for output in undone {
            let output = output.expect("kubectl runs");
            assert!(output.status.success() || std::thread::panicking(), "{}", text(&output.stderr));
        }
    }
}

/// The address of the first Pod that the arguments select.
pub(crate) fn address(namespace: &str, which: &[&str]) -> String {
    let found = kubectl(&[&["--namespace", namespace, "get", "pods", "--output", "json"], which].concat());
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let pod = found.pointer("/items/0").unwrap_or(&found);
    pod["status"]["podIP"].as_str().expect("an address").to_owned()
}
