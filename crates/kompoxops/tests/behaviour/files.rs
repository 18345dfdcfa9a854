//! Secrets, configs, binds and volumes: content, owner, mode, and what a volume gets from its image.

use super::{eventually, lines, shell, variables};
use crate::bed::{App, bed, kubectl, text};
use kompox_testbed::Image;
use std::os::unix::fs::PermissionsExt;

/// Images: one of root with a shell, one of another user without one, one without a shell whose service names a user.
const COMPOSE: &str = "
services:
  keeper:
    image: localhost/busybox:1
    command: [sleep, infinity]
    user: '1000'
    environment: {KEPT: 'yes', DROPPED: 'yes'}
    secrets:
      - password
      - {source: key, target: /etc/app/key, uid: '101', gid: '102', mode: 0440}
      - {source: key, target: own, mode: 0400}
    configs:
      - settings
      - {source: start, target: /start.sh}
      - {source: settings, target: /kept/inside.conf, mode: 0664}
    volumes: ['kept:/kept', './uploads:/uploads']
    stop_grace_period: 1s
  feeds:
    image: localhost/miniflux:2
    command: [/usr/bin/miniflux, -version]
    restart: 'no'
    volumes: ['certs:/etc/ssl/certs', 'fresh:/nowhere']
  server:
    image: localhost/testserver:1
    user: '1001:1002'
    command: [--port, '8080', --data, /data]
    volumes: ['data:/data', 'logs:/logs']
    stop_grace_period: 1s
  shell:
    image: localhost/busybox:1
    command: [sh, -c, 'cat /etc/app/first; exec sleep infinity']
    volumes:
      - var:/var
      - /usr/share/initramfs-tools
      - bare:/usr/share:nocopy
      - {type: volume, source: var, target: /part, volume: {subpath: tmp}}
      - certs:/seen/certs:nocopy
      - fresh:/seen/fresh:nocopy
      - data:/seen/data:nocopy
      - logs:/seen/logs:nocopy
      - ./app:/etc/app:ro
      - ./run.sh:/run.sh:ro
    depends_on: {seed: {condition: service_completed_successfully}}
    stop_grace_period: 1s
  seed:
    image: localhost/busybox:1
    command: [sh, -c, 'echo run >> /kept/runs']
    user: '1000'
    volumes: ['kept:/kept']
volumes: {kept: , certs: , fresh: , data: , logs: , var: , bare: }
secrets:
  password: {environment: PASSWORD}
  key: {file: ./key}
configs:
  settings:
    content: |
      level = $$5 ${LEVEL}
      last line
  start: {file: ./run.sh}
";

/// No text, and none that text could hold.
const KEY: &[u8] = b"\xff\0key\n\n";

fn app() -> App {
    let testbed = &bed().testbed;
    bed().cluster.load(&testbed.ensure_images(&[Image::Miniflux]).unwrap()).unwrap();
    let app = App::new("files", COMPOSE);
    std::fs::write(app.folder().join("key"), KEY).unwrap();
    app.write(".env", "PASSWORD=\"pass $$ word\"\nLEVEL=high\n");
    app.write("run.sh", "#!/bin/sh\necho ran\n");
    std::fs::set_permissions(app.folder().join("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    app.write("app/first", "first\n");
    app.write("app/sub/second", "second\n");
    app.write("uploads/there", "from the project\n");
    app
}

#[test]
fn files_arrive_as_written_and_volumes_as_the_image_has_them() {
    let app = app();
    app.deploy();
    secrets_and_configs(&app);
    binds(&app);
    filled(&app);
    nobody_else_mounts(&app);
    after_the_next_deploy(&app);
}

fn secrets_and_configs(app: &App) {
    let stat = "stat -L -c '%u:%g %a' /run/secrets/password /etc/app/key /run/secrets/own /settings /start.sh /kept/inside.conf";
    assert_eq!(
        lines(app, "keeper", stat),
        ["0:0 444", "101:102 440", "1000:0 400", "0:0 444", "0:0 555", "0:0 664"]
    );
    assert_eq!(shell(app, "keeper", "cat /run/secrets/password"), "pass $ word");
    assert_eq!(
        shell(app, "keeper", "cat /settings /kept/inside.conf"),
        "level = $5 high\nlast line\n".repeat(2)
    );
    assert_eq!(app.exec("keeper", &["/start.sh"]), "ran\n");
    let key = app.run(&["app", "exec", "-s", "keeper", "--", "cat", "/run/secrets/own"]);
    assert_eq!(key.stdout, KEY, "its own user reads it: {}", text(&key.stderr));
    let other = app.run(&["app", "exec", "-s", "keeper", "--", "cat", "/etc/app/key"]);
    assert!(!other.status.success(), "group 0 has no right to read it");
    let on_disk = std::fs::metadata(app.on_disk("volumes/kept/inside.conf")).unwrap();
    assert_eq!(on_disk.len(), 0, "what is mounted over a volume is not on it");
    let written = app.run(&["app", "exec", "-s", "keeper", "--", "sh", "-c", "echo > /run/secrets/own"]);
    assert!(!written.status.success(), "nobody writes it");
}

fn binds(app: &App) {
    // No sign of the links of which Kubernetes makes such a folder.
    let found = "cd /etc/app && find . | sort; cat first sub/second; /run.sh; touch /etc/app/new 2>/dev/null || echo read-only";
    assert_eq!(
        lines(app, "shell", found),
        [".", "./first", "./sub", "./sub/second", "first", "second", "ran", "read-only"]
    );
    let uploads =
        "cat /uploads/there; echo new > /uploads/new; stat -c %u:%g /uploads /uploads/there /uploads/new";
    assert_eq!(lines(app, "keeper", uploads), ["from the project", "1000:0", "1000:0", "1000:0"]);
}

fn filled(app: &App) {
    let stat = "stat -c '%n %u:%g %a' /var/tmp /part /seen/certs /seen/certs/ca-certificates.crt /seen/fresh /seen/data \
                /seen/data/seed.txt /seen/logs; readlink /var/run; cat /seen/data/seed.txt; ls /usr/share";
    assert_eq!(
        lines(app, "shell", stat),
        [
            "/var/tmp 0:0 1777",
            "/part 0:0 1777",
            "/seen/certs 0:0 755",
            "/seen/certs/ca-certificates.crt 0:0 644",
            "/seen/fresh 0:0 755",
            "/seen/data 1000:1000 750",
            "/seen/data/seed.txt 1000:1000 640",
            "/seen/logs 1001:1002 755",
            "/run",
            "seed",
            "initramfs-tools"
        ]
    );
    let anonymous =
        "cd /usr/share/initramfs-tools && stat -c %a hooks/zz-busybox && cat conf-hooks.d/busybox | wc -c";
    assert_eq!(lines(app, "shell", anonymous), ["755", "16"]);
    // What ssh and databases insist on.
    let private = "touch /var/private && chown 999:999 /var/private && chmod 600 /var/private && \
                   echo mine > /seen/certs/ca-certificates.crt && touch /usr/share/initramfs-tools/new && \
                   rm /usr/share/initramfs-tools/hooks/zz-busybox";
    assert_eq!(shell(app, "shell", private), "");
}

/// Two Pods at once would write to one disk: the second one is kept waiting, and says why.
fn nobody_else_mounts(app: &App) {
    let pod = app.pod();
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let claim =
        volumes.iter().find_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str()).unwrap();
    let overrides = serde_json::json!({"spec": {
        "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": claim}}],
        "containers": [{"name": "second", "image": "localhost/busybox:1", "command": ["sleep", "infinity"],
                        "volumeMounts": [{"name": "disk", "mountPath": "/disk"}]}],
    }});
    let namespace = app.namespace();
    let in_namespace = |arguments: &[&str]| kubectl(&[&["--namespace", &namespace], arguments].concat());
    in_namespace(&["run", "second", "--image=localhost/busybox:1", &format!("--overrides={overrides}")]);
    let why = "jsonpath={.status.conditions[?(@.type==\"PodScheduled\")].message}";
    eventually("the second Pod waits", || {
        in_namespace(&["get", "pod", "second", "--output", why]).contains("ReadWriteOncePod")
    });
    in_namespace(&["delete", "pod", "second"]);
}

/// Named volumes and uploads stay as they are, anonymous ones begin anew, the project's files and variables are those of
/// now, and jobs run again.
fn after_the_next_deploy(app: &App) {
    app.write("app/first", "changed\n");
    app.write("uploads/there", "changed\n");
    app.write("compose.yml", &COMPOSE.replace(", DROPPED: 'yes'", ""));
    app.deploy();
    let script = "stat -c '%u:%g %a' /var/private; cat /seen/certs/ca-certificates.crt /etc/app/first; cd /usr/share/initramfs-tools; \
                  ls new 2>/dev/null; ls hooks";
    assert_eq!(lines(app, "shell", script), ["999:999 600", "mine", "changed", "zz-busybox"]);
    assert_eq!(
        shell(app, "keeper", "cat /uploads/there /uploads/new /kept/runs"),
        "from the project\nnew\nrun\nrun\n"
    );
    let variables = variables(app, "keeper");
    assert!(variables.contains_key("KEPT") && !variables.contains_key("DROPPED"), "{variables:?}");
}
