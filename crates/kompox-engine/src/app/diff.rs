//! `app diff`: what a deploy would change, object by object. IO through the ports; writes nothing.

use crate::app::see::{self, Wish};
use crate::app::{Action, Loaded, act, plan};
use crate::progress::Step;
use crate::{Error, Scope};
use kompox_model::{Object, ObjectRef};
use kompox_yaml::Diagnostics;
use serde_json::Value;
use std::collections::BTreeSet;

/// One object that a deploy would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The object.
    pub reference: ObjectRef,
    /// What a deploy does to it, never [`Action::Leave`].
    pub action: Action,
    /// What is there, none when it would be created. Secret data as `sha256:…`, without what the server keeps for itself.
    pub before: Option<Value>,
    /// What would be there, none when it would be deleted; in the same form.
    pub after: Option<Value>,
}

/// What a deploy would change.
#[derive(Debug, Clone)]
pub struct Differences {
    /// Objects in the order of a deploy.
    pub objects: Vec<Difference>,
    /// Disks to create, in words.
    pub disks: Vec<String>,
    /// What convert said.
    pub notes: Diagnostics,
}

/// Compares the cluster with the configuration as a deploy does: by what the server says that an apply would give.
///
/// # Errors
/// Those of a deploy before it writes anything.
pub async fn diff(
    scope: &Scope<'_>,
    loaded: &Loaded,
    start_empty: &BTreeSet<String>,
) -> Result<Differences, Error> {
    let step = Step::start(scope.progress, "looking at the cluster");
    let wish = Wish { start_empty: start_empty.clone(), ..Wish::default() };
    let seen = act::or_interrupted(see::see(scope, loaded, &wish).await, "nothing was changed")?;
    step.done("cluster compared with the configuration");
    let claims: Vec<Object> = seen.claims.iter().map(kompox_convert::HostClaim::object).collect();
    let planned = |reference: &ObjectRef| {
        let all = seen.objects.iter().chain([&seen.namespace]).chain(&claims);
        all.into_iter().find(|object| object.reference == *reference)
    };
    let changed = seen.plan.changes.iter().filter(|change| change.action != Action::Leave);
    let objects = changed.map(|change| {
        let reference = &change.reference;
        let before = seen.live.get(reference);
        let after = match (&change.action, seen.applied.get(reference)) {
            (Action::Delete, _) => None,
            (_, Some(Some(after))) => Some(after),
            _ => planned(reference).map(|object| &object.body),
        };
        Difference {
            reference: reference.clone(),
            action: change.action.clone(),
            before: before.map(|body| shown(reference, body)),
            after: after.map(|body| shown(reference, body)),
        }
    });
    Ok(Differences { objects: objects.collect(), disks: seen.plan.disks.clone(), notes: seen.notes.clone() })
}

/// An object as it is shown.
fn shown(reference: &ObjectRef, body: &Value) -> Value {
    let mut body = plan::comparable(body);
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["uid", "creationTimestamp"] {
            metadata.remove(key);
        }
    }
    Object { reference: reference.clone(), body }.redacted()
}
