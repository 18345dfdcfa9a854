//! Healthchecks: an unhealthy service is told, never killed, and still reached, and a check that hangs is told of. The app is a server and its job, so
//! nothing but a container of Kompox is left to hold the Pod.

use super::{eventually, restarts, shell, until_ready};
use crate::bed::{App, bed, kubectl, text};
use kompox_testbed::https;
use std::time::Duration;

const COMPOSE: &str = "
services:
  store:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '8080', -h, /etc]
    ports: ['80:8080']
    healthcheck:
      test: [CMD-SHELL, 'test -e /state/healthy || { echo no sign of health; exit 1; }']
      interval: 1s
      retries: 2
    volumes: [state:/state]
    stop_grace_period: 1s
  bucket:
    image: localhost/busybox:1
    command: [wget, -q, -O, /state/bucket, 'http://store:8080/hostname']
    depends_on: {store: {condition: service_healthy}}
    restart: 'no'
    volumes: [state:/state]
volumes: {state: }
";

#[test]
fn an_unhealthy_service_is_told_and_still_served() {
    let app = App::new("health", COMPOSE);
    let stderr = app.fails(&["app", "deploy"], 8);
    assert!(
        stderr.contains("`store` did not become healthy") && stderr.contains("no sign of health"),
        "{stderr}"
    );
    let pod = app.pod();
    assert!(!app.on_disk("volumes/state/bucket").exists(), "the job waits");

    // The Pod was left as it was, and goes on by itself.
    let sign = app.on_disk("volumes/state/healthy");
    std::fs::write(&sign, "").unwrap();
    until_ready(&app, "True");
    app.deploy();
    let again = app.pod();
    assert_eq!(again["metadata"]["uid"], pod["metadata"]["uid"], "the same Pod");
    let hostname = format!("{}\n", app.name);
    assert_eq!(std::fs::read_to_string(app.on_disk("volumes/state/bucket")).unwrap(), hostname);

    std::fs::remove_file(&sign).unwrap();
    until_ready(&app, "False");
    let cluster = &bed().cluster;
    let (address, authority) = (cluster.node_address().into(), cluster.ingress_authority());
    let host = format!("{}.local.kompox.test", app.name);
    let patience = Duration::from_secs(30);
    let answer = https::get_until(address, &host, "/hostname", &authority, 200, patience).unwrap();
    assert_eq!(answer.body, hostname);
    without_its_annotation_nobody_would_answer(&app, &host);
    let status = app.json(&["app", "status"]);
    let containers = status["containers"].as_array().unwrap();
    let unready: Vec<_> = containers
        .iter()
        .filter(|container| {
            container["ready"] == false && container["state"].as_str().unwrap().starts_with("running")
        })
        .map(|container| container["name"].as_str().unwrap())
        .collect();
    assert_eq!(unready, ["store"], "{status}");
    assert!(restarts(&app.pod()).values().all(|count| *count == 0), "a healthcheck killed something");
}

/// What makes the answer come although the Pod is not Ready; a deploy puts it back.
fn without_its_annotation_nobody_would_answer(app: &App, host: &str) {
    let cluster = &bed().cluster;
    let (address, authority) = (cluster.node_address().into(), cluster.ingress_authority());
    let patience = Duration::from_secs(30);
    let namespace = app.namespace();
    let native = "traefik.ingress.kubernetes.io/service.nativelb-";
    kubectl(&["--namespace", &namespace, "annotate", "services", "--all", native]);
    https::get_until(address, host, "/hostname", &authority, 404, patience).unwrap();
    let stderr = app.fails(&["app", "deploy"], 8);
    assert!(stderr.contains("`store` did not become healthy"), "{stderr}");
    https::get_until(address, host, "/hostname", &authority, 200, patience).unwrap();
}

#[test]
fn a_check_of_several_commands_that_hangs_is_told_of() {
    let app = App::new(
        "hangs",
        r#"
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
    healthcheck:
      test: sleep 9999 || exit 1
      interval: 1s
      timeout: 1s
      retries: 100
    stop_grace_period: 1s
"#,
    );
    let output = app.run(&["app", "deploy", "--no-wait"]);
    let stderr = text(&output.stderr);
    assert!(output.status.success() && stderr.contains("leaves processes behind"), "{stderr}");
    eventually("the container", || app.run(&["app", "exec", "-s", "web", "--", "true"]).status.success());
    // Its shell was killed when the time was over; the command that it waited for goes on, now of the first process.
    eventually("what it leaves behind", || {
        shell(&app, "web", "ps -o ppid,args").lines().any(|line| line.trim() == "1 sleep 9999")
    });
}
