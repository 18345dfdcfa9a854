//! Settings of this driver. Pure.

use crate::ID;
use crate::transport::Transport;
use kompox_model::Cluster;
use kompox_model::driver::{
    K3S_ALLOW_EPHEMERAL_NODES, K3S_DISK_BACKEND, K3S_DISK_STORE, K3S_DISK_STORE_DEFAULT,
};
use kompox_model::port::PortError;
use kompox_provider::SettingsReader;

/// What `kompox-node --backend` understands.
const BACKENDS: [&str; 4] = ["auto", "directory", "reflink", "btrfs"];

/// What `cluster.settings` says to this driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct K3sSettings {
    /// Root of the disk store on every node that has one.
    pub(crate) store: String,
    /// How it keeps disks, as `kompox-node --backend` has it; none lets each node choose.
    pub(crate) backend: Option<String>,
    /// Nodes of a cloud, which take their disks with them when they go, may hold a store.
    pub(crate) allow_ephemeral: bool,
    /// How kompox-node is reached.
    pub(crate) transport: Transport,
}

impl K3sSettings {
    /// Reads the settings of `cluster`.
    ///
    /// # Errors
    /// Invalid, naming the key.
    pub(crate) fn read(cluster: &Cluster) -> Result<Self, PortError> {
        let reader = SettingsReader::cluster(ID, cluster);
        Ok(Self {
            store: reader.path(K3S_DISK_STORE)?.unwrap_or(K3S_DISK_STORE_DEFAULT).to_owned(),
            backend: reader.one_of(K3S_DISK_BACKEND, &BACKENDS)?.map(ToOwned::to_owned),
            transport: Transport::read(&reader)?,
            allow_ephemeral: reader.flag(K3S_ALLOW_EPHEMERAL_NODES)?.unwrap_or(false),
        })
    }
}
