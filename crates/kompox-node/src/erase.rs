//! Removing whole trees, also those with subvolumes in them, which no ordinary call removes. IO.

use crate::failure::Result;
use crate::folder::Folder;
use crate::{btrfs, tree};
use kompox_node_protocol::Kind;
use rustix::fs::FileType;
use std::ffi::OsStr;
use std::path::Path;

/// Removes `name` from `parent`, whatever it is; nothing there is a success.
pub(crate) fn remove(parent: &Folder, name: impl AsRef<OsStr>) -> Result<()> {
    let name = name.as_ref();
    let is_folder = |stat: &rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    if parent.look(name)?.as_ref().is_some_and(is_folder) && btrfs::is_here(parent)? {
        let top = parent.folder(name)?;
        if btrfs::is_subvolume(&top)? {
            return destroy(parent, name);
        }
        while let Some((folder, nested)) = next(&top, parent, name)? {
            destroy(&folder, &nested)?;
        }
    }
    tree::remove(parent, name)
}

/// Removes a subvolume, those within it first. Apps choose how deep they are in each other: only two folders are open
/// at a time.
fn destroy(parent: &Folder, name: &OsStr) -> Result<()> {
    loop {
        let (mut at, mut inner) = (parent.again()?, name.to_owned());
        let mut depth = 0;
        loop {
            let subvolume = at.folder(&inner)?;
            let Some((folder, nested)) = next(&subvolume, &at, &inner)? else { break };
            // Nothing can be taken out of one that is read-only.
            btrfs::set_read_only(&subvolume, false)?;
            (at, inner) = (folder, nested);
            depth += 1;
        }
        if !btrfs::destroy(&at, &inner)? {
            btrfs::set_read_only(&at.folder(&inner)?, false)?;
            tree::remove(&at, &inner)?;
        }
        if depth == 0 {
            return Ok(());
        }
    }
}

/// The folder and name of a subvolume beneath `top`, which is `name` in `parent`.
fn next(top: &Folder, parent: &Folder, name: &OsStr) -> Result<Option<(Folder, std::ffi::OsString)>> {
    let found = match btrfs::first_nested(top) {
        Err(failure) if failure.kind == Kind::Unsupported => {
            // Removing what can be removed moves the rest up; it ends at a subvolume, which then has a short path.
            let _ = tree::remove(parent, name);
            if parent.look(name)?.is_none() {
                return Ok(None);
            }
            btrfs::first_nested(top)?
        }
        other => other?,
    };
    let Some(nested) = found else { return Ok(None) };
    let folder = if nested.parent == Path::new("") { top.again()? } else { top.folder(&nested.parent)? };
    Ok(Some((folder, nested.name)))
}
