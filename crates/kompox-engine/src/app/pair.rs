//! A disk's PersistentVolume and claim, which go together: when they must be made again, and when they are free. Pure.

use crate::app::live::{self, Live};
use crate::app::plan::{Action, Plan};
use crate::{Error, refusal};
use kompox_model::{Gvk, Object, ObjectRef, ObjectSet};
use serde_json::Value;

/// The claim of a PersistentVolume: its Namespace and name.
fn claim_of(volume: &Value) -> Option<(&str, &str)> {
    let claim = volume.pointer("/spec/claimRef")?;
    Some((claim.get("namespace")?.as_str()?, claim.get("name")?.as_str()?))
}

fn claim_reference(volume: &Value) -> Option<ObjectRef> {
    let (namespace, name) = claim_of(volume)?;
    Some(ObjectRef::new(Gvk::core("PersistentVolumeClaim"), Some(namespace), name))
}

fn volumes(objects: &ObjectSet) -> impl Iterator<Item = &Object> {
    objects.iter().filter(|object| object.reference.gvk.kind == "PersistentVolume")
}

/// True for a claim or volume that differs from what is wanted, so that "invalid" means "cannot be changed any more".
pub(crate) fn is_fixed(wanted: &Object, live: &Value) -> bool {
    matches!(wanted.reference.gvk.kind.as_str(), "PersistentVolume" | "PersistentVolumeClaim")
        && !differences(wanted, live).is_empty()
}

/// Pointers of the fields of the spec that are wanted otherwise than they are.
fn differences(wanted: &Object, live: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    if let Some(spec) = wanted.body.get("spec") {
        unlike("/spec", spec, live.get("spec").unwrap_or(&Value::Null), &mut fields);
    }
    fields
}

fn unlike(path: &str, wanted: &Value, live: &Value, fields: &mut Vec<String>) {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            for (key, value) in wanted {
                unlike(&format!("{path}/{key}"), value, live.get(key).unwrap_or(&Value::Null), fields);
            }
        }
        (wanted, live) if wanted == live => {}
        // Servers leave out an empty storage class.
        (Value::String(text), Value::Null) if text.is_empty() => {}
        _ => fields.push(path.to_owned()),
    }
}

/// Conflict when a PersistentVolume of ours was bound to a claim that is not the app's: it may be in use there.
pub(crate) fn refuse_bound_elsewhere(objects: &ObjectSet, live: &Live) -> Result<(), Error> {
    for volume in volumes(objects) {
        let Some(found) = live.get(&volume.reference).and_then(claim_of) else { continue };
        if claim_of(&volume.body) != Some(found) {
            return Err(Error::refused(
                refusal::app::VOLUME_BOUND_ELSEWHERE,
                format!("{} is bound to claim {}/{}, not to the app's", volume.reference, found.0, found.1),
                "nothing was changed; a disk is used by one app only: remove that claim if nobody needs it",
            ));
        }
    }
    Ok(())
}

/// The uid of the former claim that a PersistentVolume still waits for; none when it is free or rightly bound.
pub(crate) fn former_claim<'a>(volume: &Object, live: &'a Live) -> Option<&'a str> {
    let bound = live.get(&volume.reference)?.pointer("/spec/claimRef/uid")?.as_str()?;
    let claim = claim_reference(&volume.body).and_then(|claim| live.get(&claim));
    let uid = claim.and_then(|claim| claim.pointer("/metadata/uid")?.as_str());
    (uid != Some(bound)).then_some(bound)
}

/// Completes a plan: a claim that is going or lost, or a volume that is going, is made again; so is the other one of the
/// pair, and the Pod that uses them has to go first. A released volume is set free.
pub(crate) fn complete(plan: &mut Plan, objects: &ObjectSet, live: &Live) {
    let deployment = objects.iter().find(|object| object.reference.gvk.kind == "Deployment");
    for volume in volumes(objects) {
        let claim = claim_reference(&volume.body).and_then(|claim| objects.find(&claim));
        let pair: Vec<&Object> = [volume].into_iter().chain(claim).collect();
        let again = |object: &&Object| {
            let replaced = matches!(plan.action(&object.reference), Some(Action::Replace { .. }));
            replaced || live.get(&object.reference).is_some_and(is_useless)
        };
        if pair.iter().any(again) {
            for object in pair {
                if let Some(found) = live.get(&object.reference) {
                    plan.set(&object.reference, Action::Replace { fields: differences(object, found) });
                }
            }
            if let Some(deployment) = deployment.filter(|object| live.contains_key(&object.reference)) {
                let fields = match plan.action(&deployment.reference) {
                    Some(Action::Update { fields } | Action::Replace { fields }) => fields.clone(),
                    _ => Vec::new(),
                };
                plan.set(&deployment.reference, Action::Replace { fields });
            }
        } else if former_claim(volume, live).is_some()
            && plan.action(&volume.reference) == Some(&Action::Leave)
        {
            let fields = vec!["/spec/claimRef/uid".to_owned()];
            plan.set(&volume.reference, Action::Update { fields });
        }
    }
}

/// A claim that lost its volume never finds it again.
fn is_useless(object: &Value) -> bool {
    live::is_terminating(object) || object.pointer("/status/phase") == Some(&Value::from("Lost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_wanted_otherwise_is_a_difference() {
        let wanted = |spec: Value| {
            let body = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": spec});
            Object::from_body(body).unwrap()
        };
        let live = json!({"spec": {"local": {"path": "/a"}, "persistentVolumeReclaimPolicy": "Retain"}});
        for (spec, differs) in [
            (json!({"local": {"path": "/a"}}), false),
            (json!({"local": {"path": "/a"}, "storageClassName": ""}), false),
            (json!({"local": {"path": "/a"}, "storageClassName": "fast"}), true),
            (json!({"local": {"path": "/b"}}), true),
        ] {
            assert_eq!(is_fixed(&wanted(spec.clone()), &live), differs, "{spec}");
        }
    }

    #[test]
    fn a_volume_waits_for_a_claim_that_is_no_more() {
        let claim_ref = json!({"namespace": "n", "name": "c", "uid": "u1"});
        let body = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": {"claimRef": claim_ref}});
        let volume = Object::from_body(body).unwrap();
        let claim = ObjectRef::new(Gvk::core("PersistentVolumeClaim"), Some("n"), "c");
        let mut live: Live = [(volume.reference.clone(), volume.body.clone())].into();
        assert_eq!(former_claim(&volume, &live), Some("u1"));
        live.insert(claim.clone(), json!({"metadata": {"uid": "u2"}}));
        assert_eq!(former_claim(&volume, &live), Some("u1"));
        live.insert(claim, json!({"metadata": {"uid": "u1"}}));
        assert_eq!(former_claim(&volume, &live), None);
    }
}
