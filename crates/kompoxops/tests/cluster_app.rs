//! Apps on a real cluster: what compose promises, and what a deploy promises.

mod bed;

use bed::{App, WEB, bed, kubectl};
use serde_json::Value;
use std::collections::BTreeMap;

fn versions(app: &App) -> BTreeMap<String, String> {
    let kinds = "serviceaccounts,secrets,configmaps,persistentvolumeclaims,services,deployments,replicasets,ingresses,networkpolicies,leases";
    let objects = app.objects(&[kinds]);
    let name = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
    let version = |object: &Value| object["metadata"]["resourceVersion"].to_string();
    objects["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|object| (name(object), version(object)))
        .collect()
}

#[test]
fn a_first_deploy_makes_one_replica_set_and_repeats_write_nothing() {
    let app = App::new("repeat", WEB);
    app.deploy();
    let before = versions(&app);
    let sets = |versions: &BTreeMap<String, String>| {
        versions.keys().filter(|name| name.contains("ReplicaSet")).count()
    };
    assert_eq!(sets(&before), 1, "{before:?}");
    for _ in 0..20 {
        app.deploy();
    }
    assert_eq!(versions(&app), before, "a repeat wrote something");
}

/// All state is in the cluster (STA-01): without any file of the first folder, another one gets the same answer, whether it
/// has the configuration as kompoxops.yml or as KOM documents.
#[test]
fn another_folder_sees_the_same() {
    let app = App::new("elsewhere", WEB);
    app.deploy();
    let questions =
        ["--output json app status", "--output json disk list", "--output json app deploy --dry-run"];
    let ask = |form: &str, folder: &std::path::Path| {
        questions.map(|question| {
            let arguments = form.split_whitespace().chain(question.split(' '));
            let output = app.command(&[]).current_dir(folder).args(arguments).output().unwrap();
            assert!(output.status.success(), "{form} {question}\n{}", bed::text(&output.stderr));
            bed::text(&output.stdout)
        })
    };
    let before = ask("", app.folder());
    let other = tempfile::tempdir().unwrap();
    for file in ["kompoxops.yml", "compose.yml"] {
        std::fs::copy(app.folder().join(file), other.path().join(file)).unwrap();
        std::fs::remove_file(app.folder().join(file)).unwrap();
    }
    assert_eq!(std::fs::read_dir(app.folder()).unwrap().count(), 0, "a command left something in the folder");
    assert_eq!(ask("", other.path()), before);
    let converted =
        app.command(&["config", "convert", "--to", "kom"]).current_dir(other.path()).status().unwrap();
    assert!(converted.success());
    std::fs::remove_file(other.path().join("kompoxops.yml")).unwrap();
    assert_eq!(ask("--kom kom", other.path()), before);
    // For the end of the test, which removes the app.
    app.write("compose.yml", WEB);
    app.configure("");
}

#[test]
fn planned_objects_are_present_and_removed_ones_leave_nothing() {
    let compose = "
services:
  web:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '8080', -h, /www]
    environment: {A: b}
    volumes: ['www:/www', 'extra:/extra']
    configs: [{source: site, target: /etc/site.conf}]
    ports: ['80:8080', '8080:8080']
    stop_grace_period: 1s
volumes: {www: , extra: }
configs: {site: {content: one}}
";
    let app = App::with("prune", compose, "  ingress:\n    http_80: prune.example.test\n");
    app.deploy();
    app.exec("web", &["sh", "-c", "echo kept > /extra/file"]);
    let planned = app.json(&["app", "deploy", "--dry-run"]);
    let planned = planned["changes"].as_array().unwrap();
    assert!(planned.iter().all(|change| change["action"] == "leave"), "{planned:?}");
    for change in planned {
        let (kind, name) = (change["kind"].as_str().unwrap(), change["name"].as_str().unwrap());
        let mut arguments = vec!["get", kind, name];
        if let Some(namespace) = change["namespace"].as_str() {
            arguments.extend(["--namespace", namespace]);
        }
        kubectl(&arguments);
    }
    let names = |kind: &str| -> Vec<String> {
        let found = app.objects(&[kind]);
        let items = found["items"].as_array().unwrap().iter();
        items
            .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
            .filter(|name| name != "kube-root-ca.crt")
            .collect()
    };
    assert_eq!(names("ingresses").len(), 2);
    assert_eq!(names("configmaps").len(), 1);
    let claims = || {
        kubectl(&[
            "get",
            "configmaps",
            "--namespace",
            "traefik",
            "--selector",
            "kompox.dev/part=app",
            "--output",
            "jsonpath={.items[*].data.host}",
        ])
    };
    assert!(claims().contains("prune.example.test"));

    app.configure("");
    app.write(
        "compose.yml",
        &compose
            .replace(", 'extra:/extra'", "")
            .replace("volumes: {www: , extra: }", "volumes: {www: }")
            .replace("    configs: [{source: site, target: /etc/site.conf}]\n", "")
            .replace("configs: {site: {content: one}}\n", "")
            .replace(", '8080:8080'", ""),
    );
    app.deploy();
    assert_eq!(names("ingresses"), ["default"]);
    assert_eq!(names("configmaps"), Vec::<String>::new());
    assert!(!claims().contains("prune.example.test"), "a removed host is still claimed");
    assert_eq!(
        std::fs::read_to_string(app.on_disk("volumes/extra/file")).unwrap(),
        "kept\n",
        "data of a removed volume stays"
    );
}

#[test]
fn destroy_leaves_the_namespace_and_the_disks_and_nothing_else() {
    let app = App::new("leftovers", WEB);
    app.deploy();
    let disks = app.json(&["disk", "list"]);
    app.ok(&["--yes", "app", "destroy"]);
    let kinds = kubectl(&["api-resources", "--namespaced", "--verbs=list", "--output=name"]);
    let kinds: Vec<_> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let left = app.objects(&[&kinds.join(",")]);
    let left: Vec<_> = left["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]))
        .collect();
    assert_eq!(left, ["\"ConfigMap\" \"kube-root-ca.crt\"", "\"ServiceAccount\" \"default\""]);
    let cluster_wide = kubectl(&[
        "get",
        "persistentvolumes",
        "--output",
        "jsonpath={.items[*].metadata.annotations.kompox\\.dev/identity}",
    ]);
    assert!(!cluster_wide.contains(&app.name), "{cluster_wide}");
    assert_eq!(app.json(&["disk", "list"]), disks, "a destroy touched disks");
    assert!(
        app.ok(&["--yes", "app", "destroy"]).is_empty() || app.json(&["app", "status"])["state"] == "stopped"
    );
}

#[test]
fn data_survive_ten_rounds_of_destroy_and_deploy() {
    let app = App::new("rounds", WEB);
    app.deploy();
    app.exec("web", &["sh", "-c", "echo 0 > /www/rounds"]);
    for round in 0..10 {
        let arguments: &[&str] = if round % 2 == 0 {
            &["--yes", "app", "destroy", "--delete-namespace"]
        } else {
            &["--yes", "app", "destroy"]
        };
        app.ok(arguments);
        app.deploy();
        assert_eq!(app.exec("web", &["cat", "/www/rounds"]), format!("{round}\n"));
        app.exec("web", &["sh", "-c", &format!("echo {} > /www/rounds", round + 1)]);
    }
}

#[test]
fn services_reach_each_other_on_localhost_and_by_name() {
    let app = App::new(
        "reach",
        "
services:
  web:
    image: localhost/busybox:1
    command: [sleep, infinity]
    init: true
    depends_on: [back_end]
    stop_grace_period: 1s
  back_end:
    image: localhost/busybox:1
    container_name: store
    command: [httpd, -f, -p, '9000', -h, /etc]
    stop_grace_period: 1s
",
    );
    app.deploy();
    for host in ["127.0.0.1", "localhost", "back_end", "store"] {
        let passwd = app.exec("web", &["wget", "-q", "-O", "-", &format!("http://{host}:9000/passwd")]);
        assert!(passwd.contains("root:"), "{host}: {passwd}");
    }
}

#[test]
fn a_slow_database_delays_its_dependants_and_is_never_killed() {
    let app = App::new(
        "slow",
        "
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, 'date +%s > /state/web; exec httpd -f -p 8080']
    depends_on: {db: {condition: service_healthy}}
    volumes: [state:/state]
    stop_grace_period: 1s
  db:
    image: localhost/busybox:1
    command: [sh, -c, 'sleep 12; date +%s > /state/db; exec httpd -f -p 5432']
    healthcheck: {test: [CMD, test, -e, /state/db], interval: 1s, timeout: 1s, retries: 60}
    volumes: [state:/state]
    stop_grace_period: 1s
volumes: {state: }
",
    );
    app.deploy();
    let time =
        |name: &str| -> u64 { app.exec("web", &["cat", &format!("/state/{name}")]).trim().parse().unwrap() };
    assert!(time("web") >= time("db"), "web started before the database was healthy");
    let pod = app.pod();
    let statuses = pod["status"]["initContainerStatuses"].as_array().unwrap();
    let db = statuses.iter().find(|status| status["name"] == "db").unwrap();
    assert_eq!((db["restartCount"].as_i64(), db["ready"].as_bool()), (Some(0), Some(true)));
}

#[test]
fn a_one_shot_runs_before_the_server() {
    let app = App::new(
        "one-shot",
        "
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, 'test -e /data/migrated || exit 9; exec httpd -f -p 8080']
    depends_on: {migrate: {condition: service_completed_successfully}}
    volumes: [data:/data]
    stop_grace_period: 1s
  migrate:
    image: localhost/busybox:1
    command: [sh, -c, 'sleep 2; echo migrated > /data/migrated']
    volumes: [data:/data]
volumes: {data: }
",
    );
    app.deploy();
    assert_eq!(app.exec("web", &["cat", "/data/migrated"]), "migrated\n");
}

#[test]
fn a_failing_one_shot_fails_the_deploy_with_its_log() {
    let app = App::new("bad-shot", "
services:
  web: {image: 'localhost/busybox:1', command: [sleep, infinity], depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: 'localhost/busybox:1', command: [sh, -c, 'echo cannot reach the schema; exit 4']}
");
    let stderr = app.fails(&["app", "deploy"], 1);
    assert!(
        stderr.contains("`migrate` ended with exit code 4") && stderr.contains("cannot reach the schema"),
        "{stderr}"
    );
}

#[test]
fn containers_stop_in_reverse_order() {
    let stop = |name: &str| format!("trap 'echo {name} >> /state/order; exit 0' TERM; sleep infinity & wait");
    let compose = format!(
        "
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, \"{}\"]
    depends_on: [db]
    volumes: [state:/state]
  db:
    image: localhost/busybox:1
    command: [sh, -c, \"{}\"]
    depends_on: [cache]
    volumes: [state:/state]
  cache:
    image: localhost/busybox:1
    command: [sh, -c, \"{}\"]
    volumes: [state:/state]
volumes: {{state: }}
",
        stop("web"),
        stop("db"),
        stop("cache")
    );
    let app = App::new("order", &compose);
    app.deploy();
    let order = app.on_disk("volumes/state/order");
    app.ok(&["--yes", "app", "destroy"]);
    assert_eq!(std::fs::read_to_string(order).unwrap(), "web\ndb\ncache\n");
}

#[test]
fn an_image_user_other_than_root_writes_to_its_fresh_volume() {
    let app = App::new(
        "owner",
        "
services:
  web:
    image: localhost/testserver:1
    user: '1000:1000'
    volumes: [data:/data]
  shell:
    image: localhost/busybox:1
    command: [sleep, infinity]
    user: '1000:1000'
    volumes: [data:/data]
    stop_grace_period: 1s
    depends_on: [web]
volumes: {data: }
",
    );
    app.deploy();
    assert_eq!(app.exec("shell", &["stat", "-c", "%u:%g %a", "/data"]), "1000:1000 750\n");
    app.exec("shell", &["sh", "-c", "echo mine > /data/file"]);
    assert_eq!(app.exec("shell", &["stat", "-c", "%u:%g", "/data/file"]), "1000:1000\n");
}

#[test]
fn a_crashing_container_fails_the_deploy_with_its_reason_and_last_lines() {
    let app = App::new(
        "crash",
        "
services:
  web: {image: 'localhost/busybox:1', command: [sh, -c, 'echo no licence file; exit 3']}
",
    );
    let stderr = app.fails(&["app", "deploy"], 1);
    assert!(stderr.contains("exit code 3") && stderr.contains("no licence file"), "{stderr}");
    app.write("compose.yml", WEB);
    app.deploy();
}

#[test]
fn an_image_that_cannot_be_pulled_fails_the_deploy() {
    let app = App::new("pull", "services: {web: {image: 'localhost/absent:1', pull_policy: never}}\n");
    let stderr = app.fails(&["app", "deploy"], 1);
    assert!(stderr.contains("localhost/absent:1") && stderr.contains("hint:"), "{stderr}");
}

#[test]
fn exec_passes_the_exit_code_and_logs_show_every_service() {
    let app = App::new("talk", "
services:
  one: {image: 'localhost/busybox:1', command: [sh, -c, 'echo line of one; exec sleep infinity'], stop_grace_period: 1s}
  two: {image: 'localhost/busybox:1', command: [sh, -c, 'echo line of two; exec sleep infinity'], stop_grace_period: 1s}
");
    app.deploy();
    app.fails(&["app", "exec", "-s", "one", "--", "sh", "-c", "exit 7"], 7);
    app.fails(&["app", "exec", "-s", "three", "--", "true"], 4);
    let logs = app.ok(&["app", "logs"]);
    assert!(logs.contains("one | line of one") && logs.contains("two | line of two"), "{logs}");
    assert_eq!(app.ok(&["app", "logs", "one"]), "line of one\n");
}

#[test]
fn environment_configs_and_secrets_arrive_as_written() {
    let app = App::new(
        "values",
        "
services:
  web:
    image: localhost/busybox:1
    command: [sleep, infinity]
    stop_grace_period: 1s
    environment: {PLAIN: 'a $$HOME $$(X) $$$$ b', EMPTY: ''}
    configs: [{source: site, target: /etc/site.conf, mode: 0444}]
    secrets: [{source: key, uid: '1000', gid: '1000', mode: 0400}]
configs: {site: {content: 'site = 1'}}
secrets: {key: {file: ./key.txt}}
",
    );
    app.write("key.txt", "canary\n");
    app.deploy();
    assert_eq!(app.exec("web", &["sh", "-c", "echo \"$PLAIN\""]), "a $HOME $(X) $$ b\n");
    assert_eq!(app.exec("web", &["cat", "/etc/site.conf"]), "site = 1");
    assert_eq!(app.exec("web", &["cat", "/run/secrets/key"]), "canary\n");
    assert_eq!(app.exec("web", &["stat", "-L", "-c", "%u:%g %a", "/run/secrets/key"]), "1000:1000 400\n");
}

#[test]
fn cluster_status_as_json_says_what_a_machine_needs() {
    let app = App::new("facts", WEB);
    app.deploy();
    let status = app.json(&["cluster", "status"]);
    let cluster = &bed().cluster;
    assert_eq!(status["existing"], true, "{status}");
    assert_eq!(status["installed"], true, "kompox-node is there after a deploy: {status}");
    assert!(status["provisioned"].is_boolean() || status["provisioned"].is_null(), "{status}");
    assert_eq!(status["ingress_ip"], cluster.node_address().to_string(), "{status}");
    assert!(status.as_object().unwrap().contains_key("ingress_fqdn"), "{status}");
    assert_eq!(status["nodes"][0]["name"], cluster.node_name(), "{status}");
    assert_eq!(status["nodes"][0]["ready"], true, "{status}");
}
