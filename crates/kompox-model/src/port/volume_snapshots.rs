//! Port of a driver's snapshots of disks. Pure.

use super::{AppScope, Call, DiskGap, PortError};
use crate::{DiskName, Snapshot, SnapshotName, VolumeName};
use async_trait::async_trait;
use jiff::Timestamp;

/// All snapshots that could be seen, and what could not be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotInventory {
    /// Snapshots of the app, newest first, equal times by name (VOL-17).
    pub snapshots: Vec<Snapshot>,
    /// Places where snapshots of the app may be that could not be looked into.
    pub gaps: Vec<DiskGap>,
}

/// A new snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotCreate {
    /// Its name.
    pub name: SnapshotName,
    /// The disk it is made from.
    pub disk: DiskName,
    /// Now, to be recorded as creation time.
    pub created_at: Timestamp,
    /// The caller vouches that nothing writes to the disk until this ends.
    pub at_rest: bool,
    /// An existing snapshot of that name and disk is success instead of AlreadyExists (C-41).
    pub if_not_exists: bool,
}

/// Options of delete (DRV-15).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotDelete {
    /// Say what would be done.
    pub dry_run: bool,
}

/// Snapshots of the disks of apps. A disk is made from one by [`super::Disks::create`] (C-04). Errors of every method beside
/// those named: Conflict when another cluster holds the volume or another app has its records, Unavailable and Timeout.
#[async_trait]
pub trait VolumeSnapshots: Send + Sync {
    /// All snapshots of the app, of every volume, in one request per place.
    async fn list(&self, call: &Call<'_>, scope: AppScope<'_>) -> Result<SnapshotInventory, PortError>;

    /// Makes a snapshot of one disk. One of that name still being made from the same disk is continued. AlreadyExists for a
    /// finished one, NotFound without the disk, Conflict when the disk cannot be copied as of one moment and the caller does
    /// not vouch for its rest.
    async fn create(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Snapshot, PortError>;

    /// Deletes one snapshot. False when there was none, which is success (VOL-19). Disks made from it stay as they are.
    async fn delete(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        snapshot: &SnapshotName,
        options: SnapshotDelete,
    ) -> Result<bool, PortError>;
}
