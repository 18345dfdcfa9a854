//! The required part of the driver: state of a cluster, and what it needs inside. IO through the cluster port.

use crate::ID;
use crate::error::Doing;
use crate::install;
use crate::settings::K3sSettings;
use crate::survey::Reach;
use crate::transport::{Machine, Transport, Ways};
use async_trait::async_trait;
use kompox_model::port::{
    Call, ClusterStatus, DiskStreams, Disks, Driver, ErrorKind, PortError, ProvisionOptions, VolumeFences,
    VolumeSnapshots,
};
use kompox_model::{Cluster, ObjectSet, Provider, Workspace};
use secrecy::SecretSlice;
use std::sync::Arc;

/// How often kompox-node is waited for and asked: a Pod of it that was seen ready may be replaced just then.
const ATTEMPTS: usize = 3;

/// The driver for clusters whose nodes keep their disks, bound to a workspace and provider.
#[derive(Debug, Clone)]
pub struct K3s {
    workspace: String,
    provider: String,
    pub(crate) ways: Arc<Ways>,
}

/// Makes the driver; for [`kompox_provider::Registry::register`]. A provider of this driver has no settings of its own.
///
/// # Errors
/// None today; those of provider settings once there are any.
pub fn factory(workspace: Option<&Workspace>, provider: &Provider) -> Result<Box<dyn Driver>, PortError> {
    Ok(Box::new(K3s::new(workspace, provider).on(Machine::here())))
}

impl K3s {
    /// The driver for `provider`.
    #[must_use]
    pub fn new(workspace: Option<&Workspace>, provider: &Provider) -> Self {
        Self {
            workspace: workspace.map_or("(nil)", |workspace| workspace.name.as_str()).to_owned(),
            provider: provider.name.to_string(),
            ways: Arc::default(),
        }
    }

    /// The driver for requests that start from this machine; without it neither its name nor the user's SSH keys are known.
    #[must_use]
    pub fn on(self, machine: Machine) -> Self {
        Self { ways: Arc::new(Ways::of(machine)), ..self }
    }
}

fn unsupported(operation: &str, cluster: &Cluster, why: &str, hint: &str) -> PortError {
    Doing::to_cluster(operation, cluster).error(ErrorKind::Unsupported).detail(why).hint(hint)
}

/// A question that could not be answered is unknown, unless the caller gave up (DRV-36).
fn known<T>(answer: Result<T, PortError>) -> Result<Option<T>, PortError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind, ErrorKind::Cancelled | ErrorKind::Timeout) => Err(error),
        Err(error) => {
            tracing::warn!("state of the cluster: {}", crate::store::chain(&error));
            Ok(None)
        }
    }
}

#[async_trait]
impl Driver for K3s {
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
        let settings = K3sSettings::read(cluster)?;
        let mut status = ClusterStatus { existing: cluster.existing, ..ClusterStatus::default() };
        let Some(kubernetes) = call.cluster else { return Ok(status) };
        // A cluster that answers exists; one that does not may exist all the same.
        status.provisioned = known(kubernetes.facts(call).await)?.map(|_| true);
        status.installed = match settings.transport {
            Transport::DaemonSet => {
                let daemon_set = known(kubernetes.get(call, &install::daemon_set()).await)?;
                daemon_set.map(|found| found.as_ref().is_some_and(install::is_rolled_out))
            }
            Transport::Ssh { .. } | Transport::Local { .. } => {
                let reach = Reach::new(&self.ways, call, cluster, Doing::to_cluster("look into", cluster))?;
                known(reach.everywhere().await)?.map(|_| true)
            }
        };
        Ok(status)
    }

    async fn cluster_provision(
        &self,
        _call: &Call<'_>,
        cluster: &Cluster,
        _options: ProvisionOptions,
    ) -> Result<ClusterStatus, PortError> {
        Err(unsupported(
            "provision",
            cluster,
            "not supported: this driver uses clusters that exist and makes none",
            "install K3s or another Kubernetes on your machines and name its kubeconfig in cluster.auth",
        ))
    }

    async fn cluster_deprovision(
        &self,
        _call: &Call<'_>,
        cluster: &Cluster,
        _options: ProvisionOptions,
    ) -> Result<ClusterStatus, PortError> {
        Err(unsupported(
            "deprovision",
            cluster,
            "not supported: this driver uses clusters that exist and removes none",
            "remove the cluster with what installed it; the disk stores on its nodes stay",
        ))
    }

    async fn cluster_kubeconfig(
        &self,
        _call: &Call<'_>,
        cluster: &Cluster,
    ) -> Result<SecretSlice<u8>, PortError> {
        Err(unsupported(
            "get kubeconfig of",
            cluster,
            "not supported: this driver has no kubeconfig to give",
            "name the cluster's kubeconfig in cluster.auth",
        ))
    }

    fn install_plan(&self, cluster: &Cluster) -> Result<ObjectSet, PortError> {
        install::plan(cluster)
    }

    async fn after_install(&self, call: &Call<'_>, cluster: &Cluster) -> Result<(), PortError> {
        let reach =
            Reach::new(&self.ways, call, cluster, Doing::to_cluster("install kompox-node on", cluster))?;
        for _ in 1..ATTEMPTS {
            match reach.settle().await {
                Err(error) if error.kind == ErrorKind::Unavailable => {
                    tracing::debug!(%error, "kompox-node may have been replaced while it was asked");
                }
                result => return result,
            }
        }
        reach.settle().await
    }

    fn disks(&self) -> Option<&dyn Disks> {
        Some(self)
    }

    fn snapshots(&self) -> Option<&dyn VolumeSnapshots> {
        Some(self)
    }

    fn streams(&self) -> Option<&dyn DiskStreams> {
        Some(self)
    }

    fn fences(&self) -> Option<&dyn VolumeFences> {
        Some(self)
    }
}
