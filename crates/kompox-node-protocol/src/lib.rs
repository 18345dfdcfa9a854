//! What is said to `kompox-node` and what it keeps: requests, answers, the records of a disk store, and the plans
//! of its programs in Pods. Pure: types, their JSON and their checks; no IO.
//!
//! One [`Request`] goes in as one JSON object, one [`Answer`] comes out, whatever the transport. Requests, plans
//! and records refuse unknown fields: a field that this version does not know may carry a condition that must not
//! be dropped. Answers accept them.

mod answer;
mod copy;
mod export;
mod fill;
mod history;
mod json;
mod manifest;
mod name;
mod plan;
mod quiesce;
mod record;
mod request;
mod source;
mod time;

pub use answer::{
    Answer, Assigned, Copied, Created, Deleted, DiskEntry, Failure, Fenced, Filled, Kind, Listing, Occupied,
    Outcome, Problem, SnapshotCreated, SnapshotEntry, Status, Success, VolumeEntry,
};
pub use copy::{COPY_PREFIX, COPY_VERSION, PackPlan, UnpackPlan};
pub use export::{ExportHeader, ExportResume, ExportSource, Exported, ImportHeader, Progress};
pub use fill::{FILL_PREFIX, FillHeader, check_sub_path};
pub use history::{HISTORY_LIMIT, VolumeChange, VolumeEvent};
pub use json::{DecodeError, MAX_JSON_BYTES};
pub use manifest::{EXPORT_FORMAT, ExportManifest, ExportTrailer, MAX_MANIFEST_BYTES, ManifestError};
pub use name::{
    APP_HASH_LENGTH, DISK_NAME_LIMIT, LABEL_LIMIT, NameError, SNAPSHOT_NAME_LIMIT, VOLUME_NAME_LIMIT,
    check_app_hash, check_label,
};
pub use plan::{CopyUp, CopyUpPlan, FileToWrite, FillTarget, Owner, WriteFilesPlan};
pub use quiesce::{QUIESCE_VERSION, QuiesceHook, QuiescePlan, Quiesced, Released};
pub use record::{
    Backend, DiskRecord, DiskState, Holder, Identity, RECORD_FORMAT, SOURCE_EMPTY, SnapshotRecord,
    StoreRecord, VolumeRecord,
};
pub use request::{
    AppRef, AssignDisk, CreateDisk, CreateSnapshot, DeleteDisk, DeleteSnapshot, Fence, FindOccupied,
    Operation, Request, SetHolder, UnassignDisk, VolumeRef,
};
pub use source::{Source, SourceError};
pub use time::{Dated, TimeError, check_time, newest_first};

/// The version of requests and answers of a disk store. A program answers a request of another version with
/// Unsupported. Version 2 added `unassign`; version 3 snapshots, sources other than `empty`, fences and changes of the
/// holder; version 4 exports, imports and the history of volumes.
pub const PROTOCOL_VERSION: u32 = 5;

/// The version of the plans of programs in Pods. It is part of every Pod's template, so a change restarts every app.
pub const PLAN_VERSION: u32 = 1;
