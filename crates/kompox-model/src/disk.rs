//! The disk noun. Pure.

use crate::quantity::Bytes;
use crate::{ClusterName, DiskName, SnapshotName, VolumeName};
use jiff::Timestamp;
use std::fmt;

/// One real storage resource for a volume.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Disk {
    /// Its name, unique in the volume.
    pub name: DiskName,
    /// The volume it belongs to.
    pub volume: VolumeName,
    /// Its size.
    pub size: Bytes,
    /// True when nothing can write more than the size; otherwise the size is only declared.
    pub size_enforced: bool,
    /// True when a copy of it is what it was in one moment, whatever writes to it.
    pub atomic_snapshots: bool,
    /// The provider's id: CSI volume handle or path.
    pub handle: String,
    /// True for the one disk of the volume that deploys use.
    pub assigned: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The node that has it, for disks that live on nodes.
    pub node: Option<String>,
    /// The zone it is in, for disks of clouds.
    pub zone: Option<String>,
    /// What it was made from.
    pub source: DiskSource,
    /// How far its life has come.
    pub state: DiskState,
    /// The cluster that may use it.
    pub holder: Holder,
}

/// The cluster that holds a disk.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// Its name.
    pub cluster: ClusterName,
    /// UID of its kube-system Namespace: another UID under the same name is another cluster.
    pub uid: String,
}

/// State of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskState {
    /// Being made; a repeated create continues it (C-41).
    Creating,
    /// Usable.
    Ready,
    /// Being deleted.
    Deleting,
}

impl fmt::Display for DiskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Deleting => "deleting",
        })
    }
}

/// What a disk is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskSource {
    /// Nothing: a new file system.
    Empty,
    /// A snapshot of the same volume.
    Snapshot(SnapshotName),
    /// Another disk of the same volume.
    Disk(DiskName),
    /// An id that only the provider understands.
    Provider(String),
}

impl DiskSource {
    /// Reads `empty`, `snapshot:NAME`, `disk:NAME`; anything else is a provider id.
    ///
    /// # Errors
    /// An illegal name after `snapshot:` or `disk:`.
    pub fn parse(text: &str) -> Result<Self, crate::NameError> {
        Ok(match text.split_once(':') {
            _ if text.is_empty() || text == "empty" => Self::Empty,
            Some(("snapshot", name)) => Self::Snapshot(name.parse()?),
            Some(("disk", name)) => Self::Disk(name.parse()?),
            _ => Self::Provider(text.to_owned()),
        })
    }

    /// True for an archive that was taken in (`import:…`): only who has it can go on making the disk.
    #[must_use]
    pub fn is_import(&self) -> bool {
        matches!(self, Self::Provider(id) if id.starts_with("import:"))
    }
}

impl fmt::Display for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Snapshot(name) => write!(f, "snapshot:{name}"),
            Self::Disk(name) => write!(f, "disk:{name}"),
            Self::Provider(id) => f.write_str(id),
        }
    }
}

impl serde::Serialize for DiskSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Sorts disks newest first, equal times by name (VOL-08).
pub fn sort(disks: &mut [Disk]) {
    disks.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
}
