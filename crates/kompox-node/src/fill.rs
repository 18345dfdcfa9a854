//! Uploads into a folder of a disk that is still empty. IO.
//!
//! The archive is written aside and renamed last; one that is cut short, or has an entry that could lead out of the
//! folder or is not plain content, leaves nothing behind.

use crate::disk::{self, Disk};
use crate::failure::{Result, conflict, invalid};
use crate::folder::Folder;
use crate::store::{Place, Store};
use crate::target::Target;
use crate::unpack;
use crate::volume::Volume;
use crate::{data, lock};
use kompox_node_protocol::{DiskState, FillHeader, Filled};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Fills the folder that `header` names from the tar archive in `content`. The archive is not read when there is
/// nothing to fill.
pub(crate) fn run(path: &Path, wait: Duration, header: &FillHeader, content: impl Read) -> Result<Filled> {
    header.check().map_err(invalid)?;
    // Nothing is made that could have one back end or another.
    let place = Place { path, expected: header.store.as_deref(), wait, backend: None };
    let disk = open(place, header)?;
    // The store's lock is not held while content comes in, so that other apps go on; this one keeps other fillers
    // of the disk away.
    let _guard = lock::exclusive(&disk.data, wait)?;
    let Some(target) = Target::find(&disk.data, &header.sub_path)? else {
        return Ok(Filled { filled: false, entries: 0, bytes: 0 });
    };
    let filled = fill(&target, content);
    // Again, with the store locked until the rename: a disk that was deleted meanwhile was filled in the trash, and
    // that is what to report, not the failure that came of it.
    let finished = reopen(place, header, &disk).and_then(|_store| {
        let filled = filled?;
        target.finish()?;
        Ok(filled)
    });
    if finished.is_err() {
        target.give_up();
    }
    finished
}

/// The store, locked, if the disk is still the same.
fn reopen(place: Place<'_>, header: &FillHeader, disk: &OpenDisk) -> Result<Store> {
    let (now, store) = open_locked(place, header)?;
    if now.handle == disk.handle {
        return Ok(store);
    }
    Err(conflict(format!("disk `{}` was made anew meanwhile", header.disk)))
}

struct OpenDisk {
    data: Folder,
    handle: String,
}

fn open(place: Place<'_>, header: &FillHeader) -> Result<OpenDisk> {
    open_locked(place, header).map(|(disk, _)| disk)
}

/// The disk, ready and ours, with the store locked as long as the second part is kept.
fn open_locked(place: Place<'_>, header: &FillHeader) -> Result<(OpenDisk, Store)> {
    let unknown = || disk::unknown(&header.volume, &header.disk);
    let store = Store::find(place, lock::shared)?.ok_or_else(unknown)?;
    let volume = Volume::find_checked(&store.root, &header.volume)?.ok_or_else(unknown)?;
    let disk = Disk::find(&volume, &header.disk)?.ok_or_else(unknown)?;
    if disk.record.state != DiskState::Ready {
        return Err(conflict(format!("disk `{}` is not ready", header.disk))
            .hint("repeat the command that makes it, then fill it"));
    }
    let data = disk
        .folder
        .find_folder(data::DATA)?
        .ok_or_else(|| conflict(format!("{} is missing", disk.folder.shown(data::DATA))))?;
    Ok((OpenDisk { data, handle: disk.record.handle }, store))
}

fn fill(target: &Target, content: impl Read) -> Result<Filled> {
    let aside = target.start()?;
    // As a folder of an image: the archive's own first entry may say otherwise.
    aside.set_mode(crate::folder::PUBLIC)?;
    let (entries, bytes) = unpack::into(&aside, content)?;
    aside.sync()?;
    Ok(Filled { filled: true, entries, bytes })
}
