//! The suite itself: drivers that break one rule each.

use crate::subject::{Subject, cluster};
use async_trait::async_trait;
use kompox_model::port::{
    self, AppScope, Call, Cancel, Cluster as ClusterPort, DiskAssign, DiskCreate, DiskDelete, DiskInventory,
    Disks, PortError, SnapshotCreate,
};
use kompox_model::{App, AppIdentity, Cluster, Disk, DiskName, Volume, VolumeClass, VolumeName};
use kompox_provider::conformance::{self, Ability, ConformanceSubject};
use kompox_provider::memory::Memory;
use std::time::{Duration, Instant};

/// A suite that passes everything would be worthless: drivers that break one rule each are found out.
#[tokio::test]
async fn a_driver_that_breaks_a_rule_is_found_out() {
    for (how, rule) in [
        (Broken::ListsOldestFirst, "disks are listed newest first, equal times by name"),
        (Broken::AssignsEveryDisk, "the first disk of a volume is assigned, later ones are not"),
        (
            Broken::AcceptsExistingDisks,
            "a name that is taken is refused, unless an existing disk is accepted",
        ),
        (Broken::WritesInDryRuns, "a dry run writes nothing and says what would be"),
        (Broken::IgnoresCancelling, "cancelling ends a call that waits"),
        (Broken::UnassignsNothing, "a disk whose assignment is taken is assigned again or deleted"),
        (Broken::IgnoresHolders, "a cluster that does not hold the volume changes nothing"),
    ] {
        let inner = Subject::new();
        let broken = BrokenDisks { how, memory: inner.memory.clone() };
        let subject = BrokenSubject { broken, inner };
        let report = conformance::disks(&subject).await;
        assert!(report.failed().any(|failed| failed.name == rule), "{how:?}: {report}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    ListsOldestFirst,
    AssignsEveryDisk,
    AcceptsExistingDisks,
    WritesInDryRuns,
    IgnoresCancelling,
    IgnoresHolders,
    UnassignsNothing,
}

struct BrokenDisks {
    how: Broken,
    memory: Memory,
}

impl BrokenDisks {
    fn call<'a>(&self, call: &Call<'a>, deaf: &'a Cancel) -> Call<'a> {
        match self.how {
            Broken::IgnoresCancelling => Call {
                cancel: deaf,
                deadline: Some(Instant::now() + Duration::from_millis(1200)),
                cluster: call.cluster,
            },
            _ => *call,
        }
    }

    /// Pretends that whoever asks is the holder.
    fn scope<'a>(&self, scope: AppScope<'a>, cluster: &'a Cluster) -> AppScope<'a> {
        match self.how {
            Broken::IgnoresHolders => AppScope { cluster, cluster_uid: "uid-1", ..scope },
            _ => scope,
        }
    }
}

type PortResult<T> = Result<T, PortError>;

#[async_trait]
impl Disks for BrokenDisks {
    fn class(&self, cluster: &Cluster, app: &App, volume: &Volume) -> PortResult<VolumeClass> {
        self.memory.class(cluster, app, volume)
    }

    async fn list(&self, call: &Call<'_>, scope: AppScope<'_>) -> PortResult<DiskInventory> {
        let deaf = Cancel::new();
        let mut inventory = self.memory.list(&self.call(call, &deaf), scope).await?;
        if self.how == Broken::ListsOldestFirst {
            inventory.disks.reverse();
        }
        Ok(inventory)
    }

    async fn create(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> PortResult<Disk> {
        let (deaf, cluster) = (Cancel::new(), cluster());
        let (call, scope) = (self.call(call, &deaf), self.scope(scope, &cluster));
        let mut options = options.clone();
        options.if_not_exists |= self.how == Broken::AcceptsExistingDisks;
        let disk = self.memory.create(&call, scope, volume, &options).await?;
        match self.how {
            Broken::AssignsEveryDisk => {
                self.memory.assign(&call, scope, volume, &disk.name, DiskAssign::default()).await
            }
            _ => Ok(disk),
        }
    }

    async fn assign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        mut options: DiskAssign,
    ) -> PortResult<Disk> {
        let (deaf, cluster) = (Cancel::new(), cluster());
        options.dry_run &= self.how != Broken::WritesInDryRuns;
        self.memory.assign(&self.call(call, &deaf), self.scope(scope, &cluster), volume, disk, options).await
    }

    async fn unassign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        mut options: DiskAssign,
    ) -> PortResult<Disk> {
        let (deaf, cluster) = (Cancel::new(), cluster());
        options.dry_run &= self.how != Broken::WritesInDryRuns;
        options.dry_run |= self.how == Broken::UnassignsNothing;
        let (call, scope) = (self.call(call, &deaf), self.scope(scope, &cluster));
        self.memory.unassign(&call, scope, volume, disk, options).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskDelete,
    ) -> PortResult<bool> {
        let (deaf, cluster) = (Cancel::new(), cluster());
        self.memory.delete(&self.call(call, &deaf), self.scope(scope, &cluster), volume, disk, options).await
    }

    async fn occupied(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        paths: &[String],
    ) -> PortResult<Vec<String>> {
        self.memory.occupied(call, scope, volume, disk, paths).await
    }

    async fn fill(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        path: &str,
        archive: &[u8],
    ) -> PortResult<bool> {
        self.memory.fill(call, scope, volume, disk, path, archive).await
    }
}

struct BrokenSubject {
    broken: BrokenDisks,
    inner: Subject,
}

#[async_trait]
impl ConformanceSubject for BrokenSubject {
    fn name(&self) -> String {
        format!("{:?}", self.broken.how)
    }

    fn disks(&self) -> &dyn Disks {
        &self.broken
    }

    fn snapshots(&self) -> Option<&dyn port::VolumeSnapshots> {
        Some(&self.inner.memory)
    }

    fn streams(&self) -> Option<&dyn port::DiskStreams> {
        None
    }

    fn fences(&self) -> Option<&dyn port::VolumeFences> {
        None
    }

    fn kubernetes(&self) -> Option<&dyn ClusterPort> {
        None
    }

    fn cluster(&self) -> &Cluster {
        self.inner.cluster()
    }

    fn cluster_uid(&self) -> &str {
        self.inner.cluster_uid()
    }

    fn identity(&self, label: &str) -> AppIdentity {
        self.inner.identity(label)
    }

    async fn interrupt_create(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Ability, String> {
        self.inner.interrupt_create(scope, volume, options).await
    }

    async fn interrupt_snapshot(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Ability, String> {
        self.inner.interrupt_snapshot(scope, volume, options).await
    }

    async fn set_atomic_snapshots(&self, atomic: bool) -> Result<Ability, String> {
        self.inner.set_atomic_snapshots(atomic).await
    }

    async fn collide(&self, scope: AppScope<'_>, volume: &VolumeName) -> Result<Ability, String> {
        self.inner.collide(scope, volume).await
    }

    async fn set_silent(&self, silent: bool) -> Result<Ability, String> {
        self.inner.set_silent(silent).await
    }

    async fn fingerprint(&self) -> Result<Option<String>, String> {
        self.inner.fingerprint().await
    }
}
