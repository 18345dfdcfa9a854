//! The ports: what the engine asks of the outside world. Pure; adapters implement them.

mod call;
mod cluster;
mod disk_streams;
mod disks;
mod driver;
mod error;
mod repository;
mod volume_fences;
mod volume_snapshots;

pub use call::{Call, Cancel, Cancelled};
pub use cluster::{
    ApplyOptions, Cluster, ClusterFacts, Duplex, ExecRequest, ExecStreams, ForwardRequest, Lock, LogRequest,
    Patch, Query, Right, Snapshots, TerminalSize, exec_bytes,
};
pub use disk_streams::{
    DiskExport, DiskExported, DiskImport, DiskStreams, ExportOf, ExportProgress, ExportResume,
};
pub use disks::{AppScope, DiskAssign, DiskCreate, DiskDelete, DiskGap, DiskInventory, Disks, GapKind};
pub use driver::{ClusterStatus, Driver, ProvisionOptions};
pub use error::{ErrorKind, PortError};
pub use repository::{Change, Repository, apply};
pub use volume_fences::VolumeFences;
pub use volume_snapshots::{SnapshotCreate, SnapshotDelete, SnapshotInventory, VolumeSnapshots};
