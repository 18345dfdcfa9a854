//! What a disk store can be asked. Pure.

use crate::name::{DISK_NAME_LIMIT, LABEL_LIMIT, NameError, VOLUME_NAME_LIMIT, check_app_hash, check_label};
use crate::{Holder, Identity, PROTOCOL_VERSION};
use serde::{Deserialize, Serialize};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// The id that `store.json` must have, when the caller knows it. Another one, or none, is a Conflict: the store
    /// was lost, or its file system is not mounted.
    #[serde(default)]
    pub store: Option<String>,
    /// What to do.
    pub operation: Operation,
}

impl Request {
    /// A request of this version for `operation`, on any store.
    #[must_use]
    pub fn new(operation: Operation) -> Self {
        Self { version: PROTOCOL_VERSION, store: None, operation }
    }

    /// The same, refused by every store but the one with this id.
    #[must_use]
    pub fn on_store(self, id: impl Into<String>) -> Self {
        Self { store: Some(id.into()), ..self }
    }
}

/// What to do. Every operation may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Which store this is; writes nothing. Answered by `Status`.
    Status {},
    /// Makes the store's folder and id when it has none yet. Answered by `Status`.
    Init {},
    /// Volumes and disks, of one app or of all; writes nothing. Answered by `Listing`.
    List {
        /// The app; none means all.
        #[serde(default)]
        app: Option<AppRef>,
    },
    /// Makes a disk, or goes on making it. Answered by `Created`.
    Create(CreateDisk),
    /// Switches a volume to a disk. Answered by `Assigned`.
    Assign(AssignDisk),
    /// Leaves a volume without an assigned disk. Answered by `Assigned`.
    Unassign(UnassignDisk),
    /// Deletes a disk that is not assigned; one that is not there is a success. Answered by `Deleted`.
    Delete(DeleteDisk),
    /// Which folders of a disk have content; writes nothing. Answered by `Occupied`.
    FindOccupied(FindOccupied),
}

/// An app and its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRef {
    /// The app, in full.
    pub identity: Identity,
    /// Six base-36 digits, the name of the app's folder.
    pub app_hash: String,
}

impl AppRef {
    /// Checks every name.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check(&self) -> Result<(), NameError> {
        check_app_hash(&self.app_hash)?;
        let Identity { workspace, provider, app } = &self.identity;
        check_label("workspace", workspace, LABEL_LIMIT)?;
        check_label("provider", provider, LABEL_LIMIT)?;
        check_label("app", app, LABEL_LIMIT)
    }
}

/// A volume as the caller knows it; all of it is compared before anything is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeRef {
    /// The app.
    pub app: AppRef,
    /// The cluster that asks.
    pub holder: Holder,
    /// Name of the volume.
    pub volume: String,
}

impl VolumeRef {
    /// Checks every name.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check(&self) -> Result<(), NameError> {
        self.app.check()?;
        check_label("volume", &self.volume, VOLUME_NAME_LIMIT)?;
        check_label("cluster", &self.holder.cluster, LABEL_LIMIT)?;
        check_label("cluster UID", &self.holder.cluster_uid, LABEL_LIMIT)
    }
}

/// Makes a disk. The first disk of a volume is assigned, later ones are not (VOL-09).
///
/// A disk of this name is AlreadyExists, unless `if_not_exists`, or it is still `creating` with the same source and
/// size: then it is finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateDisk {
    /// The volume; its record is made with the first disk.
    pub volume: VolumeRef,
    /// The generation of the volume's record that the caller saw, 0 for none. Another one is a Conflict, unless the
    /// disk is there already.
    pub generation: u64,
    /// Name of the disk.
    pub disk: String,
    /// Its size in bytes, more than 0.
    pub size_bytes: u64,
    /// Now, RFC 3339 in UTC, by the caller's clock.
    pub created_at: String,
    /// What it starts with; anything but [`crate::SOURCE_EMPTY`] is Unsupported by this version.
    pub source: String,
    /// Makes an existing disk a success.
    #[serde(default)]
    pub if_not_exists: bool,
}

impl CreateDisk {
    /// Checks every name, the time and the size.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        check_label("disk", &self.disk, DISK_NAME_LIMIT).map_err(|error| error.to_string())?;
        crate::check_time(&self.created_at).map_err(|error| error.to_string())?;
        if self.size_bytes == 0 {
            return Err(format!("disk `{}` has size 0", self.disk));
        }
        Ok(())
    }
}

/// Switches a volume to a ready disk; the others are unassigned by the same write (VOL-10). Already so: no write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignDisk {
    /// The volume.
    pub volume: VolumeRef,
    /// The generation of the volume's record that the caller saw. Another one is a Conflict, unless the disk is
    /// assigned already.
    pub generation: u64,
    /// Name of the disk.
    pub disk: String,
}

/// Takes the assignment from a disk; the volume then has no assigned disk. Not assigned: no write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnassignDisk {
    /// The volume.
    pub volume: VolumeRef,
    /// The generation of the volume's record that the caller saw. Another one is a Conflict, unless the disk is not
    /// assigned.
    pub generation: u64,
    /// Name of the disk.
    pub disk: String,
}

/// Deletes a disk and its data (VOL-11). An assigned disk is a Conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteDisk {
    /// The volume.
    pub volume: VolumeRef,
    /// The generation of the volume's record that the caller saw. Another one is a Conflict, unless the disk is gone
    /// already.
    pub generation: u64,
    /// Name of the disk.
    pub disk: String,
}

/// Asks which folders of a disk have content. Any cluster may ask; only the identity is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindOccupied {
    /// The volume.
    pub volume: VolumeRef,
    /// Name of the disk; NotFound when there is none.
    pub disk: String,
    /// The sub-paths to look at; see [`crate::check_sub_path`].
    pub paths: Vec<String>,
}
