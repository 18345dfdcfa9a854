//! `doctor` on a real cluster: all is well where an app runs, the rights it lists are enough for an app's whole life, and
//! a missing one is named.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bed;

use bed::{App, kubectl, text};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

const COMPOSE: &str = "
services:
  web:
    image: localhost/testserver:1
    ports: ['80:8080']
    volumes: ['data:/data']
    environment: {COLOUR: red}
volumes: {data: {}}
";

/// A user who has these rights and no others. Gone, with its rights, when it is dropped.
struct User {
    name: String,
    kubeconfig: PathBuf,
}

impl User {
    fn new(app: &App, rights: &[Value]) -> Self {
        let name = app.name.clone();
        let user = Self { kubeconfig: app.folder().join("user.kubeconfig"), name };
        user.grant(app, rights);
        let token = kubectl(&["--namespace", "default", "create", "token", &user.name]);
        let mut kubeconfig: Value =
            serde_json::from_str(&app.ok(&["--output", "json", "cluster", "kubeconfig"])).unwrap();
        kubeconfig["users"][0]["user"] = json!({"token": token.trim()});
        app.write("user.kubeconfig", &kubeconfig.to_string());
        user
    }

    fn grant(&self, app: &App, rights: &[Value]) {
        let rules: Vec<_> = rights
            .iter()
            .map(|right| {
                json!({"apiGroups": [right["group"]], "resources": [right["resource"]], "verbs": [right["verb"]]})
            })
            .collect();
        let (name, rbac) = (&self.name, "rbac.authorization.k8s.io");
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}},
            {"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
            {"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": name},
             "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
             "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]},
        ]});
        app.write("user.json", &objects.to_string());
        let file = app.folder().join("user.json");
        kubectl(&["apply", "--filename", file.to_str().unwrap()]);
    }

    fn run(&self, app: &App, arguments: &[&str]) -> Output {
        app.command(arguments).env("KOMPOXOPS_KUBECONFIG", Path::new(&self.kubeconfig)).output().unwrap()
    }

    fn ok(&self, app: &App, arguments: &[&str]) -> String {
        let output = self.run(app, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        for kind in ["clusterrolebinding", "clusterrole", "serviceaccount"] {
            kubectl(&["--namespace", "default", "delete", "--ignore-not-found", kind, &self.name]);
        }
    }
}

#[test]
fn all_is_well_and_the_rights_listed_are_enough() {
    let app = App::new("doctor", COMPOSE);
    app.deploy();
    let examination = app.json(&["doctor"]);
    let checks = examination["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["outcome"] == "ok"), "{checks:#?}");
    assert_eq!(checks.len(), 10);
    let rights = examination["rights"].as_array().unwrap();

    let user = User::new(&app, rights);
    let table = user.ok(&app, &["doctor"]);
    assert!(table.contains("rights") && !table.contains("FAIL") && !table.contains("What helps"), "{table}");
    app.write("compose.yml", &COMPOSE.replace("red", "blue"));
    user.ok(&app, &["app", "deploy"]);
    for command in [
        &["app", "status"][..],
        &["app", "list"],
        &["app", "logs"],
        &["cluster", "status"],
        &["disk", "list"],
    ] {
        user.ok(&app, command);
    }
    user.ok(&app, &["app", "exec", "-s", "web", "--", "/testserver", "--help"]);
    user.ok(&app, &["--yes", "app", "destroy", "--delete-namespace"]);
    user.ok(&app, &["app", "deploy"]);

    let lacking = |right: &&Value| right["resource"] != "secrets" && right["resource"] != "pods/exec";
    user.grant(&app, &rights.iter().filter(lacking).cloned().collect::<Vec<_>>());
    let output = user.run(&app, &["doctor"]);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    assert!(
        stdout.contains("may not: create/get pods/exec; get/list/watch/create/patch/delete secrets"),
        "{stdout}"
    );
    assert!(stderr.contains("error[cluster.unfit]"), "{stderr}");
}
