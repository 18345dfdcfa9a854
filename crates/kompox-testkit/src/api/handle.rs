//! What a scripted API server answers to one request. Pure.

use super::merge;
use super::path::Place;
use super::select::{fields_fit, labels_fit};
use super::store::{Store, Stored};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A request, read.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a Method,
    pub(crate) place: &'a Place,
    pub(crate) query: &'a BTreeMap<String, String>,
    pub(crate) media_type: &'a str,
    pub(crate) body: &'a Value,
}

/// Code and body.
pub(crate) type Reply = (u16, Value);

impl Ask<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(crate) fn is_dry_run(&self) -> bool {
        self.parameter("dryRun").is_some()
    }

    fn name(&self) -> &str {
        self.place.name.as_deref().unwrap_or_default()
    }

    fn object(&self) -> Place {
        Place { subresource: None, ..self.place.clone() }
    }
}

/// A failure as servers word it.
pub(crate) fn failure(code: u16, reason: &str, message: &str, details: &Value) -> Reply {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code,
    });
    (code, body)
}

fn not_found(plural: &str, name: &str) -> Reply {
    let message = format!("{plural} \"{name}\" not found");
    failure(404, "NotFound", &message, &json!({"name": name, "kind": plural}))
}

fn conflict(ask: &Ask<'_>, why: &str) -> Reply {
    let message = format!("Operation cannot be fulfilled on {} \"{}\": {why}", ask.place.plural, ask.name());
    failure(409, "Conflict", &message, &json!({"name": ask.name(), "kind": ask.place.plural}))
}

fn invalid(message: &str) -> Reply {
    failure(422, "Invalid", message, &json!({}))
}

/// Answers, and changes the store unless it is a dry run.
pub(crate) fn respond(store: &mut Store, ask: &Ask<'_>) -> Reply {
    match (ask.method, ask.place.name.is_some()) {
        (&Method::GET, false) => list(store, ask),
        (&Method::GET, true) => match store.get(&ask.object()) {
            Some(stored) => (200, stored.value.clone()),
            None => not_found(&ask.place.plural, ask.name()),
        },
        (&Method::POST, false) => create(store, ask),
        (&Method::PUT, true) => replace(store, ask),
        (&Method::PATCH, true) => patch(store, ask),
        (&Method::DELETE, true) => delete(store, ask),
        _ => failure(405, "MethodNotAllowed", "the server does not allow this method", &json!({})),
    }
}

/// True when a watch or list of this request shows the object.
pub(crate) fn shows(ask: &Ask<'_>, place: &Place, object: &Value) -> bool {
    ask.place.holds(place)
        && ask.parameter("labelSelector").is_none_or(|selector| labels_fit(object, selector))
        && ask.parameter("fieldSelector").is_none_or(|selector| fields_fit(object, selector))
}

fn list(store: &Store, ask: &Ask<'_>) -> Reply {
    let all: Vec<&Value> =
        store.iter().filter(|(place, object)| shows(ask, place, object)).map(|(_, object)| object).collect();
    let number = |name: &str| ask.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let start = number("continue").unwrap_or(0).min(all.len());
    let end = number("limit").map_or(all.len(), |limit| (start + limit).min(all.len()));
    let kind = all.first().and_then(|object| object["kind"].as_str()).unwrap_or_default();
    // Servers leave apiVersion and kind out of the items of a list.
    let items: Vec<Value> = all[start..end]
        .iter()
        .map(|object| {
            let mut item = (*object).clone();
            if let Some(fields) = item.as_object_mut() {
                fields.remove("apiVersion");
                fields.remove("kind");
            }
            item
        })
        .collect();
    let mut metadata = json!({"resourceVersion": store.version().to_string()});
    if end < all.len() {
        metadata["continue"] = end.to_string().into();
    }
    let api_version = ask.place.base.split_once('/').map_or("v1", |(_, version)| version);
    (
        200,
        json!({"kind": format!("{kind}List"), "apiVersion": api_version, "metadata": metadata, "items": items}),
    )
}

fn create(store: &mut Store, ask: &Ask<'_>) -> Reply {
    let name = ask.body["metadata"]["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        return invalid("metadata.name: Required value: name or generateName is required");
    }
    let place = ask.place.with_name(name);
    if store.get(&place).is_some() {
        let message = format!("{} \"{name}\" already exists", place.plural);
        let details = json!({"name": name, "kind": place.plural});
        return failure(409, "AlreadyExists", &message, &details);
    }
    keep(store, ask, place, ask.body.clone(), BTreeMap::new(), 201)
}

fn replace(store: &mut Store, ask: &Ask<'_>) -> Reply {
    let Some(old) = store.get(&ask.object()).cloned() else {
        return not_found(&ask.place.plural, ask.name());
    };
    match &ask.body["metadata"]["resourceVersion"] {
        Value::String(version) if old.value["metadata"]["resourceVersion"] != version.as_str() => {
            conflict(ask, "the object has been modified")
        }
        _ => keep(store, ask, ask.object(), ask.body.clone(), old.applied, 200),
    }
}

fn patch(store: &mut Store, ask: &Ask<'_>) -> Reply {
    let place = ask.object();
    let old = store.get(&place).cloned();
    if ask.media_type.starts_with("application/apply-patch") {
        return apply(store, ask, place, old);
    }
    let Some(old) = old else { return not_found(&place.plural, ask.name()) };
    let mut value = old.value.clone();
    if ask.media_type.starts_with("application/json-patch") {
        if !merge::json_patch(&mut value, ask.body) {
            return invalid("the server rejected our request due to an error in our request");
        }
    } else {
        merge::merge(&mut value, ask.body);
        if value["metadata"]["resourceVersion"] != old.value["metadata"]["resourceVersion"] {
            return conflict(ask, "the object has been modified");
        }
    }
    keep(store, ask, place, value, old.applied, 200)
}

fn apply(store: &mut Store, ask: &Ask<'_>, place: Place, old: Option<Stored>) -> Reply {
    let Some(manager) = ask.parameter("fieldManager").map(ToOwned::to_owned) else {
        return failure(400, "BadRequest", "fieldManager is required for apply patch", &json!({}));
    };
    let code = if old.is_some() { 200 } else { 201 };
    let old = old.unwrap_or_default();
    if ask.parameter("force") != Some("true") {
        let others = old.applied.iter().filter(|(other, _)| **other != manager);
        let found = merge::conflicts(others, ask.body);
        if !found.is_empty() {
            let causes: Vec<Value> = found
                .iter()
                .map(|(path, manager)| {
                    json!({"reason": "FieldManagerConflict", "message": format!("conflict with \"{manager}\""),
                           "field": path.replace('/', ".")})
                })
                .collect();
            let message = format!("Apply failed with {} conflicts", causes.len());
            return failure(409, "Conflict", &message, &json!({"causes": causes}));
        }
    }
    let mut applied = old.applied;
    let value = merge::apply(&old.value, applied.get(&manager), ask.body);
    applied.insert(manager, ask.body.clone());
    keep(store, ask, place, value, applied, code)
}

fn delete(store: &mut Store, ask: &Ask<'_>) -> Reply {
    let place = ask.object();
    let Some(stored) = store.get(&place).cloned() else {
        return not_found(&place.plural, ask.name());
    };
    for key in ["uid", "resourceVersion"] {
        let wanted = &ask.body["preconditions"][key];
        if !wanted.is_null() && stored.value["metadata"][key] != *wanted {
            return conflict(ask, &format!("Precondition failed: {key}"));
        }
    }
    let held = stored.value["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    if held {
        let mut value = stored.value;
        value["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        return keep(store, ask, place, value, stored.applied, 200);
    }
    if !ask.is_dry_run() {
        store.remove(&place);
    }
    let details = json!({"name": ask.name(), "kind": ask.place.plural});
    (
        200,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
    )
}

/// Stores what a request made, or only shows it.
fn keep(
    store: &mut Store,
    ask: &Ask<'_>,
    place: Place,
    mut value: Value,
    applied: BTreeMap<String, Value>,
    code: u16,
) -> Reply {
    if let Some(namespace) = &place.namespace {
        if !store.has_namespace(namespace) {
            return not_found("namespaces", namespace);
        }
        value["metadata"]["namespace"] = namespace.as_str().into();
    }
    if let Some(name) = &place.name {
        value["metadata"]["name"] = name.as_str().into();
    }
    if ask.is_dry_run() {
        // What a server fills in is shown by a dry run too.
        if let Some(old) = store.get(&place) {
            for key in ["uid", "creationTimestamp", "resourceVersion"] {
                value["metadata"][key] = old.value["metadata"][key].clone();
            }
        }
        return (code, value);
    }
    (code, store.put(place, Stored { value, applied }))
}
