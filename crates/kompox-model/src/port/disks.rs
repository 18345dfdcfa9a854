//! Port of a driver's disks. Pure.

use super::{Call, PortError};
use crate::quantity::Bytes;
use crate::{
    App, AppIdentity, Cluster, Disk, DiskName, DiskSource, Volume, VolumeClass, VolumeName, VolumeState,
};
use async_trait::async_trait;
use jiff::Timestamp;

/// The app whose disks are meant, and the cluster that asks.
#[derive(Debug, Clone, Copy)]
pub struct AppScope<'a> {
    /// The app's identity; disks are found by it and compared with it in full.
    pub identity: &'a AppIdentity,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// UID of that cluster's kube-system Namespace.
    pub cluster_uid: &'a str,
}

/// All disks that could be seen, and what could not be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskInventory {
    /// Disks of the app, newest first, equal times by name (VOL-08).
    pub disks: Vec<Disk>,
    /// Volumes of the app that were found, by name.
    pub volumes: Vec<VolumeState>,
    /// Places where disks of the app may be that could not be looked into. While there is one, "no disk" is not
    /// believed.
    pub gaps: Vec<DiskGap>,
}

/// A place that could not be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskGap {
    /// What kind of gap.
    pub kind: GapKind,
    /// The place and what is wrong with it, in one sentence.
    pub message: String,
}

/// Kinds of gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapKind {
    /// What looks after disks is not installed or still starting; a mutating command installs it and waits for it.
    NotInstalled,
    /// A place did not answer.
    Unreachable,
    /// A place answered but is not the one that was there before.
    Foreign,
}

/// A new disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskCreate {
    /// Its name.
    pub name: DiskName,
    /// Its size.
    pub size: Bytes,
    /// What it is made from.
    pub source: DiskSource,
    /// Now, to be recorded as creation time.
    pub created_at: Timestamp,
    /// The caller vouches that nothing writes to the disk it is made from, if any, until this ends.
    pub at_rest: bool,
    /// An existing disk of that name is success instead of AlreadyExists (C-41).
    pub if_not_exists: bool,
}

/// Options of assign and unassign (DRV-15).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskAssign {
    /// Say what would be done.
    pub dry_run: bool,
    /// Now, to be recorded in the volume's history; none records nothing there.
    pub at: Option<Timestamp>,
}

/// Options of delete (DRV-15).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskDelete {
    /// Say what would be done.
    pub dry_run: bool,
}

/// Disks of apps. Errors of every method beside those named: Conflict when another cluster holds the volume or another
/// app has its records, Unavailable and Timeout.
#[async_trait]
pub trait Disks: Send + Sync {
    /// How PersistentVolumes of the volume look.
    ///
    /// # Errors
    /// Invalid for bad settings.
    fn class(&self, cluster: &Cluster, app: &App, volume: &Volume) -> Result<VolumeClass, PortError>;

    /// All disks of the app, of every volume, in one request per place.
    async fn list(&self, call: &Call<'_>, scope: AppScope<'_>) -> Result<DiskInventory, PortError>;

    /// Makes a disk; the first of a volume is assigned, later ones are not (VOL-09). A disk of that name still being made
    /// from the same source is continued. AlreadyExists for a finished one, NotFound without the source, Invalid when it is
    /// smaller than its source, Unsupported for a source that this driver cannot use, Conflict for a disk as source that
    /// cannot be copied as of one moment while the caller does not vouch for its rest.
    async fn create(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Disk, PortError>;

    /// Assigns one disk and no other (VOL-10). Idempotent: a right record is not written. NotFound without such a disk.
    async fn assign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskAssign,
    ) -> Result<Disk, PortError>;

    /// Takes the assignment from one disk, so that its volume has no assigned one. Idempotent: a disk that is not
    /// assigned is not written. NotFound without such a disk. The caller makes sure that nobody uses it.
    async fn unassign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskAssign,
    ) -> Result<Disk, PortError>;

    /// Deletes one disk. False when there was none, which is success. Conflict while it is assigned.
    async fn delete(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskDelete,
    ) -> Result<bool, PortError>;

    /// Those of `paths` on the disk that hold anything. Relative paths, such as `volumes/db`.
    async fn occupied(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        paths: &[String],
    ) -> Result<Vec<String>, PortError>;

    /// Unpacks a tar archive into a sub-path of the disk that is absent or empty; false when it holds something already,
    /// which is then left alone. Idempotent.
    async fn fill(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        path: &str,
        archive: &[u8],
    ) -> Result<bool, PortError>;
}
