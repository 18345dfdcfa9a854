//! Who uses a disk: PersistentVolumes, claims and Pods, whoever's they are. IO through the cluster port.

use crate::app::{live, workload};
use crate::{Error, Scope, refusal};
use kompox_model::Gvk;
use kompox_model::port::Query;
use serde_json::Value;

/// A PersistentVolume for the handle means that a Pod may still mount the disk.
pub(super) async fn refuse_used(scope: &Scope<'_>, handle: &str) -> Result<(), Error> {
    let volumes =
        scope.kubernetes.list(&scope.call(), &Query::new(Gvk::core("PersistentVolume"), None)).await?;
    let used = volumes.iter().find(|volume| handle_of(volume) == Some(handle));
    match used.and_then(|volume| volume.pointer("/metadata/name")?.as_str()) {
        None => Ok(()),
        Some(name) => Err(Error::refused(
            refusal::disk::IN_USE,
            format!("PersistentVolume {name} still refers to the disk"),
            "deploy the app on its assigned disk, or destroy it, then repeat the command",
        )),
    }
}

/// The handle of the disk behind a PersistentVolume.
pub(crate) fn handle_of(volume: &Value) -> Option<&str> {
    ["/spec/local/path", "/spec/csi/volumeHandle", "/spec/hostPath/path"]
        .iter()
        .find_map(|path| volume.pointer(path)?.as_str())
}

/// Namespaces and names of the claims that PersistentVolumes with this handle are for.
async fn claims_on(scope: &Scope<'_>, handle: &str) -> Result<Vec<(String, String)>, Error> {
    let query = Query::new(Gvk::core("PersistentVolume"), None);
    let volumes = scope.kubernetes.list(&scope.call(), &query).await?;
    let claim = |volume: &Value| {
        let text =
            |key: &str| volume.pointer(&format!("/spec/claimRef/{key}"))?.as_str().map(ToOwned::to_owned);
        Some((text("namespace")?, text("name")?))
    };
    Ok(volumes.iter().filter(|volume| handle_of(volume) == Some(handle)).filter_map(claim).collect())
}

/// A Pod that mounts the disk, whoever's it is, in words.
pub(crate) async fn mounted_by_pod(scope: &Scope<'_>, handle: &str) -> Result<Option<String>, Error> {
    pod_on(scope, &claims_on(scope, handle).await?).await
}

async fn pod_on(scope: &Scope<'_>, claims: &[(String, String)]) -> Result<Option<String>, Error> {
    for (namespace, claim) in claims {
        if let Some(pod) = mounted_by(scope, namespace, claim).await? {
            return Ok(Some(pod));
        }
    }
    Ok(None)
}

/// The same, or the app's Deployment that will make a Pod which mounts the disk.
pub(crate) async fn used_by(scope: &Scope<'_>, handle: &str) -> Result<Option<String>, Error> {
    let claims = claims_on(scope, handle).await?;
    if let Some(pod) = pod_on(scope, &claims).await? {
        return Ok(Some(pod));
    }
    let own = scope.namespace();
    let deployment = workload::find(scope).await?.filter(workload::wants_pod);
    let spec = deployment.as_ref().and_then(|deployment| deployment.pointer("/spec/template/spec"));
    let mounts = spec.is_some_and(|spec| {
        let mounted = workload::claims(spec);
        claims.iter().any(|(namespace, claim)| *namespace == own && mounted.contains(claim.as_str()))
    });
    Ok(mounts.then(|| format!("app {}", scope.app.name)))
}

/// A Pod that has not ended and mounts the claim, in words.
async fn mounted_by(scope: &Scope<'_>, namespace: &str, claim: &str) -> Result<Option<String>, Error> {
    let pods = scope.kubernetes.list(&scope.call(), &Query::new(Gvk::core("Pod"), Some(namespace))).await?;
    let ended = |pod: &Value| {
        matches!(pod.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed"))
    };
    let mounts = |pod: &&Value| pod.get("spec").is_some_and(|spec| workload::claims(spec).contains(claim));
    let found = pods.iter().filter(|pod| !ended(pod)).find(mounts);
    Ok(found
        .and_then(|pod| pod.pointer("/metadata/name")?.as_str())
        .map(|name| format!("Pod {namespace}/{name}")))
}

/// Conflict when somebody else's Pod uses the disk, or a PersistentVolume gives it to a claim of another Namespace.
pub(super) async fn refuse_elsewhere(scope: &Scope<'_>, handle: &str) -> Result<(), Error> {
    let own = scope.namespace();
    let ours = live::pods(scope).await?;
    for (namespace, claim) in claims_on(scope, handle).await? {
        let user = match mounted_by(scope, &namespace, &claim).await? {
            Some(pod)
                if namespace == own
                    && ours.iter().any(|own| {
                        pod.ends_with(&format!("/{}", own["metadata"]["name"].as_str().unwrap_or_default()))
                    }) =>
            {
                continue;
            }
            Some(pod) => pod,
            None if namespace != own => format!("claim {namespace}/{claim}"),
            None => continue,
        };
        return Err(Error::refused(
            refusal::disk::USED,
            format!("{user} uses the disk"),
            "nothing was changed; a disk is used by one app only: remove that first if nobody needs it",
        ));
    }
    Ok(())
}
