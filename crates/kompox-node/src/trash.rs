//! Deleted disks: moved aside at once, erased afterwards, also by the next run. IO.

use crate::failure::Result;
use crate::folder::{Folder, PRIVATE};
use crate::{lock, random, tree};
use kompox_node_protocol::{Failure, Kind};
use std::time::Duration;

const TRASH: &str = ".trash";

/// Moves `name` out of `from` into the store's trash. From here on it does not exist.
pub(crate) fn discard(root: &Folder, from: &Folder, name: &str) -> Result<()> {
    let trash = root.make_folder(TRASH, PRIVATE)?;
    root.sync()?;
    from.rename(name, &trash, format!("{name}.{}", random::hex(8)?))?;
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
            tree::remove(&trash, &entry.name)?;
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
        Ok(false) => Some("another process is still erasing deleted disks".to_owned()),
        Err(Failure { message, .. }) => Some(message),
    }
}
