//! What a process is started with and as: arguments, variables, user and groups, limits, memory, time zone.

use super::{lines, shell, variables};
use crate::bed::{App, text};

const COMPOSE: &str = r#"
services:
  web:
    image: localhost/busybox:1
    entrypoint: [/bin/sh, -c]
    command:
      - trap 'exit 0' TERM; sleep infinity & wait
      - name
      - $$(PLAIN) $$PLAIN $$$$
      - two  words
      - it's "quoted" \n
      - |
        two
          lines
      - ''
      - '*'
    environment:
      PLAIN: plain
      DOLLARS: $$A $$(PLAIN) $${C} $$$$
      LINES: |
        first "line"
          second 'line'
      QUOTES: it's "quoted" \n \\
      EMPTY: ''
      FLAG: true
      odd name: odd
      a/b: slash
      with-dash.and.dot: '1'
      WINS: environment
      FROM_SHELL: ${FROM_SHELL}
      FROM_APP: ${FROM_APP}
      FROM_DOTENV: ${FROM_DOTENV}
      DEFAULT: ${NOWHERE:-a default} ${FROM_SHELL:+set}
      PASSED:
    env_file: [first.env, second.env, {path: absent.env, required: false}]
    healthcheck:
      test: ["CMD-SHELL", "echo \"$$PLAIN\" '$$(PLAIN)' '$$$$' > /tmp/probe"]
      interval: 1s
    post_start: [{command: [sh, -c, 'echo "$$1" > /tmp/hook', x, '$$(PLAIN) $$$$']}]
    mem_limit: 200m
  words:
    image: localhost/busybox:1
    command: >-
      sh -c "trap 'exit 0' TERM; sleep infinity & wait" name
      'single $$(PLAIN)' two\ words "a \"b\" $$PLAIN" ''
    environment: [PLAIN=plain, 'LISTED=a = b']
    healthcheck:
      test: [CMD, sh, -c, 'echo "$$1" > /tmp/probe', x, '$$(PLAIN) $$$$']
      interval: 1s
  person:
    image: localhost/busybox:1
    command: [sleep, infinity]
    stop_grace_period: 1s
    user: '1000'
    group_add: ['2000']
    working_dir: /usr/share
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE, NET_RAW]
    security_opt: ['no-new-privileges:true']
    sysctls: {net.ipv4.ip_unprivileged_port_start: '80'}
  memory:
    image: localhost/busybox:1
    command: [sleep, infinity]
    stop_grace_period: 1s
    read_only: true
    tty: true
    stdin_open: true
    tmpfs: ['/small:size=1m', /free]
    volumes: [{type: tmpfs, target: /scratch, tmpfs: {size: 2m}}]
    shm_size: 64m
    mem_limit: 32m
  clock:
    image: localhost/busybox:1
    command: [sleep, infinity]
    stop_grace_period: 1s
    environment: {TZ: Asia/Tokyo}
    mem_limit: 200m
    volumes: ['/etc/localtime:/etc/localtime:ro', '/etc/timezone:/etc/timezone:ro']
"#;

const MORE: &str =
    "  resources:\n    cpu: 500m\n    memory: 256Mi\n  env:\n    FROM_SHELL: app\n    FROM_APP: app\n";

#[test]
fn a_process_is_started_with_what_the_file_says() {
    let app = App::with("values", COMPOSE, MORE);
    app.write(".env", "FROM_SHELL=dotenv\nFROM_APP=dotenv\nFROM_DOTENV=dotenv\nPASSED=\"two\\nlines\"\n");
    app.write("first.env", "WINS=first\nLATER=first\nSINGLE='$PLAIN as it is'\nREFERS=${FROM_DOTENV}-$$\n");
    app.write("second.env", "# of two files the later one counts\nexport LATER=second\n");
    let deployed = app.command(&["app", "deploy"]).env("FROM_SHELL", "shell").output().unwrap();
    assert!(deployed.status.success(), "{}", text(&deployed.stderr));
    arguments(&app);
    environment(&app);
    identity(&app);
    time(&app);
    memory(&app);
}

fn arguments(app: &App) {
    let of = |service: &str| app.exec(service, &["cat", "/proc/1/cmdline"]);
    let script = "trap 'exit 0' TERM; sleep infinity & wait";
    assert_eq!(
        of("web").split('\0').collect::<Vec<_>>(),
        [
            "/bin/sh",
            "-c",
            script,
            "name",
            "$(PLAIN) $PLAIN $$",
            "two  words",
            "it's \"quoted\" \\n",
            "two\n  lines\n",
            "",
            "*",
            ""
        ]
    );
    assert_eq!(
        of("words").split('\0').collect::<Vec<_>>(),
        ["sh", "-c", script, "name", "single $(PLAIN)", "two words", "a \"b\" $PLAIN", "", ""]
    );
    assert_eq!(shell(app, "web", "cat /tmp/probe /tmp/hook"), "plain $(PLAIN) $$\n$(PLAIN) $$\n");
    assert_eq!(app.exec("words", &["cat", "/tmp/probe"]), "$(PLAIN) $$\n");
}

fn environment(app: &App) {
    let found = variables(app, "web");
    for (name, value) in [
        ("PLAIN", "plain"),
        ("DOLLARS", "$A $(PLAIN) ${C} $$"),
        ("LINES", "first \"line\"\n  second 'line'\n"),
        ("QUOTES", "it's \"quoted\" \\n \\\\"),
        ("EMPTY", ""),
        ("FLAG", "true"),
        ("odd name", "odd"),
        ("a/b", "slash"),
        ("with-dash.and.dot", "1"),
        ("WINS", "environment"),
        ("LATER", "second"),
        ("SINGLE", "$PLAIN as it is"),
        ("REFERS", "dotenv-$"),
        ("FROM_SHELL", "shell"),
        ("FROM_APP", "app"),
        ("FROM_DOTENV", "dotenv"),
        ("DEFAULT", "a default set"),
        ("PASSED", "two\nlines"),
    ] {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{name} in {found:?}");
    }
    let found = variables(app, "words");
    assert_eq!(found.get("LISTED").map(String::as_str), Some("a = b"), "{found:?}");
    assert!(!found.contains_key("DOLLARS"), "a variable of another service: {found:?}");
}

/// A user alone has group 0. What is for the Pod goes for every container, what is for a container for that one only.
fn identity(app: &App) {
    let script = "id -u; id -g; id -G; readlink /proc/1/cwd; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; \
                  awk '/^(CapBnd|NoNewPrivs)/ {print $2}' /proc/1/status; readlink /proc/1/fd/0";
    let net_bind_service = format!("{:016x}", 1 << 10);
    assert_eq!(
        lines(app, "person", script),
        ["1000", "0", "0 2000", "/usr/share", "80", &*net_bind_service, "1", "/dev/null"]
    );
    let other = lines(app, "web", script);
    assert_eq!((&*other[0], &*other[3], &*other[6]), ("0", "/", "0"), "{other:?}");
    assert!(other[2].split(' ').any(|group| group == "2000"), "{other:?}");
    assert_ne!(other[5], net_bind_service);
}

/// The zone's file says it; TZ alone means UTC where the image has no data of zones.
fn time(app: &App) {
    let script = "env -u TZ date -d @0 +%H; date -d @0 +%H; cat /etc/timezone";
    assert_eq!(lines(app, "clock", script), ["09", "00", "Asia/Tokyo"]);
}

fn memory(app: &App) {
    let script = "touch /file 2>/dev/null || echo read-only; touch /free/file /small/file && echo writable; \
                  for at in /small /scratch /dev/shm; do df -k $at | awk 'END {print $2}'; done; \
                  readlink /proc/1/fd/0 | cut -d/ -f1-3";
    assert_eq!(lines(app, "memory", script), ["read-only", "writable", "1024", "2048", "65536", "/dev/pts"]);
    // Limits of containers are no requests: their sum is above what the Pod has.
    let limits = app.pod()["spec"]["resources"]["limits"].clone();
    assert_eq!((&limits["cpu"], &limits["memory"]), (&"500m".into(), &"256Mi".into()), "the Pod's own total");
    // What lies in /dev/shm counts as the container's memory, whatever room is left there.
    let fill = |megabytes: &str| {
        let count = format!("count={megabytes}");
        let line =
            ["app", "exec", "-s", "memory", "--", "dd", "if=/dev/zero", "of=/dev/shm/file", "bs=1M", &count];
        app.run(&line).status.success()
    };
    assert!(fill("8"), "the control: there is room");
    assert!(!fill("48"), "more than the memory limit");
}
