//! `snapshot create`: what the app's disks hold, kept as of one moment. IO through the ports.
//!
//! A disk that nothing writes to is copied as it is. One in use is copied while the app's services hold their data still, if
//! the compose file says how, or else where its file system copies in one moment; otherwise the Pod is stopped for the copy,
//! if the user agrees, and started again, also by the repeat of a command that was killed in between.

use super::look::{Look, Wanted, look};
use super::{quiesce, snapshots};
use crate::app::{act, power, wait, workload};
use crate::disk::{prepared, used_by};
use crate::progress::Step;
use crate::{Error, Event, Scope, refusal};
use kompox_model::port::{Cancel, Lock, SnapshotCreate, SnapshotDelete};
use kompox_model::{DiskName, DiskState, Snapshot, SnapshotName, VolumeName};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Which volumes of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// One; none means the app's first.
    One(Option<VolumeName>),
    /// All that have a disk, as one set: every snapshot has the same name and is of the same moment.
    All,
}

/// What a new snapshot shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// The volumes.
    pub volumes: Which,
    /// The disk; none means the assigned one of each volume.
    pub disk: Option<DiskName>,
    /// Name of the snapshot, or of each of a set; none means a generated one.
    pub name: Option<SnapshotName>,
    /// The Pod may be stopped for it; it is then.
    pub stop: bool,
    /// Do not wait for the app to be Ready again.
    pub no_wait: bool,
    /// Existing snapshots of that name are success.
    pub if_not_exists: bool,
    /// Only say what would be made.
    pub dry_run: bool,
    /// The time to record.
    pub now: jiff::Timestamp,
    /// For a generated name.
    pub random: u64,
}

/// What was made, or would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The snapshots, in the order of the app's volumes.
    pub snapshots: Vec<Snapshot>,
    /// True when the Pod was stopped, or would be.
    pub stopped: bool,
    /// For how many seconds no Pod was Ready; none unless a running one was stopped and waited for.
    pub outage_seconds: Option<f64>,
}

/// Makes a snapshot of one disk, or of the disks of all volumes as of one moment.
///
/// # Errors
/// NotFound without the volume, the disk or an assigned disk; AlreadyExists for a name that is taken; Conflict for a disk in
/// use that cannot be copied as of one moment unless [`CreateOptions::stop`] is set; Failed and NotReady when the app does
/// not come back; those of the ports. When it fails, what was made of a set is removed and the app is started again.
pub async fn create(scope: &Scope<'_>, options: &CreateOptions, holder: &str) -> Result<Created, Error> {
    let seconds = u64::try_from(options.now.as_second()).unwrap_or_default();
    let name = options.name.clone().unwrap_or_else(|| SnapshotName::generated(seconds, options.random));
    match act::or_interrupted(look(scope, options, &name, true).await, "nothing was changed") {
        Ok(look) if options.dry_run || (look.is_done() && !look.owes_start()) => {
            let stopped = look.needs_stop(options);
            return Ok(Created { snapshots: look.planned(&name, options), stopped, outage_seconds: None });
        }
        Ok(_) => {}
        // What looks after the disks is installed, or brought up to date, under the Lease.
        Err(Error::Refused { code, .. })
            if code == refusal::disk::UNSEEN_NOT_INSTALLED.code && !options.dry_run => {}
        Err(error) => return Err(error),
    }
    let lock = act::lock(scope, holder).await;
    let lock = act::or_interrupted(lock, "nothing of the app was changed")?;
    let made = locked(scope, options, &name, lock.as_ref()).await;
    let made = act::or_interrupted(made, "a repeat makes the snapshot");
    act::release(scope, lock, made).await
}

/// Everything that needs the Lease.
async fn locked(
    scope: &Scope<'_>,
    options: &CreateOptions,
    name: &SnapshotName,
    lock: &dyn Lock,
) -> Result<Created, Error> {
    let look = prepared(scope, lock, async || look(scope, options, name, false).await).await?;
    let begun = Instant::now();
    let stopped = look.needs_stop(options);
    let runs = look.deployment.as_ref().filter(|deployment| !workload::is_stopped(deployment));
    let was_ready = look.in_use().next().is_some();
    let made = async {
        if stopped {
            if let Some(deployment) = &look.deployment {
                workload::stop(scope, lock, deployment, false).await?;
            }
            refuse_strangers(scope, &look).await?;
        }
        if stopped || look.in_use().next().is_none() {
            return make(scope, options, name, &look, Rest::Stopped, lock).await;
        }
        match quiesce::find(scope, look.deployment.as_ref()).await? {
            None => make(scope, options, name, &look, Rest::None, lock).await,
            Some(holders) => held(scope, options, name, &look, &holders, lock).await,
        }
    }
    .await;
    let back = runs.filter(|found| stopped || !workload::wants_pod(found));
    let snapshots = match made {
        Ok(snapshots) => snapshots,
        Err(error) => {
            if let Some(deployment) = back {
                recover(scope, lock, deployment).await;
            }
            return Err(error);
        }
    };
    let mut outage_seconds = None;
    if let Some(deployment) = back {
        let started = start(scope, lock, deployment).await?;
        if !options.no_wait {
            wait::ready(scope, &workload::expectation(&started, true)).await?;
            outage_seconds = (stopped && was_ready).then(|| power::seconds(begun.elapsed()));
        }
    }
    Ok(Created { snapshots, stopped, outage_seconds })
}

/// Why a disk that is copied is at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// No Pod uses it.
    Stopped,
    /// The app's services hold still.
    Held,
    /// It is not.
    None,
}

/// Copies while the services hold still. What was copied when they did not is removed.
async fn held(
    scope: &Scope<'_>,
    options: &CreateOptions,
    name: &SnapshotName,
    look: &Look,
    holders: &quiesce::Holders,
    lock: &dyn Lock,
) -> Result<Vec<Snapshot>, Error> {
    let (made, still) = holders.during(scope, make(scope, options, name, look, Rest::Held, lock)).await?;
    match (made, still) {
        (Some(made), Ok(())) => Ok(made),
        (made, still) => {
            if made.is_some() {
                let new = look.wanted.iter().filter(|wanted| wanted.known.is_none());
                remove(scope, new.map(|wanted| &wanted.disk.volume), name, look).await;
            }
            still?;
            Err(Error::refused(refusal::DEFECT, "nothing was copied and nobody said why", "this is a defect"))
        }
    }
}

/// After the app's own Pod is gone, somebody else's may still use a disk.
async fn refuse_strangers(scope: &Scope<'_>, look: &Look) -> Result<(), Error> {
    for Wanted { disk, .. } in &look.wanted {
        if let Some(user) = used_by(scope, &disk.handle).await? {
            return Err(Error::refused(
                refusal::disk::USED,
                format!("{user} still uses disk {} of volume {}", disk.name, disk.volume),
                "nothing was copied; remove that first if nobody needs it",
            ));
        }
    }
    Ok(())
}

/// Makes what is missing; on failure removes what it made, unless it is the only one, which a repeat finishes.
async fn make(
    scope: &Scope<'_>,
    options: &CreateOptions,
    name: &SnapshotName,
    look: &Look,
    rest: Rest,
    lock: &dyn Lock,
) -> Result<Vec<Snapshot>, Error> {
    let mut made = Vec::new();
    for wanted in &look.wanted {
        match one(scope, options, name, look, (wanted, rest), lock).await {
            Ok(snapshot) => made.push(snapshot),
            Err(error) => {
                if look.wanted.len() > 1 {
                    let touched = look.wanted.iter().take(made.len() + 1).filter(|w| w.known.is_none());
                    remove(scope, touched.map(|wanted| &wanted.disk.volume), name, look).await;
                }
                return Err(error);
            }
        }
    }
    Ok(made)
}

async fn one(
    scope: &Scope<'_>,
    options: &CreateOptions,
    name: &SnapshotName,
    look: &Look,
    (Wanted { disk, known, used_by: user }, rest): (&Wanted, Rest),
    lock: &dyn Lock,
) -> Result<Snapshot, Error> {
    if let Some(known) = known.as_ref().filter(|known| known.state == DiskState::Ready) {
        return Ok(known.clone());
    }
    let at_rest = rest != Rest::None || user.is_none();
    let create = SnapshotCreate {
        name: name.clone(),
        disk: disk.name.clone(),
        created_at: options.now,
        at_rest,
        if_not_exists: options.if_not_exists,
    };
    act::interrupted(scope, "no snapshot was made of this volume")?;
    let step = Step::start(scope.progress, format!("copying disk {} of volume {}", disk.name, disk.volume));
    lock.check()?;
    let identity = scope.identity();
    let scoped = scope.disks(&identity, &look.holder.uid);
    let snapshot = snapshots(scope)?.create(&scope.call(), scoped, &disk.volume, &create).await?;
    // A copy that took long: the disk was at rest only if nobody could begin to use it meanwhile.
    if at_rest && rest != Rest::Held && !snapshot.atomic {
        let held = lock.check().map_err(Error::from);
        let used = used_by(scope, &disk.handle).await?;
        if let Some(user) = used.or_else(|| held.is_err().then(|| "another command".to_owned())) {
            remove(scope, [&disk.volume].into_iter(), name, look).await;
            return Err(Error::refused(
                refusal::snapshot::DISTURBED,
                format!("{user} may have written to disk {} while it was copied", disk.name),
                "the snapshot was removed; repeat the command when nothing else works on the app",
            ));
        }
    }
    step.done(format!("snapshot {name} of volume {} created", disk.volume));
    Ok(snapshot)
}

/// How long removing and starting again may take after a failure.
const RECOVERY: Duration = Duration::from_secs(60);

/// Removes snapshots that must not stay. What cannot be removed is told; the failure that led here is the command's.
async fn remove(
    scope: &Scope<'_>,
    volumes: impl Iterator<Item = &VolumeName>,
    name: &SnapshotName,
    look: &Look,
) {
    let cancel = Cancel::new();
    let base = *scope;
    let scope = Scope { cancel: &cancel, deadline: Some(Instant::now() + RECOVERY), ..base };
    let identity = scope.identity();
    for volume in volumes {
        let removed = async {
            let scoped = scope.disks(&identity, &look.holder.uid);
            let options = SnapshotDelete::default();
            snapshots(&scope)?.delete(&scope.call(), scoped, volume, name, options).await?;
            Ok::<_, Error>(())
        };
        if let Err(error) = removed.await {
            scope.progress.event(Event::Warning(format!(
                "snapshot {name} of volume {volume} is not to be used and could not be removed ({error}): \
                 kompoxops snapshot delete {name} --volume {volume}"
            )));
        }
    }
}

async fn start(scope: &Scope<'_>, lock: &dyn Lock, deployment: &Value) -> Result<Value, Error> {
    power::refuse_other_disks(scope, deployment).await?;
    let change = json!({"metadata": {}, "spec": {"replicas": 1}});
    workload::change(scope, lock, deployment, change).await
}

/// Starts the app again after a failure. What it does is told, the failure stays the command's.
async fn recover(scope: &Scope<'_>, lock: &dyn Lock, deployment: &Value) {
    // The command's own time may be over, or the user may have stopped it.
    let cancel = Cancel::new();
    let base = *scope;
    let scope = Scope { cancel: &cancel, deadline: Some(Instant::now() + RECOVERY), ..base };
    let text = match start(&scope, lock, deployment).await {
        Ok(_) => "no snapshot was made; the app starts again".to_owned(),
        Err(error) => format!(
            "no snapshot was made and the app is stopped; it could not be started again ({error}): kompoxops app start"
        ),
    };
    scope.progress.event(Event::Warning(text));
}
