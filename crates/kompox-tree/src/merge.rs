//! Putting a finished tree in its place, beside or into what is there. IO.
//!
//! First everything is looked at, then everything is renamed: what stands in the way is found before the first change.

use crate::failure::{Result, conflict};
use crate::folder::{Entry, Folder};
use rustix::fs::FileType;
use std::ffi::OsStr;

/// Deeper trees are refused: each level keeps two folders open.
const DEPTH: usize = 300;

/// Whether `entry` can be renamed into `target` under `name`, all the way down.
pub(crate) fn check(from: &Folder, entry: &Entry, target: &Folder, name: &OsStr, depth: usize) -> Result<()> {
    if depth > DEPTH {
        return Err(conflict(format!("{} is deeper than {DEPTH} folders", target.path().display())));
    }
    let Some(stat) = target.look(name)? else { return Ok(()) };
    let shown = target.shown(name);
    let there = FileType::from_raw_mode(stat.st_mode);
    if target.is_mount(name)? {
        return Err(conflict(format!("something else is mounted at {shown}"))
            .hint("copy into that place by a command of its own"));
    }
    match (entry.kind == FileType::Directory, there == FileType::Directory) {
        (true, true) => {
            let (inner, into) = (from.folder(&entry.name)?, target.folder(name)?);
            for entry in inner.entries()? {
                check(&inner, &entry, &into, &entry.name, depth + 1)?;
            }
            Ok(())
        }
        (true, false) => Err(conflict(format!("a folder cannot replace {shown}, which is none"))),
        (false, true) => Err(conflict(format!("{shown} is a folder, and the copy has a file or link there"))),
        (false, false) => Ok(()),
    }
}

/// Renames what [`check`] found good. A folder that is there stays and takes in what the new one holds.
pub(crate) fn place(from: &Folder, entry: &Entry, target: &Folder, name: &OsStr) -> Result<()> {
    if entry.kind == FileType::Directory
        && let Some(into) = target.find_folder(name)?
    {
        let inner = from.folder(&entry.name)?;
        for entry in inner.entries()? {
            place(&inner, &entry, &into, &entry.name)?;
        }
        return into.sync();
    }
    from.rename(&entry.name, target, name)
}
