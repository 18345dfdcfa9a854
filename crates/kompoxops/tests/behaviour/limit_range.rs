//! A LimitRange of somebody else in the app's Namespace: its defaults for containers and the app's total exclude each other.

use crate::bed::{App, kubectl};

#[test]
fn a_foreign_limit_range_for_containers_is_told_of() {
    let compose = r#"
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
    stop_grace_period: 1s
"#;
    let app = App::with("limited", compose, "  resources: {cpu: 100m, memory: 64Mi}\n");
    app.deploy();
    let namespace = app.namespace();
    app.write(
        "limits.yml",
        "{apiVersion: v1, kind: LimitRange, metadata: {name: foreign}, \
         spec: {limits: [{type: Container, default: {memory: 1Gi}, defaultRequest: {memory: 100Mi}}]}}",
    );
    let limits = app.folder().join("limits.yml");
    kubectl(&["--namespace", &namespace, "apply", "--filename", limits.to_str().unwrap()]);
    let stderr = app.fails(&["app", "restart"], 1);
    assert!(stderr.contains("error[app.pod.not-made]"), "{stderr}");
    assert!(stderr.contains("1Gi") && stderr.contains("64Mi"), "{stderr}");

    kubectl(&["--namespace", &namespace, "delete", "limitranges", "foreign"]);
    app.ok(&["app", "restart"]);
}
