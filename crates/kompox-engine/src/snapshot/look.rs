//! What a snapshot is to be made of: gathered, and refused before anything is stopped for it. IO through the ports.

use super::create::{CreateOptions, Which};
use super::{find, inventory, seen_whole};
use crate::app::workload;
use crate::disk::{self, believed, find_volume, used_by};
use crate::{Error, Refusal, Scope, refusal};
use kompox_model::port::SnapshotInventory;
use kompox_model::{
    Disk, DiskName, DiskState, Holder, Snapshot, SnapshotName, Volume, VolumeName, label, object,
};
use serde_json::Value;

/// A disk to be copied, and what there is already of its snapshot.
pub(super) struct Wanted {
    pub(super) disk: Disk,
    pub(super) known: Option<Snapshot>,
    pub(super) used_by: Option<String>,
}

/// What was found.
pub(super) struct Look {
    pub(super) wanted: Vec<Wanted>,
    pub(super) deployment: Option<Value>,
    pub(super) holder: Holder,
}

impl Look {
    /// True when every snapshot is there.
    pub(super) fn is_done(&self) -> bool {
        let ready = |wanted: &Wanted| wanted.known.as_ref().is_some_and(|s| s.state == DiskState::Ready);
        self.wanted.iter().all(ready)
    }

    /// True when a command stopped the app without being told to leave it so.
    pub(super) fn owes_start(&self) -> bool {
        self.deployment
            .as_ref()
            .is_some_and(|found| !workload::is_stopped(found) && !workload::wants_pod(found))
    }

    pub(super) fn in_use(&self) -> impl Iterator<Item = &Wanted> {
        self.wanted.iter().filter(|wanted| wanted.used_by.is_some())
    }

    /// True when the copies of disks in use would not be of one moment, each or together.
    fn is_torn(&self) -> bool {
        self.in_use().any(|wanted| !wanted.disk.atomic_snapshots)
            || (self.wanted.len() > 1 && self.in_use().next().is_some())
    }

    /// True when the running services can hold their data still.
    fn has_hooks(&self) -> bool {
        let runs = self.deployment.as_ref().filter(|found| workload::wants_pod(found));
        runs.is_some_and(|found| object::annotation(found, label::QUIESCE).is_some())
    }

    pub(super) fn needs_stop(&self, options: &CreateOptions) -> bool {
        options.stop && !self.is_done() && self.in_use().next().is_some()
    }

    pub(super) fn planned(&self, name: &SnapshotName, options: &CreateOptions) -> Vec<Snapshot> {
        let new = |disk: &Disk| Snapshot {
            name: name.clone(),
            volume: disk.volume.clone(),
            disk: disk.name.clone(),
            size: disk.size,
            handle: String::new(),
            created_at: options.now,
            node: disk.node.clone(),
            zone: disk.zone.clone(),
            state: DiskState::Creating,
            atomic: disk.atomic_snapshots,
            holder: self.holder.clone(),
        };
        self.wanted.iter().map(|wanted| wanted.known.clone().unwrap_or_else(|| new(&wanted.disk))).collect()
    }
}

/// Looks, and makes sure that the snapshots can be made, before anything is stopped for them.
pub(super) async fn look(
    scope: &Scope<'_>,
    options: &CreateOptions,
    name: &SnapshotName,
    before_installation: bool,
) -> Result<Look, Error> {
    let deployment = workload::find(scope).await?;
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let (disks, snapshots) =
        futures::try_join!(disk::inventory(scope, &cluster.uid), inventory(scope, &cluster.uid))?;
    if !before_installation {
        believed(&disks)?;
        seen_whole(SnapshotInventory { snapshots: Vec::new(), gaps: snapshots.gaps.clone() })?;
    }
    let chosen: Vec<&Volume> = match &options.volumes {
        Which::One(volume) => vec![find_volume(scope, volume.as_ref())?],
        Which::All => {
            let has_disk = |volume: &&Volume| disks.disks.iter().any(|disk| disk.volume == volume.name);
            scope.app.volumes.iter().filter(has_disk).collect()
        }
    };
    if chosen.is_empty() {
        believed(&disks)?;
        return Err(Error::refused(
            refusal::snapshot::NO_DISK,
            format!("app {} has no disks yet", scope.app.name),
            "deploy it first: kompoxops app deploy",
        ));
    }
    let mut wanted = Vec::new();
    for volume in chosen {
        let of_volume: Vec<&Disk> = disks.disks.iter().filter(|disk| disk.volume == volume.name).collect();
        let disk = match choose(scope, &volume.name, &of_volume, options.disk.as_ref()) {
            Ok(disk) => disk.clone(),
            Err(error) => {
                believed(&disks)?;
                return Err(error);
            }
        };
        let known = find(&snapshots, &volume.name, name).cloned();
        if let Some(known) = &known {
            refuse_taken(known, &disk, options)?;
        }
        let used_by = used_by(scope, &disk.handle).await?;
        wanted.push(Wanted { disk, known, used_by });
    }
    let holder = Holder { cluster: scope.cluster.name.clone(), uid: cluster.uid };
    let look = Look { wanted, deployment, holder };
    refuse_half_a_set(&look, name)?;
    refuse_torn(&look, options)?;
    Ok(look)
}

/// The named disk, or the assigned one.
fn choose<'a>(
    scope: &Scope<'_>,
    volume: &VolumeName,
    disks: &[&'a Disk],
    name: Option<&DiskName>,
) -> Result<&'a Disk, Error> {
    let found = match name {
        Some(name) => {
            disks.iter().find(|disk| disk.name == *name).ok_or_else(|| disk::missing(scope, name))?
        }
        None => match disks.iter().filter(|disk| disk.assigned).collect::<Vec<_>>().as_slice() {
            [one] => *one,
            [] => {
                return Err(Error::refused(
                    refusal::snapshot::NO_DISK,
                    format!("volume {volume} has no assigned disk"),
                    "name the disk: kompoxops snapshot create --disk DISK",
                ));
            }
            several => {
                let names: Vec<_> = several.iter().map(|disk| disk.name.as_str()).collect();
                return Err(Error::refused(
                    refusal::app::DISK_SEVERAL_ASSIGNED,
                    format!("volume {volume} has several assigned disks: {}", names.join(", ")),
                    "choose one: kompoxops disk assign NAME",
                ));
            }
        },
    };
    if found.state != DiskState::Ready {
        return Err(Error::refused(
            refusal::disk::NOT_READY,
            format!("disk {} of volume {volume} is {}, not ready", found.name, found.state),
            "repeat the command that makes it, or choose another disk",
        ));
    }
    Ok(found)
}

fn refuse_taken(known: &Snapshot, disk: &Disk, options: &CreateOptions) -> Result<(), Error> {
    let Snapshot { name, volume, disk: of, state, .. } = known;
    let taken = |how: &str| {
        let message = format!("snapshot {name} of volume {volume} {how}");
        let hint = "choose another name, or delete it first: kompoxops snapshot delete NAME";
        Err(Error::refused(refusal::snapshot::EXISTS, message, hint))
    };
    match state {
        _ if *of != disk.name => taken(&format!("is one of disk {of}")),
        DiskState::Ready if !options.if_not_exists => taken("exists already"),
        DiskState::Deleting => taken("is being deleted"),
        DiskState::Ready | DiskState::Creating => Ok(()),
    }
}

/// Snapshots that an earlier command left are of an earlier moment than those still to be made.
fn refuse_half_a_set(look: &Look, name: &SnapshotName) -> Result<(), Error> {
    let known = look.wanted.iter().find(|wanted| wanted.known.is_some());
    let Some(known) = known.filter(|_| look.wanted.len() > 1 && !look.is_done()) else { return Ok(()) };
    Err(Error::refused(
        refusal::snapshot::EXISTS,
        format!("volume {} has a snapshot {name} already, and not every volume has", known.disk.volume),
        "choose another name for the set, or delete what there is of it first: kompoxops snapshot delete NAME",
    ))
}

fn refuse_torn(look: &Look, options: &CreateOptions) -> Result<(), Error> {
    if options.stop || look.is_done() || look.has_hooks() || !look.is_torn() {
        return Ok(());
    }
    let user = look.in_use().find_map(|wanted| wanted.used_by.as_deref()).unwrap_or_default();
    let (row, message): (Refusal, String) = if look.wanted.len() > 1 {
        (
            refusal::snapshot::SET_IN_USE,
            format!("{user} writes to the disks, so that their snapshots would be of different moments"),
        )
    } else {
        (
            refusal::snapshot::IN_USE,
            format!("{user} writes to the disk, which cannot be copied as of one moment where it is"),
        )
    };
    let hint = "let the app be stopped for the copy and started again: add --stop; or say with `x-kompox.quiesce` in the \
                compose file how its services hold their data still";
    Err(Error::refused(row, message, hint))
}
