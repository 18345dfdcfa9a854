//! The app's Deployment as it is: whether it wants a Pod, on which claims, and the marks of `app stop` and `app restart`.
//! IO through the cluster port.

use crate::app::wait::Expectation;
use crate::app::{act, live};
use crate::{Error, Scope, refusal};
use kompox_model::port::{Lock, Patch};
use kompox_model::{Gvk, Object, ObjectRef, ObjectSet, label, object, resource_name};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What names the app's Deployment.
pub(crate) fn reference(scope: &Scope<'_>) -> ObjectRef {
    ObjectRef::new(Gvk::new("apps", "v1", "Deployment"), Some(&scope.namespace()), resource_name::APP)
}

/// The Deployment, or none when the app is not on the cluster.
///
/// # Errors
/// Conflict when the Namespace or the Deployment is foreign, or on its way out.
pub(crate) async fn find(scope: &Scope<'_>) -> Result<Option<Value>, Error> {
    let namespace = live::namespace(scope).await?;
    live::refuse_going(scope, namespace.as_ref())?;
    if namespace.is_none() {
        return Ok(None);
    }
    let reference = reference(scope);
    let Some(found) = scope.kubernetes.get(&scope.call(), &reference).await? else { return Ok(None) };
    if object::annotation(&found, label::IDENTITY) != Some(scope.identity().to_string().as_str()) {
        return Err(Error::refused(
            refusal::app::OBJECT_FOREIGN,
            format!("{reference} exists already and is not this app's"),
            "nothing was changed; remove or rename that object if nobody needs it",
        ));
    }
    if live::is_terminating(&found) {
        return Err(live::going(&reference.to_string()));
    }
    Ok(Some(found))
}

/// The same where there must be one.
pub(crate) async fn require(scope: &Scope<'_>) -> Result<Value, Error> {
    find(scope).await?.ok_or_else(|| {
        Error::refused(
            refusal::app::NOT_DEPLOYED,
            format!("app {} is not deployed on this cluster", scope.app.name),
            "deploy it first: kompoxops app deploy",
        )
    })
}

/// True when `app stop` stopped it and nobody started it since.
pub(crate) fn is_stopped(deployment: &Value) -> bool {
    object::annotation(deployment, label::STOPPED).is_some()
}

/// True when there is, or will be, a Pod of it.
pub(crate) fn wants_pod(deployment: &Value) -> bool {
    deployment.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1) > 0
}

/// Names of the claims that its Pod mounts.
pub(crate) fn claims(pod_spec: &Value) -> BTreeSet<&str> {
    let volumes = pod_spec.get("volumes").and_then(Value::as_array).into_iter().flatten();
    volumes.filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str()).collect()
}

/// Changes the Deployment that was seen, and no other of its name.
pub(crate) async fn change(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    seen: &Value,
    mut change: Value,
) -> Result<Value, Error> {
    lock.check()?;
    change["metadata"]["uid"] = seen.pointer("/metadata/uid").cloned().unwrap_or_default();
    Ok(scope.kubernetes.patch(&scope.call(), &reference(scope), &Patch::Merge(change)).await?)
}

/// Tells the Pod to stop and waits until it is gone.
pub(crate) async fn stop(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    deployment: &Value,
    mark: bool,
) -> Result<(), Error> {
    let mut stopped = json!({"metadata": {}, "spec": {"replicas": 0}});
    if mark {
        stopped["metadata"]["annotations"] = json!({label::STOPPED: "true"});
    }
    if wants_pod(deployment) || (mark && !is_stopped(deployment)) {
        change(scope, lock, deployment, stopped).await?;
    }
    act::pods_gone(scope).await
}

/// What a Pod of this Deployment has to be to count as ready. The time that healthchecks allow is what the deploy noted; of
/// an older one, or one whose note somebody has changed into something else, the command's own limit ends the wait.
pub(crate) fn expectation(deployment: &Value, fresh: bool) -> Expectation {
    let template = deployment.pointer("/spec/template").unwrap_or(&Value::Null);
    let text = |key| object::annotation(template, key).map(ToOwned::to_owned);
    let init = template.pointer("/spec/initContainers").and_then(Value::as_array).into_iter().flatten();
    let one_shots = init.filter(|container| container["restartPolicy"] != "Always");
    Expectation {
        revision: text(label::REVISION),
        restarted: text(label::RESTARTED),
        one_shots: one_shots.filter_map(|c| c["name"].as_str().map(ToOwned::to_owned)).collect(),
        fresh,
        unhealthy_after: unhealthy_after(deployment).unwrap_or_default(),
    }
}

/// After how long each container counts as unhealthy, as the deploy noted it.
fn unhealthy_after(deployment: &Value) -> Option<BTreeMap<String, Duration>> {
    let noted = object::annotation(deployment, label::UNHEALTHY_AFTER)?;
    let seconds: BTreeMap<String, u64> = serde_json::from_str(noted).ok()?;
    Some(seconds.into_iter().map(|(name, seconds)| (name, Duration::from_secs(seconds))).collect())
}

/// The objects of a deploy with the mark of `app stop` kept: the app is brought up to date and stays stopped.
pub(crate) fn kept_stopped(objects: &ObjectSet) -> Result<ObjectSet, Error> {
    let keep = |object: &Object| {
        let mut object = object.clone();
        if object.reference.gvk.kind == "Deployment" {
            object.body["spec"]["replicas"] = json!(0);
            object.body["metadata"]["annotations"][label::STOPPED] = json!("true");
        }
        object
    };
    ObjectSet::new(objects.iter().map(keep).collect()).map_err(|twice| {
        Error::refused(refusal::DEFECT, format!("{twice} was made twice"), "this is a defect")
    })
}
