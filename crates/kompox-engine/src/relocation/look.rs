//! What is to be moved, and how far an earlier command came. IO through the ports; writes nothing.

use super::{Mark, MoveOptions, MovedDisk, holder_of};
use crate::app::{live, workload};
use crate::{Error, Scope, disk, refusal};
use kompox_model::port::{DiskInventory, GapKind};
use kompox_model::{Disk, DiskState, Holder, VolumeName, VolumeState};
use serde_json::Value;

/// What was found at both ends.
pub(super) struct Look {
    /// The cluster that the app leaves.
    pub(super) source: Holder,
    /// The cluster that the app comes to.
    pub(super) target: Holder,
    /// The app's volumes.
    pub(super) volumes: Vec<Carried>,
    /// The app's Deployment at the source.
    pub(super) deployment: Option<Value>,
    /// A Pod of it was wanted.
    pub(super) was_running: bool,
    /// The app was stopped by `app stop`, and stays so.
    pub(super) stopped: bool,
    pub(super) source_mark: Mark,
    pub(super) target_mark: Mark,
    /// An earlier command of this very move has deployed the app on the target; it may have written there.
    pub(super) arrived: bool,
    pub(super) now: jiff::Timestamp,
}

/// Who has a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// The source holds it.
    Source,
    /// The target holds it.
    Target,
}

/// A volume of the app.
pub(super) struct Carried {
    pub(super) name: VolumeName,
    pub(super) place: Where,
    /// Both clusters see it in one place: it is handed over.
    pub(super) shared: bool,
    /// Its disks at the source, the assigned one first.
    pub(super) disks: Vec<Disk>,
    /// Its record at the target, unless that is the same.
    pub(super) target_state: Option<VolumeState>,
    /// What the target has of it, unless that is the same.
    pub(super) target_disks: Vec<Disk>,
}

impl Look {
    /// True when everything was moved by an earlier command.
    pub(super) fn is_done(&self) -> bool {
        self.source_mark == Mark::Moved(self.target.cluster.clone()) && self.target_mark == Mark::None
    }

    /// Which disk each volume goes on with is decided before anything stops: nobody can while the app is on its way.
    pub(super) fn refuse_undecided(&self, from: &Scope<'_>) -> Result<(), Error> {
        let known = |volume: &&Carried| from.app.volumes.iter().any(|named| named.name == volume.name);
        for volume in self.volumes.iter().filter(known).filter(|volume| volume.place == Where::Source) {
            let assigned = volume.disks.iter().filter(|disk| disk.assigned).count();
            let Some(first) = volume.disks.first().filter(|_| assigned != 1) else { continue };
            let (refusal, what) = match assigned {
                0 => (refusal::app::DISK_NONE_ASSIGNED, "has disks but none is assigned"),
                _ => (refusal::app::DISK_SEVERAL_ASSIGNED, "has several assigned disks"),
            };
            return Err(Error::refused(
                refusal,
                format!("volume {} {what}", volume.name),
                format!("nothing was changed; choose one: kompoxops disk assign {}", first.name),
            ));
        }
        Ok(())
    }

    /// True when the target has nothing of the app that could be in the way of a look at it.
    pub(super) fn is_fresh(&self) -> bool {
        self.target_mark == Mark::None && self.volumes.iter().all(|volume| volume.target_state.is_none())
    }

    pub(super) fn planned(&self) -> Vec<MovedDisk> {
        let moved = |volume: &Carried| {
            let moved = |disk: &Disk| MovedDisk {
                volume: disk.volume.clone(),
                disk: disk.name.clone(),
                size: disk.size,
                handed_over: volume.shared,
            };
            volume.disks.iter().map(moved).collect::<Vec<_>>()
        };
        self.volumes.iter().flat_map(moved).collect()
    }
}

/// Looks at both ends and refuses what cannot be moved.
pub(super) async fn look(
    from: &Scope<'_>,
    to: &Scope<'_>,
    options: &MoveOptions,
    before_installation: bool,
) -> Result<Look, Error> {
    let (source, target) = futures::try_join!(holder_of(from), holder_of(to))?;
    if source.uid == target.uid {
        return Err(Error::refused(
            refusal::app::MOVE_SAME,
            format!("{} and {} are the same cluster", source.cluster, target.cluster),
            "name another cluster with --to",
        ));
    }
    let namespaces = futures::try_join!(live::namespace(from), live::namespace(to))?;
    live::refuse_going(from, namespaces.0.as_ref())?;
    live::refuse_going(to, namespaces.1.as_ref())?;
    let deployment = workload::find(from).await?;
    let target_mark = Mark::read(namespaces.1.as_ref());
    let arrived = target_mark == Mark::From(source.cluster.clone()) && workload::find(to).await?.is_some();
    let (here, there) =
        futures::try_join!(disk::inventory(from, &source.uid), disk::inventory(to, &target.uid))?;
    let unseen = |inventory: &DiskInventory| {
        let lenient =
            before_installation && inventory.gaps.iter().all(|gap| gap.kind == GapKind::NotInstalled);
        if lenient { Ok(()) } else { disk::believed(inventory) }
    };
    unseen(&here)?;
    unseen(&there)?;
    let mut look = Look {
        volumes: Vec::new(),
        was_running: deployment.as_ref().is_some_and(workload::wants_pod),
        stopped: deployment.as_ref().is_some_and(workload::is_stopped),
        deployment,
        source_mark: Mark::read(namespaces.0.as_ref()),
        target_mark,
        arrived,
        now: options.deploy.now,
        source,
        target,
    };
    refuse_other_moves(from, to, &look)?;
    for state in &here.volumes {
        look.volumes.push(carried(&look, state, &here, &there)?);
    }
    if look.is_done() {
        return Ok(look);
    }
    if namespaces.0.is_none() && here.disks.is_empty() {
        return Err(Error::refused(
            refusal::app::NOT_DEPLOYED,
            format!("app {} is not on cluster {}", from.app.name, from.cluster.name),
            format!(
                "there is nothing to move; deploy it where it shall be: set its cluster to {}",
                to.cluster.name
            ),
        ));
    }
    refuse_backwards(from, to, &look)?;
    refuse_occupied(to, &look, &there, options)?;
    Ok(look)
}

/// What the target has already is not brought there, unless a move has begun to.
fn refuse_backwards(from: &Scope<'_>, to: &Scope<'_>, look: &Look) -> Result<(), Error> {
    let begun = look.source_mark != Mark::None || look.target_mark != Mark::None;
    let there = |volume: &Carried| volume.place == Where::Target;
    if begun || look.volumes.is_empty() || !look.volumes.iter().all(there) {
        return Ok(());
    }
    Err(Error::refused(
        refusal::app::NOT_DEPLOYED,
        format!("app {} is not on cluster {}", from.app.name, from.cluster.name),
        format!(
            "cluster {0} holds its disks: there is nothing to move; set the app's cluster to {0} in the configuration",
            to.cluster.name
        ),
    ))
}

/// A move that was begun is finished or given up before another one.
fn refuse_other_moves(from: &Scope<'_>, to: &Scope<'_>, look: &Look) -> Result<(), Error> {
    for mark in [&look.source_mark, &look.target_mark] {
        if let Mark::Unreadable(text) = mark {
            return Err(Error::refused(
                refusal::app::MOVING,
                format!(
                    "a Namespace of app {} has a mark of a move that cannot be read: {text:?}",
                    to.app.name
                ),
                "look where the app is, then remove the annotation kompox.dev/move or kompox.dev/moved-to by hand",
            ));
        }
    }
    let other = match (&look.source_mark, &look.target_mark) {
        (Mark::To(other), _) if *other != look.target.cluster => other,
        (Mark::From(_), _) => &look.source.cluster,
        (_, Mark::From(other)) if *other != look.source.cluster => &look.target.cluster,
        (_, Mark::To(other)) => other,
        (Mark::Moved(other), _) if *other != look.target.cluster => {
            return Err(Error::refused(
                refusal::app::MOVED,
                format!("app {} was moved from cluster {} to {other}", from.app.name, from.cluster.name),
                format!("set the app's cluster to {other} in the configuration, then move it from there"),
            ));
        }
        _ => return Ok(()),
    };
    Err(Error::refused(
        refusal::app::MOVING,
        format!("another move of app {} is under way", to.app.name),
        format!("finish it: kompoxops app move --to {other}; or give it up: add --abort"),
    ))
}

fn carried(
    look: &Look,
    state: &VolumeState,
    here: &DiskInventory,
    there: &DiskInventory,
) -> Result<Carried, Error> {
    let place = if state.holder == look.source {
        Where::Source
    } else if state.holder == look.target {
        Where::Target
    } else {
        return Err(held(&state.name, &state.holder));
    };
    let of_volume = |inventory: &DiskInventory| {
        let mut disks: Vec<Disk> =
            inventory.disks.iter().filter(|disk| disk.volume == state.name).cloned().collect();
        disks.sort_by_key(|disk| !disk.assigned);
        disks
    };
    let disks = of_volume(here);
    if let Some(disk) = disks.iter().find(|disk| place == Where::Source && disk.state != DiskState::Ready) {
        return Err(Error::refused(
            refusal::disk::NOT_READY,
            format!("disk {} of volume {} is {}, not ready", disk.name, disk.volume, disk.state),
            "repeat the command that makes or deletes it, then move the app",
        ));
    }
    let other = there.volumes.iter().find(|other| other.name == state.name);
    let shared = other.is_some_and(|other| other.store == state.store && !state.store.is_empty());
    let (target_state, target_disks) = match other {
        Some(other) if !shared => (Some(other.clone()), of_volume(there)),
        _ => (None, Vec::new()),
    };
    Ok(Carried { name: state.name.clone(), place, shared, disks, target_state, target_disks })
}

fn held(volume: &VolumeName, holder: &Holder) -> Error {
    Error::refused(
        refusal::app::DISK_HELD,
        format!("volume {volume} is held by cluster {} ({})", holder.cluster, holder.uid),
        "move the app from there; or, when that cluster is gone for good: kompoxops app takeover --fenced",
    )
}

/// The target must have no disks of the app but those of this move, and old copies only by consent.
fn refuse_occupied(
    to: &Scope<'_>,
    look: &Look,
    there: &DiskInventory,
    options: &MoveOptions,
) -> Result<(), Error> {
    let marked = look.target_mark == Mark::From(look.source.cluster.clone());
    for other in &there.volumes {
        let shared = look.volumes.iter().any(|volume| volume.name == other.name && volume.shared);
        let disks: Vec<&str> = there
            .disks
            .iter()
            .filter(|disk| disk.volume == other.name)
            .map(|disk| disk.name.as_str())
            .collect();
        if shared || disks.is_empty() {
            continue;
        }
        if other.holder == look.source && other.fenced {
            if options.delete_old_copies {
                continue;
            }
            return Err(Error::refused(
                refusal::app::MOVE_OLD_COPIES,
                format!(
                    "cluster {} still has the copies of volume {} that an earlier move left: {}",
                    to.cluster.name,
                    other.name,
                    disks.join(", ")
                ),
                "they are older than what is used now; let them be deleted: add --delete-old-copies",
            ));
        }
        if other.holder != look.target {
            return Err(held(&other.name, &other.holder));
        }
        if !marked {
            return Err(Error::refused(
                refusal::app::MOVE_OCCUPIED,
                format!(
                    "cluster {} has disks of its own of volume {}: {}",
                    to.cluster.name,
                    other.name,
                    disks.join(", ")
                ),
                "nothing was changed; delete them there if nobody needs them, then repeat the command",
            ));
        }
    }
    Ok(())
}
