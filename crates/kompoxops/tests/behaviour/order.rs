//! Who starts after whom, also when a Pod's sandbox comes back, and containers that share their processes.

use super::{eventually, lines, restarts, until_ready};
use crate::bed::{App, text};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Who is waited for takes its time. Two optional dependencies are not there.
const COMPOSE: &str = "
x-kompox: {shareProcesses: true}
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, 'echo web >> /state/log; exec sleep infinity']
    depends_on:
      cache: {condition: service_started}
      migrate: {condition: service_completed_successfully}
      off: {condition: service_healthy, required: false}
      none: {condition: service_completed_successfully, required: false}
    volumes: [state:/state]
    stop_grace_period: 2m
  migrate:
    image: localhost/busybox:1
    command: [sh, -c, 'echo migrate >> /state/log']
    restart: 'no'
    depends_on: {db: {condition: service_healthy}}
    volumes: [state:/state]
  late:
    image: localhost/busybox:1
    command: [sh, -c, 'echo late >> /state/log']
    restart: on-failure
    volumes: [state:/state]
  db:
    image: localhost/busybox:1
    command: [sh, -c, 'echo db >> /state/log; usleep 1500000; echo healthy >> /state/log; touch /tmp/healthy; exec sleep infinity']
    healthcheck: {test: [CMD, test, -e, /tmp/healthy], interval: 1s}
    volumes: [state:/state]
  cache:
    image: localhost/busybox:1
    command: [sh, -c, 'echo cache >> /state/log; exec sleep infinity']
    volumes: [state:/state]
  off: {image: 'localhost/absent:1', profiles: ['off']}
  none: {image: 'localhost/absent:1', scale: 0}
volumes: {state: }
";

/// What was written in one start of the Pod. A sidecar that nobody waits for to be healthy counts as started before its
/// program has done anything, so the first two may come in either order.
fn check(round: &[String]) {
    let mut first = round[..2].to_vec();
    first.sort();
    assert_eq!(first, ["cache", "db"], "{round:?}");
    assert_eq!(round[2..], ["healthy", "migrate", "late", "web"], "{round:?}");
}

/// When each container of the app was started, in the Pod's order.
fn started(pod: &Value) -> Vec<(String, String)> {
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let statuses = statuses.into_iter().flat_map(|list| pod["status"][list].as_array().unwrap());
    let at = |status: &Value| {
        let state = status["state"].as_object().unwrap().values().next().unwrap();
        (
            status["name"].as_str().unwrap().to_owned(),
            state["startedAt"].as_str().unwrap_or_default().to_owned(),
        )
    };
    statuses.map(at).filter(|(name, _)| !name.starts_with("kompox-")).collect()
}

/// Ends the first process of the Pod's sandbox, as a crash of it does.
fn end_sandbox(uid: &str) {
    let read = |process: &Path, file: &str| text(&std::fs::read(process.join(file)).unwrap_or_default());
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let sandboxes: Vec<_> = processes
        .filter(|process| read(process, "cmdline").starts_with("/testbed-agent\0hold"))
        .filter(|process| read(process, "cgroup").contains(uid))
        .collect();
    assert_eq!(sandboxes.len(), 1, "{sandboxes:?}");
    assert!(
        Command::new("kill").arg("-KILL").arg(sandboxes[0].file_name().unwrap()).status().unwrap().success()
    );
}

#[test]
fn services_start_in_order_and_jobs_run_again_with_the_sandbox() {
    let app = App::new("starts", COMPOSE);
    app.deploy();
    let log = app.on_disk("volumes/state/log");
    let written =
        || std::fs::read_to_string(&log).unwrap().lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    check(&written());
    let pod = app.pod();
    let started = started(&pod);
    let names: Vec<_> = started.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["cache", "db", "migrate", "late", "web"]);
    assert!(started.is_sorted_by_key(|(_, at)| at), "{started:?}");
    assert!(restarts(&pod).values().all(|count| *count == 0), "{pod}");

    let uid = pod["metadata"]["uid"].as_str().unwrap();
    end_sandbox(uid);
    eventually("every service starts again", || written().len() >= 12);
    until_ready(&app, "True");
    assert_eq!(app.pod()["metadata"]["uid"], uid, "the same Pod");
    check(&written()[6..]);

    // All see each other's processes. None of them is number 1, which would ignore SIGTERM and use up the time to stop.
    let sleeping = lines(&app, "web", "pidof sleep");
    assert_eq!(sleeping[0].split(' ').count(), 3, "{sleeping:?}");
    let begun = Instant::now();
    app.ok(&["app", "stop"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
