//! The memory driver under the conformance suite.

use async_trait::async_trait;
use kompox_model::port::{
    AppScope, Call, Cancel, Cluster as ClusterPort, DiskCreate, DiskStreams, Disks, ErrorKind,
    SnapshotCreate, VolumeFences, VolumeSnapshots,
};
use kompox_model::quantity::Bytes;
use kompox_model::{AppIdentity, Cluster, Disk, DiskSource, DiskState, Holder, VolumeName};
use kompox_provider::conformance::{Ability, ConformanceSubject};
use kompox_provider::memory::{Fault, Memory, Moment, Operation};

/// The cluster that asks.
pub(crate) fn cluster() -> Cluster {
    Cluster { existing: true, ..Cluster::new("here".parse().unwrap()) }
}

/// The memory driver as a subject of the suite.
pub(crate) struct Subject {
    pub(crate) memory: Memory,
    cluster: Cluster,
}

impl Subject {
    /// A subject with a memory of its own.
    pub(crate) fn new() -> Self {
        Self { memory: Memory::new(), cluster: cluster() }
    }
}

#[async_trait]
impl ConformanceSubject for Subject {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn disks(&self) -> &dyn Disks {
        &self.memory
    }

    fn snapshots(&self) -> Option<&dyn VolumeSnapshots> {
        Some(&self.memory)
    }

    fn streams(&self) -> Option<&dyn DiskStreams> {
        Some(&self.memory)
    }

    fn fences(&self) -> Option<&dyn VolumeFences> {
        Some(&self.memory)
    }

    fn kubernetes(&self) -> Option<&dyn ClusterPort> {
        None
    }

    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn cluster_uid(&self) -> &str {
        "uid-1"
    }

    fn identity(&self, label: &str) -> AppIdentity {
        format!("ws/prv/{label}").parse().unwrap()
    }

    async fn interrupt_create(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Ability, String> {
        let fault =
            Fault { operation: Operation::Create, moment: Moment::During, kind: ErrorKind::Unavailable };
        self.memory.fail_next(fault);
        let cancel = Cancel::new();
        match Disks::create(&self.memory, &Call::new(&cancel), scope, volume, options).await {
            Err(error) if error.kind == ErrorKind::Unavailable => Ok(Ability::Done),
            other => Err(format!("the create did not fail as asked: {other:?}")),
        }
    }

    async fn interrupt_snapshot(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Ability, String> {
        let operation = Operation::CreateSnapshot;
        self.memory.fail_next(Fault { operation, moment: Moment::During, kind: ErrorKind::Unavailable });
        let cancel = Cancel::new();
        match VolumeSnapshots::create(&self.memory, &Call::new(&cancel), scope, volume, options).await {
            Err(error) if error.kind == ErrorKind::Unavailable => Ok(Ability::Done),
            other => Err(format!("the create did not fail as asked: {other:?}")),
        }
    }

    async fn set_atomic_snapshots(&self, atomic: bool) -> Result<Ability, String> {
        self.memory.set_atomic_snapshots(atomic);
        Ok(Ability::Done)
    }

    async fn collide(&self, scope: AppScope<'_>, volume: &VolumeName) -> Result<Ability, String> {
        let other = "ws/prv/other".parse::<AppIdentity>().map_err(|error| error.to_string())?;
        let disk = Disk {
            name: "one".parse().map_err(|error| format!("{error}"))?,
            volume: volume.clone(),
            size: Bytes(1),
            size_enforced: true,
            atomic_snapshots: true,
            handle: format!("memory-other-{}", scope.identity.app),
            assigned: true,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            node: None,
            zone: None,
            source: DiskSource::Empty,
            state: DiskState::Ready,
            holder: Holder { cluster: scope.cluster.name.clone(), uid: scope.cluster_uid.to_owned() },
        };
        self.memory.insert(scope.identity, &other, disk);
        Ok(Ability::Done)
    }

    async fn set_silent(&self, silent: bool) -> Result<Ability, String> {
        self.memory.set_silent(silent);
        Ok(Ability::Done)
    }

    async fn fingerprint(&self) -> Result<Option<String>, String> {
        Ok(Some(format!("{} writes: {}", self.memory.writes(), self.memory.fingerprint())))
    }
}
