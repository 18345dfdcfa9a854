//! An open folder, and everything done beneath it without following a symbolic link. IO.
//!
//! Disks hold content of apps, and records may be tampered with: a path is resolved from an open folder, plain
//! component by plain component, so that nothing leads out of it.

use crate::failure::{Result, cannot};
use crate::fault;
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, RenameFlags, ResolveFlags, Stat, StatxAttributes, StatxFlags,
    Uid,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Mode of folders that only this program enters.
pub const PRIVATE: Mode = Mode::RWXU;
/// Mode of folders that apps enter.
pub const PUBLIC: Mode = Mode::from_raw_mode(0o755);

/// An open folder and the path it is shown by.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// An entry of a folder.
#[derive(Debug)]
pub struct Entry {
    /// Its name, one plain component.
    pub name: OsString,
    /// What it is itself, not what a link points to.
    pub kind: FileType,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// Opens a folder that the operator named; its path may contain symbolic links.
    pub fn root(path: &Path) -> Result<Self> {
        let fd =
            rustix::fs::open(path, FOLDER, Mode::empty()).map_err(|e| cannot("open", path.display(), e))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// The same folder once more.
    pub fn again(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|error| cannot("open", self.path.display(), error))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    /// How this folder is called in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How `name` in this folder is called in messages.
    pub fn shown(&self, name: impl AsRef<Path>) -> String {
        self.path.join(name).display().to_string()
    }

    /// The folder itself, for calls that this type does not make.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Opens the folder at `path` beneath this one.
    pub fn folder(&self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let fd = open_beneath(self.fd(), path, FOLDER, Mode::empty())
            .map_err(|error| cannot("open", self.shown(path), error))?;
        Ok(Self { fd, path: self.path.join(path) })
    }

    /// The same, but none when there is nothing at `path`.
    pub fn find_folder(&self, path: impl AsRef<Path>) -> Result<Option<Self>> {
        let path = path.as_ref();
        match open_beneath(self.fd(), path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: self.path.join(path) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("open", self.shown(path), error)),
        }
    }

    /// Opens the regular file at `path` for reading; none when there is nothing. Anything else is an error.
    pub fn find_file(&self, path: impl AsRef<Path>) -> Result<Option<File>> {
        let path = path.as_ref();
        // NONBLOCK: a pipe in place of the file must not block.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = match open_beneath(self.fd(), path, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot("open", self.shown(path), error)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|error| cannot("look at", self.shown(path), error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(crate::failure::conflict(format!("{} is not a regular file", self.shown(path))));
        }
        Ok(Some(File::from(fd)))
    }

    /// Creates a file of this name, which must not exist.
    pub fn create_file(&self, name: impl AsRef<Path>, mode: Mode) -> Result<File> {
        let name = name.as_ref();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        fault::point()
            .and_then(|()| open_beneath(self.fd(), name, flags, mode))
            .map(File::from)
            .map_err(|error| cannot("create", self.shown(name), error))
    }

    /// Makes the folder `name` if it is absent, and opens it.
    pub fn make_folder(&self, name: impl AsRef<Path>, mode: Mode) -> Result<Self> {
        let name = name.as_ref();
        if let Some(folder) = self.find_folder(name)? {
            return Ok(folder);
        }
        self.new_folder(name, mode)
    }

    /// Makes the folder `name`, which must not exist, with exactly this mode, and opens it.
    pub fn new_folder(&self, name: impl AsRef<Path>, mode: Mode) -> Result<Self> {
        let name = single(name.as_ref());
        change(|| rustix::fs::mkdirat(&self.fd, name?, mode))
            .map_err(|error| cannot("make", self.shown(name.unwrap_or_default()), error))?;
        let folder = self.folder(name.unwrap_or_default())?;
        // The process's mask may have taken bits away.
        if folder.stat()?.st_mode & 0o7777 != mode.as_raw_mode() {
            folder.set_mode(mode)?;
        }
        Ok(folder)
    }

    /// What stands at `name`, itself and not what it points to.
    pub fn look(&self, name: impl AsRef<Path>) -> Result<Option<Stat>> {
        let name = name.as_ref();
        let found =
            single(name).and_then(|name| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW));
        match found {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(cannot("look at", self.shown(name), error)),
        }
    }

    /// True when something is mounted on `name`.
    pub fn is_mount(&self, name: &OsStr) -> Result<bool> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statx(&self.fd, name, flags, StatxFlags::empty()) {
            Ok(found) => Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
            Err(Errno::NOSYS) => Ok(false),
            Err(error) => Err(cannot("look at", self.shown(name), error)),
        }
    }

    /// This folder's own state.
    pub fn stat(&self) -> Result<Stat> {
        rustix::fs::fstat(&self.fd).map_err(|error| cannot("look at", self.path.display(), error))
    }

    /// Every entry but `.` and `..`, in no order.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.each(|entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    /// Calls `take` for the same entries, one by one: a folder may have more than memory should hold.
    pub fn each(&self, mut take: impl FnMut(Entry) -> Result<()>) -> Result<()> {
        let failed = |error: Errno| cannot("list", self.path.display(), error);
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match self.look(&name)? {
                    Some(stat) => FileType::from_raw_mode(stat.st_mode),
                    None => continue,
                },
                kind => kind,
            };
            take(Entry { name, kind })?;
        }
        Ok(())
    }

    /// True when there is no entry.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.entries()?.is_empty())
    }

    /// Renames `from` here to `to` in the folder `target`, replacing a file or an empty folder there.
    pub fn rename(&self, from: impl AsRef<Path>, target: &Self, to: impl AsRef<Path>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        change(|| rustix::fs::renameat(&self.fd, single(from)?, &target.fd, single(to)?))
            .map_err(|error| cannot("rename", format!("{} to {}", self.shown(from), target.shown(to)), error))
    }

    /// The same, but false when `to` exists.
    pub fn rename_new(&self, from: &OsStr, target: &Self, to: &str) -> Result<bool> {
        let flags = RenameFlags::NOREPLACE;
        match change(|| rustix::fs::renameat_with(&self.fd, from, &target.fd, to, flags)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(cannot("move", self.shown(from), error)),
        }
    }

    /// Removes what is not a folder; nothing there is a success.
    pub fn unlink(&self, name: impl AsRef<Path>) -> Result<()> {
        let name = name.as_ref();
        match change(|| rustix::fs::unlinkat(&self.fd, single(name)?, AtFlags::empty())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(cannot("remove", self.shown(name), error))
            }
            _ => Ok(()),
        }
    }

    /// Removes an empty folder; false when it is not empty. Nothing there is a success.
    pub fn remove_empty(&self, name: impl AsRef<Path>) -> Result<bool> {
        let name = name.as_ref();
        match change(|| rustix::fs::unlinkat(&self.fd, single(name)?, AtFlags::REMOVEDIR)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(cannot("remove", self.shown(name), error)),
        }
    }

    /// Sets this folder's owner.
    pub fn set_owner(&self, uid: u32, gid: u32) -> Result<()> {
        set_owner(&self.fd, uid, gid).map_err(|error| cannot("set the owner of", self.path.display(), error))
    }

    /// Sets this folder's mode; after the owner, because a change of owner clears bits.
    pub fn set_mode(&self, mode: Mode) -> Result<()> {
        set_mode(&self.fd, mode).map_err(|error| cannot("set the mode of", self.path.display(), error))
    }

    /// Writes this folder's entries through to the device.
    pub fn sync(&self) -> Result<()> {
        change(|| rustix::fs::fsync(&self.fd)).map_err(|error| cannot("sync", self.path.display(), error))
    }
}

/// Sets the owner of an open file or folder.
pub fn set_owner(fd: impl AsFd, uid: u32, gid: u32) -> io::Result<()> {
    change(|| rustix::fs::fchown(fd, Some(owner(uid)?), Some(group(gid)?)))
}

/// Sets the mode of an open file or folder.
pub fn set_mode(fd: impl AsFd, mode: Mode) -> io::Result<()> {
    change(|| rustix::fs::fchmod(fd, mode))
}

/// A user id; the highest number means "leave it" to the system and is refused.
pub fn owner(uid: u32) -> rustix::io::Result<Uid> {
    if uid == u32::MAX { Err(Errno::INVAL) } else { Ok(Uid::from_raw(uid)) }
}

/// A group id, with the same exception.
pub fn group(gid: u32) -> rustix::io::Result<Gid> {
    if gid == u32::MAX { Err(Errno::INVAL) } else { Ok(Gid::from_raw(gid)) }
}

/// One change of a file system, where tests may ask for a fault.
pub fn change<T>(call: impl FnOnce() -> rustix::io::Result<T>) -> io::Result<T> {
    fault::point()?;
    call().map_err(io::Error::from)
}

/// `path` as one plain component.
fn single(path: &Path) -> rustix::io::Result<&OsStr> {
    let mut components = path.components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) => Ok(name),
        _ => Err(Errno::INVAL),
    }
}

fn open_beneath(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    if path.as_os_str().is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain path beneath a folder"));
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(folder, path, flags, mode, resolve) {
        // Kernels before 5.6 do not have the call, and some sandboxes forbid what they do not know.
        Err(Errno::NOSYS | Errno::PERM) => walk(folder, path, flags, mode).map_err(io::Error::from),
        other => other.map_err(io::Error::from),
    }
}

/// What `openat2` does, one component at a time; `path` has plain components only.
fn walk(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let mut parent = None::<OwnedFd>;
    for part in path.parent().into_iter().flat_map(Path::components) {
        let from = parent.as_ref().map_or(folder, AsFd::as_fd);
        parent = Some(open_one(from, part.as_os_str(), FOLDER, Mode::empty())?);
    }
    open_one(parent.as_ref().map_or(folder, AsFd::as_fd), name, flags, mode)
}

fn open_one(folder: BorrowedFd<'_>, name: &OsStr, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    match rustix::fs::openat(folder, name, flags | OFlags::NOFOLLOW, mode) {
        // With O_DIRECTORY a symbolic link is only "not a directory"; say what it is, as openat2 does.
        Err(Errno::NOTDIR) if is_link(folder, name) => Err(Errno::LOOP),
        other => other,
    }
}

fn is_link(folder: BorrowedFd<'_>, name: &OsStr) -> bool {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    fn both(folder: &Folder, path: &str) -> [io::Result<OwnedFd>; 2] {
        let path = Path::new(path);
        let walked = walk(folder.fd(), path, FOLDER, Mode::empty()).map_err(io::Error::from);
        [open_beneath(folder.fd(), path, FOLDER, Mode::empty()), walked]
    }

    #[test]
    fn no_link_is_followed_by_either_way() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("disk/a/b")).unwrap();
        std::fs::create_dir_all(root.path().join("other/b")).unwrap();
        symlink(root.path().join("other"), root.path().join("disk/out")).unwrap();
        symlink("../other", root.path().join("disk/up")).unwrap();
        symlink("a", root.path().join("disk/inside")).unwrap();
        std::fs::write(root.path().join("disk/file"), "").unwrap();
        let disk = Folder::root(&root.path().join("disk")).unwrap();
        for good in ["a", "a/b"] {
            assert!(both(&disk, good).iter().all(io::Result::is_ok), "{good}");
        }
        for link in ["out", "out/b", "up", "up/b", "inside", "inside/b"] {
            for found in both(&disk, link) {
                assert_eq!(found.unwrap_err().raw_os_error(), Some(Errno::LOOP.raw_os_error()), "{link}");
            }
        }
        for absent in ["c", "c/d"] {
            for found in both(&disk, absent) {
                assert_eq!(found.unwrap_err().kind(), io::ErrorKind::NotFound, "{absent}");
            }
        }
        for found in both(&disk, "file/x") {
            assert_eq!(found.unwrap_err().kind(), io::ErrorKind::NotADirectory);
        }
    }

    #[test]
    fn only_plain_paths_are_opened() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::root(root.path()).unwrap();
        for bad in ["", "/", "/etc", "..", "../x", "."] {
            assert!(folder.find_folder(bad).is_err(), "{bad}");
        }
        for bad in ["", "/", "a/b", "..", "."] {
            assert!(folder.new_folder(bad, PUBLIC).is_err(), "{bad}");
            assert!(folder.unlink(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_made_outside(path in "[a./]{1,12}") {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir(root.path().join("disk")).unwrap();
            let disk = Folder::root(&root.path().join("disk")).unwrap();
            let _ = disk.make_folder(&path, PUBLIC);
            let _ = disk.create_file(&path, PUBLIC);
            let names: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            prop_assert_eq!(names, vec![OsString::from("disk")]);
        }
    }
}
