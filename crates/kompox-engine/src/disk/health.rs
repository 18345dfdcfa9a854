//! What keeps the disks of a volume from being healthy, and what mends it without loss. Pure.

use crate::app::record::Memory;
use kompox_model::{Disk, DiskName, DiskSource, DiskState, Holder, SnapshotName, VolumeName};
use std::collections::{BTreeMap, BTreeSet};

/// Something that is not as it is in a healthy volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The volume.
    pub(crate) volume: VolumeName,
    /// The disk that it is about, or that shall be the assigned one.
    pub(crate) disk: Option<DiskName>,
    /// What is wrong, in one sentence.
    pub(crate) problem: String,
    /// What mends it.
    pub(crate) remedy: Remedy,
}

/// What mends something, in the order in which it is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Remedy {
    /// The disk is made to its end.
    Finish,
    /// The disk becomes the only assigned one.
    Assign,
    /// The disk is deleted to its end.
    Delete,
    /// The PersistentVolume of this name forgets its former claim.
    Free(String),
    /// Somebody has to decide: the commands to choose from.
    Choose(String),
}

impl Finding {
    /// The problem with what mends it, where `repair` is the command that does what is clear.
    pub(crate) fn in_words(&self, repair: &str) -> String {
        match &self.remedy {
            Remedy::Choose(way) => format!("{}: {way}", self.problem),
            _ => format!("{}: {repair}", self.problem),
        }
    }
}

impl Remedy {
    /// True when nobody has to decide.
    pub(crate) fn is_clear(&self) -> bool {
        !matches!(self, Self::Choose(_))
    }
}

/// What is known about a volume.
pub(crate) struct Known<'a> {
    /// The volume.
    pub(crate) volume: &'a VolumeName,
    /// False for one that is not in `app.volumes` any more.
    pub(crate) configured: bool,
    /// False when there may be disks that were not seen.
    pub(crate) seen_whole: bool,
    /// Its disks, all of them.
    pub(crate) disks: Vec<&'a Disk>,
    /// The cluster that looks.
    pub(crate) holder: &'a Holder,
    /// What the Namespace remembers.
    pub(crate) remembered: &'a Memory,
    /// Handle of the disk that a switch under way goes to, of whichever volume.
    pub(crate) switching: Option<&'a str>,
    /// The disk that the user wants to be the assigned one.
    pub(crate) keep: Option<&'a DiskName>,
    /// Snapshots of the volume that a disk can be made from.
    pub(crate) snapshots: BTreeSet<&'a SnapshotName>,
    /// PersistentVolumes by the handle of their disk.
    pub(crate) persistent: &'a BTreeMap<String, String>,
    /// Why a disk cannot be copied now.
    pub(crate) busy: &'a BTreeMap<(VolumeName, DiskName), String>,
}

/// Everything that is wrong with the disks of a volume, in the order in which it is mended.
pub(crate) fn examine(known: &Known<'_>) -> Vec<Finding> {
    if let Some(disk) = known.disks.iter().find(|disk| disk.holder != *known.holder) {
        let problem = format!("disk {} is held by cluster {}", disk.name, disk.holder.cluster);
        let way = "two clusters must never use one disk: work on the app from there, or move it";
        return vec![known.finding(Some(&disk.name), problem, Remedy::Choose(way.to_owned()))];
    }
    let creating = known.disks.iter().filter(|disk| disk.state == DiskState::Creating);
    let mut found: Vec<Finding> = creating.map(|disk| known.half_made(disk)).collect();
    let assignment = known.assignment();
    let settled = assignment.as_ref().is_some_and(|finding| finding.remedy == Remedy::Assign);
    let deleting = known.disks.iter().filter(|disk| disk.state == DiskState::Deleting);
    found.extend(deleting.filter(|disk| !disk.assigned || settled).map(|disk| known.half_deleted(disk)));
    found.extend(assignment);
    found.sort_by(|a, b| a.remedy.cmp(&b.remedy));
    found
}

impl Known<'_> {
    fn finding(&self, disk: Option<&DiskName>, problem: String, remedy: Remedy) -> Finding {
        Finding { volume: self.volume.clone(), disk: disk.cloned(), problem, remedy }
    }

    fn command(&self, verb: &str, disk: &DiskName) -> String {
        format!("kompoxops disk {verb} {disk} --volume {}", self.volume)
    }

    fn half_made(&self, disk: &Disk) -> Finding {
        let problem = format!("disk {} is still being made from {}", disk.name, disk.source);
        let Some(obstacle) = self.obstacle(disk) else {
            return self.finding(Some(&disk.name), problem, Remedy::Finish);
        };
        let delete = match disk.assigned {
            true => {
                format!("{}, then {}", self.command("detach", &disk.name), self.command("delete", &disk.name))
            }
            false => self.command("delete", &disk.name),
        };
        self.finding(Some(&disk.name), format!("{problem}, {obstacle}"), Remedy::Choose(delete))
    }

    /// Why a disk cannot be made to its end.
    fn obstacle(&self, disk: &Disk) -> Option<String> {
        match &disk.source {
            source if source.is_import() => Some("which only a repeat of the import can finish".to_owned()),
            DiskSource::Empty | DiskSource::Provider(_) => None,
            DiskSource::Snapshot(name) if self.snapshots.contains(name) => None,
            DiskSource::Snapshot(_) => Some("which is not there or not ready".to_owned()),
            DiskSource::Disk(name) => {
                match self.disks.iter().find(|other| other.name == *name).map(|other| other.state) {
                    Some(DiskState::Ready) => self.busy.get(&(self.volume.clone(), name.clone())).cloned(),
                    _ => Some("which is not there or not ready".to_owned()),
                }
            }
        }
    }

    fn half_deleted(&self, disk: &Disk) -> Finding {
        let problem = format!("disk {} is still being deleted", disk.name);
        match self.persistent.get(&disk.handle) {
            None => self.finding(Some(&disk.name), problem, Remedy::Delete),
            Some(name) => self.finding(
                Some(&disk.name),
                format!("{problem}, and PersistentVolume {name} refers to it"),
                Remedy::Choose("kompoxops app deploy, or kompoxops app destroy; then repeat this".to_owned()),
            ),
        }
    }

    /// Disks that may be the assigned one.
    fn usable(&self) -> impl Iterator<Item = &Disk> {
        self.disks.iter().copied().filter(|disk| match disk.state {
            DiskState::Ready => true,
            DiskState::Creating => self.obstacle(disk).is_none(),
            DiskState::Deleting => false,
        })
    }

    /// What is wrong with the assignment, if anything is.
    fn assignment(&self) -> Option<Finding> {
        let assigned: Vec<&Disk> = self.disks.iter().filter(|disk| disk.assigned).copied().collect();
        let names = |disks: &[&Disk]| {
            let names: Vec<_> = disks.iter().map(|disk| disk.name.as_str()).collect();
            names.join(", ")
        };
        let current = self.remembered.current(self.volume);
        let (problem, candidates) = match assigned.as_slice() {
            [] if !self.configured || !self.seen_whole => return None,
            [] if self.disks.is_empty() => return self.lost(),
            [] => ("no disk is assigned".to_owned(), [current, None]),
            [only] if only.state != DiskState::Deleting => return None,
            [only] => (format!("the assigned disk {} is being deleted", only.name), [None, None]),
            several => (format!("several disks are assigned: {}", names(several)), [self.switching, current]),
        };
        let may = |disk: &&Disk| assigned.len() < 2 || disk.assigned;
        let by_handle = |handle: &str| self.usable().filter(may).find(|disk| disk.handle == handle);
        let kept = match self.keep {
            Some(name) => self.usable().find(|disk| disk.name == *name),
            None => candidates.into_iter().flatten().find_map(by_handle),
        };
        if let Some(disk) = kept {
            return Some(self.finding(Some(&disk.name), problem, Remedy::Assign));
        }
        let choices: Vec<_> =
            self.usable().filter(may).map(|disk| self.command("assign", &disk.name)).collect();
        let way = match choices.is_empty() {
            true => format!("kompoxops disk create --volume {}, then assign that disk", self.volume),
            false => choices.join(", or "),
        };
        Some(self.finding(None, problem, Remedy::Choose(way)))
    }

    fn lost(&self) -> Option<Finding> {
        let handle = self.remembered.lost(self.volume, &[])?;
        let problem = format!("there is no disk, but the Namespace remembers disk {handle}");
        let way = format!(
            "bring that disk back, or begin with an empty one: kompoxops disk create --volume {}",
            self.volume
        );
        Some(self.finding(None, problem, Remedy::Choose(way)))
    }
}
