//! `app takeover`: an app whose cluster is gone, on the disks that another cluster sees. IO through the ports.

use crate::app::see::Wish;
use crate::app::{DeployOptions, Deployed, Loaded, act, deploy, power};
use crate::progress::Step;
use crate::relocation::{self, Mark, fences};
use crate::{Error, Event, Scope, disk, refusal};
use kompox_model::port::{DiskInventory, GapKind, Lock};
use kompox_model::{ClusterName, DiskState, Holder, VolumeName, VolumeState};
use std::collections::BTreeSet;
use std::time::Instant;

/// What a takeover did, or would do.
#[derive(Debug)]
pub struct TakenOver {
    /// The volumes that were taken, with who held them.
    pub volumes: Vec<TakenVolume>,
    /// How long it took until the Pod was Ready.
    pub seconds: Option<f64>,
    /// The deploy; none of a dry run.
    pub deployed: Option<Deployed>,
}

/// A volume and who held it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TakenVolume {
    /// The volume.
    pub volume: VolumeName,
    /// The cluster that held it.
    pub from: Holder,
}

/// The clusters that hold volumes of the app which this cluster sees.
///
/// # Errors
/// Those of the driver and the cluster.
pub async fn holders(scope: &Scope<'_>) -> Result<Vec<Holder>, Error> {
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let inventory = disk::inventory(scope, &cluster.uid).await?;
    let mut holders: Vec<Holder> = Vec::new();
    for volume in inventory.volumes {
        let ours = volume.holder.cluster == scope.cluster.name && volume.holder.uid == cluster.uid;
        if !ours && !holders.contains(&volume.holder) {
            holders.push(volume.holder);
        }
    }
    Ok(holders)
}

/// The cluster at the other end of a move that is under way, which a takeover ends.
///
/// # Errors
/// Conflict when what is noted of a move cannot be read; those of the cluster.
pub async fn other_end(scope: &Scope<'_>) -> Result<Option<ClusterName>, Error> {
    relocation::other_end(scope).await
}

/// Takes all volumes of the app from whoever holds them and deploys the app here, also when the other cluster was lost in
/// the middle of a move. The caller vouches that the other clusters are gone, or can reach the disks no more. A repeat
/// finishes what was begun.
///
/// # Errors
/// NotFound when there is nothing to take over; Conflict when a volume has no disk here, so that the app would begin empty;
/// Unsupported when the driver has no fences; the errors of a deploy; those of the ports.
pub async fn take_over(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &DeployOptions,
    holder: &str,
) -> Result<TakenOver, Error> {
    let begun = Instant::now();
    let looked = look(scope, true).await;
    let found = act::or_interrupted(looked, "nothing was changed")?;
    if options.dry_run {
        return Ok(TakenOver { volumes: found.taken(), seconds: None, deployed: None });
    }
    let lock = act::or_interrupted(act::lock_moving(scope, holder).await, "nothing was changed")?;
    let result = locked(scope, loaded, options, lock.as_ref()).await;
    let result = act::or_interrupted(result, "a repeat finishes the takeover");
    let (volumes, deployed) = act::release(scope, lock, result).await?;
    let seconds = deployed.ready.map(|ready| power::seconds(ready.duration_since(begun)));
    Ok(TakenOver { volumes, seconds, deployed: Some(deployed) })
}

/// What this cluster sees of the app.
struct Look {
    us: Holder,
    volumes: Vec<VolumeState>,
    /// Volumes with a disk whose content is whole.
    with_disks: BTreeSet<VolumeName>,
}

impl Look {
    fn taken(&self) -> Vec<TakenVolume> {
        let others = self.volumes.iter().filter(|volume| volume.holder != self.us);
        others.map(|found| TakenVolume { volume: found.name.clone(), from: found.holder.clone() }).collect()
    }
}

async fn look(scope: &Scope<'_>, before_installation: bool) -> Result<Look, Error> {
    // What cannot be read may say that the app is elsewhere.
    relocation::other_end(scope).await?;
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let inventory: DiskInventory = disk::inventory(scope, &cluster.uid).await?;
    let installed = !inventory.gaps.iter().any(|gap| gap.kind == GapKind::NotInstalled);
    if installed || !before_installation {
        disk::believed(&inventory)?;
        if inventory.volumes.is_empty() {
            return Err(Error::refused(
                refusal::app::TAKEOVER_NOTHING,
                format!("cluster {} sees no disks of app {}", scope.cluster.name, scope.app.name),
                "mount the disk store of the old cluster first; or import an export: kompoxops disk import",
            ));
        }
    }
    let us = Holder { cluster: scope.cluster.name.clone(), uid: cluster.uid };
    let whole = inventory.disks.into_iter().filter(|disk| disk.state == DiskState::Ready);
    Ok(Look { us, volumes: inventory.volumes, with_disks: whole.map(|disk| disk.volume).collect() })
}

async fn locked(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &DeployOptions,
    lock: &dyn Lock,
) -> Result<(Vec<TakenVolume>, Deployed), Error> {
    let found = disk::prepared(scope, lock, async || look(scope, false).await).await?;
    let identity = scope.identity();
    let scoped = scope.disks(&identity, &found.us.uid);
    let (fences, call, now) = (fences(scope)?, scope.call(), options.now);
    for volume in &found.volumes {
        let VolumeState { name, holder, fenced, .. } = volume;
        if *holder == found.us && !*fenced {
            continue;
        }
        let step = Step::start(scope.progress, format!("taking volume {name} over"));
        lock.check()?;
        if *holder != found.us {
            fences.fence(&call, scoped, name, holder, true, now).await?;
            lock.check()?;
            fences.set_holder(&call, scoped, name, holder, &found.us, now).await?;
        }
        lock.check()?;
        fences.fence(&call, scoped, name, &found.us, false, now).await?;
        step.done(format!("volume {name} taken over from cluster {}", holder.cluster));
    }
    let text = match relocation::forget(scope, lock).await? {
        Mark::Moved(_) => {
            Some("the app had been moved away from here; its disks are as they were then".to_owned())
        }
        Mark::To(other) | Mark::From(other) => Some(format!(
            "a move was under way and is given up: what the app has written on cluster {other} since is not here"
        )),
        Mark::Unreadable(_) | Mark::None => None,
    };
    if let Some(text) = text {
        scope.progress.event(Event::Warning(text));
    }
    let in_use = kompox_convert::volumes_in_use(scope.app, &loaded.project, &loaded.binds);
    if let Some(missing) = in_use.iter().find(|volume| !found.with_disks.contains(*volume)) {
        return Err(Error::refused(
            refusal::app::TAKEOVER_INCOMPLETE,
            format!("the disks that are here were taken over, but volume {missing} has none"),
            "import an export of it (kompoxops disk import), or let it begin empty: kompoxops app deploy",
        ));
    }
    let deployed = deploy::write(scope, loaded, options, &Wish::default(), lock).await?;
    Ok((found.taken(), deployed))
}
