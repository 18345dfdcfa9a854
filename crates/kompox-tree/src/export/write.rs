//! Writing an export. IO: the tree, and the stream it goes to.

use super::attributes::{Attribute, Reader};
use super::compress::{Frames, Tell};
use super::frames::{FRAME, Resume};
use super::header::Head;
use super::links::Links;
use super::sparse::Sparse;
use super::walk::{Step, in_archive, walk};
use super::{DATA, MANIFEST, TRAILER, hexadecimal};
use crate::failure::{Result, cannot, conflict, invalid};
use crate::folder::{Entry, Folder};
use kompox_node_protocol::{ExportManifest, ExportTrailer};
use rustix::fs::{FileType, Stat};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tar::EntryType;

/// How an export is written.
pub struct Options<'a> {
    /// The level of zstd, from 1 to 9; higher ones need more memory than is promised.
    pub level: i32,
    /// What there is already of the same export.
    pub resume: Option<Resume>,
    /// Called now and then with the bytes of the archive so far, and about how many there will be. Only for this is
    /// the tree walked once more.
    pub progress: Option<&'a mut dyn FnMut(u64, u64)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { level: 3, resume: None, progress: None }
    }
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Counts and sum, as its last entry says them.
    pub trailer: ExportTrailer,
    /// The first of the sockets that were left out.
    pub first_left_out: Vec<String>,
    /// Compressed bytes that were written, without those of a resumed export's kept frames.
    pub written: u64,
}

/// Writes the tree `tree` to `out` as an export. The same tree and manifest always give the same bytes.
///
/// With [`Options::resume`] only what comes after the kept frames is written; appended to them it makes the same file
/// as an export that nobody cut.
///
/// # Errors
/// Conflict when the tree is not the one that the kept frames were made from, or changed while it was read;
/// Unsupported for what the format does not hold (see `docs/export-format.md`); Invalid for a manifest or level out of
/// range; Cancelled when `out` takes no more; those of the file system.
pub fn export(
    tree: &Folder,
    manifest: &ExportManifest,
    options: Options<'_>,
    out: impl Write,
) -> Result<Exported> {
    export_in(FRAME, tree, manifest, options, out)
}

pub(super) fn export_in(
    frame: usize,
    tree: &Folder,
    manifest: &ExportManifest,
    options: Options<'_>,
    out: impl Write,
) -> Result<Exported> {
    if !(1..=9).contains(&options.level) {
        return Err(invalid(format!("there is no level {} of compression; 1 to 9 are", options.level)));
    }
    manifest.check().map_err(invalid)?;
    let text = manifest.encode().map_err(invalid)?;
    let tell = match options.progress {
        Some(tell) => Some((tell as Tell<'_>, estimate(tree)?)),
        None => None,
    };
    let mut writer = Writer {
        frames: Frames::new(out, frame, options.level, options.resume, tell)?,
        links: Links::default(),
        reader: Reader::new(),
        head: Vec::new(),
        entries: 0,
        bytes: 0,
        left_out: 0,
        first_left_out: Vec::new(),
    };
    writer.own(MANIFEST, &text)?;
    walk(tree, |path, step| match step {
        Step::Folder(folder) => writer.folder(path, folder),
        Step::Entry(folder, entry) => writer.entry(path, folder, entry),
    })?;
    writer.finish()
}

/// About how many bytes the archive will have.
fn estimate(tree: &Folder) -> Result<u64> {
    // A header, a pax header and its records.
    const HEADERS: u64 = 3 * 512;
    let mut sum = HEADERS;
    walk(tree, |_, step| {
        sum += HEADERS;
        let Step::Entry(folder, entry) = step else { return Ok(()) };
        if entry.kind == FileType::RegularFile
            && let Some(stat) = folder.look(&entry.name)?
        {
            let [size, blocks] =
                [stat.st_size, stat.st_blocks].map(|number| u64::try_from(number).unwrap_or(0));
            sum += size.min(blocks * 512);
        }
        Ok(())
    })?;
    Ok(sum)
}

struct Writer<'a, W: Write> {
    frames: Frames<'a, W>,
    links: Links,
    reader: Reader,
    head: Vec<u8>,
    entries: u64,
    bytes: u64,
    left_out: u64,
    first_left_out: Vec<String>,
}

/// So many of the entries that were left out are named.
const NAMED: usize = 5;

impl<W: Write> Writer<'_, W> {
    fn folder(&mut self, path: &Path, folder: &Folder) -> Result<()> {
        let attributes = self.reader.of(folder.fd(), || folder.path().display().to_string())?;
        let stat = folder.stat()?;
        // With a slash at its end, as other programs write and list folders.
        let path = in_archive(DATA, &path.join(""));
        self.head(&Head { attributes: &attributes, ..Head::of(&path, EntryType::Directory, &stat) })
    }

    fn entry(&mut self, path: &Path, folder: &Folder, entry: &Entry) -> Result<()> {
        let name = &entry.name;
        let kind = match entry.kind {
            FileType::RegularFile => {
                let Some(file) = folder.find_file(name)? else { return Ok(()) };
                return self.file(path, &file, || folder.shown(name));
            }
            FileType::Symlink => EntryType::Symlink,
            FileType::Fifo => EntryType::Fifo,
            FileType::CharacterDevice => EntryType::Char,
            FileType::BlockDevice => EntryType::Block,
            FileType::Socket => {
                // Its server makes it anew; a copy would lead nowhere.
                self.left_out += 1;
                if self.first_left_out.len() < NAMED {
                    self.first_left_out.push(folder.shown(name));
                }
                return Ok(());
            }
            FileType::Directory | FileType::Unknown => {
                return Err(conflict(format!("{} is of an unknown kind", folder.shown(name))));
            }
        };
        // Something that went away while the tree was read was not there.
        let Some(stat) = folder.look(name)? else { return Ok(()) };
        if FileType::from_raw_mode(stat.st_mode) != entry.kind {
            return Err(changed(&folder.shown(name)));
        }
        let path = in_archive(DATA, path);
        if self.later_name(&path, &stat)? {
            return Ok(());
        }
        if kind == EntryType::Symlink {
            let link = rustix::fs::readlinkat(folder.fd(), name, Vec::new())
                .map_err(|error| cannot("read the link", folder.shown(name), error))?;
            return self.head(&Head { link: link.as_bytes(), ..Head::of(&path, kind, &stat) });
        }
        let attributes = self.reader.of_name(folder, name)?;
        self.head(&Head { attributes: &attributes, ..Head::of(&path, kind, &stat) })
    }

    /// A further name of a file that the export has already. True when it was one.
    fn later_name(&mut self, path: &[u8], stat: &Stat) -> Result<bool> {
        let Some(first) = self.links.name((stat.st_dev, stat.st_ino), stat.st_nlink, path)? else {
            return Ok(false);
        };
        let head = Head::of(path, EntryType::Link, stat);
        // The first name has the exact time.
        let time = (head.time.0.clamp(0, i64::from(u32::MAX)), 0);
        self.head(&Head { link: &first, time, ..head })?;
        Ok(true)
    }

    fn file(&mut self, path: &Path, file: &File, shown: impl Fn() -> String) -> Result<()> {
        let failed = |error| cannot("look at", shown(), error);
        let stat = rustix::fs::fstat(file).map_err(failed)?;
        let path = in_archive(DATA, path);
        if self.later_name(&path, &stat)? {
            return Ok(());
        }
        // What a log gained meanwhile does not belong to this export.
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let attributes = self.reader.of(file, &shown)?;
        let sparse = Sparse::find(file, size).map_err(failed)?;
        let whole = [(0, size)];
        let extents = sparse.as_ref().map_or(&whole[..], |sparse| &sparse.extents);
        self.start_file(&path, &stat, &attributes, sparse.as_ref(), size)?;
        for (offset, length) in extents {
            let read = self.frames.copy(file, *offset, *length)?;
            if read.map_err(|error| cannot("read", shown(), error))? < *length {
                return Err(changed(&shown()));
            }
            self.bytes += length;
        }
        self.frames.pad()
    }

    fn start_file(
        &mut self,
        path: &[u8],
        stat: &Stat,
        attributes: &[Attribute],
        sparse: Option<&Sparse>,
        size: u64,
    ) -> Result<()> {
        let head = Head { attributes, size, ..Head::of(path, EntryType::Regular, stat) };
        let Some(sparse) = sparse else { return self.head(&head) };
        let map = sparse.map();
        let size = (map.len() as u64).next_multiple_of(512) + sparse.data();
        self.head(&Head { size, real: Some(sparse.real), ..head })?;
        self.frames.write(&map)?;
        self.frames.pad()
    }

    fn head(&mut self, head: &Head<'_>) -> Result<()> {
        self.head.clear();
        head.write(&mut self.head)?;
        self.entries += 1;
        self.frames.write(&self.head)
    }

    /// An entry of the program's own.
    fn own(&mut self, path: &str, text: &str) -> Result<()> {
        self.head.clear();
        Head::own(path, text.len() as u64).write(&mut self.head)?;
        self.frames.write(&self.head)?;
        self.frames.write(text.as_bytes())?;
        self.frames.pad()
    }

    fn finish(mut self) -> Result<Exported> {
        let sha256 = hexadecimal(&self.frames.sum());
        let trailer =
            ExportTrailer { entries: self.entries, bytes: self.bytes, left_out: self.left_out, sha256 };
        let text = trailer.encode().map_err(invalid)?;
        self.own(TRAILER, &text)?;
        self.frames.write(&[0; 1024])?;
        self.frames.finish()?;
        Ok(Exported { trailer, first_left_out: self.first_left_out, written: self.frames.written() })
    }
}

fn changed(shown: &str) -> kompox_node_protocol::Failure {
    conflict(format!("{shown} changed while it was read")).hint("repeat the command when nobody writes to it")
}
