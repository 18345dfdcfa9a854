//! `kill -9` of the program on a real cluster, at moments that its progress tells: the same command again finishes the
//! work, and nothing is lost. All points, one by one, are in the engine's tests.

mod bed;

use bed::App;
use std::io::{BufRead, BufReader, Write as _};
use std::process::Stdio;

const COMPOSE: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '8080', -h, /www]
    volumes: [www:/www]
    stop_grace_period: 1s
volumes: {www: }
";

/// Runs a command and kills it once it has told this.
fn killed_at(app: &App, arguments: &[&str], moment: &str) {
    let mut child =
        app.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("kompoxops runs");
    let told = BufReader::new(child.stderr.take().expect("a pipe"));
    let lines: Vec<String> =
        told.lines().map_while(Result::ok).take_while(|line| !line.contains(moment)).collect();
    child.kill().expect("it is killed");
    let status = child.wait().expect("it ended");
    assert!(!status.success(), "{arguments:?} ended before `{moment}`: {lines:?}");
}

/// Repeats a command once the Lease of the killed one is gone, which would expire within 35 seconds.
fn repeat(app: &App, arguments: &[&str]) {
    let namespace = app.namespace();
    let lease = ["--namespace", &namespace, "delete", "lease", "kompox-operation", "--ignore-not-found"];
    bed::kubectl(&lease);
    app.ok(arguments);
}

fn check(app: &App, disks: usize) {
    let listed = app.json(&["disk", "list"]);
    let listed = listed["disks"].as_array().expect("a list").clone();
    assert_eq!(listed.len(), disks, "{listed:?}");
    assert_eq!(listed.iter().filter(|disk| disk["assigned"] == true).count(), 1, "{listed:?}");
}

/// Snapshots that stop the app: it runs again after the repeat, and what was kept is whole. Returns the number of points.
fn killed_snapshots(app: &App) -> usize {
    const KEEP: &[&str] = &["snapshot", "create", "kept", "--stop", "--if-not-exists"];
    const RESTORE: &[&str] = &["snapshot", "restore", "kept", "--disk", "third", "--if-not-exists"];
    let moments = ["waiting for the Pod to stop", "copying disk", "waiting for the Pod to be Ready"];
    for moment in moments {
        killed_at(app, KEEP, moment);
        repeat(app, KEEP);
        check(app, 2);
        // Killed at the very end it has only to be waited for.
        app.ok(&["app", "start"]);
        assert_eq!(app.exec("web", &["cat", "/www/file"]), "kept\n", "it runs again");
        killed_at(app, RESTORE, "creating disk");
        repeat(app, RESTORE);
        check(app, 3);
        app.ok(&["disk", "attach", "third"]);
        assert_eq!(app.exec("web", &["cat", "/www/file"]), "kept\n");
        app.ok(&["disk", "attach", "first"]);
        app.ok(&["--yes", "disk", "delete", "third"]);
        app.ok(&["--yes", "snapshot", "delete", "kept"]);
    }
    2 * moments.len()
}

#[test]
fn killed_commands_are_finished_by_their_repeat() {
    const DEPLOY: &[&str] = &["app", "deploy"];
    const DESTROY: &[&str] = &["--yes", "app", "destroy"];
    const OTHER: &[&str] = &["disk", "attach", "other"];
    const BACK: &[&str] = &["disk", "attach", "first"];
    let app = App::new("killed", COMPOSE);
    app.ok(&["disk", "create", "first"]);
    app.deploy();
    app.exec("web", &["sh", "-c", "echo kept > /www/file"]);
    app.ok(&["disk", "create", "other"]);
    let points: [(&[&str], &str); 8] = [
        (DESTROY, "deleting the app's objects"),
        (DEPLOY, "applying the app's objects"),
        (DESTROY, "waiting for the Pod to stop"),
        (DEPLOY, "waiting for the Pod to be Ready"),
        (OTHER, "waiting for the Pod to stop"),
        (BACK, "assigning disk"),
        (OTHER, "applying the app's objects"),
        (BACK, "waiting for the Pod to be Ready"),
    ];
    for (arguments, moment) in points {
        killed_at(&app, arguments, moment);
        repeat(&app, arguments);
        check(&app, 2);
    }
    assert_eq!(app.exec("web", &["cat", "/www/file"]), "kept\n");
    let snapshots = killed_snapshots(&app);
    assert_eq!(app.pod()["status"]["phase"], "Running");
    // Past the test runner, which keeps what passing tests print to itself.
    let line = format!("kill points: {}, lost: 0\n", points.len() + snapshots);
    std::io::stderr().write_all(line.as_bytes()).expect("standard error");
    app.ok(&["app", "stop"]);
    app.ok(&["--yes", "app", "destroy"]);
    app.ok(&["--yes", "disk", "delete", "other"]);
}
