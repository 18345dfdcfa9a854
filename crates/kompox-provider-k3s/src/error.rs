//! Errors of this driver: what was being done to what. Pure.

use crate::ID;
use kompox_model::port::{AppScope, ErrorKind, PortError};
use kompox_model::{Cluster, DiskName, SnapshotName, VolumeName};
use kompox_node_protocol::{Failure, Kind};

/// What is being done to what; makes errors that say so.
#[derive(Debug, Clone)]
pub(crate) struct Doing {
    operation: String,
    target: String,
}

impl Doing {
    pub(crate) fn to_cluster(operation: &str, cluster: &Cluster) -> Self {
        Self { operation: operation.to_owned(), target: format!("cluster {}", cluster.name) }
    }

    pub(crate) fn to_app(operation: &str, scope: AppScope<'_>) -> Self {
        Self { operation: operation.to_owned(), target: format!("app {}", scope.identity) }
    }

    pub(crate) fn to_disk(
        operation: &str,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
    ) -> Self {
        let target = format!("disk {disk} of volume {volume} of app {}", scope.identity);
        Self { operation: operation.to_owned(), target }
    }

    pub(crate) fn to_volume(operation: &str, scope: AppScope<'_>, volume: &VolumeName) -> Self {
        let target = format!("volume {volume} of app {}", scope.identity);
        Self { operation: operation.to_owned(), target }
    }

    pub(crate) fn to_snapshot(
        operation: &str,
        scope: AppScope<'_>,
        volume: &VolumeName,
        snapshot: &SnapshotName,
    ) -> Self {
        let target = format!("snapshot {snapshot} of volume {volume} of app {}", scope.identity);
        Self { operation: operation.to_owned(), target }
    }

    /// An error of this operation.
    pub(crate) fn error(&self, kind: ErrorKind) -> PortError {
        PortError::new(kind, ID, self.operation.clone(), self.target.clone())
    }

    /// The error of this operation for what kompox-node said on `node`.
    pub(crate) fn failed_on(&self, node: &str, failure: &Failure) -> PortError {
        let error = self.error(kind(failure.kind)).detail(format!("node {node}: {}", failure.message));
        match &failure.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        }
    }
}

fn kind(kind: Kind) -> ErrorKind {
    match kind {
        Kind::NotFound => ErrorKind::NotFound,
        Kind::AlreadyExists => ErrorKind::AlreadyExists,
        Kind::Conflict => ErrorKind::Conflict,
        Kind::Invalid => ErrorKind::Invalid,
        Kind::Denied => ErrorKind::Denied,
        Kind::Unauthenticated => ErrorKind::Unauthenticated,
        Kind::Unsupported => ErrorKind::Unsupported,
        Kind::Quota => ErrorKind::Quota,
        Kind::Throttled => ErrorKind::Throttled,
        Kind::Unavailable => ErrorKind::Unavailable,
        Kind::Timeout => ErrorKind::Timeout,
        Kind::Cancelled => ErrorKind::Cancelled,
        Kind::Internal => ErrorKind::Internal,
    }
}
