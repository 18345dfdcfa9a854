//! What `app.access` lets others do with an app on a real cluster, and what not.

mod bed;

use bed::{App, WEB, bed};
use std::collections::BTreeSet;

/// What somebody else gets who asks for something in a Namespace.
fn ask(who: &[&str], namespace: &str, what: &[&str]) -> Result<String, String> {
    let arguments = [who, &["--namespace", namespace], what].concat();
    bed().cluster.kubectl().expect("kubectl").run(&arguments).map_err(|error| error.to_string())
}

/// All that somebody may do in a Namespace beyond what everybody may, of every kind there is: a line for each rule.
fn rights(who: &[&str], namespace: &str) -> Vec<String> {
    let list = |namespace: &str| {
        let listed = ask(who, namespace, &["auth", "can-i", "--list", "--no-headers"]).expect("a list");
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        listed.lines().map(words).collect::<BTreeSet<_>>()
    };
    list(namespace).difference(&list("default")).cloned().collect()
}

/// What [`rights`] gives who is let in.
const EVERYTHING: [&str; 4] = [
    "events [] [] [get list watch]",
    "pods [] [] [get list watch]",
    "pods/exec [] [] [create get]",
    "pods/log [] [] [get]",
];

#[test]
fn who_is_let_in_sees_and_runs_commands_and_changes_nothing() {
    let app = App::with("access", WEB, "  access: {users: [maria], groups: [wiki]}\n");
    let other = App::new("access-other", WEB);
    app.deploy();
    other.deploy();
    let (namespace, others) = (app.namespace(), other.namespace());
    let pod = app.pod()["metadata"]["name"].as_str().expect("a name").to_owned();
    let let_in: [&[&str]; 2] = [&["--as", "maria"], &["--as", "jo", "--as-group", "wiki"]];
    for who in let_in {
        for what in [
            &["get", "pods"][..],
            &["get", "pod", &pod],
            &["get", "events"],
            &["logs", &pod],
            &["exec", &pod, "--", "true"],
        ] {
            ask(who, &namespace, what).unwrap_or_else(|error| panic!("{who:?} {what:?}: {error}"));
        }
        for what in [
            &["delete", "pod", &pod, "--dry-run=server"][..],
            &["label", "pod", &pod, "a=b", "--dry-run=server"],
            &["annotate", "deployment", "app", "a=b", "--dry-run=server"],
            &["create", "configmap", "a", "--dry-run=server"],
            &["create", "token", "app"],
            &["get", "secrets"],
            &["get", "deployments"],
            &["get", "roles"],
        ] {
            let refused = ask(who, &namespace, what).expect_err("it is refused");
            assert!(refused.contains("orbidden"), "{who:?} {what:?}: {refused}");
        }
        assert_eq!(rights(who, &namespace), EVERYTHING, "{who:?}");
        let refused = ask(who, &others, &["get", "pods"]).expect_err("it is another app");
        assert!(refused.contains("orbidden"), "{refused}");
    }
    let stranger = ask(&["--as", "jo"], &namespace, &["get", "pods"]).expect_err("nobody let them in");
    assert!(stranger.contains("orbidden"), "{stranger}");

    // Whoever is not named any more is out with the next deploy.
    app.configure("  access: {users: [jo]}\n");
    app.deploy();
    ask(&["--as", "jo"], &namespace, &["get", "pods"]).expect("they are let in");
    for who in [&["--as", "maria"][..], &["--as", "eve", "--as-group", "wiki"]] {
        ask(who, &namespace, &["get", "pods"]).expect_err("they are out");
    }
    app.configure("");
    app.deploy();
    ask(&["--as", "jo"], &namespace, &["get", "pods"]).expect_err("they are out");
    let left = app.objects(&["roles,rolebindings"]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(0), "{left}");
}

#[test]
fn the_bindings_of_others_are_left_alone() {
    let app = App::new("binding", WEB);
    app.deploy();
    let namespace = app.namespace();
    let kubectl = |what: &[&str]| ask(&[], &namespace, what).expect("the administrator may");
    kubectl(&["create", "rolebinding", "mine", "--clusterrole=view", "--user=eve"]);
    // What a binding is to cannot be changed: the server would refuse it in words that tell of no owner.
    kubectl(&["create", "rolebinding", "app-viewer", "--clusterrole=view", "--user=eve"]);
    app.configure("  access: {users: [maria]}\n");
    let told = app.fails(&["app", "deploy"], 5);
    assert!(told.contains("app-viewer exists already and is not managed by Kompox"), "{told}");
    kubectl(&["delete", "rolebinding", "app-viewer"]);
    app.deploy();
    let subjects = r#"{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"eve"}]}"#;
    kubectl(&["patch", "rolebinding", "app-viewer", "--type=merge", "--patch", subjects]);
    app.deploy();
    ask(&["--as", "maria"], &namespace, &["get", "pods"]).expect("they are let in again");
    app.configure("");
    app.deploy();
    assert_eq!(
        kubectl(&["get", "rolebindings", "--output=name"]).trim(),
        "rolebinding.rbac.authorization.k8s.io/mine"
    );
}
