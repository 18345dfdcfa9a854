//! What a disk is made from, and whether anything writes to that meanwhile. IO through the ports.

use super::used_by;
use crate::app::workload;
use crate::{Error, Scope, refusal};
use kompox_model::port::DiskInventory;
use kompox_model::{DiskSource, VolumeName};

/// True when nothing writes to the source of a new disk, so that it can be copied whatever its file system can.
///
/// # Errors
/// Conflict when it is a disk in use that cannot be copied as of one moment; those of the cluster.
pub(crate) async fn is_at_rest(
    scope: &Scope<'_>,
    inventory: &DiskInventory,
    volume: &VolumeName,
    source: &DiskSource,
) -> Result<bool, Error> {
    match source {
        DiskSource::Empty | DiskSource::Snapshot(_) => Ok(true),
        // What it stands for is the driver's business; it may be a part of any disk of the app.
        DiskSource::Provider(_) => {
            Ok(!workload::find(scope).await?.as_ref().is_some_and(workload::wants_pod))
        }
        DiskSource::Disk(name) => {
            let found = inventory.disks.iter().find(|disk| disk.volume == *volume && disk.name == *name);
            // One that is not there is the driver's to refuse.
            let Some(disk) = found else { return Ok(true) };
            match used_by(scope, &disk.handle).await? {
                None => Ok(true),
                Some(_) if disk.atomic_snapshots => Ok(false),
                Some(user) => Err(Error::refused(
                    refusal::disk::SOURCE_IN_USE,
                    format!(
                        "{user} writes to disk {name}, which cannot be copied as of one moment where it is"
                    ),
                    "stop the app first: kompoxops app stop; or copy a snapshot: kompoxops snapshot create --stop",
                )),
            }
        }
    }
}
