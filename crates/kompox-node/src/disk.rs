//! Disks: making and deleting them so that a crash at any step leaves what the same request completes. IO.
//!
//! A disk appears by one rename, in state `creating`; the first one of a volume appears together with the volume's
//! record that names it as assigned. It disappears by one rename into the trash.

use crate::failure::{Result, conflict, invalid};
use crate::folder::{Folder, PRIVATE};
use crate::volume::{self, DISKS, Volume};
use crate::{backend, random, record, trash, tree};
use kompox_node_protocol::{
    CreateDisk, Created, DISK_NAME_LIMIT, DeleteDisk, DiskEntry, DiskRecord, DiskState, Failure, Kind,
    RECORD_FORMAT, VolumeRecord, VolumeRef, check_label, check_time,
};

pub(crate) const RECORD: &str = "disk.json";
/// What is being put together has this prefix until it is renamed; no name of a volume or disk can have it.
pub(crate) const STAGED: &str = ".new-";

/// A disk and its record.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) folder: Folder,
    pub(crate) record: DiskRecord,
}

impl Disk {
    /// Reads the disk `name` of a volume; none when there is no such folder. A folder without a record, or with the
    /// record of another disk, is a Conflict.
    pub(crate) fn find(volume: &Volume, name: &str) -> Result<Option<Self>> {
        let Some(disks) = volume.disks()? else { return Ok(None) };
        let Some(folder) = disks.find_folder(name)? else { return Ok(None) };
        let Some(record) = record::read::<DiskRecord>(&folder, RECORD)? else {
            return Err(conflict(format!("{} is missing", folder.shown(RECORD)))
                .hint("nothing was changed; restore this file by hand, the data beside it is untouched"));
        };
        if record.name != name
            || record.volume != volume.record.volume
            || record.identity != volume.record.identity
        {
            let why =
                format!("it is the record of disk {}/{}/{}", record.identity, record.volume, record.name);
            return Err(record::garbled(&folder, RECORD, &why));
        }
        check_time(&record.created_at)
            .map_err(|error| record::garbled(&folder, RECORD, &error.to_string()))?;
        Ok(Some(Self { folder, record }))
    }

    /// As it is listed.
    pub(crate) fn entry(self, volume: &VolumeRecord) -> DiskEntry {
        let assigned = volume.assigned.as_deref() == Some(&self.record.name);
        let path =
            format!("{}/{}/{DISKS}/{}/{}", volume.app_hash, volume.volume, self.record.name, backend::DATA);
        DiskEntry { record: self.record, assigned, path }
    }
}

/// Checks the names of a request about one disk.
pub(crate) fn check_names(volume: &VolumeRef, disk: &str) -> Result<()> {
    volume.check().map_err(invalid)?;
    check_label("disk", disk, DISK_NAME_LIMIT).map_err(invalid)
}

/// The failure of a request about a disk that is not there.
pub(crate) fn unknown(VolumeRef { app, volume, .. }: &VolumeRef, disk: &str) -> Failure {
    let message = format!("volume `{volume}` of app {} has no disk `{disk}`", app.identity);
    Failure::new(Kind::NotFound, message).hint("list the disks to see their names")
}

/// Makes a disk, or goes on making one that is still in state `creating`.
pub(crate) fn create(root: &Folder, request: &CreateDisk) -> Result<Created> {
    let app = volume::app_folder(root, &request.volume.app)?;
    let Some(volume) = Volume::find(&app, &request.volume.app.app_hash, &request.volume.volume)? else {
        return create_with_volume(root, &app, request);
    };
    volume.check(&request.volume)?;
    match Disk::find(&volume, &request.disk)? {
        None => create_later(volume, request),
        Some(disk) => match disk.record.state {
            DiskState::Creating if disk.record.source == request.source => finish(volume, disk, request),
            DiskState::Ready if request.if_not_exists => Ok(created(false, volume, disk)),
            DiskState::Creating => {
                Err(exists(&disk.record, &format!("is being made from `{}`", disk.record.source)))
            }
            DiskState::Ready => Err(exists(&disk.record, "exists")),
            DiskState::Deleting => Err(conflict(format!("disk `{}` is being deleted", request.disk))
                .hint("repeat the command that deletes it, or choose another name")),
        },
    }
}

fn exists(disk: &DiskRecord, how: &str) -> Failure {
    Failure::new(Kind::AlreadyExists, format!("disk `{}` of volume `{}` {how}", disk.name, disk.volume))
        .hint("choose another name, or accept it with --if-not-exists")
}

/// The first disk together with its volume.
fn create_with_volume(root: &Folder, app: &Folder, request: &CreateDisk) -> Result<Created> {
    let VolumeRef { app: app_ref, holder, volume: name } = &request.volume;
    if request.generation != 0 {
        let message = format!("volume `{name}` of app {} is gone", app_ref.identity);
        return Err(
            conflict(message).hint("list the disks; if some are missing, look for another file system")
        );
    }
    let staged = format!("{STAGED}{name}");
    sweep(app)?;
    let folder = app.new_folder(&staged, PRIVATE)?;
    let record = VolumeRecord {
        format: RECORD_FORMAT,
        identity: app_ref.identity.clone(),
        holder: holder.clone(),
        app_hash: app_ref.app_hash.clone(),
        volume: name.clone(),
        assigned: Some(request.disk.clone()),
        generation: 1,
        fenced: false,
    };
    record::write(&folder, volume::RECORD, &record)?;
    let disks = folder.new_folder(DISKS, PRIVATE)?;
    folder.sync()?;
    stage(&disks, request, true)?;
    app.rename(&staged, app, name)?;
    app.sync()?;
    root.sync()?;
    let volume = Volume::find_checked(root, &request.volume)?.ok_or_else(|| vanished(name))?;
    let disk = Disk::find(&volume, &request.disk)?.ok_or_else(|| vanished(&request.disk))?;
    finish(volume, disk, request)
}

/// A disk of a volume that has a record.
fn create_later(volume: Volume, request: &CreateDisk) -> Result<Created> {
    volume.expect_generation(request.generation)?;
    if volume.record.assigned.as_deref() == Some(&request.disk) {
        let message = format!("disk `{}` is recorded as assigned, but it is gone", request.disk);
        return Err(conflict(message).hint("bring it back, or assign another disk with `disk assign`"));
    }
    let disks = volume.folder.make_folder(DISKS, PRIVATE)?;
    volume.folder.sync()?;
    let first = volume.record.assigned.is_none() && names(&disks)?.is_empty();
    stage(&disks, request, first)?;
    let disk = Disk::find(&volume, &request.disk)?.ok_or_else(|| vanished(&request.disk))?;
    finish(volume, disk, request)
}

fn vanished(name: &str) -> Failure {
    Failure::new(Kind::Internal, format!("`{name}` vanished while the disk store was locked"))
}

/// Removes what a run that ended early had put together; the store's lock makes sure that it did end.
fn sweep(folder: &Folder) -> Result<()> {
    for entry in folder.entries()? {
        if entry.name.to_str().is_some_and(|name| name.starts_with(STAGED)) {
            tree::remove(folder, &entry.name)?;
        }
    }
    Ok(())
}

/// Puts a disk's folder together aside and renames it.
fn stage(disks: &Folder, request: &CreateDisk, first: bool) -> Result<()> {
    let staged = format!("{STAGED}{}", request.disk);
    sweep(disks)?;
    let folder = disks.new_folder(&staged, PRIVATE)?;
    let record = DiskRecord {
        format: RECORD_FORMAT,
        name: request.disk.clone(),
        identity: request.volume.app.identity.clone(),
        volume: request.volume.volume.clone(),
        size_bytes: request.size_bytes,
        created_at: request.created_at.clone(),
        source: request.source.clone(),
        first,
        state: DiskState::Creating,
        handle: random::hex(16)?,
    };
    record::write(&folder, RECORD, &record)?;
    disks.rename(&staged, disks, &request.disk)?;
    disks.sync()
}

/// From `creating` to `ready`: first the assignment, then the data, then the state.
fn finish(mut volume: Volume, mut disk: Disk, request: &CreateDisk) -> Result<Created> {
    if disk.record.first && volume.record.assigned.is_none() {
        volume.expect_generation(request.generation)?;
        volume.set_assigned(Some(&disk.record.name))?;
    }
    backend::make_data(&disk.folder)?;
    disk.record.size_bytes = request.size_bytes;
    disk.record.state = DiskState::Ready;
    record::write(&disk.folder, RECORD, &disk.record)?;
    Ok(created(true, volume, disk))
}

fn created(created: bool, volume: Volume, disk: Disk) -> Created {
    Created { created, disk: disk.entry(&volume.record), volume: volume.record }
}

/// The names of the disks in a folder of disks, sorted.
pub(crate) fn names(disks: &Folder) -> Result<Vec<String>> {
    volume::names(disks)
}

/// Deletes a disk that is not assigned; false when there is none.
pub(crate) fn delete(root: &Folder, request: &DeleteDisk) -> Result<bool> {
    let DeleteDisk { volume: wanted, generation, disk: name } = request;
    let Some(volume) = Volume::find_checked(root, wanted)? else { return Ok(false) };
    let Some(mut disk) = Disk::find(&volume, name)? else { return Ok(false) };
    if volume.record.assigned.as_deref() == Some(name) {
        return Err(conflict(format!("disk `{name}` is assigned to volume `{}`", wanted.volume)).hint(
            "assign another disk first, with `disk assign` or `disk attach`, or clear it with `disk detach`",
        ));
    }
    volume.expect_generation(*generation)?;
    if disk.record.state != DiskState::Deleting {
        // From here on it cannot be assigned any more, even if the move into the trash fails.
        disk.record.state = DiskState::Deleting;
        record::write(&disk.folder, RECORD, &disk.record)?;
    }
    let Some(disks) = volume.disks()? else { return Ok(false) };
    trash::discard(root, &disks, name)?;
    Ok(true)
}
