//! What can go wrong on a real cluster: each fault has its exit code, says what is wrong and what to do, and after
//! that the next deploy succeeds.

mod bed;

use bed::{App, bed, kubectl, text};
use std::process::Stdio;

/// A service that does nothing, and more lines for it.
fn idle(more: &str) -> String {
    format!(
        "services:\n  web:\n    image: localhost/busybox:1\n    command: [sleep, infinity]\n    stop_grace_period: 1s\n{more}"
    )
}

/// Each of `words` is in `text`.
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
}

#[test]
fn a_container_out_of_memory_is_told_with_its_limit() {
    let compose = |limit: &str| {
        format!(
            "services: {{web: {{image: 'localhost/testserver:1', command: [--fill-memory, '48'], mem_limit: {limit}}}}}\n"
        )
    };
    let app = App::new("memory", &compose("24m"));
    says(&app.fails(&["app", "deploy"], 1), &["more memory than its limit of 24Mi", "hint: raise mem_limit"]);
    app.write("compose.yml", &compose("256m"));
    app.deploy();
}

#[test]
fn a_full_file_system_is_told() {
    let compose = |size: &str| {
        format!(
            "services:\n  web:\n    image: localhost/busybox:1\n    stop_grace_period: 1s\n    \
             command: [sh, -c, 'dd if=/dev/zero of=/small/file bs=1M count=3 && exec sleep infinity']\n    \
             tmpfs: ['/small:size={size}']\n"
        )
    };
    let app = App::new("full", &compose("1m"));
    let stderr = app.fails(&["app", "deploy"], 1);
    says(&stderr, &["No space left on device", "hint: a file system that the container writes to is full"]);
    app.write("compose.yml", &compose("8m"));
    app.deploy();
}

#[test]
fn services_on_one_port_are_named() {
    let service = |port: u16| {
        format!(
            "{{image: 'localhost/busybox:1', command: [httpd, -f, -p, '{port}', -h, /], stop_grace_period: 1s}}"
        )
    };
    let compose = |port: u16| format!("services:\n  one: {}\n  two: {}\n", service(8080), service(port));
    let app = App::new("ports", &compose(8080));
    says(&app.fails(&["app", "deploy"], 1), &["in use", "`one`", "`two`", "listen on another port"]);
    app.write("compose.yml", &compose(8081));
    app.deploy();
}

#[test]
fn an_evicted_pod_is_replaced_and_awaited() {
    let app = App::new("evicted", &idle(""));
    app.deploy();
    let pod = app.pod()["metadata"]["name"].as_str().expect("a name").to_owned();
    let namespace = app.namespace();
    let eviction = serde_json::json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace},
    });
    app.write("eviction.json", &eviction.to_string());
    let file = app.folder().join("eviction.json");
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    kubectl(&["create", "--raw", &path, "--filename", file.to_str().expect("a path")]);
    let deployed = app.json(&["app", "deploy"]);
    assert!(deployed["pod"].is_string(), "{deployed}");
    assert_ne!(deployed["pod"], pod.as_str(), "the evicted Pod was taken for the new one");
}

#[test]
fn an_exceeded_quota_is_told_and_left_behind() {
    let app = App::new("quota", &idle(""));
    app.deploy();
    let namespace = app.namespace();
    kubectl(&["--namespace", &namespace, "create", "quota", "none", "--hard=pods=0"]);
    app.write("compose.yml", &idle("    environment: {A: changed}\n"));
    says(&app.fails(&["app", "deploy"], 1), &["exceeded quota: none", "hint: raise the quota"]);
    kubectl(&["--namespace", &namespace, "delete", "quota", "none"]);
    app.deploy();
}

#[test]
fn a_namespace_on_its_way_out_is_waited_out() {
    let app = App::new("going", &idle("    volumes: ['data:/data']\nvolumes: {data: }\n"));
    app.deploy();
    app.exec("web", &["sh", "-c", "echo kept > /data/file"]);
    let namespace = app.namespace();
    let held = ["--namespace", &namespace, "create", "configmap", "held"];
    kubectl(&held);
    let patch = |finalizers: &str| {
        let patch = format!("{{\"metadata\":{{\"finalizers\":{finalizers}}}}}");
        kubectl(&[
            "--namespace",
            &namespace,
            "patch",
            "configmap",
            "held",
            "--type=merge",
            "--patch",
            &patch,
        ]);
    };
    patch("[\"example.com/held\"]");
    kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
    says(&app.fails(&["app", "deploy"], 5), &[&namespace, "hint:"]);
    patch("null");
    kubectl(&["wait", "--for=delete", &format!("namespace/{namespace}"), "--timeout=60s"]);
    app.deploy();
    assert_eq!(app.exec("web", &["cat", "/data/file"]), "kept\n");
}

#[test]
fn of_two_at_once_one_waits_its_turn_or_is_told_who_is_at_work() {
    let app = App::new("twice", &idle(""));
    app.deploy();
    app.write("compose.yml", &idle("    environment: {A: changed}\n"));
    let start = || {
        let mut command = app.command(&["app", "deploy"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kompoxops runs")
    };
    let both = [start(), start()].map(|child| child.wait_with_output().expect("it ends"));
    assert!(both.iter().any(|output| output.status.success()), "{both:?}");
    for output in both.iter().filter(|output| !output.status.success()) {
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        says(&text(&output.stderr), &["kompoxops-", "hint:"]);
    }
    says(&text(&app.run(&["app", "deploy"]).stderr), &["nothing to change"]);
    assert_eq!(app.pod()["status"]["phase"], "Running");
}

#[test]
fn a_token_that_is_not_accepted_is_told() {
    let app = App::new("token", &idle(""));
    app.deploy();
    let kubeconfig = std::fs::read_to_string(bed().cluster.kubeconfig()).expect("a kubeconfig");
    let user = kubeconfig.find("client-certificate-data:").expect("a client certificate");
    let end = kubeconfig[user..].find("client-key-data:").expect("a key") + user;
    let rest = kubeconfig[end..].find('\n').map_or("", |line| &kubeconfig[end + line..]);
    app.write("expired.conf", &format!("{}token: expired{rest}", &kubeconfig[..user]));
    let mut command = app.command(&["app", "deploy"]);
    let output = command.env("KOMPOXOPS_KUBECONFIG", "expired.conf").output().expect("kompoxops runs");
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    says(&text(&output.stderr), &["hint:"]);
    assert!(!text(&output.stderr).contains("token: expired"), "{}", text(&output.stderr));
}

#[test]
fn a_pod_that_no_node_takes_is_told_in_time() {
    let app = App::new("nowhere", &idle("    platform: linux/s390x\n"));
    let stderr = app.fails(&["--timeout", "30s", "app", "deploy"], 8);
    says(&stderr, &["0/1 nodes are available", "hint:"]);
    app.write("compose.yml", &idle(""));
    app.deploy();
}

#[test]
fn labels_that_somebody_else_changed_are_taken_back() {
    let app = App::new("foreign", &idle(""));
    app.deploy();
    let namespace = app.namespace();
    let label = "pod-security.kubernetes.io/enforce";
    kubectl(&["label", "namespace", &namespace, "--overwrite", &format!("{label}=privileged")]);
    says(&app.ok(&["app", "deploy", "--dry-run"]), &["update", "pod-security"]);
    app.deploy();
    let found = kubectl(&["get", "namespace", &namespace, "--output", "jsonpath={.metadata.labels}"]);
    says(&found, &["\"pod-security.kubernetes.io/enforce\":\"baseline\""]);
}
