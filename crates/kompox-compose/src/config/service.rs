//! A service: what is typed from its type, everything else by its shape.

use kompox_yaml::{Node, Span};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

use super::mount;
use super::print::Printer;
use crate::Service;
use crate::shape::{SERVICE, SERVICE_NETWORK, Shape};

pub(super) fn print(service: &Service, node: Option<&Node>, printer: &Printer<'_>) -> Value {
    let mut out = node.map(|node| printer.keys(node, SERVICE)).unwrap_or_default();
    // What the image says counts: that is worth a word.
    for key in ["command", "entrypoint"] {
        out.entry(key).or_insert(Value::Null);
    }
    // Its content is in the environment or in the labels.
    out.remove("label_file");
    let mut put = |key: &str, value: Value| {
        let empty =
            value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            out.insert(key.to_owned(), value);
        }
    };
    put("environment", environment(service));
    put("labels", service.labels.iter().map(|(key, value)| (key.clone(), json!(value.value))).collect());
    put("ports", service.ports.iter().map(mount::port).collect());
    let get = |key: &str| node.and_then(|node| node.get(key));
    let long = long_forms(get("volumes"));
    let mounts = service.volumes.iter().map(|one| mount::mount(one, long.get(&one.span).copied(), printer));
    put("volumes", mounts.collect());
    let dependencies = service.depends_on.iter().chain(&service.without);
    put("depends_on", dependencies.map(dependency).collect());
    let long = long_forms(get("devices"));
    let devices = service.devices.iter().map(|device| {
        let mut out = json!({"source": device.source, "target": device.target});
        if long.get(&device.span).is_none_or(|node| node.get("permissions").is_some()) {
            out["permissions"] = json!(device.permissions);
        }
        out
    });
    put("devices", devices.collect());
    if let Some(policy) = &service.pull_policy {
        put("pull_policy", json!(policy.value));
    }
    let networks = match get("networks") {
        Some(node) if names_any(node) && !service.networks.is_empty() => {
            printer.names(node, Shape::Map(SERVICE_NETWORK, &[]))
        }
        _ => service.networks.iter().map(|network| (network.name.value.clone(), Value::Null)).collect(),
    };
    put("networks", networks);
    put("dns", service.dns.iter().map(|server| Value::String(server.value.clone())).collect());
    // An empty context is none, and not the project's folder.
    let context = |build: &Node| build.get("context").is_some_and(|context| !context.is_null());
    let has_context = get("build").is_some_and(|build| build.as_str().is_some() || context(build));
    fill(&mut out, has_context, printer);
    Value::Object(out)
}

fn names_any(networks: &Node) -> bool {
    networks.as_sequence().is_some_and(|names| !names.is_empty())
        || networks.as_mapping().is_some_and(|names| !names.is_empty())
}

/// The entries of a list that are written as mappings, by their places.
fn long_forms(list: Option<&Node>) -> HashMap<Span, &Node> {
    let items = list.and_then(Node::as_sequence).unwrap_or_default();
    items.iter().filter(|node| node.as_mapping().is_some()).map(|node| (node.span, node)).collect()
}

fn environment(service: &Service) -> Value {
    let known = service.environment.iter().map(|(name, value)| (name.clone(), json!(value.value)));
    let unset = service.unset.iter().map(|name| (name.value.clone(), Value::Null));
    known.chain(unset).collect()
}

fn dependency(one: &crate::Dependency) -> (String, Value) {
    let mut out = Map::new();
    out.insert("condition".to_owned(), json!(one.condition.as_str()));
    out.insert("required".to_owned(), json!(one.required));
    if one.restart {
        out.insert("restart".to_owned(), json!(true));
    }
    (one.service.value.clone(), Value::Object(out))
}

/// What a build and a deployment have without saying so.
fn fill(out: &mut Map<String, Value>, has_context: bool, printer: &Printer<'_>) {
    let scale = out.get("scale").cloned();
    if let Some(deploy) = out.get_mut("deploy").and_then(Value::as_object_mut) {
        deploy.entry("placement").or_insert_with(|| json!({}));
        deploy.entry("resources").or_insert_with(|| json!({}));
        if let Some(scale) = scale {
            deploy.entry("replicas").or_insert(scale);
        }
    }
    let Some(build) = out.get_mut("build").and_then(Value::as_object_mut) else { return };
    if !has_context {
        build.entry("context").or_insert_with(|| json!(printer.path(".")));
    }
    if !build.contains_key("dockerfile_inline") {
        build.entry("dockerfile").or_insert_with(|| json!("Dockerfile"));
    }
}
