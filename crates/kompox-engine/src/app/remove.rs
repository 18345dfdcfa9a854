//! Deleting objects of an app in an order that loses nothing. IO through the cluster port.

use crate::app::act;
use crate::{Error, Scope, refusal};
use kompox_model::port::Lock;
use kompox_model::{Gvk, ObjectRef};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An object that was seen.
pub(crate) type Found<'a> = (&'a ObjectRef, &'a Value);

/// Places in the order of deletion: what leads to the app, the claims of its hosts, the Pod, what the Pod used, claims,
/// volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Route,
    Host,
    Pod,
    Used,
    Claim,
    Volume,
}

/// What becomes of the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pod {
    /// It has to be gone before what it uses.
    Goes,
    /// It does not use what is deleted.
    Stays,
}

/// The place of an object.
pub(crate) fn rank(scope: &Scope<'_>, reference: &ObjectRef) -> Rank {
    match reference.gvk.kind.as_str() {
        "Ingress" => Rank::Route,
        "ConfigMap" if reference.namespace.as_deref() != Some(&scope.namespace()) => Rank::Host,
        "Deployment" => Rank::Pod,
        "PersistentVolumeClaim" => Rank::Claim,
        "PersistentVolume" => Rank::Volume,
        _ => Rank::Used,
    }
}

/// The objects in the order of their deletion.
pub(crate) fn in_order<'a>(
    scope: &Scope<'_>,
    objects: impl IntoIterator<Item = Found<'a>>,
) -> Vec<Found<'a>> {
    let mut objects: Vec<_> = objects.into_iter().collect();
    objects.sort_by_key(|(reference, _)| rank(scope, reference));
    objects
}

/// Conflict unless every volume among the objects, and every volume of a claim among them, is kept when its claim goes:
/// otherwise the disk would go with it.
pub(crate) async fn refuse_not_retained(
    scope: &Scope<'_>,
    objects: impl IntoIterator<Item = Found<'_>>,
) -> Result<(), Error> {
    let names: BTreeSet<&str> = objects
        .into_iter()
        .filter_map(|(reference, body)| match reference.gvk.kind.as_str() {
            "PersistentVolume" => Some(reference.name.as_str()),
            "PersistentVolumeClaim" => body.pointer("/spec/volumeName")?.as_str(),
            _ => None,
        })
        .collect();
    for name in names {
        let reference = ObjectRef::new(Gvk::core("PersistentVolume"), None, name);
        let Some(body) = scope.kubernetes.get(&scope.call(), &reference).await? else { continue };
        let policy = body.pointer("/spec/persistentVolumeReclaimPolicy").and_then(Value::as_str);
        if policy != Some("Retain") {
            return Err(Error::refused(
                refusal::app::VOLUME_NOT_RETAINED,
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

/// Deletes objects, each after what depends on it is gone; the Pod too if `pod` says so, otherwise it is not among those
/// that use them.
///
/// # Errors
/// Conflict, before anything is deleted, when a volume would take its disk along; Interrupted between the steps.
pub(crate) async fn remove(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    objects: impl IntoIterator<Item = Found<'_>>,
    pod: Pod,
) -> Result<(), Error> {
    let mut ranks: BTreeMap<Rank, Vec<Found<'_>>> = BTreeMap::new();
    for found in objects {
        ranks.entry(rank(scope, found.0)).or_default().push(found);
    }
    if pod == Pod::Goes {
        // Its Deployment may be gone already, and the Pod still stopping.
        ranks.entry(Rank::Pod).or_default();
    }
    refuse_not_retained(scope, ranks.values().flatten().copied()).await?;
    for (rank, objects) in ranks {
        act::delete(scope, lock, objects.iter().copied()).await?;
        match rank {
            Rank::Pod => act::pods_gone(scope).await?,
            Rank::Claim | Rank::Volume => {
                for (reference, body) in objects {
                    act::gone(scope, reference, body).await?;
                }
            }
            Rank::Route | Rank::Host | Rank::Used => {}
        }
        act::interrupted(scope, "some objects were deleted; a repeat deletes the rest")?;
    }
    Ok(())
}
