//! `cluster uninstall-node`: takes what Kompox runs on the nodes out of the cluster. IO through the ports.

use super::ClusterScope;
use crate::app::act;
use crate::progress::Step;
use crate::{Error, refusal};
use futures::future::{try_join, try_join_all};
use jiff::{SignedDuration, Timestamp};
use kompox_model::port::Query;
use kompox_model::{Gvk, ObjectRef, label, object};
use serde_json::Value;

/// Options of an uninstallation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UninstallOptions {
    /// Only say what would go.
    pub dry_run: bool,
    /// Our clock, to judge whether a command still runs.
    pub now: Timestamp,
}

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Uninstalled {
    /// The objects, in the order of their deletion.
    pub deleted: Vec<String>,
    /// What else is in the Namespace `kompox-system`, for which it stays.
    pub left: Vec<String>,
}

/// Added to the time for which a Lease is valid: clocks differ by their rounding.
const ROUNDING: SignedDuration = SignedDuration::from_secs(5);

/// What we make in our Namespace, in the order of deletion.
fn kinds() -> [Gvk; 2] {
    [Gvk::new("apps", "v1", "DaemonSet"), Gvk::core("ServiceAccount")]
}

/// What somebody else may have put there.
fn others() -> [Gvk; 7] {
    [
        Gvk::core("Pod"),
        Gvk::core("ConfigMap"),
        Gvk::core("Secret"),
        Gvk::core("Service"),
        Gvk::core("PersistentVolumeClaim"),
        Gvk::new("apps", "v1", "Deployment"),
        Gvk::new("networking.k8s.io", "v1", "Ingress"),
    ]
}

/// Removes kompox-node, and its Namespace unless there is more in it. Disks stay where they are, apps run on, and the
/// nodes stay marked with the ids of their disk stores, by which a later installation knows that it found the same ones.
/// With nothing there it is success.
///
/// # Errors
/// Conflict while a command works on an app of the cluster, or when the Namespace is not Kompox's; those of the cluster.
pub async fn uninstall_node(
    scope: &ClusterScope<'_>,
    options: UninstallOptions,
) -> Result<Uninstalled, Error> {
    let nothing = Uninstalled { deleted: Vec::new(), left: Vec::new() };
    let reference = ObjectRef::new(Gvk::core("Namespace"), None, label::SYSTEM_NAMESPACE);
    let Some(namespace) = scope.kubernetes.get(&scope.call(), &reference).await? else { return Ok(nothing) };
    if object::label(&namespace, label::MANAGED_BY) != Some(label::MANAGER) {
        return Err(Error::refused(
            refusal::cluster::OBJECT_FOREIGN,
            format!("{reference} is not managed by Kompox"),
            "nothing was changed; remove it by hand if nobody needs it",
        ));
    }
    let (ours, left) = try_join(inside(scope, &kinds()), inside(scope, &others())).await?;
    let (ours, foreign): (Vec<_>, Vec<_>) = ours.into_iter().partition(|(_, body)| is_ours(body));
    let left: Vec<_> =
        foreign.into_iter().chain(left).filter(stays).map(|(other, _)| other.to_string()).collect();
    let mut doomed = ours;
    if left.is_empty() {
        doomed.push((reference, namespace));
    }
    let deleted = doomed.iter().map(|(reference, _)| reference.to_string()).collect();
    refuse_under_way(scope, options.now).await?;
    if !options.dry_run {
        remove(scope, &doomed).await?;
    }
    Ok(Uninstalled { deleted, left })
}

async fn inside(scope: &ClusterScope<'_>, kinds: &[Gvk]) -> Result<Vec<(ObjectRef, Value)>, Error> {
    let call = scope.call();
    let lists = try_join_all(kinds.iter().map(|gvk| {
        let query = Query::new(gvk.clone(), Some(label::SYSTEM_NAMESPACE));
        async move { scope.kubernetes.list(&call, &query).await }
    }));
    let mut found = Vec::new();
    for (gvk, bodies) in kinds.iter().zip(lists.await?) {
        found.extend(bodies.into_iter().filter_map(|body| {
            let name = body.pointer("/metadata/name")?.as_str()?;
            Some((ObjectRef::new(gvk.clone(), Some(label::SYSTEM_NAMESPACE), name), body))
        }));
    }
    Ok(found)
}

fn is_ours(body: &Value) -> bool {
    object::label(body, label::MANAGED_BY) == Some(label::MANAGER)
        && object::label(body, label::PART) == Some(label::PART_SYSTEM)
}

/// Whether an object keeps the Namespace: not what Kubernetes puts into each one, nor what goes with its owner.
fn stays((reference, body): &(ObjectRef, Value)) -> bool {
    let owned = body
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .is_some_and(|all| !all.is_empty());
    let given = matches!(
        (reference.gvk.kind.as_str(), reference.name.as_str()),
        ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt")
    );
    !owned && !given
}

/// Conflict while a command holds the Lease of an app: it may need kompox-node.
async fn refuse_under_way(scope: &ClusterScope<'_>, now: Timestamp) -> Result<(), Error> {
    let query = Query::new(Gvk::new("coordination.k8s.io", "v1", "Lease"), None).labels(format!(
        "{}={}",
        label::MANAGED_BY,
        label::MANAGER
    ));
    let leases = scope.kubernetes.list(&scope.call(), &query).await?;
    let now = now + SignedDuration::from_secs(scope.kubernetes.clock_ahead().unwrap_or_default());
    let Some(held) = leases.iter().find(|lease| is_held(lease, now)) else { return Ok(()) };
    let text = |pointer: &str| held.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (namespace, holder) = (text("/metadata/namespace"), text("/spec/holderIdentity"));
    Err(Error::refused(
        refusal::cluster::BUSY,
        format!("a command works on the app of Namespace {namespace}, by {holder}"),
        "nothing was changed; repeat when it has ended; if it crashed, its Lease expires within 35 seconds",
    ))
}

fn is_held(lease: &Value, now: Timestamp) -> bool {
    let spec = &lease["spec"];
    let renewed = spec["renewTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let valid = SignedDuration::from_secs(spec["leaseDurationSeconds"].as_i64().unwrap_or_default());
    spec["holderIdentity"].as_str().is_some_and(|holder| !holder.is_empty())
        && renewed.is_some_and(|renewed| now <= renewed + valid + ROUNDING)
}

async fn remove(scope: &ClusterScope<'_>, doomed: &[(ObjectRef, Value)]) -> Result<(), Error> {
    let done = "some of it was removed; a repeat removes the rest";
    for (reference, body) in doomed {
        let step = Step::start(scope.progress, format!("removing {reference}"));
        let uid = body.pointer("/metadata/uid").and_then(Value::as_str);
        let deleted = scope.kubernetes.delete(&scope.call(), reference, uid).await;
        act::or_interrupted(deleted.map_err(Error::from), done)?;
        let query = Query::new(reference.gvk.clone(), reference.namespace.as_deref())
            .fields(format!("metadata.name={}", reference.name));
        gone(scope, &query, done).await?;
        if reference.gvk.kind == "DaemonSet" {
            let pods = Query::new(Gvk::core("Pod"), Some(label::SYSTEM_NAMESPACE)).labels(format!(
                "{}={}",
                label::NAME,
                reference.name
            ));
            gone(scope, &pods, done).await?;
        }
        step.done(format!("{reference} removed"));
    }
    Ok(())
}

async fn gone(scope: &ClusterScope<'_>, query: &Query, done: &str) -> Result<(), Error> {
    let call = scope.call();
    let waits =
        act::Waits { cancel: scope.cancel, deadline: scope.deadline, subject: scope.cluster.name.as_str() };
    let mut snapshots = scope.kubernetes.watch(&call, query);
    while !waits.next(&mut snapshots, done).await?.is_empty() {}
    Ok(())
}
