//! The data of a disk or snapshot, in the folder of its record: made aside, put in place by one rename. IO.

use crate::content::How;
use crate::failure::{Result, cannot};
use crate::folder::{Folder, PRIVATE, PUBLIC, change};
use crate::{btrfs, copy, erase};
use kompox_node_protocol::{Backend, Failure, Kind};
use kompox_tree::{Imported, Limits};
use std::io::Read;

/// The data, where apps find it.
pub(crate) const DATA: &str = "data";
/// The data while its volume is fenced.
pub(crate) const FENCED: &str = "data.fenced";
/// A copy that is not whole yet.
const MAKING: &str = "data.new";
/// More entries than any archive has that was made in good faith.
const MAX_ENTRIES: u64 = 1 << 28;

/// The data of a disk, fenced or not; none when there is none.
pub(crate) fn find(owner: &Folder) -> Result<Option<Folder>> {
    match owner.find_folder(DATA)? {
        Some(data) => Ok(Some(data)),
        None => owner.find_folder(FENCED),
    }
}

/// Makes the empty data of a disk, or goes on making it; whether its size is enforced.
pub(crate) fn make_empty(owner: &Folder, backend: Backend, size: u64) -> Result<bool> {
    let data = match (owner.find_folder(DATA)?, backend) {
        (Some(data), _) => data,
        (None, Backend::Btrfs) => subvolume(owner, DATA)?,
        (None, Backend::Directory | Backend::Reflink) => owner.new_folder(DATA, PUBLIC)?,
    };
    // Again, because a run may have ended between the making of the folder and its mode.
    data.set_owner(0, 0)?;
    data.set_mode(PUBLIC)?;
    let enforced = backend == Backend::Btrfs && enforce(&data, size)?;
    data.sync()?;
    owner.sync()?;
    Ok(enforced)
}

fn subvolume(owner: &Folder, name: &str) -> Result<Folder> {
    btrfs::create(owner, name)?;
    owner.folder(name)
}

/// Keeps a subvolume from growing beyond `size`, where that can be done; whether it is.
fn enforce(data: &Folder, size: u64) -> Result<bool> {
    if !btrfs::enable_quota(data)? || !btrfs::limit(data, Some(size))? {
        return Ok(false);
    }
    // Before a record says so.
    btrfs::commit(data)?;
    Ok(true)
}

/// What is to become the data of a disk, with a size, or of a snapshot, without one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) backend: Backend,
    /// None for a snapshot, which nobody writes to.
    pub(crate) size: Option<u64>,
}

/// Begins with what is wanted aside in `owner`; whether its size is enforced.
fn start(owner: &Folder, wanted: Wanted) -> Result<(Folder, bool)> {
    discard(owner)?;
    let is_subvolume = wanted.backend == Backend::Btrfs;
    let making = if is_subvolume { subvolume(owner, MAKING)? } else { owner.new_folder(MAKING, PRIVATE)? };
    let enforced = match wanted.size {
        // Before the content, which may be too much.
        Some(size) if is_subvolume => enforce(&making, size)?,
        _ => false,
    };
    Ok((making, enforced))
}

/// Makes a whole copy of `content` aside in `owner`, file by file, in its folder `at` if that is not empty; whether its size
/// is enforced.
pub(crate) fn copy(content: &Folder, owner: &Folder, at: &str, wanted: Wanted) -> Result<bool> {
    let (making, enforced) = start(owner, wanted)?;
    let how = if wanted.backend == Backend::Directory { How::InFull } else { How::Shared };
    let bytes = copy_to(content, &making, at, how)?;
    if let Some(size) = wanted.size
        && enforced
        && bytes > size
    {
        // Shared blocks are not held against the limit when they are shared, only at the next write.
        let message = format!("{} has {bytes} bytes, the disk only {size}", content.path().display());
        return Err(Failure::new(Kind::Quota, message).hint("give the disk a larger size"));
    }
    if wanted.backend == Backend::Btrfs && wanted.size.is_none() {
        btrfs::set_read_only(&making, true)?;
        btrfs::commit(&making)?;
    }
    Ok(enforced)
}

/// Takes an archive in aside in `owner`; whether its size is enforced, and what was taken.
pub(crate) fn take_in(owner: &Folder, wanted: Wanted, archive: impl Read + Send) -> Result<(bool, Imported)> {
    let (making, enforced) = start(owner, wanted)?;
    // As an empty disk has it: the archive may say otherwise, or nothing.
    making.set_owner(0, 0)?;
    making.set_mode(PUBLIC)?;
    let max_bytes = wanted.size.unwrap_or(u64::MAX);
    let limits = Limits { max_bytes, max_entries: MAX_ENTRIES, devices: false };
    match kompox_tree::import(&making, archive, &limits, |_| {}) {
        Ok(imported) => Ok((enforced, imported)),
        Err(failure) if failure.kind == Kind::Quota && enforced => {
            Err(failure.hint("give the disk a larger size, or free some space on that file system"))
        }
        Err(failure) => Err(failure),
    }
}

/// Copies `content` to the folder `at` beneath `making`, with the folders on the way as those of a new disk.
fn copy_to(content: &Folder, making: &Folder, at: &str, how: How) -> Result<u64> {
    let mut way = vec![making.again()?];
    for part in at.split('/').filter(|part| !part.is_empty()) {
        let last = way.last().unwrap_or(making);
        last.set_owner(0, 0)?;
        last.set_mode(PUBLIC)?;
        way.push(last.make_folder(part, PUBLIC)?);
    }
    let bytes = copy::contents(content, way.last().unwrap_or(making), how)?;
    way.iter().rev().skip(1).try_for_each(Folder::sync)?;
    Ok(bytes)
}

/// Makes a copy of the subvolume `data` aside in `owner`, in one moment; whether its size is enforced.
pub(crate) fn snapshot(data: &Folder, owner: &Folder, size: Option<u64>) -> Result<bool> {
    discard(owner)?;
    // What was written before belongs to it, also after a power cut.
    change(|| rustix::fs::syncfs(data.fd())).map_err(|error| cannot("sync", data.path().display(), error))?;
    btrfs::snapshot(data, owner, MAKING, size.is_none())?;
    let Some(size) = size else { return Ok(false) };
    let making = owner.folder(MAKING)?;
    let enforced = enforce(&making, size)?;
    if !enforced {
        // It may have come with the limit of its source.
        btrfs::limit(&making, None)?;
    }
    Ok(enforced)
}

/// Puts a whole copy in place.
pub(crate) fn publish(owner: &Folder) -> Result<()> {
    owner.rename(MAKING, owner, DATA)?;
    owner.sync()
}

/// Removes what an earlier run copied, whole or not: nobody has seen it, and its source may be another one by now.
fn discard(owner: &Folder) -> Result<()> {
    erase::remove(owner, MAKING)?;
    erase::remove(owner, DATA)
}

/// Gives the room of a copy back that did not become whole.
pub(crate) fn give_up(owner: &Folder) {
    // The failure that led here is the one to report; the next run and the deletion try again.
    let _ = erase::remove(owner, MAKING);
}
