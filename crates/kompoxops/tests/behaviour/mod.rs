//! The apps by what they show. Starts kompoxops, and looks into containers and onto disks.

mod composed;
mod device;
mod ending;
mod files;
mod health;
mod limit_range;
mod names;
mod order;
mod stop;
mod values;

use crate::bed::{App, kubectl};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long something that comes by itself may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Looks again and again until it holds.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < late, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Waits until the Pod's condition Ready is `True`, or another word.
fn until_ready(app: &App, word: &str) {
    let namespace = app.namespace();
    let (condition, limit) =
        (format!("--for=condition=Ready={word}"), format!("--timeout={}s", PATIENCE.as_secs()));
    kubectl(&["--namespace", &namespace, "wait", &condition, &limit, "pods", "--all"]);
}

/// What a service's shell prints.
fn shell(app: &App, service: &str, script: &str) -> String {
    app.exec(service, &["sh", "-c", script])
}

/// The same, by lines.
fn lines(app: &App, service: &str, script: &str) -> Vec<String> {
    shell(app, service, script).lines().map(ToOwned::to_owned).collect()
}

/// The variables that a service's first process was started with.
fn variables(app: &App, service: &str) -> BTreeMap<String, String> {
    let text = app.exec(service, &["cat", "/proc/1/environ"]);
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// How often each container was started again.
fn restarts(pod: &Value) -> BTreeMap<String, i64> {
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let statuses = statuses.into_iter().filter_map(|list| pod["status"][list].as_array()).flatten();
    let count = |status: &Value| {
        (
            status["name"].as_str().expect("a name").to_owned(),
            status["restartCount"].as_i64().expect("a count"),
        )
    };
    statuses.map(count).collect()
}
