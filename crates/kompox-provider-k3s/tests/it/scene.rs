//! A fake cluster with the driver and one app, for short tests.

use crate::cluster::FakeCluster;
use kompox_model::port::{
    AppScope, Call, Cancel, DiskAssign, DiskCreate, DiskDelete, DiskInventory, Disks, Driver, PortError,
};
use kompox_model::quantity::Bytes;
use kompox_model::{AppIdentity, Cluster, Disk, DiskSource, Provider, Settings, VolumeName};
use kompox_provider_k3s::K3s;

pub(crate) fn provider() -> Provider {
    Provider { name: "prv".parse().unwrap(), driver: "k3s".to_owned(), settings: Settings::default() }
}

/// The cluster as configured.
pub(crate) fn configured(settings: &[(&str, &str)]) -> Cluster {
    Cluster {
        existing: true,
        node_image: Some("kompox-node:test".to_owned()),
        settings: settings.iter().copied().collect(),
        ..Cluster::new("here".parse().unwrap())
    }
}

pub(crate) struct Scene {
    pub(crate) fake: FakeCluster,
    pub(crate) driver: K3s,
    pub(crate) cluster: Cluster,
    pub(crate) identity: AppIdentity,
}

impl Scene {
    pub(crate) fn new(nodes: &[&str]) -> Self {
        Self {
            fake: FakeCluster::new(nodes),
            driver: K3s::new(None, &provider()),
            cluster: configured(&[]),
            identity: "ws/prv/app".parse().unwrap(),
        }
    }

    pub(crate) fn scope(&self) -> AppScope<'_> {
        AppScope { identity: &self.identity, cluster: &self.cluster, cluster_uid: "uid-1" }
    }

    pub(crate) async fn list(&self) -> Result<DiskInventory, PortError> {
        let cancel = Cancel::new();
        self.driver.list(&Call::new(&cancel).with_cluster(&self.fake), self.scope()).await
    }

    /// The disks as `volume/name@node`, assigned ones with a star.
    pub(crate) async fn shown(&self) -> Vec<String> {
        let disks = self.list().await.unwrap().disks;
        let show = |disk: &Disk| {
            let star = if disk.assigned { "*" } else { "" };
            format!("{}/{}@{}{star}", disk.volume, disk.name, disk.node.as_deref().unwrap())
        };
        disks.iter().map(show).collect()
    }

    pub(crate) async fn create(&self, volume: &str, name: &str) -> Result<Disk, PortError> {
        let options = DiskCreate {
            name: name.parse().unwrap(),
            size: Bytes(1 << 20),
            source: DiskSource::Empty,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            at_rest: false,
            if_not_exists: false,
        };
        self.create_with(volume, &options).await
    }

    pub(crate) async fn create_with(&self, volume: &str, options: &DiskCreate) -> Result<Disk, PortError> {
        let (cancel, volume) = (Cancel::new(), volume.parse::<VolumeName>().unwrap());
        let call = Call::new(&cancel).with_cluster(&self.fake);
        self.driver.create(&call, self.scope(), &volume, options).await
    }

    pub(crate) async fn assign(&self, volume: &str, name: &str) -> Result<Disk, PortError> {
        let (cancel, volume, name) = (Cancel::new(), volume.parse().unwrap(), name.parse().unwrap());
        let call = Call::new(&cancel).with_cluster(&self.fake);
        self.driver.assign(&call, self.scope(), &volume, &name, DiskAssign::default()).await
    }

    pub(crate) async fn delete(&self, volume: &str, name: &str) -> Result<bool, PortError> {
        let (cancel, volume, name) = (Cancel::new(), volume.parse().unwrap(), name.parse().unwrap());
        let call = Call::new(&cancel).with_cluster(&self.fake);
        self.driver.delete(&call, self.scope(), &volume, &name, DiskDelete::default()).await
    }

    pub(crate) async fn after_install(&self) -> Result<(), PortError> {
        let cancel = Cancel::new();
        self.driver.after_install(&Call::new(&cancel).with_cluster(&self.fake), &self.cluster).await
    }
}

/// An error as a person reads it: kind, message, causes and hint.
pub(crate) fn told(error: &PortError) -> String {
    let mut text = format!("{:?}: {error}", error.kind);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    if let Some(hint) = &error.hint {
        text.push_str(&format!(" | {hint}"));
    }
    text
}
