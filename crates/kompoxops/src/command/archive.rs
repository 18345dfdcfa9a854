//! Archives of disks on this machine. IO: files.
//!
//! What arrives is written beside its place, under the name of the file with `.partial`: one that was cut is continued there.
//! It gets its name only after it was read from the disk again and found to be whole.

use crate::ending;
use crate::exit::Failure;
use kompox_engine::app::said;
use kompox_engine::disk::Exportee;
use kompox_engine::{Error, Refusal};
use kompox_model::port::ExportResume;
use kompox_node_protocol::{ExportManifest, ExportTrailer, Failure as NodeFailure};
use kompox_tree::{Inspected, Resume, State, inspect};
use rustix::fs::{CWD, RenameFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How the name of a file ends while it is not whole.
const PARTIAL: &str = ".partial";

/// What every export begins with.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// A file that an archive is written to.
pub(super) struct Arriving {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    /// What there is already.
    pub(super) kept: Kept,
}

/// What there is already of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    /// Its first part; the driver compares it with what it would write.
    Part(ExportResume),
    /// All of it; only its name is missing.
    Whole(Box<ExportManifest>),
}

impl Arriving {
    /// Opens the file beside `path`, and looks at what an earlier command left there.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        if path.symlink_metadata().is_ok() {
            let message = format!("{} exists already", path.display());
            return refuse(
                ending::ARCHIVE_EXISTS,
                message,
                "name another file, or remove this one if nobody needs it",
            );
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(PARTIAL);
        let partial = PathBuf::from(partial);
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&partial);
        let file = open.map_err(|source| failed("write", &partial, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another command writes to {}", partial.display());
                return refuse(
                    ending::ARCHIVE_BUSY,
                    message,
                    "wait until it has ended, or name another file",
                );
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", &partial, source)),
        }
        let mut arriving = Self { path: path.to_owned(), partial, file, kept: Kept::Nothing };
        arriving.kept = arriving.look()?;
        Ok(arriving)
    }

    fn look(&mut self) -> Result<Kept, Failure> {
        let begins = self.begins_as_archive()?;
        let failed = |source| failed("read", &self.partial, source);
        if self.file.metadata().map_err(failed)?.len() == 0 {
            return Ok(Kept::Nothing);
        }
        self.file.rewind().map_err(failed)?;
        let Inspected { frames, manifest, state } =
            inspect(BufReader::new(&self.file)).map_err(archive_failed)?;
        match (state, manifest) {
            (State::Complete(_), Some(manifest)) => Ok(Kept::Whole(Box::new(manifest))),
            (State::Cut, manifest) if manifest.is_some() || begins => {
                let length = if manifest.is_some() { frames.compressed_len() } else { 0 };
                self.file.set_len(length).map_err(failed)?;
                self.file.seek(SeekFrom::End(0)).map_err(failed)?;
                match manifest {
                    Some(manifest) if length > 0 => Ok(Kept::Part(resume(&manifest, frames)?)),
                    _ => Ok(Kept::Nothing),
                }
            }
            _ => {
                let message = format!("{} is no export that was cut", self.partial.display());
                refuse(ending::ARCHIVE_OTHER, message, "remove it if nobody needs it, or name another file")
            }
        }
    }

    /// Whether a file that was cut too early to say what it is can be an export.
    fn begins_as_archive(&self) -> Result<bool, Failure> {
        let mut start = Vec::new();
        let read = (&self.file).take(MAGIC.len() as u64).read_to_end(&mut start);
        read.map_err(|source| failed("read", &self.partial, source))?;
        Ok(MAGIC.starts_with(&start))
    }

    /// Refuses to take what there is for the wanted archive when it is of something else.
    pub(super) fn refuse_other(&self, volume: Option<&str>, of: &Exportee, app: &str) -> Result<(), Failure> {
        let Kept::Whole(manifest) = &self.kept else { return Ok(()) };
        let same = match of {
            Exportee::Disk(name) => manifest.snapshot.is_none() && manifest.disk == name.as_str(),
            Exportee::Snapshot(name) => manifest.snapshot.as_deref() == Some(name.as_str()),
        };
        if same && manifest.identity.app == app && volume.is_none_or(|volume| manifest.volume == volume) {
            return Ok(());
        }
        let message = format!(
            "{} is a whole export of disk {} of volume {} of app {}",
            self.partial.display(),
            manifest.disk,
            manifest.volume,
            manifest.identity.app
        );
        refuse(ending::ARCHIVE_OTHER, message, "give it a name of its own if it is needed, or remove it")
    }

    /// The file, to write to it from where it ends.
    pub(super) fn writer(&self) -> Result<File, Failure> {
        self.file.try_clone().map_err(|source| failed("write", &self.partial, source))
    }

    /// The failure of this file.
    pub(super) fn failed(&self, source: io::Error) -> Failure {
        failed("write", &self.partial, source)
    }

    /// Reads the archive from its beginning, makes sure that it is whole, and gives the file its name.
    pub(super) fn finish(mut self) -> Result<(ExportTrailer, u64), Failure> {
        let read = |source| failed("read", &self.partial, source);
        self.file.sync_all().map_err(|source| failed("write", &self.partial, source))?;
        self.file.rewind().map_err(read)?;
        let bytes = self.file.metadata().map_err(read)?.len();
        let found = inspect(BufReader::new(&self.file)).map_err(archive_failed)?;
        let trailer = match found.state {
            State::Complete(trailer) => trailer,
            State::Cut | State::Foreign => {
                let message = format!("{} is not whole", self.partial.display());
                return refuse(
                    ending::ARCHIVE_CUT,
                    message,
                    "repeat the command; it goes on where this one ended",
                );
            }
            State::Broken(failure) => return Err(archive_failed(failure)),
        };
        let named = rustix::fs::renameat_with(CWD, &self.partial, CWD, &self.path, RenameFlags::NOREPLACE);
        named.map_err(|error| failed("make", &self.path, error.into()))?;
        let folder = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| failed("write", folder, source))?;
        Ok((trailer, bytes))
    }
}

/// An empty file would only be in the way.
impl Drop for Arriving {
    fn drop(&mut self) {
        if self.file.metadata().is_ok_and(|found| found.len() == 0) {
            // Nobody misses it, and the next command takes it as it is.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

fn resume(manifest: &ExportManifest, Resume { frames, sha256 }: Resume) -> Result<ExportResume, Failure> {
    let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(ExportResume { manifest: text(manifest)?, frames, sha256 })
}

/// A manifest as the text that is sent.
pub(super) fn text(manifest: &ExportManifest) -> Result<String, Failure> {
    let encoded = manifest.encode();
    encoded.map_err(|error| Error::refused(ending::ARCHIVE, error.to_string(), "use another archive").into())
}

/// The failure of what reads and writes archives.
pub(super) fn archive_failed(failure: NodeFailure) -> Failure {
    said(ending::ARCHIVE, &failure).into()
}

pub(super) fn refuse<T>(row: Refusal, message: String, hint: &str) -> Result<T, Failure> {
    Err(Error::refused(row, message, hint).into())
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> Failure {
    Failure::File { action, path: path.to_owned(), hint: None, source }
}
