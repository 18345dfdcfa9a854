//! Containers that end: what ends is started again, and a job that failed is tried until it succeeds.

use super::{eventually, restarts};
use crate::bed::App;

const COMPOSE: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, 'test -e /state/web || { touch /state/web; exit 0; }; exec sleep infinity']
    volumes: [state:/state]
    stop_grace_period: 1s
  other:
    image: localhost/busybox:1
    command: [sh, -c, 'test -e /state/other || { touch /state/other; echo failed once; exit 3; }; exec sleep infinity']
    volumes: [state:/state]
    depends_on: {job: {condition: service_completed_successfully}}
    stop_grace_period: 1s
  job:
    image: localhost/busybox:1
    command: [sh, -c, 'test -e /state/job || { touch /state/job; echo first try; exit 4; }; until test -e /state/go; do usleep 100000; done']
    restart: 'no'
    volumes: [state:/state]
volumes: {state: }
";

#[test]
fn what_ends_is_started_again_and_a_failed_job_is_repeated() {
    let app = App::new("ends", COMPOSE);
    let stderr = app.fails(&["app", "deploy"], 1);
    assert!(stderr.contains("`job` ended with exit code 4") && stderr.contains("first try"), "{stderr}");
    std::fs::write(app.on_disk("volumes/state/go"), "").unwrap();
    let expected = ["job", "other", "web"].map(|name| (name.to_owned(), 1));
    eventually("each has been started once more", || {
        let mut counts = restarts(&app.pod());
        counts.retain(|name, _| !name.starts_with("kompox-"));
        counts.into_iter().eq(expected.clone())
    });
    app.deploy();
    let status = app.json(&["app", "status"]);
    assert_eq!(status["state"], "ready", "{status}");
    let containers = status["containers"].as_array().unwrap();
    let ended = |name: &str| {
        let found = containers.iter().find(|container| container["name"] == name).unwrap();
        found["last_end"].as_str().unwrap_or_default().to_owned()
    };
    assert!(ended("web").contains("exit code 0") && ended("other").contains("exit code 3"), "{status}");
    assert_eq!(app.ok(&["app", "logs", "--previous", "other"]), "failed once\n");
}
