//! `app stop`, `app start`, `app restart`: the Pod goes and comes, everything else stays. IO through the ports.

use crate::app::{act, wait, workload};
use crate::disk;
use crate::{Error, Event, Scope, refusal};
use kompox_model::port::{Lock, Query};
use kompox_model::{Gvk, label};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What `app stop`, `app start` and `app restart` did.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Powered {
    /// False when there was nothing to do.
    pub changed: bool,
    /// The Pod that was seen to be Ready, if one shall run and was waited for.
    pub pod: Option<String>,
    /// For how many seconds no Pod was Ready; none unless a running one was replaced.
    pub outage_seconds: Option<f64>,
}

/// Stops the Pod and waits until it is gone. The app stays stopped, also over deploys, until [`start`]. Its disks stay
/// assigned, and its claims and volumes stay where they are.
///
/// # Errors
/// NotFound when the app is not deployed; those of the cluster.
pub async fn stop(scope: &Scope<'_>, holder: &str) -> Result<Powered, Error> {
    let look = workload::require(scope).await;
    let deployment = act::or_interrupted(look, "nothing was changed")?;
    if workload::is_stopped(&deployment) && !workload::wants_pod(&deployment) {
        act::pods_gone(scope).await?;
        scope.progress.event(Event::Note("the app is stopped already".to_owned()));
        return Ok(Powered::default());
    }
    locked(scope, holder, async |lock: &dyn Lock| {
        let deployment = workload::require(scope).await?;
        workload::stop(scope, lock, &deployment, true).await?;
        Ok(Powered { changed: true, ..Powered::default() })
    })
    .await
}

/// Lets a stopped app run again, on the disks it had, and waits until it is Ready.
///
/// # Errors
/// NotFound when the app is not deployed, Conflict when its disks are no longer those that are assigned, Failed and
/// NotReady as for a deploy; those of the ports.
pub async fn start(scope: &Scope<'_>, no_wait: bool, holder: &str) -> Result<Powered, Error> {
    let look = workload::require(scope).await;
    let deployment = act::or_interrupted(look, "nothing was changed")?;
    if workload::wants_pod(&deployment) && !workload::is_stopped(&deployment) {
        scope.progress.event(Event::Note("the app is started already".to_owned()));
        let pod = ready(scope, &deployment, no_wait, false).await?;
        return Ok(Powered { pod, ..Powered::default() });
    }
    act::or_interrupted(refuse_other_disks(scope, &deployment).await, "nothing was changed")?;
    locked(scope, holder, async |lock: &dyn Lock| {
        let deployment = workload::require(scope).await?;
        refuse_other_disks(scope, &deployment).await?;
        let change = json!({"metadata": {"annotations": {label::STOPPED: null}}, "spec": {"replicas": 1}});
        let started = workload::change(scope, lock, &deployment, change).await?;
        let pod = ready(scope, &started, no_wait, true).await?;
        Ok(Powered { changed: true, pod, outage_seconds: None })
    })
    .await
}

/// Replaces the Pod, all its containers together, by one of the same template, and waits until that is Ready.
///
/// # Errors
/// NotFound when the app is not deployed, Conflict when it is stopped, Failed and NotReady as for a deploy; those of the
/// cluster.
pub async fn restart(
    scope: &Scope<'_>,
    no_wait: bool,
    now: jiff::Timestamp,
    holder: &str,
) -> Result<Powered, Error> {
    let look = running(scope).await;
    act::or_interrupted(look, "nothing was changed")?;
    locked(scope, holder, async |lock: &dyn Lock| {
        let deployment = running(scope).await?;
        let template = json!({"metadata": {"annotations": {label::RESTARTED: now.to_string()}}});
        let change = json!({"metadata": {}, "spec": {"replicas": 1, "template": template}});
        let begun = Instant::now();
        let restarted = workload::change(scope, lock, &deployment, change).await?;
        let pod = ready(scope, &restarted, no_wait, true).await?;
        let outage_seconds = pod.is_some().then(|| seconds(begun.elapsed()));
        Ok(Powered { changed: true, pod, outage_seconds })
    })
    .await
}

/// The Deployment of an app that was not stopped.
async fn running(scope: &Scope<'_>) -> Result<Value, Error> {
    let deployment = workload::require(scope).await?;
    if workload::is_stopped(&deployment) {
        return Err(Error::refused(
            refusal::app::STOPPED,
            format!("app {} is stopped, so there is nothing to restart", scope.app.name),
            "start it: kompoxops app start",
        ));
    }
    Ok(deployment)
}

async fn ready(
    scope: &Scope<'_>,
    deployment: &Value,
    no_wait: bool,
    fresh: bool,
) -> Result<Option<String>, Error> {
    if no_wait {
        return Ok(None);
    }
    wait::ready(scope, &workload::expectation(deployment, fresh)).await.map(Some)
}

async fn locked<T>(
    scope: &Scope<'_>,
    holder: &str,
    work: impl AsyncFnOnce(&dyn Lock) -> Result<T, Error>,
) -> Result<T, Error> {
    let lock = act::lock(scope, holder).await;
    let lock = act::or_interrupted(lock, "nothing of the app was changed")?;
    let result = work(lock.as_ref()).await;
    act::release(
        scope,
        lock,
        act::or_interrupted(result, "the Deployment may have been changed; a repeat continues"),
    )
    .await
}

/// Conflict unless every disk that the Pod would mount is the assigned disk of its volume: it may have been detached or
/// exchanged while the app was stopped.
pub(crate) async fn refuse_other_disks(scope: &Scope<'_>, deployment: &Value) -> Result<(), Error> {
    let template = deployment.pointer("/spec/template/spec").unwrap_or(&Value::Null);
    let claims = workload::claims(template);
    if claims.is_empty() || scope.driver.disks().is_none() {
        return Ok(());
    }
    let call = scope.call();
    let cluster = scope.kubernetes.facts(&call).await?;
    let inventory = disk::inventory(scope, &cluster.uid).await?;
    disk::believed(&inventory)?;
    super::volumes::open(&inventory)?;
    let volumes = scope.kubernetes.list(&call, &Query::new(Gvk::core("PersistentVolume"), None)).await?;
    let namespace = scope.namespace();
    for claim in claims {
        let bound = volumes.iter().find(|volume| {
            let of = |key: &str| volume.pointer(&format!("/spec/claimRef/{key}")).and_then(Value::as_str);
            of("namespace") == Some(namespace.as_str()) && of("name") == Some(claim)
        });
        let handle = bound.and_then(disk::handle_of);
        let assigned = |handle| {
            let own = |disk: &&kompox_model::Disk| {
                disk.holder.cluster == scope.cluster.name && disk.holder.uid == cluster.uid
            };
            inventory.disks.iter().filter(own).any(|disk| disk.handle == handle && disk.assigned)
        };
        if !handle.is_some_and(assigned) {
            return Err(Error::refused(
                refusal::app::STOPPED_DISK_GONE,
                format!(
                    "claim {claim} of the stopped app is not on an assigned disk of this cluster any more"
                ),
                "bring the app to its assigned disks, then start it: kompoxops app deploy",
            ));
        }
    }
    Ok(())
}

/// Seconds with one digit, as they are shown.
pub(crate) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
