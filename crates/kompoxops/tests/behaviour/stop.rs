//! How an app stops: each container has its own time, its own signal and its hook.

use crate::bed::{App, text};

/// Writes a line at SIGTERM, and another one when it ends four seconds later.
fn slow(name: &str) -> String {
    format!(
        "trap 'echo {name} stops >> /state/log; usleep 4000000; echo {name} ends >> /state/log; exit 0' TERM; \
         sleep infinity & wait"
    )
}

#[test]
fn each_container_has_its_time_its_signal_and_its_hook() {
    let compose = format!(
        r#"
services:
  front:
    image: localhost/busybox:1
    command: [sh, -c, "{front}"]
    depends_on: [db]
    volumes: [state:/state]
    stop_grace_period: 6s
  asked:
    image: localhost/busybox:1
    command: [sh, -c, "trap 'echo asked by USR1 >> /state/log; exit 0' USR1; trap 'echo asked by TERM >> /state/log; exit 0' TERM; while :; do sleep 1; done"]
    stop_signal: SIGUSR1
    volumes: [state:/state]
    stop_grace_period: 6s
  hooked:
    image: localhost/busybox:1
    command: [sh, -c, "trap 'cat /tmp/hook >> /state/log; exit 0' TERM; sleep infinity & wait"]
    pre_stop: [{{command: [sh, -c, 'echo "hooked $$1" > /tmp/hook', x, '$$(A)']}}]
    volumes: [state:/state]
    stop_grace_period: 6s
  db:
    image: localhost/busybox:1
    command: [sh, -c, "{db}"]
    pre_stop: [{{command: [sh, -c, 'echo db is about to stop >> /state/log']}}]
    volumes: [state:/state]
    stop_grace_period: 6s
volumes: {{state: }}
"#,
        front = slow("front"),
        db = slow("db")
    );
    let app = App::new("stops", &compose);
    app.deploy();
    let log = app.on_disk("volumes/state/log");
    app.ok(&["app", "stop"]);
    let written = std::fs::read_to_string(log).unwrap();
    let (slow, mut quick): (Vec<_>, Vec<_>) =
        written.lines().partition(|line| line.starts_with("front") || line.starts_with("db"));
    // The database is asked when all that need it have ended, and has the whole of its time then. Its hook does not wait.
    let mut stopped = slow.clone();
    stopped.retain(|line| *line != "db is about to stop");
    assert_eq!(stopped, ["front stops", "front ends", "db stops", "db ends"], "{written}");
    let at = |line: &str| slow.iter().position(|other| *other == line);
    assert!(at("db is about to stop").is_some() && at("db is about to stop") < at("front ends"), "{written}");
    quick.sort_unstable();
    assert_eq!(quick, ["asked by USR1", "hooked $(A)"], "{written}");
}

/// What a command says on standard error while it does what it shall.
fn told(app: &App, arguments: &[&str]) -> String {
    let output = app.run(arguments);
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    stderr
}

#[test]
fn a_container_that_had_to_be_killed_is_named() {
    let compose = |value: &str| {
        format!(
            r#"
services:
  deaf:
    image: localhost/busybox:1
    command: [sleep, infinity]
    environment: {{VALUE: {value}}}
    depends_on: [deaf_db]
    stop_grace_period: 1s
  good:
    image: localhost/busybox:1
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
    stop_grace_period: 1s
  deaf_db:
    image: localhost/busybox:1
    command: [sleep, infinity]
    stop_grace_period: 1s
"#
        )
    };
    let app = App::new("killed", &compose("one"));
    app.deploy();
    let killed = |stderr: &str| {
        let named = |name: &str| {
            let whole =
                format!("warning: container `{name}` did not stop by itself and was killed (SIGKILL) after ");
            stderr.matches(&whole).count()
        };
        assert_eq!([named("deaf"), named("deaf-db"), named("good")], [1, 1, 0], "{stderr}");
    };
    killed(&told(&app, &["app", "stop"]));
    app.ok(&["app", "start"]);
    app.write("compose.yml", &compose("two"));
    killed(&told(&app, &["app", "deploy"]));
    killed(&told(&app, &["app", "restart"]));
}
