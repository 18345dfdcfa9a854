//! Deleting disks and snapshots: marked, moved out of sight by one rename, erased afterwards. IO.

use crate::disk::{self, Disk};
use crate::failure::{Result, conflict};
use crate::folder::Folder;
use crate::snapshot::{self, Snapshot};
use crate::volume::Volume;
use crate::{lock, record, trash};
use kompox_node_protocol::{DeleteDisk, DeleteSnapshot, DiskState, Kind};
use serde::Serialize;
use std::time::Duration;

/// What a deletion found.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    pub(crate) existed: bool,
    /// Why something could not be erased, if it is not in the trash.
    pub(crate) leftover: Option<String>,
}

/// Deletes a disk that is not assigned. Timeout when it is being copied; `wait` is for the message.
pub(crate) fn disk(root: &Folder, request: &DeleteDisk, wait: Duration) -> Result<Gone> {
    let DeleteDisk { volume: wanted, generation, disk: name } = request;
    let Some(volume) = Volume::find_checked(root, wanted)? else { return Ok(Gone::default()) };
    let Some(disks) = volume.disks()? else { return Ok(Gone::default()) };
    let earlier = left_by_earlier(&disks);
    let Some(Disk { folder, mut record }) = Disk::find(&volume, name)? else {
        return Ok(Gone { existed: false, leftover: earlier });
    };
    if volume.record.assigned.as_deref() == Some(name) {
        return Err(conflict(format!("disk `{name}` is assigned to volume `{}`", wanted.volume)).hint(
            "assign another disk first, with `disk assign` or `disk attach`, or clear it with `disk detach`",
        ));
    }
    volume.expect_generation(*generation)?;
    let _kept = lock::try_exclusive(&folder)?.ok_or_else(|| lock::in_use(&folder, wait))?;
    if record.state != DiskState::Deleting {
        record.state = DiskState::Deleting;
        mark(&folder, disk::RECORD, &record)?;
    }
    let leftover = trash::discard(root, &disks, name)?;
    Ok(Gone { existed: true, leftover: leftover.or(earlier) })
}

/// Deletes a snapshot. Timeout when a disk is being made from it; `wait` is for the message.
pub(crate) fn snapshot(root: &Folder, request: &DeleteSnapshot, wait: Duration) -> Result<Gone> {
    let DeleteSnapshot { volume: wanted, snapshot: name } = request;
    let Some(volume) = Volume::find_checked(root, wanted)? else { return Ok(Gone::default()) };
    let Some(snapshots) = volume.snapshots()? else { return Ok(Gone::default()) };
    let earlier = left_by_earlier(&snapshots);
    let Some(Snapshot { folder, mut record }) = Snapshot::find(&volume, name)? else {
        return Ok(Gone { existed: false, leftover: earlier });
    };
    let _kept = lock::try_exclusive(&folder)?.ok_or_else(|| lock::in_use(&folder, wait))?;
    if record.state != DiskState::Deleting {
        record.state = DiskState::Deleting;
        mark(&folder, snapshot::RECORD, &record)?;
    }
    let leftover = trash::discard(root, &snapshots, name)?;
    Ok(Gone { existed: true, leftover: leftover.or(earlier) })
}

/// Erases what earlier deletions left beside the trash, or says why not: that must not be in the way of this one.
fn left_by_earlier(parent: &Folder) -> Option<String> {
    disk::sweep(parent).err().map(|failure| failure.message)
}

/// Writes that something is on its way out: from here on it cannot be used any more, even if the move fails.
fn mark<T: Serialize>(folder: &Folder, name: &str, record: &T) -> Result<()> {
    match record::write(folder, name, record) {
        // Without room for the mark, the move alone must do: a deletion is how room is made.
        Err(failure) if failure.kind == Kind::Quota => Ok(()),
        other => other,
    }
}
