//! Snapshots of disks: like disks they appear by one rename, in state `creating`, and are made whole from there. IO.

use crate::data::{self, Wanted};
use crate::disk::{self, STAGED};
use crate::failure::{Result, conflict};
use crate::folder::{Folder, PRIVATE};
use crate::job::{Job, Whole};
use crate::origin::Origin;
use crate::steps::Begun;
use crate::volume::{SNAPSHOTS, Volume};
use crate::{random, record};
use kompox_node_protocol::{
    Backend, CreateSnapshot, DiskState, Failure, Kind, RECORD_FORMAT, SnapshotCreated, SnapshotEntry,
    SnapshotRecord, Source, VolumeRecord, VolumeRef, check_time,
};
use std::time::Duration;

pub(crate) const RECORD: &str = "snapshot.json";

/// A snapshot and its record.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) folder: Folder,
    pub(crate) record: SnapshotRecord,
}

impl Snapshot {
    /// Reads the snapshot `name` of a volume; none when there is no such folder. A folder without a record, or with the
    /// record of another snapshot, is a Conflict.
    pub(crate) fn find(volume: &Volume, name: &str) -> Result<Option<Self>> {
        let Some(snapshots) = volume.snapshots()? else { return Ok(None) };
        let Some(folder) = snapshots.find_folder(name)? else { return Ok(None) };
        let record: SnapshotRecord =
            record::read(&folder, RECORD)?.ok_or_else(|| record::missing(&folder, RECORD))?;
        if record.name != name
            || record.volume != volume.record.volume
            || record.identity != volume.record.identity
        {
            let why =
                format!("it is the record of snapshot {}/{}/{}", record.identity, record.volume, record.name);
            return Err(record::garbled(&folder, RECORD, &why));
        }
        check_time(&record.created_at)
            .map_err(|error| record::garbled(&folder, RECORD, &error.to_string()))?;
        Ok(Some(Self { folder, record }))
    }

    /// As it is listed.
    pub(crate) fn entry(self, volume: &VolumeRecord) -> SnapshotEntry {
        let VolumeRecord { app_hash, volume, .. } = volume;
        let path = format!("{app_hash}/{volume}/{SNAPSHOTS}/{}/{}", self.record.name, data::DATA);
        SnapshotEntry { record: self.record, path }
    }
}

/// The failure of a request about a snapshot that is not there.
pub(crate) fn unknown(VolumeRef { app, volume, .. }: &VolumeRef, snapshot: &str) -> Failure {
    let message = format!("volume `{volume}` of app {} has no snapshot `{snapshot}`", app.identity);
    Failure::new(Kind::NotFound, message).hint("list the snapshots to see their names")
}

/// Makes a snapshot, or goes on making one that is still in state `creating`, up to the copy of the disk. `backend` is
/// that of new disks.
pub(crate) fn begin(
    root: &Folder,
    request: &CreateSnapshot,
    backend: Backend,
    wait: Duration,
) -> Result<Begun<SnapshotCreated>> {
    let unknown = || disk::unknown(&request.volume, &request.disk);
    let volume = Volume::find_checked(root, &request.volume)?.ok_or_else(unknown)?;
    let found = Snapshot::find(&volume, &request.snapshot)?;
    if let Some(Snapshot { record, .. }) = &found {
        check_existing(&volume, record, request)?;
    }
    let creating = match found {
        Some(found) if found.record.state == DiskState::Ready => {
            return Ok(Begun::Done(created(false, &volume.record, found)));
        }
        other => other,
    };
    let origin = Origin::find(root, &request.volume, &source(request))?.ok_or_else(unknown)?;
    let backend = match &creating {
        Some(creating) => creating.record.backend,
        None => origin.backend_of_snapshot(backend),
    };
    origin.check_rest(backend, request.at_rest, "a snapshot of")?;
    if creating.is_none() {
        stage(&volume, request, &origin, backend)?;
    }
    let Snapshot { folder, record } = find_creating(root, request)?.1;
    let wanted = Wanted { backend: record.backend, size: None };
    let job = Job::new(Some(origin), &folder, &record.handle, wanted, wait)?;
    Ok(Begun::Fill(Box::new(job)))
}

fn source(request: &CreateSnapshot) -> Source {
    Source::Disk(request.disk.clone())
}

/// Refuses to take an existing snapshot for the wanted one when it is not.
fn check_existing(volume: &Volume, record: &SnapshotRecord, request: &CreateSnapshot) -> Result<()> {
    let disk = disk::Disk::find(volume, &request.disk)?;
    let earlier = disk.is_some_and(|disk| disk.record.handle != record.disk_handle);
    match record.state {
        DiskState::Deleting => Err(conflict(format!("snapshot `{}` is being deleted", request.snapshot))
            .hint("repeat the command that deletes it, or choose another name")),
        DiskState::Creating | DiskState::Ready if record.disk != request.disk => {
            Err(exists(record, &format!("is one of disk `{}`", record.disk)))
        }
        DiskState::Creating | DiskState::Ready if earlier => {
            Err(exists(record, &format!("is one of an earlier disk `{}`", record.disk)))
        }
        DiskState::Ready if !request.if_not_exists => Err(exists(record, "exists")),
        DiskState::Ready | DiskState::Creating => Ok(()),
    }
}

fn exists(snapshot: &SnapshotRecord, how: &str) -> Failure {
    let SnapshotRecord { name, volume, .. } = snapshot;
    Failure::new(Kind::AlreadyExists, format!("snapshot `{name}` of volume `{volume}` {how}"))
        .hint("choose another name, or accept it with --if-not-exists if it is of the same disk")
}

/// Puts a snapshot's folder together aside and renames it.
fn stage(volume: &Volume, request: &CreateSnapshot, origin: &Origin, backend: Backend) -> Result<()> {
    let snapshots = volume.folder.make_folder(SNAPSHOTS, PRIVATE)?;
    volume.folder.sync()?;
    disk::sweep(&snapshots)?;
    let staged = format!("{STAGED}{}", request.snapshot);
    let folder = snapshots.new_folder(&staged, PRIVATE)?;
    let record = SnapshotRecord {
        format: RECORD_FORMAT,
        name: request.snapshot.clone(),
        identity: request.volume.app.identity.clone(),
        volume: request.volume.volume.clone(),
        disk: request.disk.clone(),
        disk_handle: origin.handle.clone(),
        size_bytes: origin.size_bytes,
        created_at: request.created_at.clone(),
        state: DiskState::Creating,
        handle: random::hex(16)?,
        backend,
        atomic: origin.is_atomic(backend)?,
    };
    record::write(&folder, RECORD, &record)?;
    snapshots.rename(&staged, &snapshots, &request.snapshot)?;
    snapshots.sync()
}

fn find_creating(root: &Folder, request: &CreateSnapshot) -> Result<(Volume, Snapshot)> {
    let gone = || {
        let message = format!("snapshot `{}` was deleted or made anew meanwhile", request.snapshot);
        conflict(message).hint("list the snapshots and repeat the command")
    };
    let volume = Volume::find_checked(root, &request.volume)?.ok_or_else(gone)?;
    let found = Snapshot::find(&volume, &request.snapshot)?.ok_or_else(gone)?;
    if found.record.state == DiskState::Creating { Ok((volume, found)) } else { Err(gone()) }
}

/// Puts the copy in place that `job` has made, with the store locked again.
pub(crate) fn finish(
    root: &Folder,
    request: &CreateSnapshot,
    job: &Job,
    whole: Result<Whole>,
) -> Result<SnapshotCreated> {
    // First this: the copy of something that was deleted meanwhile failed because of that.
    let (volume, mut snapshot) = find_creating(root, request)?;
    if snapshot.record.handle != job.handle {
        return Err(conflict(format!("snapshot `{}` was made anew meanwhile", request.snapshot)));
    }
    whole?;
    job.publish(root, &request.volume, &source(request))?;
    snapshot.record.state = DiskState::Ready;
    record::write(&snapshot.folder, RECORD, &snapshot.record)?;
    Ok(created(true, &volume.record, snapshot))
}

fn created(created: bool, volume: &VolumeRecord, snapshot: Snapshot) -> SnapshotCreated {
    SnapshotCreated { created, snapshot: snapshot.entry(volume) }
}
