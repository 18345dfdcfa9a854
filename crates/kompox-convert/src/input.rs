//! What the converter is given. Pure: every fact of the outside world arrives here as a value.

use crate::Facts;
use kompox_compose::Project;
use kompox_model::quantity::Bytes;
use kompox_model::{App, AppIdentity, Cluster, Provider, Volume, VolumeClass, Workspace};
use std::collections::BTreeMap;

/// Everything that decides about the objects of one app.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The provider.
    pub provider: &'a Provider,
    /// The cluster that will run the app.
    pub cluster: &'a Cluster,
    /// The app.
    pub app: &'a App,
    /// Its compose project.
    pub project: &'a Project,
    /// One binding for each volume of [`crate::volumes_in_use`]; others are ignored.
    pub volumes: &'a [VolumeBinding],
    /// The content of each bind mount of [`crate::bind_sources`].
    pub binds: &'a Binds,
    /// What is known of the cluster.
    pub facts: &'a Facts,
}

impl Input<'_> {
    /// The identity of the app.
    #[must_use]
    pub fn identity(&self) -> AppIdentity {
        AppIdentity {
            workspace: self.workspace.name.clone(),
            provider: self.provider.name.clone(),
            app: self.app.name.clone(),
        }
    }
}

/// The disk that a volume is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeBinding {
    /// The volume.
    pub volume: Volume,
    /// What the driver says about PersistentVolumes of its disks.
    pub class: VolumeClass,
    /// The provider's id of the assigned disk, or [`kompox_model::resource_name::unresolved_handle`] for one that is
    /// still to be made.
    pub handle: String,
    /// The node that has the disk, for disks that live on nodes: the value of its label `kubernetes.io/hostname`.
    pub node: Option<String>,
    /// The disk's size.
    pub size: Bytes,
}

/// The content of bind mounts by source, exactly as [`crate::bind_sources`] gives it.
pub type Binds = BTreeMap<String, BindContent>;

/// What lies at the source of a bind mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindContent {
    /// Nothing: Docker would make an empty folder there.
    Missing,
    /// One file.
    File(BindFile),
    /// A folder: all its entries by path relative to it, with `/` between components, without a leading one.
    Folder(BTreeMap<String, BindEntry>),
}

/// One entry of a bound folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindEntry {
    /// A regular file.
    File(BindFile),
    /// A folder; its own entries follow under their own paths.
    Folder {
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link that stays beneath the bound folder.
    Link {
        /// Where it points, as written.
        target: String,
    },
}

/// A file of a bind mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindFile {
    /// Permission bits.
    pub mode: u32,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content as 64 hexadecimal digits.
    pub sha256: String,
    /// The content; not needed (and better left out) once a bind is larger than [`BindContent::INLINE_LIMIT`].
    pub bytes: Option<Vec<u8>>,
}

impl BindContent {
    /// The largest read-only bind that becomes a ConfigMap, in bytes of content; larger ones are uploaded.
    pub const INLINE_LIMIT: u64 = 900 << 10;

    /// Whether there is anything to upload.
    #[must_use]
    pub fn has_content(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::File(_) => true,
            Self::Folder(entries) => !entries.is_empty(),
        }
    }

    /// Bytes of content of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Missing => 0,
            Self::File(file) => file.size,
            Self::Folder(entries) => entries
                .values()
                .map(|entry| match entry {
                    BindEntry::File(file) => file.size,
                    BindEntry::Folder { .. } | BindEntry::Link { .. } => 0,
                })
                .sum(),
        }
    }
}
