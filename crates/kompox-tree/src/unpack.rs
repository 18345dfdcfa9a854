//! The entries of a hostile archive as files, folders and links. IO.

use crate::archive::{self, broken, cut};
use crate::failure::{Result, cannot, invalid};
use crate::folder::{Folder, PUBLIC, set_mode, set_owner};
use crate::sync::Syncer;
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::{Mode, Timespec};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tar::{Entry, EntryType, Header};

/// So many folders may have a mode that keeps their owner out: they are remembered.
const LATE_LIMIT: usize = 100_000;

/// Whose the entries become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// The archive's owners, with every bit of the mode. Needs root.
    Kept,
    /// This process's user; the mode without its set-id and sticky bits, which would give somebody else's program this
    /// user's rights.
    Ours,
}

/// Writes every entry of the archive beneath `folder`, with its owner and mode. Returns the number of entries and
/// the bytes of the files.
///
/// # Errors
/// Invalid for an archive that is cut, broken, or has an entry that could lead out of the folder or is no plain
/// content; those of the file system. What was written stays.
pub fn into(folder: &Folder, content: impl Read) -> Result<(u64, u64)> {
    let mut writer = Writer::new(Owners::Kept);
    let count = archive::each(content, u64::MAX, |path, entry| writer.entry(folder, path, entry))?;
    let (bytes, late) = writer.finish(folder)?;
    for (path, mode) in late.iter().rev() {
        if path == Path::new("") { folder.set_mode(*mode)? } else { folder.folder(path)?.set_mode(*mode)? }
    }
    Ok((count, bytes))
}

/// Folders whose mode keeps their owner out, each with that mode; to be set when nothing is written there any more.
/// By path, so that in reverse order no folder comes before what is in it.
pub(crate) type Late = BTreeMap<PathBuf, Mode>;

/// Writes entries.
pub(crate) struct Writer {
    owners: Owners,
    syncer: Syncer,
    bytes: u64,
    late: Late,
}

impl Writer {
    pub(crate) fn new(owners: Owners) -> Self {
        Self { owners, syncer: Syncer::default(), bytes: 0, late: Late::new() }
    }

    /// Writes one entry at `path` beneath `top`; the empty path is `top` itself.
    pub(crate) fn entry<R: Read>(
        &mut self,
        top: &Folder,
        path: &Path,
        entry: &mut Entry<'_, R>,
    ) -> Result<()> {
        let written = self.write(top, path, entry).map_err(|failure| in_entry(path, failure));
        match (written, self.owners) {
            (Err(failure), Owners::Kept) if failure.kind == Kind::Denied && failure.hint.is_none() => {
                Err(failure.hint("only root can give files to others: let the copy be this user's"))
            }
            (written, _) => written,
        }
    }

    /// Everything is on the device when this returns. Returns the bytes of the files, and what is still to be done.
    pub(crate) fn finish(self, top: &Folder) -> Result<(u64, Late)> {
        self.syncer.finish(top)?;
        Ok((self.bytes, self.late))
    }

    fn write<R: Read>(&mut self, top: &Folder, path: &Path, entry: &mut Entry<'_, R>) -> Result<()> {
        let kind = entry.header().entry_type();
        let given = given(entry.header(), self.owners)?;
        let Some(name) = path.file_name() else {
            if kind != EntryType::Directory {
                return Err(invalid("it is not a folder"));
            }
            return self.own(top, path, &given);
        };
        let mut parent = top.again()?;
        for part in path.parent().into_iter().flat_map(Path::components) {
            let next = parent.make_folder(part, PUBLIC)?;
            parent = next;
        }
        match kind {
            EntryType::Directory => {
                let folder = parent.make_folder(name, PUBLIC)?;
                self.own(&folder, path, &given)?;
                self.syncer.folder(&folder)
            }
            EntryType::Regular | EntryType::Continuous => {
                self.bytes += file(&parent, name, &given, entry, &mut self.syncer)?;
                Ok(())
            }
            EntryType::Symlink => link(&parent, name, &given, entry),
            EntryType::Link => {
                Err(invalid("it is a hard link").hint("make the archive with `tar --hard-dereference`"))
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => Err(invalid("it is a special file")),
            other => Err(invalid(format!("entries of type {other:?} are not taken"))),
        }
    }

    /// Gives a folder its owner and mode, but keeps it open to this process as long as something may be written there.
    fn own(&mut self, folder: &Folder, path: &Path, given: &Given) -> Result<()> {
        if let Some((uid, gid)) = given.owner {
            folder.set_owner(uid, gid)?;
        }
        let open = given.mode | Mode::RWXU;
        self.late.remove(path);
        if open != given.mode {
            if self.late.len() == LATE_LIMIT {
                return Err(invalid(format!("more than {LATE_LIMIT} folders keep their owner out")));
            }
            self.late.insert(path.to_owned(), given.mode);
        }
        folder.set_mode(open)
    }
}

pub(crate) fn in_entry(path: &Path, failure: Failure) -> Failure {
    // Inside the private folder, what stands in the way came with the same archive.
    let kind = match failure.kind {
        Kind::Conflict | Kind::AlreadyExists | Kind::NotFound => Kind::Invalid,
        other => other,
    };
    Failure { kind, message: format!("archive entry `{}`: {}", path.display(), failure.message), ..failure }
}

/// Owner, mode and time of an entry.
struct Given {
    owner: Option<(u32, u32)>,
    mode: Mode,
    time: Timespec,
}

fn given(header: &Header, owners: Owners) -> Result<Given> {
    let id = |number: io::Result<u64>| {
        number.ok().and_then(|number| u32::try_from(number).ok()).filter(|number| *number != u32::MAX)
    };
    let owner = match owners {
        Owners::Kept => {
            let uid = id(header.uid()).ok_or_else(|| invalid("the user id is out of range"))?;
            let gid = id(header.gid()).ok_or_else(|| invalid("the group id is out of range"))?;
            Some((uid, gid))
        }
        Owners::Ours => None,
    };
    let bits = if owners == Owners::Kept { 0o7777 } else { 0o777 };
    let mode = header.mode().map_err(|error| broken(&error))?;
    let time = header.mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or(0);
    Ok(Given { owner, mode: Mode::from_raw_mode(mode & bits), time: Timespec { tv_sec: time, tv_nsec: 0 } })
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
    if let Some((uid, gid)) = given.owner {
        set_owner(&file, uid, gid).map_err(failed)?;
    }
    set_mode(&file, given.mode).map_err(failed)?;
    parent.set_time_of(name, given.time)?;
    syncer.file(&file, || parent.shown(name))?;
    Ok(written)
}

fn link<R: Read>(parent: &Folder, name: &OsStr, given: &Given, entry: &Entry<'_, R>) -> Result<()> {
    parent.symlink(name, &entry.link_name_bytes().unwrap_or_default())?;
    if let Some((uid, gid)) = given.owner {
        parent.set_owner_of(name, uid, gid)?;
    }
    parent.set_time_of(name, given.time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn folders_that_keep_their_owner_out_are_filled_first() {
        let root = tempfile::tempdir().unwrap();
        let mut archive = tar::Builder::new(Vec::new());
        for (path, kind, mode) in [
            ("./", EntryType::Directory, 0o550),
            ("a/", EntryType::Directory, 0),
            ("a/b/", EntryType::Directory, 0o111),
            ("a/b/f", EntryType::Regular, 0o400),
        ] {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(0);
            header.set_uid(rustix::process::geteuid().as_raw().into());
            header.set_gid(rustix::process::getegid().as_raw().into());
            archive.append_data(&mut header, path, io::empty()).unwrap();
        }
        let folder = Folder::root(root.path()).unwrap();
        assert_eq!(into(&folder, &archive.into_inner().unwrap()[..]).unwrap(), (4, 0));
        for (path, mode) in [("", 0o550), ("a", 0)] {
            let path = root.path().join(path);
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        }
        folder.set_mode(PUBLIC).unwrap();
        std::fs::set_permissions(root.path().join("a"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        assert_eq!(std::fs::metadata(root.path().join("a/b")).unwrap().mode() & 0o7777, 0o111);
        std::fs::set_permissions(
            root.path().join("a/b"),
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        assert_eq!(std::fs::metadata(root.path().join("a/b/f")).unwrap().mode() & 0o7777, 0o400);
    }
}
