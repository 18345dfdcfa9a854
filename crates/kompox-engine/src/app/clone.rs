//! `app clone`: the data of one app as the data of another one. IO through the ports.
//!
//! What is copied is a set of snapshots, so that the app goes on meanwhile and all its volumes are of one moment.

use crate::app::{act, live};
use crate::disk::{self, believed, prepared};
use crate::snapshot::{self, CreateOptions, Which};
use crate::{Error, Event, Scope, refusal, relocation};
use kompox_model::port::{DiskExport, DiskImport, ExportOf, Lock, SnapshotDelete};
use kompox_model::{Disk, DiskSource, DiskState, Snapshot, SnapshotName, hash};

/// Options of a clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloneOptions {
    /// The app may be stopped for the snapshots, and is started again.
    pub stop: bool,
    /// Only say what would be copied.
    pub dry_run: bool,
    /// The time to record.
    pub now: jiff::Timestamp,
}

/// What a clone made, or would make.
#[derive(Debug, Clone, PartialEq)]
pub struct Cloned {
    /// The disks of the other app; of a dry run, those that would be copied.
    pub disks: Vec<Disk>,
    /// For how many seconds no Pod of the cloned app was Ready.
    pub outage_seconds: Option<f64>,
}

/// Copies the assigned disks of the app of `from` to new disks of the app of `to`, which is on the same cluster. A repeat
/// finishes what was begun.
///
/// # Errors
/// Invalid when the other app lacks a volume; Conflict when it has disks already; those of a snapshot and of the ports.
pub async fn clone(
    from: &Scope<'_>,
    to: &Scope<'_>,
    options: CloneOptions,
    holder: &str,
) -> Result<Cloned, Error> {
    let looked = look(from, to).await;
    let wanted = act::or_interrupted(looked, "nothing was changed")?;
    if options.dry_run {
        return Ok(Cloned { disks: wanted, outage_seconds: None });
    }
    let name = set_name(to);
    let create = CreateOptions {
        volumes: Which::All,
        disk: None,
        name: Some(name.clone()),
        stop: options.stop,
        no_wait: false,
        if_not_exists: true,
        dry_run: false,
        now: options.now,
        random: 0,
    };
    let made = snapshot::create(from, &create, holder).await?;
    let lock = act::or_interrupted(act::lock(to, holder).await, "a repeat finishes the clone")?;
    let copied = copy(from, to, options, &made.snapshots, lock.as_ref()).await;
    let copied = act::or_interrupted(copied, "a repeat finishes the clone");
    let disks = act::release(to, lock, copied).await?;
    for snapshot in &made.snapshots {
        let options = SnapshotDelete::default();
        if let Err(error) = snapshot::delete(from, Some(&snapshot.volume), &name, options, holder).await {
            from.progress.event(Event::Warning(format!(
                "snapshot {name} of volume {0} is not needed any more and could not be removed ({error}): \
                 kompoxops snapshot delete {name} --volume {0}",
                snapshot.volume
            )));
        }
    }
    Ok(Cloned { disks, outage_seconds: made.outage_seconds })
}

/// The name of the snapshots that a clone to this app is made of: the same for its repeat.
fn set_name(to: &Scope<'_>) -> SnapshotName {
    let name = format!("clone-{}", hash::hex(to.identity().to_string().as_bytes(), 10));
    name.parse().unwrap_or_else(|_| unreachable!("a legal name"))
}

/// What a disk says to be made from that is a copy of this snapshot.
fn source(from: &Scope<'_>, snapshot: &Snapshot) -> DiskSource {
    let text = format!("{} {} {}", from.identity(), snapshot.volume, snapshot.created_at);
    DiskSource::Provider(format!("import:{}", hash::hex(text.as_bytes(), 16)))
}

/// The disks to copy, if the other app can take them.
async fn look(from: &Scope<'_>, to: &Scope<'_>) -> Result<Vec<Disk>, Error> {
    let cluster = from.kubernetes.facts(&from.call()).await?;
    let here = disk::inventory(from, &cluster.uid).await?;
    believed(&here)?;
    let wanted: Vec<Disk> = here.disks.into_iter().filter(|disk| disk.assigned).collect();
    if wanted.is_empty() {
        return Err(Error::refused(
            refusal::snapshot::NO_DISK,
            format!("app {} has no disks yet", from.app.name),
            "deploy it first: kompoxops app deploy",
        ));
    }
    for disk in &wanted {
        if !to.app.volumes.iter().any(|volume| volume.name == disk.volume) {
            return Err(Error::refused(
                refusal::app::CLONE_VOLUME,
                format!("app {} has no volume {}, whose data would be lost", to.app.name, disk.volume),
                format!("add `- name: {}` to app.volumes of app {}", disk.volume, to.app.name),
            ));
        }
    }
    relocation::refuse_moving(to, live::namespace(to).await?.as_ref())?;
    let there = disk::inventory(to, &cluster.uid).await?;
    believed(&there)?;
    // What an unfinished clone has made is known by the snapshots that it is made of; without them nothing is.
    let begun = snapshot::list(from).await?.snapshots.into_iter().filter(|found| found.name == set_name(to));
    let begun: Vec<DiskSource> = begun.map(|found| source(from, &found)).collect();
    if let Some(disk) = there.disks.iter().find(|disk| !begun.contains(&disk.source)) {
        return Err(Error::refused(
            refusal::app::CLONE_OCCUPIED,
            format!("app {} has disk {} of volume {} already", to.app.name, disk.name, disk.volume),
            "nothing was changed; clone to an app that was never deployed, or delete its disks if nobody needs them",
        ));
    }
    Ok(wanted)
}

async fn copy(
    from: &Scope<'_>,
    to: &Scope<'_>,
    options: CloneOptions,
    snapshots: &[Snapshot],
    lock: &dyn Lock,
) -> Result<Vec<Disk>, Error> {
    let cluster = to.kubernetes.facts(&to.call()).await?;
    let there = prepared(to, lock, async || {
        let inventory = disk::inventory(to, &cluster.uid).await?;
        believed(&inventory)?;
        Ok(inventory)
    })
    .await?;
    let mut disks = Vec::new();
    for snapshot in snapshots {
        let source = source(from, snapshot);
        let of_volume = || there.disks.iter().filter(|disk| disk.volume == snapshot.volume);
        let done = |disk: &&Disk| disk.source == source && disk.state == DiskState::Ready;
        if let Some(disk) = of_volume().find(done) {
            disks.push(disk.clone());
            continue;
        }
        if let Some(disk) = of_volume().find(|disk| disk.source != source) {
            return Err(Error::refused(
                refusal::app::CLONE_OCCUPIED,
                format!("app {} has disk {} of volume {} already", to.app.name, disk.name, disk.volume),
                "delete it if nobody needs it: kompoxops disk detach, kompoxops disk delete",
            ));
        }
        let size = to.app.volumes.iter().find(|volume| volume.name == snapshot.volume).map(|v| v.size);
        let export = DiskExport {
            of: ExportOf::Snapshot(snapshot.name.clone()),
            at_rest: true,
            exported_at: options.now,
            resume: None,
        };
        let import = DiskImport {
            name: snapshot.disk.clone(),
            size: snapshot.size.max(size.unwrap_or(snapshot.size)),
            source,
            created_at: options.now,
            if_not_exists: true,
            manifest: None,
        };
        act::interrupted(to, "a repeat finishes the clone")?;
        lock.check()?;
        let what = format!("volume {} to app {}", snapshot.volume, to.app.name);
        let uids = (cluster.uid.as_str(), cluster.uid.as_str());
        disks.push(disk::pipe((from, to), uids, &snapshot.volume, &export, &import, &what).await?);
    }
    Ok(disks)
}
