//! What a disk store answers. Pure.

use crate::{
    Backend, DiskRecord, Exported, PROTOCOL_VERSION, Progress, Quiesced, Released, SnapshotRecord,
    VolumeRecord,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// What became of the request.
    pub outcome: Outcome,
}

impl Answer {
    /// An answer of this version.
    #[must_use]
    pub fn new(result: Result<Success, Failure>) -> Self {
        let outcome = match result {
            Ok(success) => Outcome::Ok(Box::new(success)),
            Err(failure) => Outcome::Error(failure),
        };
        Self { version: PROTOCOL_VERSION, outcome }
    }

    /// The outcome as a result.
    ///
    /// # Errors
    /// The failure in the answer.
    pub fn into_result(self) -> Result<Success, Failure> {
        match self.outcome {
            Outcome::Ok(success) => Ok(*success),
            Outcome::Error(failure) => Err(failure),
        }
    }
}

/// Success or failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done, or was so already.
    Ok(Box<Success>),
    /// It was not done.
    Error(Failure),
}

/// What was observed after the operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Success {
    /// To `Status` and `Init`.
    Status(Status),
    /// To `List`.
    Listing(Listing),
    /// To `Create` and to the stream of `kompox-node import`.
    Created(Box<Created>),
    /// To `Assign` and `Unassign`.
    Assigned(Assigned),
    /// To `Delete` and `DeleteSnapshot`.
    Deleted(Deleted),
    /// To `CreateSnapshot`.
    SnapshotCreated(Box<SnapshotCreated>),
    /// To `Fence` and `SetHolder`.
    Fenced(Fenced),
    /// To `FindOccupied`.
    Occupied(Occupied),
    /// To the stream of `kompox-node fill`.
    Filled(Filled),
    /// The first answer of `kompox-node quiesce`.
    Quiesced(Quiesced),
    /// The last answer of `kompox-node quiesce`.
    Released(Released),
    /// To `kompox-node pack` and `kompox-node unpack`.
    Copied(Copied),
    /// The last answer of `kompox-node export`.
    Exported(Exported),
    /// The answers of `kompox-node export` before that.
    Progress(Progress),
}

/// Which store this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The store's id; none when it has not been used yet.
    pub store: Option<String>,
    /// The store's root as the program sees it.
    pub path: String,
    /// How it makes disks.
    pub backend: Backend,
    /// Whether new disks cannot grow beyond their size, as far as can be told without a change.
    pub size_enforced: bool,
    /// Whether a snapshot of a disk that is in use is consistent.
    pub atomic_snapshots: bool,
    /// Size of its file system in bytes; 0 when the root does not exist yet.
    pub capacity_bytes: u64,
    /// What an unprivileged writer could still write there, in bytes.
    pub free_bytes: u64,
    /// The version of the program.
    pub program: String,
}

/// Volumes and disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The store's id; none when it has not been used yet. Without the expected one, an empty list means nothing.
    pub store: Option<String>,
    /// Sorted by app hash and name.
    pub volumes: Vec<VolumeEntry>,
    /// What could not be read, when all apps were asked for; for one app that is an error instead. A volume named
    /// here must not be taken for one without disks.
    pub problems: Vec<Problem>,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeEntry {
    /// Its record.
    pub record: VolumeRecord,
    /// Its disks, newest first, equal times by name.
    pub disks: Vec<DiskEntry>,
    /// Its snapshots, in the same order.
    pub snapshots: Vec<SnapshotEntry>,
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskEntry {
    /// Its record.
    pub record: DiskRecord,
    /// True when the volume's record names it.
    pub assigned: bool,
    /// Where its data is, relative to the store's root: `{app hash}/{volume}/disks/{disk}/data`. While the volume is
    /// fenced there is nothing at this path.
    pub path: String,
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEntry {
    /// Its record.
    pub record: SnapshotRecord,
    /// Where its data is, relative to the store's root: `{app hash}/{volume}/snapshots/{snapshot}/data`.
    pub path: String,
}

/// A part of the store that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file or folder, relative to the store's root.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// A disk that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// False when it was ready before.
    pub created: bool,
    /// The record of its volume, with the new generation.
    pub volume: VolumeRecord,
    /// The disk.
    pub disk: DiskEntry,
}

/// A volume that uses the wanted disk, or, after `Unassign`, not the unwanted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// False when it was so before.
    pub changed: bool,
    /// The disk that was assigned before.
    pub previous: Option<String>,
    /// The record of the volume, with the new generation.
    pub volume: VolumeRecord,
}

/// A snapshot that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotCreated {
    /// False when it was ready before.
    pub created: bool,
    /// The snapshot.
    pub snapshot: SnapshotEntry,
}

/// A volume whose fence or holder is the wanted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fenced {
    /// False when it was so before.
    pub changed: bool,
    /// The record of the volume, with the new generation.
    pub volume: VolumeRecord,
}

/// A disk or snapshot that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// False when it was not there before.
    pub existed: bool,
    /// Why its space could not be freed yet, if so; the next changing request tries again.
    pub leftover: Option<String>,
}

/// Sub-paths with content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupied {
    /// Those of the request's paths where anything is, in the request's order. An empty folder is nothing, and so is
    /// unfinished content.
    pub paths: Vec<String>,
}

/// A sub-path that was filled or left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// False when the sub-path was not empty: it was left alone.
    pub filled: bool,
    /// Entries written.
    pub entries: u64,
    /// Bytes of files written.
    pub bytes: u64,
}

/// What was copied out of a container, or into it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Sockets, pipes and devices, which are not copied.
    #[serde(default)]
    pub left_out: u64,
    /// The first of them.
    #[serde(default)]
    pub first_left_out: Vec<String>,
}

/// Why something was not done; what the caller can do about it. The same kinds as the port error's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is not there.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// The present state forbids it; a person or another command must act first.
    Conflict,
    /// The request is wrong.
    Invalid,
    /// Not allowed.
    Denied,
    /// Not known who asks.
    Unauthenticated,
    /// This program or file system cannot do it.
    Unsupported,
    /// A limit was reached, such as a full file system.
    Quota,
    /// Too many requests.
    Throttled,
    /// Not reachable or not working now.
    Unavailable,
    /// It took too long, such as waiting for the store's lock.
    Timeout,
    /// The caller gave up.
    Cancelled,
    /// Unexpected; a fault of this program or of the machine.
    Internal,
}

/// A failure with its kind, what happened, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Callers branch on this only.
    pub kind: Kind,
    /// What happened, with every cause.
    pub message: String,
    /// What the user can do.
    #[serde(default)]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
