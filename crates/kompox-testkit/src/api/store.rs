//! The objects of a scripted API server and the history of their changes. Pure.

use super::path::Place;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An object and what each field manager applied to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) applied: BTreeMap<String, Value>,
}

/// A change that watches tell.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) version: u64,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(crate) kind: &'static str,
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// All objects by place.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Place, Stored>,
    version: u64,
    made: u64,
    events: Vec<Event>,
    /// Watches from before this version have to list again.
    pub(crate) floor: u64,
}

impl Store {
    /// A cluster as it is after its start.
    pub(crate) fn new() -> Self {
        let mut store = Self::default();
        for name in ["default", "kube-system"] {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            store.put(namespace(name), Stored { value: body, applied: BTreeMap::new() });
        }
        store
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, place: &Place) -> Option<&Stored> {
        self.objects.get(place)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Place, &Value)> {
        self.objects.iter().map(|(place, stored)| (place, &stored.value))
    }

    /// Namespaces that objects may be made in.
    pub(crate) fn has_namespace(&self, name: &str) -> bool {
        self.objects.contains_key(&namespace(name))
    }

    /// Stores an object and gives it what the server gives. A change that changes nothing is none.
    pub(crate) fn put(&mut self, place: Place, mut stored: Stored) -> Value {
        let old = self.objects.get(&place);
        match old {
            Some(old) => {
                for key in ["uid", "creationTimestamp", "resourceVersion"] {
                    stored.value["metadata"][key] = old.value["metadata"][key].clone();
                }
                if old.value == stored.value {
                    let value = stored.value.clone();
                    self.objects.insert(place, stored);
                    return value;
                }
            }
            None => {
                self.made += 1;
                let metadata = &mut stored.value["metadata"];
                metadata["uid"] = format!("00000000-0000-4000-8000-{:012}", self.made).into();
                metadata["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
            }
        }
        let kind = if old.is_some() { "MODIFIED" } else { "ADDED" };
        self.version += 1;
        stored.value["metadata"]["resourceVersion"] = self.version.to_string().into();
        let value = stored.value.clone();
        self.events.push(Event { version: self.version, kind, place: place.clone(), value: value.clone() });
        self.objects.insert(place, stored);
        value
    }

    /// Removes an object; with a Namespace goes all that is inside.
    pub(crate) fn remove(&mut self, place: &Place) {
        let Some(stored) = self.objects.remove(place) else { return };
        self.version += 1;
        let event =
            Event { version: self.version, kind: "DELETED", place: place.clone(), value: stored.value };
        self.events.push(event);
        if place.plural == "namespaces" && place.base == "api/v1" {
            let inside: Vec<Place> =
                self.objects.keys().filter(|object| object.namespace == place.name).cloned().collect();
            for object in &inside {
                self.remove(object);
            }
        }
    }

    /// Makes watches from before now list again.
    pub(crate) fn compact(&mut self) {
        self.version += 1;
        self.floor = self.version;
    }

    /// Changes after a version.
    pub(crate) fn since(&self, version: u64) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.version > version)
    }
}

fn namespace(name: &str) -> Place {
    Place {
        base: "api/v1".to_owned(),
        plural: "namespaces".to_owned(),
        namespace: None,
        name: Some(name.to_owned()),
        subresource: None,
    }
}
