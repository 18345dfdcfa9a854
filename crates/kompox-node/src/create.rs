//! Making disks so that a crash at any step leaves what the same request completes. IO.
//!
//! A disk appears by one rename, in state `creating`; the first one of a volume appears together with the volume's
//! record that names it as assigned.

use crate::data::{self, Wanted};
use crate::disk::{self, Disk, STAGED};
use crate::failure::{Result, conflict, invalid};
use crate::folder::{Folder, PRIVATE};
use crate::job::{Job, Whole};
use crate::origin::Origin;
use crate::steps::Begun;
use crate::volume::{self, DISKS, Volume};
use crate::{random, record};
use kompox_node_protocol::{
    Backend, CreateDisk, Created, DiskRecord, DiskState, Failure, Kind, RECORD_FORMAT, Source, VolumeChange,
    VolumeRecord, VolumeRef,
};
use std::time::Duration;

/// A request with what it means here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) request: &'a CreateDisk,
    pub(crate) source: &'a Source,
    /// The back end of new disks.
    pub(crate) backend: Backend,
}

/// Makes a disk, or goes on making one that is still in state `creating`, up to the copy of its source if it has one.
pub(crate) fn begin(root: &Folder, wish: Wish<'_>, wait: Duration) -> Result<Begun<Created>> {
    let request = wish.request;
    let volume = Volume::find_checked(root, &request.volume)?;
    let disk = volume.as_ref().map_or(Ok(None), |volume| Disk::find(volume, &request.disk))?;
    if let Some(record) = disk.as_ref().map(|disk| &disk.record) {
        match record.state {
            DiskState::Deleting => {
                return Err(conflict(format!("disk `{}` is being deleted", request.disk))
                    .hint("repeat the command that deletes it, or choose another name"));
            }
            DiskState::Creating | DiskState::Ready if record.source != request.source => {
                let state = if record.state == DiskState::Ready { "was" } else { "is being" };
                return Err(exists(record, &format!("{state} made from `{}`", record.source)));
            }
            DiskState::Ready if !request.if_not_exists => return Err(exists(record, "exists")),
            DiskState::Ready | DiskState::Creating => {}
        }
    }
    if let (Some(volume), Some(disk)) = (&volume, disk) {
        if disk.record.state == DiskState::Ready {
            return Ok(Begun::Done(created(false, volume.record.clone(), disk)));
        }
        let origin = origin(root, wish, disk.record.backend)?;
        return go_on(root, wish, origin, false, wait);
    }
    let origin = origin(root, wish, wish.backend)?;
    let app = volume::app_folder(root, &request.volume.app)?;
    match volume {
        None => stage_with_volume(root, &app, wish)?,
        Some(volume) => stage_later(&volume, wish)?,
    }
    go_on(root, wish, origin, true, wait)
}

/// The source, if it can be copied to a disk of this back end and size.
fn origin(root: &Folder, Wish { request, source, .. }: Wish<'_>, backend: Backend) -> Result<Option<Origin>> {
    let Some(origin) = Origin::find(root, &request.volume, source)? else { return Ok(None) };
    if request.size_bytes < origin.size_bytes {
        let (wanted, least) = (request.size_bytes, origin.size_bytes);
        return Err(invalid(format!(
            "disk `{}` has size {wanted}, but `{source}` has size {least}",
            request.disk
        ))
        .hint("give it at least the size of its source"));
    }
    origin.check_rest(backend, request.at_rest, "a copy of")?;
    Ok(Some(origin))
}

fn exists(disk: &DiskRecord, how: &str) -> Failure {
    Failure::new(Kind::AlreadyExists, format!("disk `{}` of volume `{}` {how}", disk.name, disk.volume))
        .hint("choose another name, or accept it with --if-not-exists")
}

/// The first disk together with its volume.
fn stage_with_volume(root: &Folder, app: &Folder, wish: Wish<'_>) -> Result<()> {
    let CreateDisk {
        volume: VolumeRef { app: app_ref, holder, volume: name },
        disk,
        generation,
        created_at,
        ..
    } = wish.request;
    if *generation != 0 {
        let message = format!("volume `{name}` of app {} is gone", app_ref.identity);
        return Err(
            conflict(message).hint("list the disks; if some are missing, look for another file system")
        );
    }
    let staged = format!("{STAGED}{name}");
    disk::sweep(app)?;
    let folder = app.new_folder(&staged, PRIVATE)?;
    let mut record = VolumeRecord {
        format: RECORD_FORMAT,
        identity: app_ref.identity.clone(),
        holder: holder.clone(),
        app_hash: app_ref.app_hash.clone(),
        volume: name.clone(),
        assigned: Some(disk.clone()),
        generation: 1,
        fenced: false,
        history: Vec::new(),
    };
    record.note(Some(created_at), VolumeChange::Created { disk: disk.clone() });
    record::write(&folder, volume::RECORD, &record)?;
    let disks = folder.new_folder(DISKS, PRIVATE)?;
    folder.sync()?;
    stage(&disks, wish, true)?;
    app.rename(&staged, app, name)?;
    app.sync()?;
    root.sync()
}

/// A disk of a volume that has a record.
fn stage_later(volume: &Volume, wish: Wish<'_>) -> Result<()> {
    let request = wish.request;
    volume.expect_generation(request.generation)?;
    if volume.record.assigned.as_deref() == Some(&request.disk) {
        let message = format!("disk `{}` is recorded as assigned, but it is gone", request.disk);
        return Err(conflict(message).hint("bring it back, or assign another disk with `disk assign`"));
    }
    let disks = volume.folder.make_folder(DISKS, PRIVATE)?;
    volume.folder.sync()?;
    let first = volume.record.assigned.is_none() && volume::names(&disks)?.is_empty();
    stage(&disks, wish, first)
}

/// Puts a disk's folder together aside and renames it.
fn stage(disks: &Folder, Wish { request, backend, .. }: Wish<'_>, first: bool) -> Result<()> {
    let staged = format!("{STAGED}{}", request.disk);
    disk::sweep(disks)?;
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
        backend,
        size_enforced: false,
        imported: None,
    };
    record::write(&folder, disk::RECORD, &record)?;
    disks.rename(&staged, disks, &request.disk)?;
    disks.sync()
}

/// The disk of a request, in state `creating`.
pub(crate) fn find_creating(root: &Folder, request: &CreateDisk) -> Result<(Volume, Disk)> {
    let gone = || {
        let message = format!("disk `{}` was deleted or made anew meanwhile", request.disk);
        conflict(message).hint("list the disks and repeat the command")
    };
    let volume = Volume::find_checked(root, &request.volume)?.ok_or_else(gone)?;
    let disk = Disk::find(&volume, &request.disk)?.ok_or_else(gone)?;
    if disk.record.state == DiskState::Creating { Ok((volume, disk)) } else { Err(gone()) }
}

/// From `creating` on: first the assignment, then the data, then the state.
/// `fresh`: its record was made by this run.
fn go_on(
    root: &Folder,
    wish: Wish<'_>,
    origin: Option<Origin>,
    fresh: bool,
    wait: Duration,
) -> Result<Begun<Created>> {
    let (mut volume, disk) = find_creating(root, wish.request)?;
    if disk.record.first && volume.record.assigned.is_none() {
        volume.expect_generation(wish.request.generation)?;
        volume.assign(&disk.record.name, Some(&wish.request.created_at))?;
    }
    let size = wish.request.size_bytes;
    if *wish.source == Source::Empty {
        let enforced = data::make_empty(&disk.folder, disk.record.backend, size)?;
        return ready(volume, disk, size, Whole { enforced, imported: None }).map(Begun::Done);
    }
    let wanted = Wanted { backend: disk.record.backend, size: Some(size) };
    let mut job = Job::new(origin, &disk.folder, &disk.record.handle, wanted, wait)?;
    job.fresh = fresh;
    Ok(Begun::Fill(Box::new(job)))
}

/// Puts the content in place that `job` has made, with the store locked again.
pub(crate) fn finish(root: &Folder, wish: Wish<'_>, job: &Job, whole: Result<Whole>) -> Result<Created> {
    // First this: the copy of something that was deleted meanwhile failed because of that.
    let (volume, disk) = find_creating(root, wish.request)?;
    if disk.record.handle != job.handle {
        return Err(conflict(format!("disk `{}` was made anew meanwhile", wish.request.disk)));
    }
    let whole = whole?;
    job.publish(root, &wish.request.volume, wish.source)?;
    ready(volume, disk, wish.request.size_bytes, whole)
}

fn ready(volume: Volume, mut disk: Disk, size: u64, whole: Whole) -> Result<Created> {
    disk.record.size_bytes = size;
    disk.record.size_enforced = whole.enforced;
    disk.record.imported = whole.imported.and_then(|imported| imported.manifest);
    disk.record.state = DiskState::Ready;
    record::write(&disk.folder, disk::RECORD, &disk.record)?;
    Ok(created(true, volume.record, disk))
}

fn created(created: bool, volume: VolumeRecord, disk: Disk) -> Created {
    Created { created, disk: disk.entry(&volume), volume }
}
