//! A tree in one order: each folder before what is in it, the entries of a folder by the bytes of their names. IO.
//!
//! Neither the depth of the tree nor the size of its folders costs memory: one folder is open at a time, and a large
//! one is listed several times.

use crate::archive::PATH_LIMIT;
use crate::failure::{Result, conflict};
use crate::folder::{Entry, Folder};
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::FileType;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes of names that are kept, over all levels; half of what is free for each level.
const POOL: usize = 4 * 1024 * 1024;
/// What every level gets.
const LEAST: usize = 8 * 1024;
/// What a name costs beside its bytes.
const OVERHEAD: usize = 64;

/// What is come across.
pub(super) enum Step<'a> {
    /// A folder, open.
    Folder(&'a Folder),
    /// Something else, by its name in an open folder.
    Entry(&'a Folder, &'a Entry),
}

/// Calls `take` for everything beneath `top` and `top` itself, with the path beneath `top`.
///
/// # Errors
/// Those of the file system and of `take`; Unsupported for a path that is longer than the system takes.
pub(super) fn walk(top: &Folder, mut take: impl FnMut(&Path, Step<'_>) -> Result<()>) -> Result<()> {
    take(Path::new(""), Step::Folder(top))?;
    let mut folder = top.again()?;
    let mut path = PathBuf::new();
    let mut levels = vec![Level::list(&folder, None, POOL)?];
    let mut used = levels[0].cost;
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.next(&folder)? else {
            used -= level.cost;
            levels.pop();
            path.pop();
            if !levels.is_empty() {
                let Some(back) = open(top, &path)? else { return Err(moved(top, &path)) };
                folder = back;
            }
            continue;
        };
        path.push(&entry.name);
        // The system counts the zero at the end too.
        if path.as_os_str().len() >= PATH_LIMIT {
            let message = format!("the path `{}` is longer than {} bytes", path.display(), PATH_LIMIT - 1);
            return Err(Failure::new(Kind::Unsupported, message));
        }
        // What went away while the tree was read was not there.
        let inner = if entry.kind == FileType::Directory { folder.find_folder(&entry.name)? } else { None };
        match inner {
            Some(inner) => {
                take(&path, Step::Folder(&inner))?;
                let level = Level::list(&inner, None, POOL.saturating_sub(used))?;
                used += level.cost;
                levels.push(level);
                folder = inner;
                continue;
            }
            None if entry.kind == FileType::Directory => {}
            None => take(&path, Step::Entry(&folder, &entry))?,
        }
        path.pop();
    }
    Ok(())
}

fn open(top: &Folder, path: &Path) -> Result<Option<Folder>> {
    if path == Path::new("") { top.again().map(Some) } else { top.find_folder(path) }
}

fn moved(top: &Folder, path: &Path) -> Failure {
    conflict(format!("{} was moved while it was read", top.shown(path)))
        .hint("repeat the command when nobody writes to it")
}

/// A folder on the way down.
struct Level {
    /// The next entries, last one first.
    entries: Vec<Entry>,
    /// There are more behind this name.
    more: Option<OsString>,
    room: usize,
    cost: usize,
}

impl Level {
    /// The first entries behind the name `after`, as many as may be kept.
    fn list(folder: &Folder, after: Option<&OsStr>, free: usize) -> Result<Self> {
        let room = (free / 2).max(LEAST);
        let mut kept = BTreeMap::new();
        let (mut cost, mut more) = (0, false);
        folder.each(|entry| {
            let fits = |last: Option<&OsString>| !more || last.is_some_and(|last| entry.name < *last);
            if after.is_none_or(|after| entry.name.as_os_str() > after)
                && fits(kept.last_key_value().map(|(name, _)| name))
            {
                cost += entry.name.len() + OVERHEAD;
                kept.insert(entry.name, entry.kind);
                while cost > room && kept.len() > 1 {
                    if let Some((name, _)) = kept.pop_last() {
                        cost -= name.len() + OVERHEAD;
                        more = true;
                    }
                }
            }
            Ok(())
        })?;
        let more = if more { kept.last_key_value().map(|(name, _)| name.clone()) } else { None };
        let entries = kept.into_iter().rev().map(|(name, kind)| Entry { name, kind }).collect();
        Ok(Self { entries, more, room, cost })
    }

    fn next(&mut self, folder: &Folder) -> Result<Option<Entry>> {
        if self.entries.is_empty()
            && let Some(after) = self.more.take()
        {
            let (room, cost) = (self.room, self.cost);
            *self = Self::list(folder, Some(&after), room * 2)?;
            // The sum over all levels counts what this one was given at first.
            self.cost = cost;
        }
        Ok(self.entries.pop())
    }
}

/// The path as the archive has it.
pub(super) fn in_archive(prefix: &str, path: &Path) -> Vec<u8> {
    [prefix.as_bytes(), path.as_os_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn walked(top: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let take = |path: &Path, _: Step<'_>| {
            found.push(path.to_owned());
            Ok(())
        };
        walk(&Folder::root(top).unwrap(), take).unwrap();
        found
    }

    #[test]
    fn the_order_is_that_of_paths_component_by_component() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a/x", "a.b", "a/x.y", "b/c/d"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in ["a/x/f", "a/w", "a-", "b/c/d/e", "z"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        let found = walked(root.path());
        let mut sorted = found.clone();
        sorted.sort();
        assert_eq!(found, sorted);
        assert_eq!(found.len(), 13);
    }

    #[test]
    fn a_folder_too_large_to_remember_is_listed_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::root(root.path()).unwrap();
        for number in 0..500 {
            fs::write(root.path().join(format!("{:08}", number * 7919 % 500)), "").unwrap();
        }
        let mut level = Level::list(&folder, None, 0).unwrap();
        assert!(level.more.is_some() && level.cost <= LEAST);
        let mut names = Vec::new();
        while let Some(entry) = level.next(&folder).unwrap() {
            names.push(entry.name.into_string().unwrap());
        }
        let expected: Vec<_> = (0..500).map(|number| format!("{number:08}")).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_deep_tree_needs_no_open_folders() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("d/".repeat(1500));
        fs::create_dir_all(&path).unwrap();
        assert_eq!(walked(root.path()).len(), 1501);
    }
}
