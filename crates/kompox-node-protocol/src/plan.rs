//! What the programs in a Pod's init containers are told: the first filling of volumes, and files with exact owner
//! and mode. Pure.

use serde::{Deserialize, Serialize};

/// The plan of `kompox-node copy-up`, for one container of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyUpPlan {
    /// [`crate::PLAN_VERSION`].
    pub version: u32,
    /// One entry per volume, carried out in order.
    pub fills: Vec<CopyUp>,
}

/// One volume to fill from the image, if it is absent or empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyUp {
    /// The absolute folder in this container's image. None (`nocopy`), or no such folder: only an empty folder is
    /// made.
    #[serde(default)]
    pub source: Option<String>,
    /// What to fill.
    pub target: FillTarget,
    /// Who owns a folder that is made empty; root if none. Content keeps its own owner.
    #[serde(default)]
    pub owner: Option<Owner>,
}

/// What to fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FillTarget {
    /// A folder on a disk: written aside as `.kompox-fill-{last component}` in the same folder, renamed last.
    Disk {
        /// Where the whole disk is mounted; an absolute path.
        root: String,
        /// The folder on it, such as `volumes/db`; see [`crate::check_sub_path`].
        sub_path: String,
    },
    /// A mount of its own (emptyDir), filled in place: it lives no longer than the Pod.
    Mount {
        /// Where it is mounted; an absolute path.
        path: String,
    },
}

/// A numeric owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// The plan of `kompox-node write-files`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteFilesPlan {
    /// [`crate::PLAN_VERSION`].
    pub version: u32,
    /// Where the memory emptyDir is mounted; an absolute path.
    pub root: String,
    /// The files.
    pub files: Vec<FileToWrite>,
}

/// One file with exact owner and mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileToWrite {
    /// The absolute path of the mounted Secret's or ConfigMap's file.
    pub source: String,
    /// The file to write, relative to the root; see [`crate::check_sub_path`]. Folders on the way belong to root
    /// and have mode 0755.
    pub path: String,
    /// User id of the file.
    pub uid: u32,
    /// Group id of the file.
    pub gid: u32,
    /// The mode as a number, so 256 is 0400; only the twelve permission bits are allowed.
    pub mode: u32,
}
