//! The data of a move: fenced at the source, copied or handed over, verified. IO through the ports of both clusters.

use super::look::{Carried, Look, Where};
use super::{Ends, MoveOptions, fences};
use crate::app::act;
use crate::progress::Step;
use crate::{Error, Event, Scope, disk, refusal};
use kompox_model::port::{DiskAssign, DiskDelete, DiskExport, DiskImport, ExportOf, Lock};
use kompox_model::{Disk, DiskSource, DiskState, Holder, VolumeChange, VolumeName, VolumeState, hash};

/// Brings every volume to the target.
pub(super) async fn carry(ends: &Ends<'_>, look: &Look, options: &MoveOptions) -> Result<(), Error> {
    for volume in &look.volumes {
        if volume.shared {
            hand_over(ends, look, volume, options).await?;
        } else if volume.place == Where::Source {
            copy(ends, look, volume, options).await?;
        }
    }
    Ok(())
}

/// The volume stays where it is: fenced, given to the target, opened by it.
async fn hand_over(
    ends: &Ends<'_>,
    look: &Look,
    volume: &Carried,
    options: &MoveOptions,
) -> Result<(), Error> {
    let Ends { from, to, source, target } = *ends;
    let now = options.deploy.now;
    if volume.place == Where::Source {
        fence(from, source, &volume.name, &look.source, true, now).await?;
        let identity = from.identity();
        source.check()?;
        let scoped = from.disks(&identity, &look.source.uid);
        fences(from)?.set_holder(&from.call(), scoped, &volume.name, &look.source, &look.target, now).await?;
    }
    fence(to, target, &volume.name, &look.target, false, now).await?;
    from.progress.event(Event::Note(format!("volume {} handed over", volume.name)));
    Ok(())
}

/// Fences a volume on behalf of its holder, or opens it.
pub(super) async fn fence(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    volume: &VolumeName,
    holder: &Holder,
    fenced: bool,
    now: jiff::Timestamp,
) -> Result<VolumeState, Error> {
    lock.check()?;
    let identity = scope.identity();
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let scoped = scope.disks(&identity, &cluster.uid);
    Ok(fences(scope)?.fence(&scope.call(), scoped, volume, holder, fenced, now).await?)
}

/// Copies the volume's disks to the target, but those that an earlier command of this very move has copied.
async fn copy(ends: &Ends<'_>, look: &Look, volume: &Carried, options: &MoveOptions) -> Result<(), Error> {
    let Ends { from, to, source, target } = *ends;
    let now = options.deploy.now;
    let state = fence(from, source, &volume.name, &look.source, true, now).await?;
    // Fenced and the target's own: a command that took them was killed before it opened them.
    let old = |other: &&VolumeState| other.holder == look.source || other.fenced;
    if let Some(other) = volume.target_state.as_ref().filter(old) {
        take_old_copies(to, target, look, other, now).await?;
    }
    let wanted = |disk: &Disk| id(from, disk, &state);
    for old in &volume.target_disks {
        let kept = volume.disks.iter().any(|disk| disk.name == old.name && old.source == wanted(disk));
        // What a command that gave the move up had begun to delete is deleted first.
        if !kept || old.state == DiskState::Deleting {
            remove(to, target, look, old).await?;
        }
    }
    for disk in &volume.disks {
        let there = volume.target_disks.iter().find(|other| other.name == disk.name);
        let copied =
            there.is_some_and(|other| other.state == DiskState::Ready && other.source == wanted(disk));
        if !copied {
            act::interrupted(from, "a repeat finishes the move")?;
            send(ends, look, disk, wanted(disk)).await?;
        }
    }
    same_assignment(to, target, look, volume, now).await
}

/// Which copy this is: of that disk, since it was fenced. Whatever was copied before an app ran again is another one.
fn id(from: &Scope<'_>, disk: &Disk, state: &VolumeState) -> DiskSource {
    let fences = || state.history.iter().filter(|event| event.change == VolumeChange::Fenced);
    let at = fences().next_back().map(|event| event.at.to_string()).unwrap_or_default();
    let text = format!(
        "{} {} {} {} {} {} {at}",
        from.identity(),
        disk.volume,
        disk.name,
        disk.handle,
        disk.holder.uid,
        fences().count()
    );
    DiskSource::Provider(format!("import:{}", hash::hex(text.as_bytes(), 16)))
}

/// Copies of an earlier move become the target's own, so that it can delete them.
async fn take_old_copies(
    to: &Scope<'_>,
    lock: &dyn Lock,
    look: &Look,
    other: &VolumeState,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    lock.check()?;
    let identity = to.identity();
    let scoped = to.disks(&identity, &look.target.uid);
    let call = to.call();
    fences(to)?.set_holder(&call, scoped, &other.name, &look.source, &look.target, now).await?;
    fence(to, lock, &other.name, &look.target, false, now).await?;
    Ok(())
}

/// Removes what the target has of an earlier attempt or move.
pub(super) async fn remove(to: &Scope<'_>, lock: &dyn Lock, look: &Look, disk: &Disk) -> Result<(), Error> {
    let step = Step::start(
        to.progress,
        format!("deleting the old copy of disk {} on cluster {}", disk.name, to.cluster.name),
    );
    let identity = to.identity();
    let scoped = to.disks(&identity, &look.target.uid);
    let disks = disk::disks(to)?;
    lock.check()?;
    if disk.assigned {
        let options = DiskAssign::default();
        disks.unassign(&to.call(), scoped, &disk.volume, &disk.name, options).await?;
    }
    disks.delete(&to.call(), scoped, &disk.volume, &disk.name, DiskDelete::default()).await?;
    step.done(format!("old copy of disk {} deleted", disk.name));
    Ok(())
}

/// Sends one disk through a pipe from the source to the target, which verifies it.
async fn send(ends: &Ends<'_>, look: &Look, disk: &Disk, source: DiskSource) -> Result<(), Error> {
    let Ends { from, to, target, .. } = *ends;
    let export = DiskExport {
        of: ExportOf::Disk(disk.name.clone()),
        at_rest: true,
        exported_at: look.now,
        resume: None,
    };
    let import = DiskImport {
        name: disk.name.clone(),
        size: disk.size,
        source,
        created_at: disk.created_at,
        if_not_exists: true,
        manifest: None,
    };
    target.check()?;
    let uids = (look.source.uid.as_str(), look.target.uid.as_str());
    let what = format!("disk {} of volume {} to cluster {}", disk.name, disk.volume, to.cluster.name);
    disk::pipe((from, to), uids, &disk.volume, &export, &import, &what).await?;
    Ok(())
}

/// The same disk is assigned at both ends, or none.
async fn same_assignment(
    to: &Scope<'_>,
    lock: &dyn Lock,
    look: &Look,
    volume: &Carried,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    let there = disk::inventory(to, &look.target.uid).await?;
    disk::believed(&there)?;
    let of_volume: Vec<&Disk> = there.disks.iter().filter(|disk| disk.volume == volume.name).collect();
    for disk in &volume.disks {
        if !of_volume.iter().any(|other| other.name == disk.name && other.state == DiskState::Ready) {
            return Err(Error::refused(
                refusal::DEFECT,
                format!("disk {} of volume {} was copied but is not there", disk.name, disk.volume),
                "repeat the command",
            ));
        }
    }
    let identity = to.identity();
    let scoped = to.disks(&identity, &look.target.uid);
    let options = DiskAssign { dry_run: false, at: Some(now) };
    let wanted = volume.disks.iter().find(|disk| disk.assigned).map(|disk| &disk.name);
    match wanted {
        Some(name) if of_volume.iter().any(|other| other.assigned != (other.name == *name)) => {
            lock.check()?;
            disk::disks(to)?.assign(&to.call(), scoped, &volume.name, name, options).await?;
        }
        Some(_) => {}
        None => {
            for other in of_volume.iter().filter(|other| other.assigned) {
                lock.check()?;
                disk::disks(to)?.unassign(&to.call(), scoped, &volume.name, &other.name, options).await?;
            }
        }
    }
    Ok(())
}
