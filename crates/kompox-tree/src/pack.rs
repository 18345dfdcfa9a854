//! A file, a folder or a link as a tar archive. IO.
//!
//! The end mark is written only when everything before it is whole, so that a reader can tell.

use crate::archive::is_unfinished;
use crate::failure::{Result, cannot, conflict, invalid};
use crate::folder::{Entry, Folder};
use crate::source::name_of;
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Deeper trees are refused: each level keeps a folder open.
const DEPTH: usize = 300;
/// What is written at once.
const BUFFER: usize = 128 * 1024;
/// So many of the entries that were left out are named.
const NAMED: usize = 5;

/// What an archive holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    /// Entries, the source itself included.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Sockets, pipes and devices, which are no content.
    pub left_out: u64,
    /// The first of them.
    pub first_left_out: Vec<String>,
}

/// Writes the archive of `path` to `out`. Its first entry is the source itself, under its own name, or as `.` where
/// [`name_of`] knows none. No link is followed but one that `path` leads over, and with `follow` the one it names.
///
/// # Errors
/// Those of the file system; Conflict for a file that shrank meanwhile, or a tree of more than 300 levels;
/// Unsupported when the source is no file, folder or link; Cancelled when `out` takes no more.
pub fn pack(path: &Path, follow: bool, out: impl Write) -> Result<Packed> {
    let prefix = PathBuf::from(name_of(path)?.unwrap_or_else(|| ".".as_ref()));
    let sink = Sink { out: BufWriter::with_capacity(BUFFER, out), open: true, failed: false };
    let mut packer = Packer { builder: Builder::new(sink), packed: Packed::default() };
    let done = packer.source(path, &prefix, follow).and_then(|()| {
        let ended = packer.builder.finish().and_then(|()| packer.builder.get_mut().flush());
        ended.map_err(|error| cannot("write", "the archive", error))
    });
    let sink = packer.builder.get_mut();
    // The builder writes an end mark also when it is given up.
    sink.open = false;
    match done {
        Err(_) if sink.failed => Err(Failure::new(Kind::Cancelled, "nobody takes the archive any more")),
        Err(failure) => Err(failure),
        Ok(()) => Ok(packer.packed),
    }
}

/// The way out, which can be closed, and remembers that it failed.
struct Sink<W: Write> {
    out: BufWriter<W>,
    open: bool,
    failed: bool,
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.open {
            return Ok(bytes.len());
        }
        self.out.write(bytes).inspect_err(|_| self.failed = true)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.open { self.out.flush().inspect_err(|_| self.failed = true) } else { Ok(()) }
    }
}

struct Packer<W: Write> {
    builder: Builder<Sink<W>>,
    packed: Packed,
}

impl<W: Write> Packer<W> {
    fn source(&mut self, path: &Path, prefix: &Path, follow: bool) -> Result<()> {
        let failed = |error: rustix::io::Errno| cannot("look at", path.display(), error);
        let stat = if follow { rustix::fs::stat(path) } else { rustix::fs::lstat(path) }.map_err(failed)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.folder(&Folder::root(path)?, prefix, 0),
            FileType::RegularFile => {
                let link = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
                let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | link;
                let fd = rustix::fs::open(path, flags, Mode::empty())
                    .map_err(|error| cannot("open", path.display(), error))?;
                self.file(File::from(fd), prefix, || path.display().to_string())
            }
            FileType::Symlink => {
                let target = rustix::fs::readlink(path, Vec::new())
                    .map_err(|error| cannot("read the link", path.display(), error))?;
                self.link(prefix, &stat, target.as_bytes())
            }
            _ => {
                Err(Failure::new(Kind::Unsupported, format!("{} is no file, folder or link", path.display())))
            }
        }
    }

    fn folder(&mut self, folder: &Folder, path: &Path, depth: usize) -> Result<()> {
        if depth > DEPTH {
            return Err(conflict(format!("{} is deeper than {DEPTH} folders", folder.path().display())));
        }
        // With a slash at its end, as other programs write and list folders.
        self.add(&path.join(""), &folder.stat()?, EntryType::Directory, 0, io::empty())?;
        let mut entries = folder.entries()?;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for entry in entries.iter().filter(|entry| !is_unfinished(&entry.name)) {
            let path = if depth == 0 && path == Path::new(".") {
                PathBuf::from(&entry.name)
            } else {
                path.join(&entry.name)
            };
            self.entry(folder, entry, &path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Folder, entry: &Entry, path: &Path, depth: usize) -> Result<()> {
        let name = &entry.name;
        match entry.kind {
            // Something that went away while the tree was read was not there.
            FileType::Directory => match folder.find_folder(name)? {
                Some(inner) => self.folder(&inner, path, depth + 1),
                None => Ok(()),
            },
            FileType::RegularFile => match folder.find_file(name)? {
                Some(file) => self.file(file, path, || folder.shown(name)),
                None => Ok(()),
            },
            FileType::Symlink => {
                let Some(stat) = folder.look(name)? else { return Ok(()) };
                let target = rustix::fs::readlinkat(folder.fd(), name, Vec::new())
                    .map_err(|error| cannot("read the link", folder.shown(name), error))?;
                self.link(path, &stat, target.as_bytes())
            }
            FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice => {
                self.packed.left_out += 1;
                if self.packed.first_left_out.len() < NAMED {
                    self.packed.first_left_out.push(folder.shown(name));
                }
                Ok(())
            }
            FileType::Unknown => Err(conflict(format!("{} is of an unknown kind", folder.shown(name)))),
        }
    }

    fn file(&mut self, file: File, path: &Path, shown: impl Fn() -> String) -> Result<()> {
        let stat = rustix::fs::fstat(&file).map_err(|error| cannot("look at", shown(), error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(conflict(format!("{} was a regular file a moment ago", shown())));
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        // What a log gained meanwhile does not belong to this copy.
        let mut content = file.take(size);
        self.add(path, &stat, EntryType::Regular, size, &mut content)
            .map_err(|failure| Failure { message: format!("{}: {}", shown(), failure.message), ..failure })?;
        if content.limit() > 0 {
            return Err(conflict(format!("{} became shorter while it was read", shown()))
                .hint("repeat the command when nobody writes to it"));
        }
        self.packed.bytes += size;
        Ok(())
    }

    fn link(&mut self, path: &Path, stat: &Stat, target: &[u8]) -> Result<()> {
        let mut header = header(stat, EntryType::Symlink, 0);
        let target = Path::new(std::ffi::OsStr::from_bytes(target));
        self.builder
            .append_link(&mut header, path, target)
            .map_err(|error| cannot("write", "the archive", error))?;
        self.packed.entries += 1;
        Ok(())
    }

    fn add(
        &mut self,
        path: &Path,
        stat: &Stat,
        kind: EntryType,
        size: u64,
        content: impl Read,
    ) -> Result<()> {
        if path.as_os_str().len() > crate::archive::PATH_LIMIT {
            return Err(invalid(format!("the path `{}` is too long", path.display())));
        }
        self.builder
            .append_data(&mut header(stat, kind, size), path, content)
            .map_err(|error| cannot("copy", path.display(), error))?;
        self.packed.entries += 1;
        Ok(())
    }
}

fn header(stat: &Stat, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(u64::from(stat.st_uid));
    header.set_gid(u64::from(stat.st_gid));
    // Times before 1970 have no place in this form of the header.
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header
}
