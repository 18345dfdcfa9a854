//! A driver without anything behind it, for tests of the engine and of the conformance suite. No IO.
//!
//! It behaves like a cloud: each disk carries its own tags, so that a switch takes two writes and can be interrupted
//! between them. Everything a cloud can do to its caller can be asked for: failures before, inside and after a write,
//! silence, and places that cannot be looked into.

mod archive;
mod disks;
mod fences;
mod kill;
mod owner;
mod snapshots;
mod state;
mod streams;
mod volumes;

pub use state::{Fault, Memory, Moment, Operation};

use async_trait::async_trait;
use kompox_model::port::{
    Call, ClusterStatus, DiskStreams, Disks, Driver, ErrorKind, GapKind, PortError, ProvisionOptions,
    VolumeFences, VolumeSnapshots,
};
use kompox_model::{Cluster, ObjectSet, Provider, Workspace};
use secrecy::SecretSlice;

/// The id of the memory driver.
pub const ID: &str = "memory";

/// The memory driver bound to a workspace and provider. Drivers made from one [`Memory`] share its disks and clusters.
pub struct MemoryDriver {
    workspace: String,
    provider: String,
    memory: Memory,
}

/// Makes drivers that share `memory`; for [`crate::Registry::register`].
pub fn factory(
    memory: Memory,
) -> impl Fn(Option<&Workspace>, &Provider) -> Result<Box<dyn Driver>, PortError> + Send + Sync {
    move |workspace, provider| Ok(Box::new(MemoryDriver::new(&memory, workspace, provider)))
}

impl MemoryDriver {
    /// A driver on `memory`.
    #[must_use]
    pub fn new(memory: &Memory, workspace: Option<&Workspace>, provider: &Provider) -> Self {
        Self {
            workspace: workspace.map_or("(nil)", |workspace| workspace.name.as_str()).to_owned(),
            provider: provider.name.to_string(),
            memory: memory.clone(),
        }
    }

    async fn set_provisioned(
        &self,
        call: &Call<'_>,
        cluster: &Cluster,
        options: ProvisionOptions,
        wanted: bool,
    ) -> Result<ClusterStatus, PortError> {
        let name = cluster.name.to_string();
        let operation = if wanted { Operation::Provision } else { Operation::Deprovision };
        if cluster.existing {
            return Err(operation
                .error(ErrorKind::Conflict, &name)
                .detail("the cluster is marked as existing: it is never made or removed"));
        }
        self.memory
            .run(call, operation, &name, |state| {
                if options.dry_run || state.clusters.contains(&name) == wanted {
                    return Ok(());
                }
                state.write(operation, &name, |state| {
                    if wanted {
                        state.clusters.insert(name.clone())
                    } else {
                        state.clusters.remove(&name)
                    };
                })
            })
            .await?;
        self.cluster_status(call, cluster).await
    }
}

#[async_trait]
impl Driver for MemoryDriver {
    fn id(&self) -> &'static str {
        ID
    }

    fn workspace_name(&self) -> &str {
        &self.workspace
    }

    fn provider_name(&self) -> &str {
        &self.provider
    }

    async fn cluster_status(&self, call: &Call<'_>, cluster: &Cluster) -> Result<ClusterStatus, PortError> {
        let name = cluster.name.to_string();
        self.memory
            .run(call, Operation::Status, &name, |state| {
                Ok(ClusterStatus {
                    existing: cluster.existing,
                    provisioned: Some(cluster.existing || state.clusters.contains(&name)),
                    installed: Some(!state.gaps.iter().any(|gap| gap.kind == GapKind::NotInstalled)),
                    ingress_ip: None,
                    ingress_fqdn: None,
                })
            })
            .await
    }

    async fn cluster_provision(
        &self,
        call: &Call<'_>,
        cluster: &Cluster,
        options: ProvisionOptions,
    ) -> Result<ClusterStatus, PortError> {
        self.set_provisioned(call, cluster, options, true).await
    }

    async fn cluster_deprovision(
        &self,
        call: &Call<'_>,
        cluster: &Cluster,
        options: ProvisionOptions,
    ) -> Result<ClusterStatus, PortError> {
        self.set_provisioned(call, cluster, options, false).await
    }

    async fn cluster_kubeconfig(
        &self,
        _call: &Call<'_>,
        cluster: &Cluster,
    ) -> Result<SecretSlice<u8>, PortError> {
        Err(PortError::new(
            ErrorKind::Unsupported,
            ID,
            "get kubeconfig of",
            format!("cluster {}", cluster.name),
        )
        .detail("a cluster in memory has no API server"))
    }

    fn install_plan(&self, _cluster: &Cluster) -> Result<ObjectSet, PortError> {
        Ok(ObjectSet::default())
    }

    /// Closes the gaps of kind NotInstalled.
    async fn after_install(&self, call: &Call<'_>, cluster: &Cluster) -> Result<(), PortError> {
        self.memory
            .run(call, Operation::Install, cluster.name.as_str(), |state| {
                state.gaps.retain(|gap| gap.kind != GapKind::NotInstalled);
                Ok(())
            })
            .await
    }

    fn disks(&self) -> Option<&dyn Disks> {
        Some(&self.memory)
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
}
