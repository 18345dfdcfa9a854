//! The normalised project as JSON, in the form in which `docker compose config --format json` prints it. Pure.
//!
//! Everything is in its long form: paths are absolute, variables and env files are resolved, defaults that Compose
//! itself fills in are there. A dollar is doubled, so that the result is a compose file again.

use std::collections::{BTreeMap, BTreeSet};

use kompox_yaml::{Diagnostics, Entry, Node, Sources};
use serde_json::{Map, Value, json};

use crate::check::build_secrets;
use crate::shape::{self, Keys, Shape};
use crate::{MountKind, Project, Request, Service};

mod mount;
mod print;
mod service;

use print::Printer;

/// Where relative paths lead.
#[derive(Clone, Copy, Debug)]
pub struct Paths<'a> {
    /// The project directory, absolute.
    pub directory: &'a str,
    /// The home directory, absolute.
    pub home: &'a str,
}

/// Loads a project and gives its normalised form. There is one only if no diagnostic is an error.
///
/// Services that no active profile switches on, and networks, volumes, configs and secrets that no service uses, are
/// not in it. What configs and secrets hold is not read.
#[must_use]
pub fn config(
    sources: &mut Sources,
    request: &Request<'_>,
    paths: Paths<'_>,
) -> (Option<(Project, Value)>, Diagnostics) {
    let (loaded, diagnostics) = crate::load::load_tree(sources, request, false);
    let config = loaded.map(|loaded| {
        let printer = Printer { paths, environment: &loaded.environment };
        let config = whole(&loaded.project, &loaded.tree, &printer);
        (loaded.project, doubled(config))
    });
    (config, diagnostics)
}

fn whole(project: &Project, tree: &Node, printer: &Printer<'_>) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), json!(project.name));
    let mut services = Map::new();
    for (name, service) in &project.services {
        let node = tree.get("services").and_then(|services| services.get(name));
        services.insert(name.clone(), service::print(service, node, printer));
    }
    out.insert("services".to_owned(), Value::Object(services));
    let used = Used::of(project);
    for (kind, keys, used) in [
        ("networks", shape::NETWORK, &used.networks),
        ("volumes", shape::VOLUME, &used.volumes),
        ("configs", shape::CONFIG, &used.configs),
        ("secrets", shape::SECRET, &used.secrets),
    ] {
        let declared = tree.get(kind);
        let printed: Map<String, Value> = used
            .iter()
            .map(|name| {
                let node = declared.and_then(|declared| declared.get(name));
                (name.clone(), resource(project, kind, name, node, keys, printer))
            })
            .collect();
        if !printed.is_empty() {
            out.insert(kind.to_owned(), Value::Object(printed));
        }
    }
    if let Some(models) = tree.get("models") {
        let shape = shape::of(shape::TOP_LEVEL, "models").unwrap_or(Shape::Any);
        out.extend(printer.node(models, shape).map(|value| ("models".to_owned(), value)));
    }
    for entry in tree.as_mapping().into_iter().flatten() {
        extension(&mut out, entry);
    }
    Value::Object(out)
}

/// Adds a key of the user's own.
fn extension(out: &mut Map<String, Value>, entry: &Entry) {
    if entry.key.starts_with("x-") {
        out.insert(entry.key.clone(), print::plain(&entry.value));
    }
}

fn resource(
    project: &Project,
    kind: &str,
    key: &str,
    node: Option<&Node>,
    keys: Keys,
    printer: &Printer<'_>,
) -> Value {
    let mut out = node.map(|node| printer.keys(node, keys)).unwrap_or_default();
    let external = node.and_then(|node| node.get("external"));
    let old_name = external.and_then(|external| external.get("name")).and_then(Node::as_str);
    let is_external = external.is_some_and(|external| {
        external.as_mapping().is_some()
            || external.as_bool() == Some(true)
            || external.as_str().is_some_and(print::is_true)
    });
    if is_external {
        out.insert("external".to_owned(), Value::Bool(true));
    }
    if !out.contains_key("name") {
        let name = match old_name {
            Some(name) => name.to_owned(),
            None if is_external => key.to_owned(),
            None => format!("{}_{key}", project.name),
        };
        out.insert("name".to_owned(), Value::String(name));
    }
    let is_bind = |out: &Map<String, Value>| {
        out.get("driver").is_some_and(|driver| driver == "local") && out["driver_opts"]["o"] == "bind"
    };
    // A number is none, as in Docker Compose.
    let device = node.and_then(|node| node.get("driver_opts")?.get("device")?.as_str());
    if kind == "volumes"
        && device.is_some()
        && is_bind(&out)
        && let Some(Value::String(device)) =
            out.get_mut("driver_opts").and_then(|options| options.get_mut("device"))
    {
        *device = printer.path(device);
    }
    if kind == "networks" {
        out.entry("ipam").or_insert_with(|| json!({}));
    }
    Value::Object(out)
}

/// The resources that active services use.
#[derive(Default)]
struct Used {
    networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
    configs: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Used {
    fn of(project: &Project) -> Self {
        let mut used = Self::default();
        for service in project.services.values() {
            used.add(service);
        }
        used
    }

    fn add(&mut self, service: &Service) {
        self.networks.extend(service.networks.iter().map(|network| network.name.value.clone()));
        for mount in &service.volumes {
            if let MountKind::Named { source, .. } = &mount.kind {
                self.volumes.insert(source.clone());
            }
        }
        self.configs.extend(service.configs.iter().map(|reference| reference.source.value.clone()));
        self.secrets.extend(service.secrets.iter().map(|reference| reference.source.value.clone()));
        self.secrets.extend(build_secrets(service).into_iter().map(|name| name.value));
    }
}

/// Every dollar twice, in keys as well.
fn doubled(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$")),
        Value::Array(items) => items.into_iter().map(doubled).collect(),
        Value::Object(object) => Value::Object(
            object.into_iter().map(|(key, value)| (key.replace('$', "$$"), doubled(value))).collect(),
        ),
        other => other,
    }
}

/// What a project's tree became, kept for printing it.
pub(crate) struct Loaded {
    pub(crate) project: Project,
    pub(crate) tree: Node,
    pub(crate) environment: BTreeMap<String, String>,
}
