//! `snapshot restore`: a new disk from a snapshot, beside the one in use. IO through the ports.

use super::require_ready;
use crate::disk::{self, find_volume};
use crate::{Error, Scope, refusal};
use kompox_model::quantity::Bytes;
use kompox_model::{Disk, DiskName, DiskSource, SnapshotName, VolumeName};

/// Which snapshot becomes which disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOptions {
    /// The volume; none means the app's first.
    pub volume: Option<VolumeName>,
    /// The snapshot.
    pub snapshot: SnapshotName,
    /// Name of the new disk; none means a generated one.
    pub disk: Option<DiskName>,
    /// Its size; none means that of the volume, or of the snapshot if that is larger.
    pub size: Option<Bytes>,
    /// An existing disk of that name, made from the same snapshot, is success.
    pub if_not_exists: bool,
    /// Only say what would be made.
    pub dry_run: bool,
    /// The time to record.
    pub now: jiff::Timestamp,
    /// For a generated name.
    pub random: u64,
}

/// Makes a disk that holds what the snapshot holds. It is not assigned, unless it is the volume's only disk: the app goes on
/// with the disk it has (VOL-20).
///
/// # Errors
/// NotFound without the snapshot, Conflict when it is not whole, Invalid when the size is smaller than the snapshot's; those
/// of [`disk::create`].
pub async fn restore(scope: &Scope<'_>, options: &RestoreOptions, holder: &str) -> Result<Disk, Error> {
    let RestoreOptions { volume, snapshot, disk, size, if_not_exists, dry_run, now, random } = options;
    let volume = find_volume(scope, volume.as_ref())?;
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let found = require_ready(scope, &volume.name, snapshot, &cluster.uid).await?;
    if let Some(size) = size.filter(|size| *size < found.size) {
        return Err(Error::refused(
            refusal::snapshot::TOO_LARGE,
            format!("snapshot {snapshot} is of a disk of {}, which does not fit into {size}", found.size),
            "leave --size out, or give at least the size of the snapshot",
        ));
    }
    let create = disk::CreateOptions {
        volume: Some(volume.name.clone()),
        name: disk.clone(),
        size: Some(size.unwrap_or_else(|| volume.size.max(found.size))),
        source: DiskSource::Snapshot(snapshot.clone()),
        if_not_exists: *if_not_exists,
        dry_run: *dry_run,
        now: *now,
        random: *random,
    };
    disk::create(scope, &create, holder).await
}
