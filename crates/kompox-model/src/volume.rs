//! The volume noun and what a driver says about volumes of its kind. Pure.

use crate::quantity::Bytes;
use crate::{Settings, VolumeName};

/// A logical place for data of an app; exactly one of its disks is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: VolumeName,
    /// Size of disks made for it.
    pub size: Bytes,
    /// Key of the compose volume that lives on it alone; none for the shared default volume.
    pub compose: Option<String>,
    /// Options for the driver, such as the SKU.
    pub options: Settings,
}

impl Volume {
    /// Name of the implicit volume that all compose volumes share (C-12).
    pub const DEFAULT: &'static str = "default";
    /// Size of a disk nobody gave a size: 10 GiB.
    pub const DEFAULT_SIZE: Bytes = Bytes(10 << 30);

    /// The implicit volume, with the default size.
    #[must_use]
    pub fn implicit() -> Self {
        Self {
            name: VolumeName::new(Self::DEFAULT).unwrap_or_else(|_| unreachable!("a legal name")),
            size: Self::DEFAULT_SIZE,
            compose: None,
            options: Settings::default(),
        }
    }
}

/// What a driver says about PersistentVolumes of its disks; empty fields mean "no opinion" (VOL-25, VOL-26).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeClass {
    /// How the disk's handle is written into the PersistentVolume.
    pub kind: VolumeKind,
    /// `storageClassName` of PV and PVC; `None` is written as `""`.
    pub storage_class: Option<String>,
    /// Access modes of PV and PVC, such as `ReadWriteOncePod`.
    pub access_modes: Vec<String>,
    /// `mountOptions` of the PV.
    pub mount_options: Vec<String>,
}

/// The volume source of a PersistentVolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeKind {
    /// A directory on one node: the handle is its path, the PV gets node affinity.
    Local,
    /// A CSI driver: the handle is its `volumeHandle`.
    Csi {
        /// The CSI driver's name.
        driver: String,
        /// `fsType`, if the driver cares.
        fs_type: Option<String>,
        /// `volumeAttributes`.
        attributes: std::collections::BTreeMap<String, String>,
    },
}
