//! What is recorded of a volume where its disks are. Pure.

use crate::{ClusterName, DiskName, Holder, VolumeName};
use jiff::Timestamp;
use std::fmt;

/// The record of a volume: what holds for all its disks.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VolumeState {
    /// Its name.
    pub name: VolumeName,
    /// The place that keeps the record: clusters that name the same place see the same disks.
    pub store: String,
    /// The cluster that may use it.
    pub holder: Holder,
    /// True while nothing may use it, because it is being moved or was moved away.
    pub fenced: bool,
    /// What became of it, oldest first, as far back as is remembered.
    pub history: Vec<VolumeEvent>,
}

/// One change of a volume.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VolumeEvent {
    /// When, by the clock of whoever asked for it.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub change: VolumeChange,
    /// The cluster that asked for it.
    pub cluster: ClusterName,
}

/// Kinds of changes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "change")]
pub enum VolumeChange {
    /// Its first disk was made.
    Created {
        /// That disk.
        disk: DiskName,
    },
    /// It was switched to a disk.
    Assigned {
        /// That disk.
        disk: DiskName,
        /// The one before.
        previous: Option<DiskName>,
    },
    /// It was left without an assigned disk.
    Unassigned {
        /// The one that was.
        disk: DiskName,
    },
    /// It was fenced.
    Fenced,
    /// It was opened again.
    Opened,
    /// It was given to the cluster.
    Held {
        /// The one that had it.
        from: ClusterName,
    },
}

impl fmt::Display for VolumeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { disk } => write!(f, "created with disk {disk}"),
            Self::Assigned { disk, previous: None } => write!(f, "disk {disk} assigned"),
            Self::Assigned { disk, previous: Some(previous) } => {
                write!(f, "disk {disk} assigned instead of {previous}")
            }
            Self::Unassigned { disk } => write!(f, "disk {disk} no longer assigned"),
            Self::Fenced => f.write_str("fenced"),
            Self::Opened => f.write_str("opened"),
            Self::Held { from } => write!(f, "taken over from cluster {from}"),
        }
    }
}
