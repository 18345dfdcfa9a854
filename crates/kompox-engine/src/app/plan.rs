//! What a deploy would do to each object. Pure: compares live objects with what the server says an apply would give.

use crate::app::live::{self, Live};
use crate::{Error, refusal};
use kompox_model::{AppIdentity, Object, ObjectRef, ObjectSet, label, object};
use serde_json::Value;
use std::collections::BTreeMap;

/// What happens to one object.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Action {
    /// It does not exist yet.
    Create,
    /// It differs in these fields.
    Update {
        /// JSON pointers of the fields that change.
        fields: Vec<String>,
    },
    /// It differs in these fields, which cannot be changed any more: it is deleted and made again. Disks stay.
    Replace {
        /// JSON pointers of the fields that change.
        fields: Vec<String>,
    },
    /// It is as it should be.
    Leave,
    /// It is no longer part of the app.
    Delete,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub reference: ObjectRef,
    /// What happens to it.
    pub action: Action,
}

/// What a deploy would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Objects, in the order of applying, then those to delete.
    pub changes: Vec<Change>,
    /// Disks to create, as `volume: name, size`.
    pub disks: Vec<String>,
}

impl Plan {
    /// True when nothing would be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.disks.is_empty() && self.changes.iter().all(|change| change.action == Action::Leave)
    }

    /// True when this object would be written.
    pub(crate) fn writes(&self, reference: &ObjectRef) -> bool {
        match self.action(reference) {
            Some(Action::Create | Action::Update { .. } | Action::Replace { .. }) => true,
            Some(Action::Leave | Action::Delete) | None => false,
        }
    }

    /// What happens to this object.
    pub(crate) fn action(&self, reference: &ObjectRef) -> Option<&Action> {
        self.changes.iter().find(|change| change.reference == *reference).map(|change| &change.action)
    }

    /// Decides otherwise about an object of the plan.
    pub(crate) fn set(&mut self, reference: &ObjectRef, action: Action) {
        if let Some(change) = self.changes.iter_mut().find(|change| change.reference == *reference) {
            change.action = action;
        }
    }

    /// The objects to delete and make again, in order.
    pub(crate) fn replacements(&self) -> impl Iterator<Item = &ObjectRef> {
        let replaced = |change: &&Change| matches!(change.action, Action::Replace { .. });
        self.changes.iter().filter(replaced).map(|change| &change.reference)
    }

    /// The objects to delete, in order.
    pub(crate) fn deletions(&self) -> impl Iterator<Item = &ObjectRef> {
        self.changes.iter().filter(|change| change.action == Action::Delete).map(|change| &change.reference)
    }
}

/// Plans all objects.
///
/// `live` holds what exists, `applied` what a dry-run apply would give for the planned objects that exist, none for those
/// that cannot be changed into what is planned.
///
/// # Errors
/// Conflict when an object is being deleted (claims and volumes are made again, see [`crate::app::pair`]).
pub(crate) fn plan(
    identity: &AppIdentity,
    planned: &ObjectSet,
    live: &Live,
    applied: &BTreeMap<ObjectRef, Option<Value>>,
) -> Result<Plan, Error> {
    let mut changes = Vec::new();
    for Object { reference, .. } in planned.iter() {
        let action = match (live.get(reference), applied.get(reference)) {
            (None, _) => Action::Create,
            (Some(body), after) => {
                if live::is_terminating(body) && !reference.gvk.kind.starts_with("PersistentVolume") {
                    return Err(live::going(&reference.to_string()));
                }
                match after {
                    Some(None) => Action::Replace { fields: Vec::new() },
                    Some(Some(after)) => updated(differences(body, after)),
                    None => Action::Leave,
                }
            }
        };
        changes.push(Change { reference: reference.clone(), action });
    }
    let ours = identity.to_string();
    let gone = live.iter().filter(|(reference, body)| {
        planned.find(reference).is_none() && object::annotation(body, label::IDENTITY) == Some(ours.as_str())
    });
    changes
        .extend(gone.map(|(reference, _)| Change { reference: reference.clone(), action: Action::Delete }));
    Ok(Plan { changes, disks: Vec::new() })
}

fn updated(fields: Vec<String>) -> Action {
    if fields.is_empty() { Action::Leave } else { Action::Update { fields } }
}

/// Conflict when an object of `planned` exists and is not the app's. For before a dry run: the server may refuse to make
/// somebody else's object into ours, in words that do not tell whose it is.
pub(crate) fn refuse_foreign(identity: &AppIdentity, planned: &ObjectSet, live: &Live) -> Result<(), Error> {
    let ours = identity.to_string();
    for reference in planned.iter().map(|object| &object.reference) {
        let Some(body) = live.get(reference) else { continue };
        let whose = match object::annotation(body, label::IDENTITY) {
            Some(owner) if owner == ours => continue,
            Some(owner) => format!("belongs to app {owner}"),
            None => "is not managed by Kompox".to_owned(),
        };
        return Err(Error::refused(
            refusal::app::OBJECT_FOREIGN,
            format!("{reference} exists already and {whose}"),
            "nothing was changed; remove or rename that object if nobody needs it",
        ));
    }
    Ok(())
}

/// JSON pointers at which two states of an object differ, apart from what the server writes itself.
pub(crate) fn differences(live: &Value, after: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    compare("", &comparable(live), &comparable(after), &mut fields);
    fields
}

/// An object without what the server writes itself.
pub(crate) fn comparable(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(object) = body.as_object_mut() {
        for key in ["status", "apiVersion", "kind"] {
            object.remove(key);
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for key in ["managedFields", "resourceVersion", "generation"] {
                metadata.remove(key);
            }
            // Controllers write it at any moment, also between our look and the dry run.
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("deployment.kubernetes.io/revision");
            }
        }
    }
    body
}

fn compare(path: &str, a: &Value, b: &Value, fields: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                compare(
                    &path,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    fields,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}/{index}"), a, b, fields);
            }
        }
        _ if a == b => {}
        _ => fields.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, owner: Option<&str>, data: Value) -> Value {
        let mut body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n", "resourceVersion": "1"}, "data": data});
        if let Some(owner) = owner {
            body["metadata"]["annotations"] = json!({label::IDENTITY: owner});
        }
        body
    }

    fn run(live: &[Value], planned: &[Value]) -> Result<Vec<(String, Action)>, Error> {
        let identity: AppIdentity = "ops/k3s/a".parse().unwrap();
        let reference = |body: &Value| Object::from_body(body.clone()).unwrap().reference;
        let set =
            ObjectSet::new(planned.iter().map(|b| Object::from_body(b.clone()).unwrap()).collect()).unwrap();
        let live: Live = live.iter().map(|b| (reference(b), b.clone())).collect();
        let applied = planned.iter().map(|b| (reference(b), Some(b.clone()))).collect();
        refuse_foreign(&identity, &set, &live)?;
        Ok(plan(&identity, &set, &live, &applied)?
            .changes
            .into_iter()
            .map(|c| (c.reference.name, c.action))
            .collect())
    }

    #[test]
    fn each_action() {
        let ours = Some("ops/k3s/a");
        let live = [
            object("same", ours, json!({"k": "1"})),
            object("other", ours, json!({"k": "1"})),
            object("gone", ours, json!({})),
        ];
        let planned = [
            object("new", ours, json!({})),
            object("same", ours, json!({"k": "1"})),
            object("other", ours, json!({"k": "2"})),
        ];
        assert_eq!(
            run(&live, &planned).unwrap(),
            [
                ("new".to_owned(), Action::Create),
                ("same".to_owned(), Action::Leave),
                ("other".to_owned(), Action::Update { fields: vec!["/data/k".to_owned()] }),
                ("gone".to_owned(), Action::Delete),
            ]
        );
    }

    #[test]
    fn foreign_objects_are_refused_and_never_deleted() {
        for owner in [None, Some("ops/k3s/b")] {
            let error = run(&[object("a", owner, json!({}))], &[object("a", Some("ops/k3s/a"), json!({}))])
                .unwrap_err();
            assert!(matches!(error, Error::Refused { code: "app.object.foreign", .. }), "{error}");
            assert_eq!(run(&[object("a", owner, json!({}))], &[]).unwrap(), []);
        }
    }

    #[test]
    fn what_the_server_writes_is_no_difference() {
        let mut after = object("a", None, json!({}));
        after["metadata"]["resourceVersion"] = json!("2");
        after["metadata"]["managedFields"] = json!([{}]);
        after["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "2"});
        after["status"] = json!({"x": 1});
        let mut before = object("a", None, json!({}));
        before["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "1"});
        assert_eq!(differences(&before, &after), Vec::<String>::new());
    }
}
