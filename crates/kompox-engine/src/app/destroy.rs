//! `app destroy`: removes everything of the app but its Namespace and its disks. IO through the ports.

use crate::app::act;
use crate::app::live::{self, Live};
use crate::progress::{Step, objects};
use crate::{Error, Event, Scope};
use kompox_model::port::{ErrorKind, Lock};
use kompox_model::{Gvk, ObjectRef, label, object};
use serde_json::Value;

/// Options of a destroy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DestroyOptions {
    /// Delete the Namespace too. Disks stay all the same.
    pub delete_namespace: bool,
    /// Only say what would be deleted.
    pub dry_run: bool,
}

/// What a destroy did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Destroyed {
    /// Objects that were deleted, in order.
    pub deleted: Vec<String>,
    /// True when the Namespace was deleted too.
    pub namespace_deleted: bool,
}

/// Removes the app from the cluster. Repeating it is success.
///
/// # Errors
/// Conflict when a PersistentVolume would delete its disk with it, or the Namespace is foreign; those of the cluster.
pub async fn destroy(scope: &Scope<'_>, options: DestroyOptions, holder: &str) -> Result<Destroyed, Error> {
    let namespace = live::namespace(scope).await?;
    let found = ours(scope, live::by_label(scope, namespace.is_some()).await?);
    if found.is_empty() && (namespace.is_none() || !options.delete_namespace) {
        scope.progress.event(Event::Note("nothing of the app is left on the cluster".to_owned()));
        return Ok(Destroyed::default());
    }
    retained(&found)?;
    if options.dry_run {
        let deleted = in_order(&found).into_iter().map(|(reference, _)| reference.to_string()).collect();
        return Ok(Destroyed { deleted, namespace_deleted: options.delete_namespace });
    }
    let lock = act::lock(scope, holder).await?;
    let result = remove_objects(scope, lock.as_ref()).await;
    let deleted = act::release(lock, result).await?;
    if options.delete_namespace {
        let step = Step::start(scope.progress, "deleting the Namespace");
        let reference = ObjectRef::new(Gvk::core("Namespace"), None, &scope.namespace());
        if let Some(body) = live::namespace(scope).await? {
            let uid = body.pointer("/metadata/uid").and_then(Value::as_str);
            scope.kubernetes.delete(&scope.call(), &reference, uid).await?;
            act::gone(scope, &reference).await?;
        }
        step.done("Namespace is gone");
    }
    Ok(Destroyed { deleted, namespace_deleted: options.delete_namespace })
}

/// Only what carries our full identity: the hash in the label may collide.
fn ours(scope: &Scope<'_>, live: Live) -> Live {
    let identity = scope.identity().to_string();
    live.into_iter()
        .filter(|(_, body)| object::annotation(body, label::IDENTITY) == Some(identity.as_str()))
        .collect()
}

/// A PersistentVolume with another policy than Retain would take the disk with it.
fn retained(live: &Live) -> Result<(), Error> {
    for (reference, body) in live.iter().filter(|(reference, _)| reference.gvk.kind == "PersistentVolume") {
        let policy = body.pointer("/spec/persistentVolumeReclaimPolicy").and_then(Value::as_str);
        if policy != Some("Retain") {
            return Err(Error::refused(
                ErrorKind::Conflict,
                format!(
                    "{reference} has reclaim policy {}: deleting it could delete its disk",
                    policy.unwrap_or("unknown")
                ),
                "set its persistentVolumeReclaimPolicy to Retain, then repeat the command",
            ));
        }
    }
    Ok(())
}

/// Place of a kind in the order of deletion: routes, the Pod, what the Pod used, claims, volumes.
fn rank(reference: &ObjectRef, scope_namespace: Option<&str>) -> u8 {
    match reference.gvk.kind.as_str() {
        "Ingress" => 0,
        "ConfigMap" if reference.namespace.as_deref() != scope_namespace => 0,
        "Deployment" => 1,
        "PersistentVolumeClaim" => 3,
        "PersistentVolume" => 4,
        _ => 2,
    }
}

fn in_order(live: &Live) -> Vec<(&ObjectRef, &Value)> {
    let namespace = live
        .keys()
        .find(|reference| reference.gvk.kind == "Deployment" || reference.gvk.kind == "ServiceAccount")
        .and_then(|reference| reference.namespace.as_deref());
    let mut objects: Vec<_> = live.iter().collect();
    objects.sort_by_key(|(reference, _)| rank(reference, namespace));
    objects
}

async fn remove_objects(scope: &Scope<'_>, lock: &dyn Lock) -> Result<Vec<String>, Error> {
    let step = Step::start(scope.progress, "deleting the app's objects");
    let namespace = scope.namespace();
    let found = ours(scope, live::by_label(scope, true).await?);
    retained(&found)?;
    for pass in 0..=4 {
        let objects: Vec<_> =
            found.iter().filter(|(reference, _)| rank(reference, Some(&namespace)) == pass).collect();
        act::delete(scope, lock, objects.iter().copied()).await?;
        match pass {
            1 => act::pods_gone(scope).await?,
            3 => {
                for (reference, _) in objects {
                    act::gone(scope, reference).await?;
                }
            }
            _ => {}
        }
        act::interrupted(scope, "some objects were deleted; a repeat deletes the rest")?;
    }
    let left = ours(scope, live::by_label(scope, true).await?);
    if let Some((reference, _)) =
        left.iter().find(|(_, body)| body.pointer("/metadata/deletionTimestamp").is_none())
    {
        return Err(Error::refused(
            ErrorKind::Conflict,
            format!("{reference} is still there after its deletion"),
            "somebody made it again meanwhile; repeat the command",
        ));
    }
    step.done(format!("{} deleted", objects(found.len())));
    Ok(in_order(&found).into_iter().map(|(reference, _)| reference.to_string()).collect())
}
