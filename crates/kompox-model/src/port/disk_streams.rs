//! Port of a driver that writes disks and snapshots out as archives, and takes archives in as disks. Pure.
//!
//! The archive is the same for every driver (`docs/export-format.md`), so that what one wrote another takes in.

use super::{AppScope, Call, PortError};
use crate::quantity::Bytes;
use crate::{Disk, DiskName, DiskSource, SnapshotName, VolumeName};
use async_trait::async_trait;
use futures_io::{AsyncRead, AsyncWrite};
use jiff::Timestamp;

/// What is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportOf {
    /// A disk as it is now.
    Disk(DiskName),
    /// A snapshot.
    Snapshot(SnapshotName),
}

/// An archive to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskExport {
    /// What is written out.
    pub of: ExportOf,
    /// The caller vouches that nothing writes to the disk until this ends.
    pub at_rest: bool,
    /// Now, to be recorded in the archive.
    pub exported_at: Timestamp,
    /// What there is already of the archive.
    pub resume: Option<ExportResume>,
}

/// The whole frames of an archive that was cut, to go on after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportResume {
    /// The manifest in them, as its JSON text.
    pub manifest: String,
    /// The compressed length of each frame, in bytes.
    pub frames: Vec<u32>,
    /// SHA-256 of what is in them, as 64 small hexadecimal digits.
    pub sha256: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskExported {
    /// The manifest, as its JSON text.
    pub manifest: String,
    /// Entries of the tree.
    pub entries: u64,
    /// Bytes of data of its files.
    pub bytes: u64,
    /// Sockets that were left out.
    pub left_out: u64,
    /// The first of them.
    pub first_left_out: Vec<String>,
}

/// A disk to be made from an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskImport {
    /// Its name.
    pub name: DiskName,
    /// Its size; at least that of the disk in the archive.
    pub size: Bytes,
    /// Which archive it is, as the disk's source: `import:` and an id.
    pub source: DiskSource,
    /// When the disk was made, to be recorded.
    pub created_at: Timestamp,
    /// A finished disk of that name and source is success instead of AlreadyExists (C-41).
    pub if_not_exists: bool,
    /// The manifest that the archive must have, as its JSON text; none takes any archive.
    pub manifest: Option<String>,
}

/// Told how far an export is: bytes before compression, and about how many there will be.
pub type ExportProgress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Archives of the disks of apps. Errors of every method beside those named: Conflict when another cluster holds the volume
/// or another app has its records, Unavailable and Timeout.
#[async_trait]
pub trait DiskStreams: Send + Sync {
    /// Writes a disk or snapshot to `archive`, whole when this returns; also of a volume that is fenced. NotFound without it,
    /// Conflict for a disk that is not ready or not at rest, and when what there is of the archive is of something else.
    async fn export(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskExport,
        archive: &mut (dyn AsyncWrite + Send + Unpin),
        progress: ExportProgress<'_>,
    ) -> Result<DiskExported, PortError>;

    /// Makes a disk of `archive`, read to its end and verified before the disk is ready; the first one of a volume is
    /// assigned. One of that name still being made from the same archive is made from the beginning. Invalid for an archive
    /// that is broken, cut or another one; then no disk is left. Quota when it holds more than the disk may.
    async fn import(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskImport,
        archive: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Disk, PortError>;
}
