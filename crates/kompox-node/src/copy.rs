//! Exact copies of trees: owner, mode with its special bits, links, times, attributes. IO.
//!
//! The source is read as it is, a mount beneath it left out: what is mounted there is not the image's. The target is
//! a new private folder that nobody else can reach yet.

use crate::attributes;
use crate::content::{self, How};
use crate::failure::{Result, cannot, conflict};
use crate::folder::{Entry, Folder, PRIVATE, change, group, owner, set_mode, set_owner};
use crate::sync::Syncer;
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::{AtFlags, FileType, Mode, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Deeper trees are refused: each level keeps two folders open.
const DEPTH: usize = 300;

/// Copies everything in `source` into the empty folder `target`, and gives `target` the source's own owner, mode and
/// times. Everything is on the device when this returns. Returns the bytes that the files take there, holes left out.
pub(crate) fn contents(source: &Folder, target: &Folder, how: How) -> Result<u64> {
    let mut copy = Copy { links: HashMap::new(), top: target, syncer: Syncer::default(), how, bytes: 0 };
    copy.folder(source, target, Path::new(""), 0)?;
    copy.syncer.finish(target)?;
    Ok(copy.bytes)
}

/// Gives `target` the owner, mode, times and attributes of `source`.
pub(crate) fn own_state(source: &Folder, target: &Folder) -> Result<()> {
    let stat = source.stat()?;
    target.set_owner(stat.st_uid, stat.st_gid)?;
    attributes::copy(source.fd(), target.fd(), target.path())?;
    // After the attributes: an access control list changes the mode's group bits.
    target.set_mode(mode_of(&stat))?;
    set_times(target, "", &stat)
}

struct Copy<'a> {
    /// Where a file with several names was copied to first, relative to `top`.
    links: HashMap<(u64, u64), PathBuf>,
    top: &'a Folder,
    syncer: Syncer,
    how: How,
    bytes: u64,
}

impl Copy<'_> {
    fn folder(&mut self, source: &Folder, target: &Folder, path: &Path, depth: usize) -> Result<()> {
        if depth > DEPTH {
            return Err(conflict(format!("{} is deeper than {DEPTH} folders", source.path().display())));
        }
        let mut entries = source.entries()?;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for entry in entries {
            if source.is_mount(&entry.name)? {
                continue;
            }
            self.entry(source, target, &entry, &path.join(&entry.name), depth)?;
        }
        own_state(source, target)?;
        self.syncer.folder(target)
    }

    fn entry(
        &mut self,
        source: &Folder,
        target: &Folder,
        entry: &Entry,
        path: &Path,
        depth: usize,
    ) -> Result<()> {
        let name = &entry.name;
        match entry.kind {
            FileType::Directory => {
                self.folder(&source.folder(name)?, &target.new_folder(name, PRIVATE)?, path, depth + 1)
            }
            FileType::RegularFile => self.file(source, target, entry, path),
            FileType::Symlink => link(source, target, entry),
            FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice => {
                special(source, target, entry)
            }
            FileType::Unknown => Err(conflict(format!("{} is of an unknown kind", source.shown(name)))),
        }
    }

    fn file(&mut self, source: &Folder, target: &Folder, entry: &Entry, path: &Path) -> Result<()> {
        let name = &entry.name;
        let from = source.find_file(name)?.ok_or_else(|| vanished(source, entry))?;
        let stat = rustix::fs::fstat(&from).map_err(|error| cannot("look at", source.shown(name), error))?;
        if stat.st_nlink > 1 {
            if let Some(first) = self.links.get(&(stat.st_dev, stat.st_ino)) {
                return self.hard_link(first, target, entry);
            }
            self.links.insert((stat.st_dev, stat.st_ino), path.to_owned());
        }
        self.bytes += u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
        let to = target.create_file(name, Mode::RUSR | Mode::WUSR)?;
        content::copy(&from, &to, u64::try_from(stat.st_size).unwrap_or(0), self.how)
            .map_err(|error| self.not_copied(source.shown(name), error))?;
        let failed = |error| cannot("set the owner of", target.shown(name), error);
        set_owner(&to, stat.st_uid, stat.st_gid).map_err(failed)?;
        attributes::copy(&from, &to, &target.path().join(name))?;
        set_mode(&to, mode_of(&stat)).map_err(failed)?;
        set_times(target, name, &stat)?;
        self.syncer.file(&to, || target.shown(name))
    }

    fn not_copied(&self, shown: String, error: std::io::Error) -> Failure {
        let refused = matches!(
            error.raw_os_error().map(Errno::from_raw_os_error),
            Some(Errno::NOTSUP | Errno::XDEV | Errno::INVAL)
        );
        if self.how == How::Shared && refused {
            let message = format!("the file system cannot share the blocks of {shown}: {error}");
            return Failure::new(Kind::Unsupported, message)
                .hint("with `--backend directory` copies are made in full");
        }
        cannot("copy", shown, error)
    }

    fn hard_link(&self, first: &Path, target: &Folder, entry: &Entry) -> Result<()> {
        let parent = match first.parent() {
            Some(parent) if parent != Path::new("") => &self.top.folder(parent)?,
            _ => self.top,
        };
        let name = first.file_name().unwrap_or_default();
        change(|| rustix::fs::linkat(parent.fd(), name, target.fd(), &entry.name, AtFlags::empty()))
            .map_err(|error| cannot("link", target.shown(&entry.name), error))
    }
}

fn mode_of(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode & 0o7777)
}

fn vanished(folder: &Folder, entry: &Entry) -> Failure {
    conflict(format!("{} vanished while it was copied", folder.shown(&entry.name)))
}

fn link(source: &Folder, target: &Folder, entry: &Entry) -> Result<()> {
    let name = &entry.name;
    let stat = source.look(name)?.ok_or_else(|| vanished(source, entry))?;
    let points_to = rustix::fs::readlinkat(source.fd(), name, Vec::new())
        .map_err(|error| cannot("read", source.shown(name), error))?;
    let made = |error| cannot("make the link", target.shown(name), error);
    change(|| rustix::fs::symlinkat(&points_to, target.fd(), name)).map_err(made)?;
    set_owner_at(target, entry, &stat)?;
    set_times(target, name, &stat)
}

fn special(source: &Folder, target: &Folder, entry: &Entry) -> Result<()> {
    let name = &entry.name;
    let stat = source.look(name)?.ok_or_else(|| vanished(source, entry))?;
    change(|| rustix::fs::mknodat(target.fd(), name, entry.kind, Mode::RUSR | Mode::WUSR, stat.st_rdev))
        .map_err(|error| cannot("make the special file", target.shown(name), error))?;
    set_owner_at(target, entry, &stat)?;
    // Not a link, and nobody else can put one here yet.
    change(|| rustix::fs::chmodat(target.fd(), name, mode_of(&stat), AtFlags::empty()))
        .map_err(|error| cannot("set the mode of", target.shown(name), error))?;
    set_times(target, name, &stat)
}

fn set_owner_at(target: &Folder, entry: &Entry, stat: &Stat) -> Result<()> {
    let (name, flags) = (&entry.name, AtFlags::SYMLINK_NOFOLLOW);
    change(|| {
        rustix::fs::chownat(target.fd(), name, Some(owner(stat.st_uid)?), Some(group(stat.st_gid)?), flags)
    })
    .map_err(|error| cannot("set the owner of", target.shown(name), error))
}

/// Gives `name` in `folder`, or the folder itself for an empty name, the times in `stat`.
fn set_times(folder: &Folder, name: impl AsRef<Path>, stat: &Stat) -> Result<()> {
    let name = name.as_ref();
    let seconds = |text: u64| i64::try_from(text).unwrap_or(i64::MAX);
    let times = Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: seconds(stat.st_atime_nsec) },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: seconds(stat.st_mtime_nsec) },
    };
    change(|| {
        if name.as_os_str().is_empty() {
            rustix::fs::futimens(folder.fd(), &times)
        } else {
            rustix::fs::utimensat(folder.fd(), name, &times, AtFlags::SYMLINK_NOFOLLOW)
        }
    })
    .map_err(|error| cannot("set the times of", folder.shown(name), error))
}
