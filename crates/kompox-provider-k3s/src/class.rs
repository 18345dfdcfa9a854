//! How PersistentVolumes of this driver's disks look. Pure.

use kompox_model::{VolumeClass, VolumeKind};

/// A folder on one node; nothing but the access mode is an opinion of this driver (VOL-27).
pub(crate) fn class() -> VolumeClass {
    VolumeClass {
        kind: VolumeKind::Local,
        storage_class: None,
        access_modes: vec!["ReadWriteOncePod".to_owned()],
        mount_options: Vec::new(),
    }
}
