//! `doctor` on a real cluster: all is well where an app runs, the rights it lists are enough for an app's whole life, and
//! a missing one is named. `cluster uninstall-node` takes nothing with it but kompox-node, which comes back when it is missing.

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
    user.ok(&app, &["--yes", "cluster", "uninstall-node"]);
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

#[test]
fn disks_and_apps_stay_without_kompox_node_and_it_comes_back() {
    let app = App::new("uninstall", COMPOSE);
    app.deploy();
    let disks = app.json(&["disk", "list"]);
    let pod = app.json(&["app", "status"])["pod"].clone();
    let stores =
        ["get", "nodes", "--output", "jsonpath={.items[*].metadata.annotations.kompox\\.dev/disk-store}"];
    let store = kubectl(&stores);
    assert!(!store.is_empty());
    assert!(app.fails(&["cluster", "uninstall-node"], 2).contains("add --yes"), "it asks");
    let planned = app.ok(&["cluster", "uninstall-node", "--dry-run"]);
    assert_eq!(
        planned.lines().collect::<Vec<_>>(),
        [
            "DaemonSet kompox-system/kompox-node",
            "ServiceAccount kompox-system/kompox-node",
            "Namespace kompox-system"
        ]
    );
    assert_eq!(app.ok(&["--yes", "cluster", "uninstall-node"]), planned);
    assert_eq!(kubectl(&["get", "namespace", "kompox-system", "--ignore-not-found"]), "");
    assert_eq!(app.ok(&["--yes", "cluster", "uninstall-node"]), "", "a repeat has nothing to do");
    assert!(app.fails(&["disk", "delete", "other", "--yes"], 8).contains("disk.unseen.not-installed"));
    assert_eq!(app.json(&["app", "status"])["pod"], pod, "the app runs on");
    assert_eq!(kubectl(&stores), store);
    app.write("compose.yml", &COMPOSE.replace("red", "blue"));
    app.deploy();
    assert_eq!(app.json(&["disk", "list"]), disks, "the disks that were there are found");
}

#[test]
fn a_missing_store_program_comes_back() {
    let app = App::new("store", COMPOSE);
    app.deploy();
    let lose = || kubectl(&["--namespace", "kompox-system", "delete", "pods", "--all", "--wait=false"]);
    lose();
    app.write("compose.yml", &COMPOSE.replace("red", "blue"));
    app.deploy();
    lose();
    app.ok(&["disk", "create"]);
    assert!(app.json(&["disk", "list"]).to_string().contains("\"assigned\""));
}
