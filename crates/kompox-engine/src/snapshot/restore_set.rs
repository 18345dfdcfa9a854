//! `snapshot restore --all`: a new disk for each volume of a set of snapshots, or none. IO through the ports.

use super::restore::{RestoreOptions, restore};
use super::{find, inventory, seen_whole};
use crate::disk::{self, believed};
use crate::{Error, Event, Scope, refusal};
use kompox_model::port::DiskDelete;
use kompox_model::{Disk, DiskName, VolumeName};

/// Makes a disk for each volume that has disks, all of one name, from the snapshots of one name. The app goes on with the
/// disks it has.
///
/// # Errors
/// NotFound when a volume has no such snapshot; those of [`restore`]. When one fails, the disks that this made are deleted.
pub async fn restore_set(
    scope: &Scope<'_>,
    options: &RestoreOptions,
    holder: &str,
) -> Result<Vec<Disk>, Error> {
    let volumes = volumes(scope, options).await?;
    let seconds = u64::try_from(options.now.as_second()).unwrap_or_default();
    let name = options.disk.clone().unwrap_or_else(|| DiskName::generated(seconds, options.random));
    let known = disk::list(scope).await?.disks;
    let mut made = Vec::new();
    for volume in &volumes {
        let one =
            RestoreOptions { volume: Some(volume.clone()), disk: Some(name.clone()), ..options.clone() };
        match restore(scope, &one, holder).await {
            Ok(disk) => made.push(disk),
            Err(error) => {
                let new = made.iter().filter(|disk| {
                    !options.dry_run
                        && !known.iter().any(|old| old.volume == disk.volume && old.name == disk.name)
                });
                for disk in new {
                    remove(scope, disk, holder).await;
                }
                return Err(error);
            }
        }
    }
    Ok(made)
}

/// The volumes of the set: every one that has disks has a snapshot of that name.
async fn volumes(scope: &Scope<'_>, options: &RestoreOptions) -> Result<Vec<VolumeName>, Error> {
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let disks = disk::inventory(scope, &cluster.uid).await?;
    believed(&disks)?;
    let snapshots = inventory(scope, &cluster.uid).await?;
    let has_disk = |name: &VolumeName| disks.disks.iter().any(|disk| disk.volume == *name);
    let volumes = scope.app.volumes.iter().map(|volume| volume.name.clone());
    let volumes: Vec<VolumeName> = volumes.filter(has_disk).collect();
    let without = volumes.iter().find(|volume| find(&snapshots, volume, &options.snapshot).is_none());
    if let Some(volume) = without.cloned() {
        let name = &options.snapshot;
        seen_whole(snapshots)?;
        return Err(Error::refused(
            refusal::snapshot::UNKNOWN,
            format!(
                "volume {volume} of app {} has no snapshot {name}, so that this is no whole set",
                scope.app.name
            ),
            "see which there are: kompoxops snapshot list; one volume alone: --volume VOLUME instead of --all",
        ));
    }
    Ok(volumes)
}

/// Deletes a disk that must not stay. What cannot be removed is told; the failure that led here is the command's.
async fn remove(scope: &Scope<'_>, disk: &Disk, holder: &str) {
    let deleted = disk::delete(scope, Some(&disk.volume), &disk.name, DiskDelete::default(), holder);
    if let Err(error) = deleted.await {
        scope.progress.event(Event::Warning(format!(
            "disk {} of volume {} is not needed and could not be removed ({error}): kompoxops disk delete {} --volume {}",
            disk.name, disk.volume, disk.name, disk.volume
        )));
    }
}
