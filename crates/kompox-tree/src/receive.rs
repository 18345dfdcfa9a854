//! A copy that arrives as a tar archive: written aside, complete, then renamed. IO.
//!
//! The folder aside lies in the one that the copy goes into. It has one of a few names and is locked while its process
//! lives, so that what a killed one left behind is found and removed by the next copy.

use crate::archive::{self, cut};
use crate::failure::{Result, cannot, conflict, invalid};
use crate::folder::{Folder, PRIVATE};
use crate::source::wants_folder;
use crate::unpack::{Late, Owners, Writer};
use crate::{lock, merge, tree};
use kompox_node_protocol::{COPY_PREFIX, Failure, Kind};
use rustix::fs::FileType;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tar::EntryType;

/// So many copies may go into one folder at a time.
const SLOTS: usize = 16;
/// How many entries an archive may have.
const MOST: u64 = 20_000_000;

/// What arrives, and where it is to go.
#[derive(Debug, Clone)]
pub struct Arrival<'a> {
    /// The destination as the user wrote it.
    pub path: &'a Path,
    /// The name of the source in a folder; none for the content of a folder. What the archive says does not count.
    pub name: Option<&'a OsStr>,
    /// An archive from elsewhere, whose entries all go into the folder `path`, which must exist.
    pub foreign: bool,
    /// Whose the copy becomes.
    pub owners: Owners,
}

/// Takes an archive in. Returns the number of entries and the bytes of the files.
///
/// Nothing that is there is changed before the whole archive has arrived and everything in the way was looked at.
///
/// # Errors
/// NotFound without the folder of the destination; Conflict when what is there cannot take the copy; Invalid for a
/// hostile, broken or cut archive; those of the file system.
pub fn receive(arrival: &Arrival<'_>, content: impl Read) -> Result<(u64, u64)> {
    let mut staging = None::<Staging>;
    let count = archive::each(content, MOST, |path, entry| {
        let staging = match &mut staging {
            Some(staging) => staging,
            none => {
                let folder = arrival.foreign || entry.header().entry_type() == EntryType::Directory;
                none.insert(Staging::start(arrival, path, folder)?)
            }
        };
        let path = staging.strip(path)?;
        let Staging { writer, aside, .. } = staging;
        writer.entry(aside, &path, entry)
    })?;
    match staging {
        Some(staging) => Ok((count, staging.finish()?)),
        None if arrival.foreign => Ok((0, 0)),
        None => Err(cut()),
    }
}

/// The place a copy goes to.
#[derive(Debug)]
struct Place {
    parent: Folder,
    /// Its name there; none when the content goes into the parent itself.
    name: Option<OsString>,
}

/// Decides the place as `docker cp` does. `folder`: the source is one.
fn place(arrival: &Arrival<'_>, folder: bool) -> Result<Place> {
    let path = arrival.path;
    let found = match rustix::fs::stat(path) {
        Ok(stat) => Some(FileType::from_raw_mode(stat.st_mode)),
        Err(rustix::io::Errno::NOENT) => None,
        Err(error) => return Err(cannot("look at", path.display(), error)),
    };
    match found {
        Some(FileType::Directory) => {
            Ok(Place { parent: Folder::root(path)?, name: arrival.name.map(OsStr::to_owned) })
        }
        None if arrival.foreign => Err(no_folder(path)),
        Some(_) if folder || wants_folder(path) => Err(conflict(format!("{} is no folder", path.display()))),
        None if !folder && wants_folder(path) => Err(no_folder(path)),
        _ => {
            // A link that stands there is replaced: an earlier copy may have brought it, and it may lead anywhere.
            let Some(name) = path.file_name() else { return Err(no_folder(path)) };
            let parent = path.parent().filter(|parent| *parent != Path::new(""));
            let parent = Folder::root(parent.unwrap_or(Path::new(".")))?;
            Ok(Place { parent, name: Some(name.to_owned()) })
        }
    }
}

fn no_folder(path: &Path) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no folder {}", path.display()))
        .hint("make it first, or name a folder that exists")
}

/// A copy on its way.
struct Staging {
    place: Place,
    /// What every path of the archive begins with.
    prefix: PathBuf,
    aside_name: String,
    aside: Folder,
    writer: Writer,
    /// Its own entry in the folder aside; none for content.
    staged: Option<OsString>,
    lock: Option<lock::Lock>,
    finished: bool,
}

impl Staging {
    fn start(arrival: &Arrival<'_>, first: &Path, folder: bool) -> Result<Self> {
        let place = place(arrival, folder)?;
        if !arrival.foreign && first.components().count() != usize::from(arrival.name.is_some()) {
            return Err(invalid("the archive does not begin with what was asked for"));
        }
        if arrival.name.is_none() && !folder {
            return Err(invalid("the archive is one of a file, not of a folder's content"));
        }
        let prefix = if arrival.foreign { PathBuf::new() } else { first.to_owned() };
        let (aside_name, aside, lock) = aside(&place.parent)?;
        // A folder's content gets an entry of its own when there is no folder yet to go into.
        let staged = place.name.clone();
        Ok(Self {
            place,
            prefix,
            aside_name,
            aside,
            writer: Writer::new(arrival.owners),
            staged,
            lock: Some(lock),
            finished: false,
        })
    }

    /// Where an entry is written, beneath the folder aside.
    fn strip(&self, path: &Path) -> Result<PathBuf> {
        let rest = path
            .strip_prefix(&self.prefix)
            .map_err(|_| invalid(format!("archive entry `{}` is not part of the copy", path.display())))?;
        let staged = self.staged.as_ref().map(PathBuf::from).unwrap_or_default();
        // Joining an empty path would end the name with a slash.
        Ok(if rest == Path::new("") { staged } else { staged.join(rest) })
    }

    /// Puts the copy in its place; returns its bytes.
    fn finish(mut self) -> Result<u64> {
        let writer = std::mem::replace(&mut self.writer, Writer::new(Owners::Ours));
        let (bytes, mut late) = writer.finish(&self.aside)?;
        let parent = &self.place.parent;
        let entries = self.aside.entries()?;
        for entry in &entries {
            merge::check(&self.aside, entry, parent, &entry.name, 0)?;
        }
        keep_new(&mut late, parent)?;
        for entry in &entries {
            merge::place(&self.aside, entry, parent, &entry.name)?;
        }
        for (path, mode) in late.iter().rev() {
            parent.folder(path)?.set_mode(*mode)?;
        }
        self.finished = true;
        tree::remove(parent, &self.aside_name)?;
        parent.sync()?;
        Ok(bytes)
    }
}

/// Folders that are there already keep their mode.
fn keep_new(late: &mut Late, parent: &Folder) -> Result<()> {
    let mut kept = Late::new();
    for (path, mode) in std::mem::take(late) {
        if path != Path::new("") && parent.find_folder(&path)?.is_none() {
            kept.insert(path, mode);
        }
    }
    *late = kept;
    Ok(())
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.finished {
            // The failure that led here is the one to report; the next copy tries again.
            let _ = tree::remove(&self.place.parent, &self.aside_name);
        }
        self.lock = None;
    }
}

/// A private folder in `parent` that no other process uses.
fn aside(parent: &Folder) -> Result<(String, Folder, lock::Lock)> {
    for slot in 0..SLOTS {
        let name = format!("{COPY_PREFIX}{slot}");
        if let Some(stat) = parent.look(&name)? {
            let ours = stat.st_uid == rustix::process::geteuid().as_raw()
                && FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            let Some(left) = (if ours { held(parent, &name)? } else { None }) else { continue };
            tree::remove(parent, &name)?;
            drop(left);
        }
        match parent.new_folder(&name, PRIVATE) {
            Ok(_) => {}
            Err(failure) if failure.kind == Kind::AlreadyExists => continue,
            Err(failure) if failure.kind == Kind::Denied => {
                return Err(failure.hint("copy to a folder that this user may write to"));
            }
            Err(failure) => return Err(failure),
        }
        if let Some((folder, lock)) = held(parent, &name)? {
            return Ok((name, folder, lock));
        }
    }
    Err(conflict(format!("{SLOTS} copies go into {} already", parent.path().display()))
        .hint(format!("wait for one to end, or remove `{COPY_PREFIX}*` there if none runs")))
}

/// The folder `name`, locked; none when another process has it.
fn held(parent: &Folder, name: &str) -> Result<Option<(Folder, lock::Lock)>> {
    let Some(folder) = parent.find_folder(name)? else { return Ok(None) };
    let lock = match lock::exclusive(&folder, Duration::ZERO) {
        Ok(lock) => lock,
        Err(failure) if failure.kind == Kind::Timeout => return Ok(None),
        Err(failure) => return Err(failure),
    };
    // Somebody may have removed it between the two steps, and made another one.
    let (mine, there) = (folder.stat()?, parent.look(name)?);
    let same = there.is_some_and(|there| (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino));
    Ok(same.then_some((folder, lock)))
}

#[cfg(test)]
mod tests;
