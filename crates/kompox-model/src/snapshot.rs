//! The snapshot noun. Pure.

use crate::disk::{DiskState, Holder};
use crate::quantity::Bytes;
use crate::{DiskName, SnapshotName, VolumeName};
use jiff::Timestamp;

/// A copy of a disk as it was at one time. It outlives the disk.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Snapshot {
    /// Its name, unique in the volume.
    pub name: SnapshotName,
    /// The volume it belongs to.
    pub volume: VolumeName,
    /// The disk it was made from, which may be gone.
    pub disk: DiskName,
    /// The size of that disk; a disk made from the snapshot is at least as large.
    pub size: Bytes,
    /// The provider's id.
    pub handle: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The node that has it, for snapshots that live on nodes.
    pub node: Option<String>,
    /// The zone it is in, for snapshots of clouds.
    pub zone: Option<String>,
    /// How far its life has come.
    pub state: DiskState,
    /// True when it is what the disk was in one moment whatever wrote to it; otherwise it was copied while nothing did.
    pub atomic: bool,
    /// The cluster that may use it.
    pub holder: Holder,
}

/// Sorts snapshots newest first, equal times by name (VOL-17).
pub fn sort(snapshots: &mut [Snapshot]) {
    snapshots.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
}
