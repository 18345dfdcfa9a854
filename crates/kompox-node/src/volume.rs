//! Volumes: whose they are, and which disk they use. IO.

use crate::disk::{self, Disk};
use crate::failure::{Result, conflict};
use crate::folder::Folder;
use crate::record;
use kompox_node_protocol::{
    AppRef, AssignDisk, Assigned, DiskState, Identity, UnassignDisk, VolumeChange, VolumeRecord, VolumeRef,
    check_app_hash,
};

pub(crate) const RECORD: &str = "volume.json";
/// The folder of a volume that holds its disks.
pub(crate) const DISKS: &str = "disks";
/// The folder of a volume that holds its snapshots.
pub(crate) const SNAPSHOTS: &str = "snapshots";

/// A volume and its record.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) folder: Folder,
    pub(crate) record: VolumeRecord,
}

impl Volume {
    /// Reads the volume `name` in the folder of the app with this hash; none when there is no such folder. A folder
    /// without a record, or with the record of another volume, is a Conflict.
    pub(crate) fn find(app: &Folder, app_hash: &str, name: &str) -> Result<Option<Self>> {
        let Some(folder) = app.find_folder(name)? else { return Ok(None) };
        let Some(record) = record::read::<VolumeRecord>(&folder, RECORD)? else {
            return Err(conflict(format!(
                "{} is missing beside the disks of a volume",
                folder.shown(RECORD)
            ))
            .hint("nothing was changed; restore this file by hand, the data beside it is untouched"));
        };
        if record.volume != name || record.app_hash != app_hash {
            let why = format!("it is the record of {}/{}", record.app_hash, record.volume);
            return Err(record::garbled(&folder, RECORD, &why));
        }
        let app_ref = AppRef { identity: record.identity.clone(), app_hash: record.app_hash.clone() };
        app_ref.check().map_err(|error| record::garbled(&folder, RECORD, &error.to_string()))?;
        Ok(Some(Self { folder, record }))
    }

    /// The volume that a request is about, with everything compared that must be before it is touched.
    pub(crate) fn find_checked(root: &Folder, wanted: &VolumeRef) -> Result<Option<Self>> {
        let found = Self::find_owned(root, wanted)?;
        if let Some(volume) = &found {
            volume.check(wanted)?;
        }
        Ok(found)
    }

    /// The same for looking only: its app is compared, and any cluster may look.
    pub(crate) fn find_owned(root: &Folder, wanted: &VolumeRef) -> Result<Option<Self>> {
        let Some(app) = root.find_folder(&wanted.app.app_hash)? else { return Ok(None) };
        let found = Self::find(&app, &wanted.app.app_hash, &wanted.volume)?;
        if let Some(volume) = &found {
            check_identity(&volume.record, &wanted.app.identity)?;
        }
        Ok(found)
    }

    /// Compares owner, holder and fence.
    pub(crate) fn check(&self, wanted: &VolumeRef) -> Result<()> {
        self.check_holder(wanted)?;
        let VolumeRecord { identity, volume, fenced, .. } = &self.record;
        if *fenced {
            return Err(conflict(format!("volume `{volume}` of app {identity} is fenced for a move"))
                .hint("repeat the `app move` that fenced it"));
        }
        Ok(())
    }

    /// Compares owner and holder.
    pub(crate) fn check_holder(&self, wanted: &VolumeRef) -> Result<()> {
        let VolumeRecord { identity, holder, volume, .. } = &self.record;
        check_identity(&self.record, &wanted.app.identity)?;
        if *holder != wanted.holder {
            let hint = if holder.cluster == wanted.holder.cluster {
                "a cluster of this name was made anew; when the old one is gone for good: `app takeover --fenced`"
            } else {
                "move the app with `app move`, or, when that cluster is gone for good, `app takeover --fenced`"
            };
            let message = format!(
                "volume `{volume}` of app {identity} is held by cluster {holder}, not by {}",
                wanted.holder
            );
            return Err(conflict(message).hint(hint));
        }
        Ok(())
    }

    /// Refuses when the record was changed since the caller saw it.
    pub(crate) fn expect_generation(&self, expected: u64) -> Result<()> {
        let VolumeRecord { volume, generation, .. } = &self.record;
        if *generation == expected {
            return Ok(());
        }
        Err(conflict(format!("volume `{volume}` changed meanwhile: generation {generation}, not {expected}"))
            .hint("list the disks and repeat the command"))
    }

    /// Writes which disk is assigned, by one rename.
    pub(crate) fn assign(&mut self, disk: &str, at: Option<&str>) -> Result<()> {
        let previous = self.record.assigned.clone();
        let record = VolumeRecord { assigned: Some(disk.to_owned()), ..self.record.clone() };
        self.write(record, at, VolumeChange::Assigned { disk: disk.to_owned(), previous })
    }

    /// Writes that no disk is assigned; `disk` was.
    pub(crate) fn unassign(&mut self, disk: &str, at: Option<&str>) -> Result<()> {
        let record = VolumeRecord { assigned: None, ..self.record.clone() };
        self.write(record, at, VolumeChange::Unassigned { disk: disk.to_owned() })
    }

    /// Writes the next generation of the record, with what was changed in it and when.
    pub(crate) fn write(&mut self, record: VolumeRecord, at: Option<&str>, what: VolumeChange) -> Result<()> {
        let mut record = VolumeRecord { generation: self.record.generation + 1, ..record };
        record.note(at, what);
        record::write(&self.folder, RECORD, &record)?;
        self.record = record;
        Ok(())
    }

    /// The folder of the disks, none when it was never made.
    pub(crate) fn disks(&self) -> Result<Option<Folder>> {
        self.folder.find_folder(DISKS)
    }

    /// The folder of the snapshots, none when it was never made.
    pub(crate) fn snapshots(&self) -> Result<Option<Folder>> {
        self.folder.find_folder(SNAPSHOTS)
    }
}

/// Refuses another app's record: six digits of hash may be equal for two apps.
pub(crate) fn check_identity(record: &VolumeRecord, wanted: &Identity) -> Result<()> {
    if record.identity == *wanted {
        return Ok(());
    }
    let VolumeRecord { identity, app_hash, .. } = record;
    Err(conflict(format!(
        "{app_hash} is the hash of app {identity}, which has disks here, and of app {wanted}"
    ))
    .hint("give one of the two apps another name"))
}

/// The names of the volumes in an app's folder, or of the disks or snapshots in a volume's, sorted.
pub(crate) fn names(app: &Folder) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in app.entries()? {
        match entry.name.to_str() {
            Some(name) if disk::is_leftover(name) => {}
            Some(name) => names.push(name.to_owned()),
            None => return Err(conflict(format!("{} is not part of a disk store", app.shown(&entry.name)))),
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Opens or makes the folder of an app, refusing one that belongs to another app.
pub(crate) fn app_folder(root: &Folder, app: &AppRef) -> Result<Folder> {
    check_app_hash(&app.app_hash).map_err(crate::failure::invalid)?;
    let folder = root.make_folder(&app.app_hash, crate::folder::PRIVATE)?;
    for name in names(&folder)? {
        if let Some(volume) = Volume::find(&folder, &app.app_hash, &name)? {
            check_identity(&volume.record, &app.identity)?;
        }
    }
    Ok(folder)
}

/// Switches a volume to a ready disk; writes nothing when it is so already.
pub(crate) fn assign(root: &Folder, request: &AssignDisk) -> Result<Assigned> {
    let AssignDisk { volume: wanted, generation, disk: name, at } = request;
    let unknown = || disk::unknown(wanted, name);
    let mut volume = Volume::find_checked(root, wanted)?.ok_or_else(unknown)?;
    let disk = Disk::find(&volume, name)?.ok_or_else(unknown)?;
    match disk.record.state {
        DiskState::Ready => {}
        DiskState::Creating => {
            return Err(conflict(format!("disk `{name}` is not ready yet"))
                .hint("repeat the command that makes it, then assign it"));
        }
        DiskState::Deleting => return Err(conflict(format!("disk `{name}` is being deleted"))),
    }
    let previous = volume.record.assigned.clone();
    let changed = previous.as_deref() != Some(name);
    if changed {
        volume.expect_generation(*generation)?;
        volume.assign(name, at.as_deref())?;
    }
    Ok(Assigned { changed, previous, volume: volume.record })
}

/// Leaves a volume without an assigned disk, if it is this one; writes nothing when it is not.
pub(crate) fn unassign(root: &Folder, request: &UnassignDisk) -> Result<Assigned> {
    let UnassignDisk { volume: wanted, generation, disk: name, at } = request;
    let unknown = || disk::unknown(wanted, name);
    let mut volume = Volume::find_checked(root, wanted)?.ok_or_else(unknown)?;
    Disk::find(&volume, name)?.ok_or_else(unknown)?;
    let previous = volume.record.assigned.clone();
    let changed = previous.as_deref() == Some(name);
    if changed {
        volume.expect_generation(*generation)?;
        volume.unassign(name, at.as_deref())?;
    }
    Ok(Assigned { changed, previous, volume: volume.record })
}
