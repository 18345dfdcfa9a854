//! Taking an export in, or an archive from elsewhere. IO: the target, and the stream.

use super::ahead::expanded;
use super::frames::FRAME;
use super::members::Members;
use super::place::Placer;
use super::reading::{Most, Reading};
use crate::failure::{Result, conflict};
use crate::folder::Folder;
use kompox_node_protocol::ExportManifest;
use std::io::{self, Read};

/// How much an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of data of all files; holes are none.
    pub max_bytes: u64,
    /// Entries of any kind.
    pub max_entries: u64,
    /// Whether an archive from elsewhere may have devices; an export may.
    pub devices: bool,
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What the export says about itself; none for an archive from elsewhere.
    pub manifest: Option<ExportManifest>,
    /// Entries, the top folder included.
    pub entries: u64,
    /// Bytes of data of the files; holes are none.
    pub bytes: u64,
    /// Extended attributes that the target's file system does not take.
    pub attributes_left_out: u64,
    /// The first of them, with the file.
    pub first_left_out: Vec<String>,
}

/// Takes an archive in: an export, or a tar archive from elsewhere, as it is or compressed by zstd. `progress` gets the
/// bytes that were read of `input`. Another thread reads it, and is ahead of what is written; a failure is returned when a
/// read that it had begun has come back.
///
/// The content of `target` counts only once this has returned: everything is verified and on the device then. After a
/// failure what was written stays for the caller to remove.
///
/// # Errors
/// Conflict when `target` is not empty; Invalid for an archive that is hostile, broken or cut; Unsupported for a form
/// that is not read; Quota when a limit, the file system or its quota has no room; those of the file system and of
/// `input`.
pub fn import(
    target: &Folder,
    input: impl Read + Send,
    limits: &Limits,
    progress: impl FnMut(u64) + Send,
) -> Result<Imported> {
    import_in(FRAME, target, input, limits, progress)
}

pub(super) fn import_in(
    frame: usize,
    target: &Folder,
    input: impl Read + Send,
    limits: &Limits,
    progress: impl FnMut(u64) + Send,
) -> Result<Imported> {
    if !target.is_empty()? {
        return Err(conflict(format!("{} is not empty", target.path().display())));
    }
    let input = Counted { input, read: 0, progress };
    let most = Most { bytes: limits.max_bytes, entries: limits.max_entries, devices: limits.devices };
    let mut reading = Reading::default();
    let mut placer = Placer::new(target)?;
    expanded(input, frame, |chunks| reading.read(&mut Members::new(chunks), &most, &mut placer))?;
    let setter = placer.finish()?;
    Ok(Imported {
        manifest: reading.manifest,
        entries: reading.entries,
        bytes: reading.bytes,
        attributes_left_out: setter.left_out,
        first_left_out: setter.first,
    })
}

/// A stream that tells how far it is.
struct Counted<R, F> {
    input: R,
    read: u64,
    progress: F,
}

impl<R: Read, F: FnMut(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read += read as u64;
        (self.progress)(self.read);
        Ok(read)
    }
}
