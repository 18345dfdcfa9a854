//! Several volumes of an app switched to other disks at once: a restored set, whole or not at all. IO through the ports.

use super::{believed, disks, find_volume, inventory, missing, prepared, refuse_elsewhere};
use crate::app::see::{self, Seen, Wish};
use crate::app::{DeployOptions, Deployed, Loaded, act, deploy, power, workload};
use crate::progress::Step;
use crate::{Error, Event, Scope, refusal};
use kompox_model::port::{Cancel, DiskAssign, Lock};
use kompox_model::{Disk, DiskName, DiskState, VolumeName};
use serde_json::json;
use std::time::{Duration, Instant};

/// What a switch of several volumes did, or would do.
#[derive(Debug, Clone)]
pub struct AttachedSet {
    /// The disks that were assigned before and are not now.
    pub former: Vec<(VolumeName, DiskName)>,
    /// For how many seconds no Pod was Ready; none unless a running one was replaced.
    pub outage_seconds: Option<f64>,
    /// The deploy on the disks.
    pub deployed: Deployed,
}

/// Switches each of the volumes to a disk: the Pod is stopped, all are assigned, the app is deployed. A repeat finishes what
/// was begun.
///
/// # Errors
/// NotFound without such a disk; Conflict when one is not ready, used by somebody else or held by another cluster; the errors
/// of a deploy. When it fails before the last one is assigned, the former ones are assigned again and the app is started.
pub async fn attach_set(
    scope: &Scope<'_>,
    loaded: &Loaded,
    wanted: &[(VolumeName, DiskName)],
    options: &DeployOptions,
    holder: &str,
) -> Result<AttachedSet, Error> {
    let looked = look(scope, loaded, wanted, options).await;
    act::or_interrupted(looked, "nothing was changed")?;
    let lock = act::or_interrupted(act::lock(scope, holder).await, "nothing of the app was changed")?;
    let result = switched(scope, loaded, wanted, options, lock.as_ref()).await;
    let result = act::or_interrupted(result, "a repeat finishes the switch");
    act::release(scope, lock, result).await
}

/// The disks to be assigned, and those that are.
struct Switches {
    to: Vec<Disk>,
    from: Vec<Disk>,
}

/// Makes sure that the app can be deployed on all the disks, before anything is stopped for it.
async fn look(
    scope: &Scope<'_>,
    loaded: &Loaded,
    wanted: &[(VolumeName, DiskName)],
    options: &DeployOptions,
) -> Result<(Switches, Seen), Error> {
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let found = inventory(scope, &cluster.uid).await?;
    believed(&found)?;
    let mut switches = Switches { to: Vec::new(), from: Vec::new() };
    for (volume, name) in wanted {
        find_volume(scope, Some(volume))?;
        let of_volume = || found.disks.iter().filter(|disk| disk.volume == *volume);
        let disk = of_volume().find(|disk| disk.name == *name).ok_or_else(|| missing(scope, name))?;
        if disk.state != DiskState::Ready {
            return Err(Error::refused(
                refusal::disk::NOT_READY,
                format!("disk {name} of volume {volume} is {}, not ready", disk.state),
                "repeat the command that makes it, or choose another disk",
            ));
        }
        refuse_elsewhere(scope, &disk.handle).await?;
        switches.to.push(disk.clone());
        switches.from.extend(of_volume().filter(|other| other.assigned && other.name != *name).cloned());
    }
    let wish =
        Wish { start_empty: options.start_empty.clone(), assigned: wanted.to_vec(), ..Wish::default() };
    let seen = see::see(scope, loaded, &wish).await?;
    Ok((switches, seen))
}

/// Everything that needs the Lease.
async fn switched(
    scope: &Scope<'_>,
    loaded: &Loaded,
    wanted: &[(VolumeName, DiskName)],
    options: &DeployOptions,
    lock: &dyn Lock,
) -> Result<AttachedSet, Error> {
    let (switches, seen) = prepared(scope, lock, async || look(scope, loaded, wanted, options).await).await?;
    let deployment = workload::find(scope).await?;
    let runs = deployment.as_ref().is_some_and(workload::wants_pod);
    let begun = Instant::now();
    if !switches.from.is_empty() || switches.to.iter().any(|disk| !disk.assigned) {
        let assigned = async {
            if let Some(deployment) = &deployment {
                workload::stop(scope, lock, deployment, false).await?;
            }
            for disk in &switches.to {
                act::interrupted(scope, "the Pod was stopped")?;
                assign(scope, lock, &seen.cluster_uid, disk, options.now).await?;
            }
            Ok(())
        };
        if let Err(error) = assigned.await {
            recover(scope, lock, &switches, &seen.cluster_uid, runs).await;
            return Err(error);
        }
    }
    let wish = Wish { start_empty: options.start_empty.clone(), ..Wish::default() };
    let deployed = deploy::write(scope, loaded, options, &wish, lock).await?;
    let ready = deployed.ready.filter(|_| runs && !deployed.plan.is_empty());
    let outage_seconds = ready.map(|ready| power::seconds(ready.duration_since(begun)));
    let former = switches.from.iter().map(|disk| (disk.volume.clone(), disk.name.clone())).collect();
    Ok(AttachedSet { former, outage_seconds, deployed })
}

async fn assign(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    cluster_uid: &str,
    disk: &Disk,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    let step = Step::start(scope.progress, format!("assigning disk {} of volume {}", disk.name, disk.volume));
    lock.check()?;
    let identity = scope.identity();
    let scoped = scope.disks(&identity, cluster_uid);
    let options = DiskAssign { dry_run: false, at: Some(now) };
    disks(scope)?.assign(&scope.call(), scoped, &disk.volume, &disk.name, options).await?;
    step.done(format!("disk {} of volume {} assigned", disk.name, disk.volume));
    Ok(())
}

/// How long going back may take.
const RECOVERY: Duration = Duration::from_secs(60);

/// After a failure: assigns the former disks again and starts the app. What it does is told, the failure stays the command's.
async fn recover(scope: &Scope<'_>, lock: &dyn Lock, switches: &Switches, cluster_uid: &str, runs: bool) {
    // The command's own time may be over, or the user may have stopped it.
    let cancel = Cancel::new();
    let base = *scope;
    let scope = Scope { cancel: &cancel, deadline: Some(Instant::now() + RECOVERY), ..base };
    let back = async {
        for disk in &switches.from {
            let identity = scope.identity();
            let scoped = scope.disks(&identity, cluster_uid);
            lock.check()?;
            let options = DiskAssign::default();
            disks(&scope)?.assign(&scope.call(), scoped, &disk.volume, &disk.name, options).await?;
        }
        if runs && let Some(deployment) = workload::find(&scope).await? {
            let change = json!({"metadata": {}, "spec": {"replicas": 1}});
            workload::change(&scope, lock, &deployment, change).await?;
        }
        Ok::<_, Error>(())
    };
    let text = match back.await {
        Ok(()) => "the switch failed; every volume has the disk it had".to_owned(),
        Err(error) => format!(
            "the switch failed half-way and the app is stopped; it could not be undone ({error}): repeat the command to \
             finish it"
        ),
    };
    scope.progress.event(Event::Warning(text));
}
