//! Which folders of a disk have content. Reads, never writes.

use crate::disk::{self, Disk};
use crate::failure::{Result, invalid};
use crate::folder::Folder;
use crate::store::{Place, Store};
use crate::volume::Volume;
use crate::{data, lock};
use kompox_node_protocol::{FILL_PREFIX, FindOccupied, Occupied, check_sub_path};
use rustix::fs::FileType;

/// Those of the wanted folders where anything is. A disk that is still being made has nothing.
pub(crate) fn find(place: Place<'_>, request: &FindOccupied) -> Result<Occupied> {
    disk::check_names(&request.volume, &request.disk)?;
    request.paths.iter().try_for_each(|path| check_sub_path(path)).map_err(invalid)?;
    let unknown = || disk::unknown(&request.volume, &request.disk);
    let store = Store::find(place, lock::shared)?.ok_or_else(unknown)?;
    let volume = Volume::find_owned(&store.root, &request.volume)?.ok_or_else(unknown)?;
    let disk = Disk::find(&volume, &request.disk)?.ok_or_else(unknown)?;
    let mut paths = Vec::new();
    if let Some(data) = data::find(&disk.folder)? {
        for path in &request.paths {
            if is_occupied(&data, path)? {
                paths.push(path.clone());
            }
        }
    }
    Ok(Occupied { paths })
}

fn is_occupied(data: &Folder, path: &str) -> Result<bool> {
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = if parents.is_empty() { Some(data.again()?) } else { data.find_folder(parents)? };
    let Some(parent) = parent else { return Ok(false) };
    match parent.look(name)? {
        None => Ok(false),
        Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
            let ours =
                |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.starts_with(FILL_PREFIX));
            Ok(parent.folder(name)?.entries()?.iter().any(|entry| !ours(&entry.name)))
        }
        Some(_) => Ok(true),
    }
}
