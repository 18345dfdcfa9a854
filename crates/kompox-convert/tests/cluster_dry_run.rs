//! Every golden case against a real API server: schema, validation and Pod Security admission, without keeping anything
//! but a Namespace and its account for the time of the test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

#[path = "support/folder.rs"]
mod folder;
mod support;

use folder::{cases, run};
use kompox_model::Object;
use kompox_testbed::{Kubectl, Testbed, UpOptions};
use serde_json::{Value, json};

/// The cluster to use; one letter.
const VARIABLE: &str = "KOMPOX_TESTBED_CLUSTER";

fn kubectl() -> Kubectl {
    let name = std::env::var(VARIABLE).unwrap_or_else(|_| "a".to_owned());
    let testbed = Testbed::of_this_checkout().unwrap();
    testbed.up(&name, &UpOptions::default()).unwrap().kubectl().unwrap()
}

fn list(items: Vec<Value>) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Server-side apply as a deploy does it; what the server says, warnings included.
fn apply(kubectl: &Kubectl, items: Vec<Value>, dry_run: bool) -> Result<(), String> {
    let dry_run = if dry_run { "--dry-run=server" } else { "--dry-run=none" };
    let arguments =
        ["apply", "--server-side", "--force-conflicts", "--field-manager=kompox", dry_run, "--filename=-"];
    let output = kubectl.program(&arguments).input(list(items)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && said.is_empty() { Ok(()) } else { Err(said) }
}

/// The Pod that the Deployment will make: only Pods are judged by Pod Security admission.
fn pod(objects: &[&Object]) -> Value {
    let deployment = objects.iter().find(|object| object.reference.gvk.kind == "Deployment").unwrap();
    let mut pod = deployment.body.pointer("/spec/template").unwrap().clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("pod");
    pod["metadata"]["namespace"] = json!(deployment.reference.namespace);
    pod
}

#[test]
fn the_server_accepts_every_case() {
    let kubectl = kubectl();
    let mut refused = Vec::new();
    let mut namespaces = Vec::new();
    for folder in cases() {
        let Some(conversion) = run(&folder).0 else { continue };
        let claims: Vec<_> = conversion.host_claims.iter().map(|claim| claim.object().body).collect();
        let set = conversion.resources.into_objects();
        let objects: Vec<_> = set.iter().collect();
        let namespace = objects[0].reference.name.clone();
        let (first, rest): (Vec<_>, Vec<_>) = objects
            .iter()
            .partition(|object| matches!(object.reference.gvk.kind.as_str(), "Namespace" | "ServiceAccount"));
        let bodies = |objects: Vec<&&Object>| objects.into_iter().map(|object| object.body.clone()).collect();
        apply(&kubectl, bodies(first), false).unwrap();
        namespaces.push(namespace.clone());
        let mut items: Vec<Value> = bodies(rest);
        items.push(pod(&objects));
        items.extend(claims.into_iter().map(|mut claim| {
            claim["metadata"]["namespace"] = json!(namespace);
            claim
        }));
        if let Err(said) = apply(&kubectl, items, true) {
            refused.push(format!("{}:\n{said}", folder.display()));
        }
    }
    namespaces.sort();
    namespaces.dedup();
    for namespace in namespaces {
        kubectl.run(&["delete", "namespace", &namespace, "--wait=false"]).unwrap();
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
