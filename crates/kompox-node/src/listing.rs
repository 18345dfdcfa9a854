//! Lists of volumes, disks and snapshots. Reads, never writes.

use crate::data;
use crate::disk::Disk;
use crate::failure::{Result, conflict};
use crate::folder::Folder;
use crate::snapshot::Snapshot;
use crate::volume::{self, Volume, check_identity};
use kompox_node_protocol::{
    AppRef, DiskState, Failure, Problem, VOLUME_NAME_LIMIT, VolumeEntry, check_app_hash, check_label,
    newest_first,
};
use rustix::fs::FileType;

/// The volumes of one app. Anything not understood is an error: a volume must not look as if it had no disks.
pub(crate) fn of_app(root: &Folder, app: &AppRef) -> Result<Vec<VolumeEntry>> {
    let Some(folder) = root.find_folder(&app.app_hash)? else { return Ok(Vec::new()) };
    let volumes = volume::names(&folder)?
        .iter()
        .map(|name| of_volume(&folder, &app.app_hash, name))
        .collect::<Result<Vec<_>>>()?;
    for volume in &volumes {
        check_identity(&volume.record, &app.identity)?;
    }
    Ok(volumes)
}

/// The volumes of all apps, and what could not be understood.
pub(crate) fn of_all(root: &Folder) -> Result<(Vec<VolumeEntry>, Vec<Problem>)> {
    let mut volumes = Vec::new();
    let mut problems = Vec::new();
    let mut hashes: Vec<String> =
        root.entries()?.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect();
    // Other entries of the root are not ours, such as lost+found.
    hashes.retain(|name| check_app_hash(name).is_ok());
    hashes.sort_unstable();
    for hash in hashes {
        let mut keep = |path: String, result: Result<VolumeEntry>| match result {
            Ok(volume) => volumes.push(volume),
            Err(Failure { message, .. }) => problems.push(Problem { path, message }),
        };
        match root.folder(&hash).and_then(|app| Ok((volume::names(&app)?, app))) {
            Ok((names, app)) => {
                for name in names {
                    keep(format!("{hash}/{name}"), of_volume(&app, &hash, &name));
                }
            }
            Err(failure) => keep(hash, Err(failure)),
        }
    }
    Ok((volumes, problems))
}

fn of_volume(app: &Folder, app_hash: &str, name: &str) -> Result<VolumeEntry> {
    check_label("volume", name, VOLUME_NAME_LIMIT).map_err(conflict)?;
    let volume = Volume::find(app, app_hash, name)?
        .ok_or_else(|| conflict(format!("{} vanished", app.shown(name))))?;
    let mut disks = Vec::new();
    if let Some(folder) = volume.disks()? {
        for name in volume::names(&folder)? {
            let disk = Disk::find(&volume, &name)?
                .ok_or_else(|| conflict(format!("{} vanished", folder.shown(&name))))?;
            check_data(&disk.folder, disk.record.state, volume.record.fenced, "disk")?;
            disks.push(disk.entry(&volume.record));
        }
    }
    disks.sort_by(newest_first);
    let mut snapshots = Vec::new();
    if let Some(folder) = volume.snapshots()? {
        for name in volume::names(&folder)? {
            let snapshot = Snapshot::find(&volume, &name)?
                .ok_or_else(|| conflict(format!("{} vanished", folder.shown(&name))))?;
            check_data(&snapshot.folder, snapshot.record.state, false, "snapshot")?;
            snapshots.push(snapshot.entry(&volume.record));
        }
    }
    snapshots.sort_by(newest_first);
    Ok(VolumeEntry { record: volume.record, disks, snapshots })
}

/// What is ready has its data; that of a disk may be out of the way as long as its volume is fenced.
fn check_data(owner: &Folder, state: DiskState, fenced: bool, what: &str) -> Result<()> {
    if state != DiskState::Ready {
        return Ok(());
    }
    let names: &[&str] = if fenced { &[data::DATA, data::FENCED] } else { &[data::DATA] };
    for name in names {
        let found = owner.look(name)?;
        if found.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory) {
            return Ok(());
        }
    }
    let shown = owner.shown(data::DATA);
    Err(conflict(format!("{shown} is not a folder, but the {what} is recorded as ready"))
        .hint(format!("bring the data of this {what} back")))
}
