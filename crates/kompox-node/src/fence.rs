//! Fences: the data of a volume out of the reach of old paths, and its way to another cluster. IO.
//!
//! The record says "fenced" before the first folder is renamed and until the last one is back, so that a run that ended
//! early leaves a fenced volume, and its repetition finishes the renames.

use crate::btrfs;
use crate::data::{DATA, FENCED};
use crate::disk::Disk;
use crate::failure::{Result, conflict};
use crate::folder::Folder;
use crate::lock;
use crate::volume::{self, Volume};
use kompox_node_protocol::{Failure, Fence, Fenced, Kind, SetHolder, VolumeChange, VolumeRecord, VolumeRef};
use std::ffi::OsStr;
use std::time::Duration;

/// The failure of a request about a volume without a record.
pub(crate) fn unknown(VolumeRef { app, volume, .. }: &VolumeRef) -> Failure {
    let message = format!("app {} has no volume `{volume}` here", app.identity);
    Failure::new(Kind::NotFound, message).hint("list the disks to see where its volumes are")
}

/// Fences a volume or opens it, with every step that an earlier run left undone.
///
/// Timeout when a disk is being copied, exported or made: that must not lose its paths, and what is exported because it
/// is fenced must not be written to. `wait` is for the message.
pub(crate) fn set(root: &Folder, request: &Fence, wait: Duration) -> Result<Fenced> {
    let Fence { volume: wanted, generation, fenced, at } = request;
    let mut volume = Volume::find_owned(root, wanted)?.ok_or_else(|| unknown(wanted))?;
    volume.check_holder(wanted)?;
    let differs = volume.record.fenced != *fenced;
    if differs {
        volume.expect_generation(*generation)?;
    }
    let mut disks = Vec::new();
    let mut locks = Vec::new();
    if let Some(folder) = volume.disks()? {
        for name in volume::names(&folder)? {
            let disk = Disk::find(&volume, &name)?
                .ok_or_else(|| conflict(format!("{} vanished", folder.shown(&name))))?;
            let elsewhere = if *fenced { DATA } else { FENCED };
            if differs || disk.folder.look(elsewhere)?.is_some() {
                let lock = lock::try_exclusive(&disk.folder)?;
                locks.push(lock.ok_or_else(|| lock::in_use(&disk.folder, wait))?);
            }
            disks.push(disk);
        }
    }
    if differs && *fenced {
        let record = VolumeRecord { fenced: true, ..volume.record.clone() };
        volume.write(record, at.as_deref(), VolumeChange::Fenced {})?;
    }
    let mut moved = false;
    for disk in &disks {
        moved |= if *fenced { close(disk)? } else { open(disk)? };
    }
    if differs && !*fenced {
        let record = VolumeRecord { fenced: false, ..volume.record.clone() };
        volume.write(record, at.as_deref(), VolumeChange::Opened {})?;
    }
    Ok(Fenced { changed: differs || moved, volume: volume.record })
}

/// Takes the data of a disk out of reach; false when it was.
fn close(disk: &Disk) -> Result<bool> {
    let Some(data) = disk.folder.find_folder(DATA)? else { return Ok(false) };
    // Before the rename, so that nothing is written through a folder that is open still.
    set_read_only(disk, &data, true)?;
    rename(&disk.folder, DATA, FENCED)?;
    Ok(true)
}

/// Puts the data of a disk back; false when it was there.
fn open(disk: &Disk) -> Result<bool> {
    let moved = disk.folder.look(FENCED)?.is_some();
    if moved {
        rename(&disk.folder, FENCED, DATA)?;
    }
    let Some(data) = disk.folder.find_folder(DATA)? else { return Ok(moved) };
    Ok(set_read_only(disk, &data, false)? || moved)
}

fn rename(owner: &Folder, from: &str, to: &str) -> Result<()> {
    if !owner.rename_new(OsStr::new(from), owner, to)? {
        return Err(conflict(format!("there are both {} and {}", owner.shown(from), owner.shown(to)))
            .hint("look which one has the content of the disk, and move the other one away by hand"));
    }
    owner.sync()
}

/// Makes a subvolume read-only or writable; false when it was so, or is none.
fn set_read_only(disk: &Disk, data: &Folder, read_only: bool) -> Result<bool> {
    if !btrfs::is_subvolume(data)? || btrfs::is_read_only(data)? == read_only {
        return Ok(false);
    }
    match btrfs::set_read_only(data, read_only) {
        Err(failure) if failure.kind == Kind::Quota && disk.record.size_enforced => {
            // The change itself counts as written to a disk that is full: it needs more room for a moment.
            btrfs::limit(data, None)?;
            let done = btrfs::set_read_only(data, read_only);
            btrfs::limit(data, Some(disk.record.size_bytes))?;
            done?;
        }
        other => other?,
    }
    Ok(true)
}

/// Gives a fenced volume to another cluster.
pub(crate) fn set_holder(root: &Folder, request: &SetHolder) -> Result<Fenced> {
    let SetHolder { volume: wanted, generation, from, at } = request;
    let mut volume = Volume::find_owned(root, wanted)?.ok_or_else(|| unknown(wanted))?;
    if volume.record.holder == wanted.holder {
        return Ok(Fenced { changed: false, volume: volume.record });
    }
    volume.check_holder(&VolumeRef { holder: from.clone(), ..wanted.clone() })?;
    let VolumeRecord { volume: name, identity, fenced, .. } = &volume.record;
    if !*fenced {
        return Err(conflict(format!("volume `{name}` of app {identity} is not fenced"))
            .hint("fence it first, so that nothing of the old cluster uses it any more"));
    }
    volume.expect_generation(*generation)?;
    let record = VolumeRecord { holder: wanted.holder.clone(), ..volume.record.clone() };
    volume.write(record, at.as_deref(), VolumeChange::Held { from: from.clone() })?;
    Ok(Fenced { changed: true, volume: volume.record })
}
