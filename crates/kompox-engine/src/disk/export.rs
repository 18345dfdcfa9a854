//! `disk export` and `snapshot export`: what a disk or snapshot holds, as one archive. IO through the ports.

use super::{believed, find_volume, inventory, missing, under_lock, used_by};
use crate::progress::Step;
use crate::{Error, Scope, refusal, snapshot};
use futures::AsyncWrite;
use kompox_model::port::{
    DiskExport, DiskExported, DiskStreams, ErrorKind, ExportOf, ExportProgress, ExportResume, Lock, PortError,
};
use kompox_model::{AppIdentity, Disk, DiskName, DiskState, SnapshotName, VolumeName};

/// What is written out, as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exportee {
    /// A disk.
    Disk(DiskName),
    /// A snapshot.
    Snapshot(SnapshotName),
}

/// Options of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// The volume; none means the app's first.
    pub volume: Option<VolumeName>,
    /// What of it.
    pub of: Exportee,
    /// What there is already of the archive.
    pub resume: Option<ExportResume>,
    /// The time to record.
    pub now: jiff::Timestamp,
}

/// Writes a disk that nothing uses, or a snapshot, to `archive`; it is whole only when this succeeds. While a disk is read,
/// no other command works on the app.
///
/// # Errors
/// NotFound without it; Conflict for a disk in use, or one that came to be used meanwhile, and when what there is of the
/// archive is of something else; Unsupported when the driver writes no archives; those of the ports.
pub async fn export(
    scope: &Scope<'_>,
    options: &ExportOptions,
    archive: &mut (dyn AsyncWrite + Send + Unpin),
    progress: ExportProgress<'_>,
    holder: &str,
) -> Result<DiskExported, Error> {
    let volume = &find_volume(scope, options.volume.as_ref())?.name;
    let streams = streams(scope)?;
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let write = async |of: ExportOf, uid: &str, archive: &mut (dyn AsyncWrite + Send + Unpin)| {
        let export = DiskExport {
            at_rest: matches!(of, ExportOf::Disk(_)),
            of,
            exported_at: options.now,
            resume: options.resume.clone(),
        };
        let identity = scope.identity();
        let scoped = scope.disks(&identity, uid);
        Ok::<_, Error>(streams.export(&scope.call(), scoped, volume, &export, archive, progress).await?)
    };
    match &options.of {
        Exportee::Snapshot(name) => {
            snapshot::require_ready(scope, volume, name, &cluster.uid).await?;
            let step = Step::start(scope.progress, format!("writing snapshot {name} of volume {volume} out"));
            let exported = write(ExportOf::Snapshot(name.clone()), &cluster.uid, archive).await?;
            step.done(format!("snapshot {name} of volume {volume} written out"));
            Ok(exported)
        }
        Exportee::Disk(name) => {
            // First: what can be refused without the Lease writes nothing.
            let disk = at_rest(scope, volume, name, &cluster.uid).await?;
            under_lock(scope, holder, async |_: &AppIdentity, uid: &str, lock: &dyn Lock| {
                at_rest(scope, volume, &disk.name, uid).await?;
                let step =
                    Step::start(scope.progress, format!("writing disk {} of volume {volume} out", disk.name));
                lock.check()?;
                let exported = write(ExportOf::Disk(disk.name.clone()), uid, archive).await?;
                refuse_disturbed(scope, &disk, lock).await?;
                step.done(format!("disk {} of volume {volume} written out", disk.name));
                Ok(exported)
            })
            .await
        }
    }
}

/// The driver's archives.
pub(crate) fn streams<'a>(scope: &Scope<'a>) -> Result<&'a dyn DiskStreams, Error> {
    scope.driver.streams().ok_or_else(|| {
        PortError::new(ErrorKind::Unsupported, scope.driver.id(), "use", "archives of disks")
            .detail("this driver writes and reads no archives of disks: not supported")
            .into()
    })
}

/// The disk, which nobody uses.
async fn at_rest(scope: &Scope<'_>, volume: &VolumeName, name: &DiskName, uid: &str) -> Result<Disk, Error> {
    let inventory = inventory(scope, uid).await?;
    let found = inventory.disks.iter().find(|disk| disk.volume == *volume && disk.name == *name);
    let Some(disk) = found else {
        believed(&inventory)?;
        return Err(missing(scope, name));
    };
    if disk.state != DiskState::Ready {
        return Err(Error::refused(
            refusal::disk::NOT_READY,
            format!("disk {} of volume {volume} is {}, not ready", disk.name, disk.state),
            "repeat the command that makes it, or choose another disk",
        ));
    }
    match used_by(scope, &disk.handle).await? {
        None => Ok(disk.clone()),
        Some(user) => Err(Error::refused(
            refusal::disk::EXPORT_IN_USE,
            format!("{user} writes to disk {} of volume {volume}", disk.name),
            "write a snapshot out: kompoxops snapshot create NAME, kompoxops snapshot export NAME FILE; or stop the app first: \
             kompoxops app stop",
        )),
    }
}

/// An archive that took long: the disk was at rest only if nobody could begin to use it meanwhile.
async fn refuse_disturbed(scope: &Scope<'_>, disk: &Disk, lock: &dyn Lock) -> Result<(), Error> {
    let held = lock.check();
    let used = used_by(scope, &disk.handle).await?;
    match used.or_else(|| held.is_err().then(|| "another command".to_owned())) {
        None => Ok(()),
        Some(user) => Err(Error::refused(
            refusal::disk::EXPORT_DISTURBED,
            format!("{user} may have written to disk {} while it was read", disk.name),
            "the archive is not to be used; repeat the command when nothing else works on the app",
        )),
    }
}
