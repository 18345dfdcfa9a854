//! Deleted disks and snapshots: moved aside at once, erased afterwards, also by the next run. IO.

use crate::disk::GONE;
use crate::failure::Result;
use crate::folder::{Folder, PRIVATE};
use crate::{erase, lock, random};
use kompox_node_protocol::{Failure, Kind};
use std::time::Duration;

const TRASH: &str = ".trash";

/// Moves `name` out of `from` into the store's trash. From here on it does not exist. On a full file system, where that
/// may need room, it is only renamed and erased at once; says why if that is not done.
pub(crate) fn discard(root: &Folder, from: &Folder, name: &str) -> Result<Option<String>> {
    let aside = format!("{name}.{}", random::hex(8)?);
    match move_to_trash(root, from, name, &aside) {
        Err(failure) if failure.kind == Kind::Quota && from.look(name)?.is_some() => {
            let aside = format!("{GONE}{aside}");
            from.rename(name, from, &aside)?;
            Ok(erase::remove(from, &aside).err().map(|failure| failure.message))
        }
        other => other.map(|()| None),
    }
}

fn move_to_trash(root: &Folder, from: &Folder, name: &str, aside: &str) -> Result<()> {
    let trash = root.make_folder(TRASH, PRIVATE)?;
    root.sync()?;
    from.rename(name, &trash, aside)?;
    trash.sync()?;
    from.sync()
}

/// Erases everything in the trash; without the store's lock, as it may take long. When another process is at it,
/// that one also erases what came in meanwhile.
pub(crate) fn purge(root: &Folder) -> Result<()> {
    let Some(trash) = root.find_folder(TRASH)? else { return Ok(()) };
    let _guard = match lock::exclusive(&trash, Duration::ZERO) {
        Err(failure) if failure.kind == Kind::Timeout => return Ok(()),
        other => other?,
    };
    loop {
        let entries = trash.entries()?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            erase::remove(&trash, &entry.name)?;
        }
    }
}

/// Erases everything in the trash, or says why that is not done.
pub(crate) fn leftover(root: &Folder) -> Option<String> {
    let empty = || -> Result<bool> {
        purge(root)?;
        root.find_folder(TRASH)?.map_or(Ok(true), |trash| trash.is_empty())
    };
    match empty() {
        Ok(true) => None,
        Ok(false) => Some("another process is still erasing what was deleted".to_owned()),
        Err(Failure { message, .. }) => Some(message),
    }
}
