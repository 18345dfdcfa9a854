//! Disks as they stand in a volume: their records, their names, and what unfinished runs left beside them. IO.

use crate::failure::{Result, invalid};
use crate::folder::Folder;
use crate::volume::{DISKS, Volume};
use crate::{data, erase, record};
use kompox_node_protocol::{
    DISK_NAME_LIMIT, DiskEntry, DiskRecord, Failure, Kind, VolumeRecord, VolumeRef, check_label, check_time,
};

pub(crate) const RECORD: &str = "disk.json";
/// What is being put together has this prefix until it is renamed; no name of a volume or disk can have it.
pub(crate) const STAGED: &str = ".new-";
/// What was deleted without being moved into the trash has this one.
pub(crate) const GONE: &str = ".old-";

/// A disk and its record.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) folder: Folder,
    pub(crate) record: DiskRecord,
}

impl Disk {
    /// Reads the disk `name` of a volume; none when there is no such folder. A folder without a record, or with the
    /// record of another disk, is a Conflict.
    pub(crate) fn find(volume: &Volume, name: &str) -> Result<Option<Self>> {
        let Some(disks) = volume.disks()? else { return Ok(None) };
        let Some(folder) = disks.find_folder(name)? else { return Ok(None) };
        let record: DiskRecord =
            record::read(&folder, RECORD)?.ok_or_else(|| record::missing(&folder, RECORD))?;
        if record.name != name
            || record.volume != volume.record.volume
            || record.identity != volume.record.identity
        {
            let why =
                format!("it is the record of disk {}/{}/{}", record.identity, record.volume, record.name);
            return Err(record::garbled(&folder, RECORD, &why));
        }
        check_time(&record.created_at)
            .map_err(|error| record::garbled(&folder, RECORD, &error.to_string()))?;
        Ok(Some(Self { folder, record }))
    }

    /// As it is listed.
    pub(crate) fn entry(self, volume: &VolumeRecord) -> DiskEntry {
        let assigned = volume.assigned.as_deref() == Some(&self.record.name);
        let path =
            format!("{}/{}/{DISKS}/{}/{}", volume.app_hash, volume.volume, self.record.name, data::DATA);
        DiskEntry { record: self.record, assigned, path }
    }
}

/// Checks the names of a request about one disk.
pub(crate) fn check_names(volume: &VolumeRef, disk: &str) -> Result<()> {
    volume.check().map_err(invalid)?;
    check_label("disk", disk, DISK_NAME_LIMIT).map_err(invalid)
}

/// The failure of a request about a disk that is not there.
pub(crate) fn unknown(VolumeRef { app, volume, .. }: &VolumeRef, disk: &str) -> Failure {
    let message = format!("volume `{volume}` of app {} has no disk `{disk}`", app.identity);
    Failure::new(Kind::NotFound, message).hint("list the disks to see their names")
}

/// True for the name of something that is unfinished or deleted.
pub(crate) fn is_leftover(name: &str) -> bool {
    name.starts_with(STAGED) || name.starts_with(GONE)
}

/// Removes what a run that ended early had put together or not yet erased; the store's lock makes sure that it did end.
pub(crate) fn sweep(folder: &Folder) -> Result<()> {
    for entry in folder.entries()? {
        if entry.name.to_str().is_some_and(is_leftover) {
            erase::remove(folder, &entry.name)?;
        }
    }
    Ok(())
}
