//! The records of a disk store, as kept beside the data. Pure.
//!
//! `store.json` at the root; `{app hash}/{volume}/volume.json`; `{app hash}/{volume}/disks/{disk}/disk.json` with
//! the data in `data/` beside it, which is `data.fenced/` while the volume is fenced;
//! `{app hash}/{volume}/snapshots/{snapshot}/snapshot.json`, again with `data/`. Which disk is assigned is a field of
//! the volume, so that one rename switches it.

use crate::{ExportManifest, VolumeEvent};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format of every record file; a file of another format is an error, never "nothing there".
pub const RECORD_FORMAT: u32 = 1;

/// The source of a disk that starts empty.
pub const SOURCE_EMPTY: &str = "empty";

/// What an app is, whatever cluster holds it. Six digits of hash may collide, so this is compared in full.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Name of the workspace.
    pub workspace: String,
    /// Name of the provider.
    pub provider: String,
    /// Name of the app.
    pub app: String,
}

/// `{workspace}/{provider}/{app}`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.workspace, self.provider, self.app)
    }
}

/// The cluster that holds a volume. Another UID under the same name is another cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Name of the cluster.
    pub cluster: String,
    /// UID of its Namespace `kube-system`.
    pub cluster_uid: String,
}

/// `{cluster} ({uid})`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cluster, self.cluster_uid)
    }
}

/// `store.json`: which store this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreRecord {
    /// [`RECORD_FORMAT`].
    pub format: u32,
    /// Random, made once; the Node's annotation `kompox.dev/disk-store` repeats it.
    pub id: String,
}

/// `volume.json`: whose volume this is and which disk it uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeRecord {
    /// [`RECORD_FORMAT`].
    pub format: u32,
    /// The app, in full.
    pub identity: Identity,
    /// The cluster that may use the volume.
    pub holder: Holder,
    /// Hash of the identity, which is also the name of the folder.
    pub app_hash: String,
    /// Name of the volume, which is also the name of the folder.
    pub volume: String,
    /// The disk that the app uses, if any.
    pub assigned: Option<String>,
    /// Counts the changes of this record, from 1; 0 in a request means "there is no record yet".
    pub generation: u64,
    /// True while the volume is being moved away: no disk of it may be made, assigned or written.
    pub fenced: bool,
    /// What happened to it, oldest first; see [`VolumeRecord::note`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<VolumeEvent>,
}

/// How the data of a disk or snapshot is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// Plain folders, copied in full: sizes are declared, not enforced.
    #[default]
    Directory,
    /// Plain folders whose copies share blocks with their source until either is written: a copy costs by the number
    /// of files. Sizes are not enforced.
    Reflink,
    /// Subvolumes of btrfs: a copy is made in one moment, whatever its size, and sizes are enforced by a quota.
    Btrfs,
}

impl Backend {
    /// Its name on the command line and in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Reflink => "reflink",
            Self::Btrfs => "btrfs",
        }
    }
}

/// How far the making or the deletion of a disk or snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// Not usable yet; the same create request goes on with it.
    Creating,
    /// Usable.
    Ready,
    /// On its way out; the same delete request goes on with it.
    Deleting,
}

/// `disk.json`: one disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskRecord {
    /// [`RECORD_FORMAT`].
    pub format: u32,
    /// Name of the disk, which is also the name of the folder.
    pub name: String,
    /// The app, in full: a folder that was moved into another app's is noticed.
    pub identity: Identity,
    /// Name of the volume it belongs to.
    pub volume: String,
    /// Declared size in bytes.
    pub size_bytes: u64,
    /// When it was made, RFC 3339 in UTC, by the caller's clock.
    pub created_at: String,
    /// What it was made from, as a [`crate::Source`] (its lineage).
    pub source: String,
    /// True for the first disk of a volume, which is recorded as assigned before it is ready.
    pub first: bool,
    /// How far it is.
    pub state: DiskState,
    /// Unique for every disk that ever was, also when a name is used again.
    pub handle: String,
    /// How its data is kept; records from before there was a choice are of plain folders.
    #[serde(default)]
    pub backend: Backend,
    /// Whether its data cannot grow beyond its size.
    #[serde(default)]
    pub size_enforced: bool,
    /// What the export said of itself that the disk was made from, if it was made from one (its lineage).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ExportManifest>,
}

/// `snapshot.json`: the content that a disk had at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRecord {
    /// [`RECORD_FORMAT`].
    pub format: u32,
    /// Name of the snapshot, which is also the name of the folder.
    pub name: String,
    /// The app, in full: a folder that was moved into another app's is noticed.
    pub identity: Identity,
    /// Name of the volume it belongs to.
    pub volume: String,
    /// Name of the disk it was taken of, which may be gone.
    pub disk: String,
    /// Handle of that disk: another disk may have its name by now.
    pub disk_handle: String,
    /// Declared size of that disk in bytes; a disk made from the snapshot has at least this size.
    pub size_bytes: u64,
    /// When it was made, RFC 3339 in UTC, by the caller's clock.
    pub created_at: String,
    /// How far it is.
    pub state: DiskState,
    /// Unique for every snapshot that ever was, also when a name is used again.
    pub handle: String,
    /// How its data is kept.
    pub backend: Backend,
    /// True when all of it was taken in one moment, whoever used the disk; false when it was copied file by file while
    /// nothing ran.
    pub atomic: bool,
}
