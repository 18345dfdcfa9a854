//! What a disk store can be asked. Pure.

use crate::name::{
    DISK_NAME_LIMIT, LABEL_LIMIT, NameError, SNAPSHOT_NAME_LIMIT, VOLUME_NAME_LIMIT, check_app_hash,
    check_label,
};
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
    /// Makes a snapshot of a disk, or goes on making it. Answered by `SnapshotCreated`.
    CreateSnapshot(CreateSnapshot),
    /// Deletes a snapshot; one that is not there is a success. Answered by `Deleted`.
    DeleteSnapshot(DeleteSnapshot),
    /// Takes the data of a volume from its path, or puts it back. Answered by `Fenced`.
    Fence(Fence),
    /// Gives a fenced volume to another cluster. Answered by `Fenced`.
    SetHolder(SetHolder),
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
        check_holder(&self.holder)
    }
}

fn check_holder(holder: &Holder) -> Result<(), NameError> {
    check_label("cluster", &holder.cluster, LABEL_LIMIT)?;
    check_label("cluster UID", &holder.cluster_uid, LABEL_LIMIT)
}

/// Makes a disk. The first disk of a volume is assigned, later ones are not (VOL-09).
///
/// A disk of this name is AlreadyExists, unless it has the same source and either `if_not_exists` is set or it is still
/// `creating`: then it is finished.
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
    /// What it starts with, see [`crate::Source::parse`]. A disk is at least as large as the disk that the source was
    /// or is, else Invalid.
    pub source: String,
    /// Makes an existing disk a success.
    #[serde(default)]
    pub if_not_exists: bool,
    /// The caller vouches that no Pod uses the source. Without it, a source that cannot be copied in one moment is a
    /// Conflict.
    #[serde(default)]
    pub at_rest: bool,
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
    /// Now, RFC 3339 in UTC, by the caller's clock, for the history of the volume; without it the change is not in there.
    #[serde(default)]
    pub at: Option<String>,
}

impl AssignDisk {
    /// Checks every name and the time.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        check_label("disk", &self.disk, DISK_NAME_LIMIT).map_err(|error| error.to_string())?;
        check_at(self.at.as_deref())
    }
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
    /// Now, RFC 3339 in UTC, by the caller's clock, for the history of the volume; without it the change is not in there.
    #[serde(default)]
    pub at: Option<String>,
}

impl UnassignDisk {
    /// Checks every name and the time.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        check_label("disk", &self.disk, DISK_NAME_LIMIT).map_err(|error| error.to_string())?;
        check_at(self.at.as_deref())
    }
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

/// Makes a snapshot of a ready disk.
///
/// A snapshot of this name is AlreadyExists, unless it is of the same disk and either `if_not_exists` is set or it is
/// still `creating`: then it is finished. The volume's record is not changed, so there is no generation to compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateSnapshot {
    /// The volume.
    pub volume: VolumeRef,
    /// Name of the disk; NotFound when there is none.
    pub disk: String,
    /// Name of the snapshot.
    pub snapshot: String,
    /// Now, RFC 3339 in UTC, by the caller's clock.
    pub created_at: String,
    /// The caller vouches that no Pod uses the disk. Without it, a disk that cannot be copied in one moment is a
    /// Conflict.
    #[serde(default)]
    pub at_rest: bool,
    /// Makes an existing snapshot of the same disk a success.
    #[serde(default)]
    pub if_not_exists: bool,
}

impl CreateSnapshot {
    /// Checks every name and the time.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        check_label("disk", &self.disk, DISK_NAME_LIMIT).map_err(|error| error.to_string())?;
        check_label("snapshot", &self.snapshot, SNAPSHOT_NAME_LIMIT).map_err(|error| error.to_string())?;
        crate::check_time(&self.created_at).map_err(|error| error.to_string())
    }
}

/// Deletes a snapshot and its data. Disks that were made from it stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSnapshot {
    /// The volume.
    pub volume: VolumeRef,
    /// Name of the snapshot.
    pub snapshot: String,
}

impl DeleteSnapshot {
    /// Checks every name.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn check(&self) -> Result<(), NameError> {
        self.volume.check()?;
        check_label("snapshot", &self.snapshot, SNAPSHOT_NAME_LIMIT)
    }
}

/// Fences a volume for a move, or opens it again.
///
/// While it is fenced, the data of its disks is at `data.fenced` instead of `data`, so that no path that a Pod was given
/// leads to it, and nothing but this and [`SetHolder`] changes the volume. Already so: no write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// The volume; NotFound when it has no record.
    pub volume: VolumeRef,
    /// The generation of the volume's record that the caller saw. Another one is a Conflict, unless the record is as
    /// wanted already: then what a run that ended early left undone is done.
    pub generation: u64,
    /// True to fence, false to open.
    pub fenced: bool,
    /// Now, RFC 3339 in UTC, by the caller's clock, for the history of the volume; without it the change is not in there.
    #[serde(default)]
    pub at: Option<String>,
}

impl Fence {
    /// Checks every name and the time.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        check_at(self.at.as_deref())
    }
}

/// Gives a fenced volume to another cluster, which then opens it. It stays fenced. Already so: no write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetHolder {
    /// The volume with its new holder; NotFound when it has no record.
    pub volume: VolumeRef,
    /// The generation of the volume's record that the caller saw. Another one is a Conflict, unless the volume has the
    /// new holder already.
    pub generation: u64,
    /// The holder until now; when it is another one, that is a Conflict.
    pub from: Holder,
    /// Now, RFC 3339 in UTC, by the caller's clock, for the history of the volume; without it the change is not in there.
    #[serde(default)]
    pub at: Option<String>,
}

impl SetHolder {
    /// Checks every name and the time.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        check_holder(&self.from).map_err(|error| error.to_string())?;
        check_at(self.at.as_deref())
    }
}

fn check_at(at: Option<&str>) -> Result<(), String> {
    at.map_or(Ok(()), |at| crate::check_time(at).map_err(|error| error.to_string()))
}
