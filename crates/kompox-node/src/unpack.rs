//! Tar archives as hostile input. IO.

use crate::failure::{Result, cannot, invalid};
use crate::folder::{Folder, PUBLIC, change, group, owner, set_mode, set_owner};
use crate::sync::Syncer;
use kompox_node_protocol::{FILL_PREFIX, Failure, Kind};
use rustix::fs::{AtFlags, Mode, Timespec, Timestamps};
use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Entry, EntryType, Header};

/// The longest path of an entry, in bytes; the system's own limit.
const PATH_LIMIT: usize = 4096;

/// Writes every entry of the archive beneath `folder`, with its owner and mode. Returns the number of entries and
/// the bytes of the files. The archive must have its end mark: a stream that was cut is not taken for a whole one.
pub(crate) fn into(folder: &Folder, content: impl Read) -> Result<(u64, u64)> {
    let ended = Cell::new(false);
    let mut archive = Archive::new(Watched { content, ended: &ended });
    let mut syncer = Syncer::default();
    let (mut count, mut bytes) = (0, 0);
    for entry in archive.entries().map_err(|error| broken(&error))? {
        let mut entry = entry.map_err(|error| if ended.get() { cut() } else { broken(&error) })?;
        let path = plain_path(&entry)?;
        let written =
            write(folder, &path, &mut entry, &mut syncer).map_err(|failure| in_entry(&path, failure))?;
        count += 1;
        bytes += written;
    }
    if ended.get() {
        return Err(cut());
    }
    syncer.finish(folder)?;
    Ok((count, bytes))
}

/// Remembers whether the end of the stream was seen, which comes after the archive's own end mark.
struct Watched<'a, R> {
    content: R,
    ended: &'a Cell<bool>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            self.ended.set(true);
        }
        Ok(read)
    }
}

fn cut() -> Failure {
    invalid("the archive is cut short").hint("repeat the upload; nothing was changed")
}

fn broken(error: &io::Error) -> Failure {
    invalid(format!("the archive is not understood: {error}"))
}

fn in_entry(path: &Path, failure: Failure) -> Failure {
    // Inside the private folder, what stands in the way came with the same archive.
    let kind = match failure.kind {
        Kind::Conflict | Kind::AlreadyExists | Kind::NotFound => Kind::Invalid,
        other => other,
    };
    Failure { kind, message: format!("archive entry `{}`: {}", path.display(), failure.message), ..failure }
}

/// The entry's path as plain components; empty for the folder itself.
fn plain_path<R: Read>(entry: &Entry<'_, R>) -> Result<PathBuf> {
    let bytes = entry.path_bytes();
    let path = Path::new(OsStr::from_bytes(&bytes));
    let refuse = |why: &str| Err(invalid(format!("archive entry `{}` {why}", path.display())));
    if bytes.len() > PATH_LIMIT || bytes.contains(&0) {
        return refuse("is no path");
    }
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) if name.as_bytes().starts_with(FILL_PREFIX.as_bytes()) => {
                return refuse("uses the name of unfinished content");
            }
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return refuse("is absolute"),
            Component::ParentDir => return refuse("leads out of the folder"),
        }
    }
    Ok(plain)
}

/// Owner, mode and time of an entry.
struct Given {
    uid: u32,
    gid: u32,
    mode: Mode,
    time: i64,
}

fn given(header: &Header) -> Result<Given> {
    let id = |number: io::Result<u64>| {
        number.ok().and_then(|number| u32::try_from(number).ok()).filter(|number| *number != u32::MAX)
    };
    let uid = id(header.uid()).ok_or_else(|| invalid("the user id is out of range"))?;
    let gid = id(header.gid()).ok_or_else(|| invalid("the group id is out of range"))?;
    let mode = header.mode().map_err(|error| broken(&error))?;
    let time = header.mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or(0);
    Ok(Given { uid, gid, mode: Mode::from_raw_mode(mode & 0o7777), time })
}

fn write<R: Read>(top: &Folder, path: &Path, entry: &mut Entry<'_, R>, syncer: &mut Syncer) -> Result<u64> {
    let kind = entry.header().entry_type();
    let given = given(entry.header())?;
    let Some(name) = path.file_name() else {
        if kind != EntryType::Directory {
            return Err(invalid("it is not a folder"));
        }
        own(top, &given)?;
        return Ok(0);
    };
    let mut parent = top.again()?;
    for part in path.parent().into_iter().flat_map(Path::components) {
        let next = parent.make_folder(part, PUBLIC)?;
        parent = next;
    }
    match kind {
        EntryType::Directory => {
            let folder = parent.make_folder(name, PUBLIC)?;
            own(&folder, &given)?;
            syncer.folder(&folder)?;
            Ok(0)
        }
        EntryType::Regular | EntryType::Continuous => file(&parent, name, &given, entry, syncer),
        EntryType::Symlink => link(&parent, name, &given, entry).map(|()| 0),
        EntryType::Link => Err(invalid("it is a hard link")),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Err(invalid("it is a special file")),
        other => Err(invalid(format!("entries of type {other:?} are not taken"))),
    }
}

fn own(folder: &Folder, given: &Given) -> Result<()> {
    folder.set_owner(given.uid, given.gid)?;
    folder.set_mode(given.mode)
}

fn file<R: Read>(
    parent: &Folder,
    name: &OsStr,
    given: &Given,
    entry: &mut Entry<'_, R>,
    syncer: &mut Syncer,
) -> Result<u64> {
    let size = entry.size();
    let mut file = parent.create_file(name, Mode::RUSR | Mode::WUSR)?;
    let written = io::copy(entry, &mut file).map_err(|error| cannot("write", parent.shown(name), error))?;
    if written != size {
        return Err(cut());
    }
    let failed = |error| cannot("set the owner of", parent.shown(name), error);
    set_owner(&file, given.uid, given.gid).map_err(failed)?;
    set_mode(&file, given.mode).map_err(failed)?;
    set_time(parent, name, given)?;
    syncer.file(&file, || parent.shown(name))?;
    Ok(written)
}

/// The link as it is, wherever it points: nothing here ever follows it.
fn link<R: Read>(parent: &Folder, name: &OsStr, given: &Given, entry: &Entry<'_, R>) -> Result<()> {
    let points_to = entry.link_name_bytes().ok_or_else(|| invalid("it is a link to nothing"))?;
    if points_to.is_empty() || points_to.len() > PATH_LIMIT || points_to.contains(&0) {
        return Err(invalid("it is a link to nothing"));
    }
    change(|| rustix::fs::symlinkat(&*points_to, parent.fd(), name))
        .map_err(|error| cannot("make the link", parent.shown(name), error))?;
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    change(|| {
        rustix::fs::chownat(parent.fd(), name, Some(owner(given.uid)?), Some(group(given.gid)?), flags)
    })
    .map_err(|error| cannot("set the owner of", parent.shown(name), error))?;
    set_time(parent, name, given)
}

fn set_time(parent: &Folder, name: &OsStr, given: &Given) -> Result<()> {
    let time = Timespec { tv_sec: given.time, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    change(|| rustix::fs::utimensat(parent.fd(), name, &times, AtFlags::SYMLINK_NOFOLLOW))
        .map_err(|error| cannot("set the time of", parent.shown(name), error))
}
