//! Use cases of snapshots: list, create, restore, delete. IO through the ports.

mod create;
mod look;
mod quiesce;
mod restore;
mod restore_set;

pub use create::{CreateOptions, Created, Which, create};
pub use restore::{RestoreOptions, restore};
pub use restore_set::restore_set;

use crate::disk::{believed, disks, find_volume, under_lock};
use crate::progress::Step;
use crate::{Error, Scope, refusal};
use kompox_model::port::{
    DiskInventory, ErrorKind, Lock, PortError, SnapshotDelete, SnapshotInventory, VolumeSnapshots,
};
use kompox_model::{AppIdentity, DiskState, Snapshot, SnapshotName, VolumeName};

/// The app's snapshots on this cluster, and what could not be looked into.
///
/// # Errors
/// Unsupported when the driver has no snapshots; those of the driver.
pub async fn list(scope: &Scope<'_>) -> Result<SnapshotInventory, Error> {
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    inventory(scope, &cluster.uid).await
}

/// Deletes a snapshot. Disks made from it stay as they are. False when there was none.
///
/// # Errors
/// NotFound for an unknown volume, Conflict when another cluster holds it; those of the driver and the cluster.
pub async fn delete(
    scope: &Scope<'_>,
    volume: Option<&VolumeName>,
    name: &SnapshotName,
    options: SnapshotDelete,
    holder: &str,
) -> Result<bool, Error> {
    let volume = find_volume(scope, volume)?.name.clone();
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let inventory = inventory(scope, &cluster.uid).await?;
    if find(&inventory, &volume, name).is_none() {
        seen_whole(inventory)?;
        return Ok(false);
    }
    if options.dry_run {
        let identity = scope.identity();
        let scoped = scope.disks(&identity, &cluster.uid);
        return Ok(snapshots(scope)?.delete(&scope.call(), scoped, &volume, name, options).await?);
    }
    under_lock(scope, holder, async |identity: &AppIdentity, uid: &str, lock: &dyn Lock| {
        let step = Step::start(scope.progress, format!("deleting snapshot {name}"));
        lock.check()?;
        let scoped = scope.disks(identity, uid);
        let deleted = snapshots(scope)?.delete(&scope.call(), scoped, &volume, name, options).await?;
        step.done(format!("snapshot {name} deleted"));
        Ok(deleted)
    })
    .await
}

/// The driver's snapshots.
fn snapshots<'a>(scope: &Scope<'a>) -> Result<&'a dyn VolumeSnapshots, Error> {
    scope.driver.snapshots().ok_or_else(|| {
        PortError::new(ErrorKind::Unsupported, scope.driver.id(), "use", "snapshots")
            .detail("this driver has no snapshots: not supported")
            .into()
    })
}

pub(crate) async fn inventory(scope: &Scope<'_>, cluster_uid: &str) -> Result<SnapshotInventory, Error> {
    disks(scope)?;
    let identity = scope.identity();
    Ok(snapshots(scope)?.list(&scope.call(), scope.disks(&identity, cluster_uid)).await?)
}

fn find<'a>(
    inventory: &'a SnapshotInventory,
    volume: &VolumeName,
    name: &SnapshotName,
) -> Option<&'a Snapshot> {
    inventory.snapshots.iter().find(|snapshot| snapshot.volume == *volume && snapshot.name == *name)
}

/// Refuses to take "not seen" for "not there".
fn seen_whole(inventory: SnapshotInventory) -> Result<(), Error> {
    believed(&DiskInventory { gaps: inventory.gaps, ..DiskInventory::default() })
}

/// Makes sure that there is such a snapshot, and that it is whole.
pub(crate) async fn require_ready(
    scope: &Scope<'_>,
    volume: &VolumeName,
    name: &SnapshotName,
    cluster_uid: &str,
) -> Result<Snapshot, Error> {
    let inventory = inventory(scope, cluster_uid).await?;
    let Some(found) = find(&inventory, volume, name).cloned() else {
        seen_whole(inventory)?;
        return Err(missing(scope, volume, name));
    };
    if found.state != DiskState::Ready {
        return Err(Error::refused(
            refusal::snapshot::NOT_READY,
            format!("snapshot {name} of volume {volume} is {}, not ready", found.state),
            "repeat the command that makes it, or choose another snapshot",
        ));
    }
    Ok(found)
}

fn missing(scope: &Scope<'_>, volume: &VolumeName, name: &SnapshotName) -> Error {
    Error::refused(
        refusal::snapshot::UNKNOWN,
        format!("volume {volume} of app {} has no snapshot {name}", scope.app.name),
        "see which there are: kompoxops snapshot list",
    )
}
