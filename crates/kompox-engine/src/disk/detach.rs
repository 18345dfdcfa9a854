//! `disk detach`: leaves a volume without an assigned disk. IO through the ports.

use super::{disks, find_volume, look_for, missing, under_lock, used_by};
use crate::{Error, Scope, refusal};
use kompox_model::port::{DiskAssign, Lock};
use kompox_model::{AppIdentity, Disk, DiskName, VolumeName};

/// Takes the assignment from a disk that no Pod uses; `disk delete` works then, and deploys refuse until another disk is
/// assigned. A disk that is not assigned is success.
///
/// # Errors
/// NotFound without such a disk, Conflict while a Pod uses it or may come to use it; those of the driver and the cluster.
pub async fn detach(
    scope: &Scope<'_>,
    volume: Option<&VolumeName>,
    name: &DiskName,
    options: DiskAssign,
    holder: &str,
) -> Result<Disk, Error> {
    let volume = find_volume(scope, volume)?.name.clone();
    let looked = look_for(scope, &volume, name).await?;
    if looked.is_known_missing() {
        return Err(missing(scope, name));
    }
    if let Some(disk) = &looked.disk {
        refuse_in_use(scope, disk).await?;
    }
    let assigned = looked.disk.as_ref().is_some_and(|disk| disk.assigned);
    let uid = looked.holder.uid.clone();
    if options.dry_run {
        let identity = scope.identity();
        let scoped = scope.disks(&identity, &uid);
        return Ok(disks(scope)?.unassign(&scope.call(), scoped, &volume, name, options).await?);
    }
    if let Some(disk) = looked.own_ready().filter(|_| !assigned) {
        return Ok(disk);
    }
    under_lock(scope, holder, async |identity: &AppIdentity, uid: &str, lock: &dyn Lock| {
        // Somebody may have deployed until we got the Lease.
        if let Some(disk) = &look_for(scope, &volume, name).await?.disk {
            refuse_in_use(scope, disk).await?;
        }
        lock.check()?;
        let scoped = scope.disks(identity, uid);
        Ok(disks(scope)?.unassign(&scope.call(), scoped, &volume, name, options).await?)
    })
    .await
}

async fn refuse_in_use(scope: &Scope<'_>, disk: &Disk) -> Result<(), Error> {
    match used_by(scope, &disk.handle).await? {
        None => Ok(()),
        Some(user) => Err(Error::refused(
            refusal::disk::USED,
            format!("{user} uses disk {} of volume {}", disk.name, disk.volume),
            "stop the app first: kompoxops app stop",
        )),
    }
}
