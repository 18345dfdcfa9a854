//! Port of a provider driver: the required part. Pure.

use super::{Call, DiskStreams, Disks, PortError, VolumeFences, VolumeSnapshots};
use crate::{Cluster, ObjectSet};
use async_trait::async_trait;
use secrecy::SecretSlice;

/// What is known of a cluster; `None` means it could not be found out, which is not the same as `false` (DRV-36).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ClusterStatus {
    /// The configuration says that Kompox must not create or delete it.
    pub existing: bool,
    /// The cluster's own resources exist.
    pub provisioned: Option<bool>,
    /// What the driver wants to have in the cluster is there.
    pub installed: Option<bool>,
    /// Public address of the ingress controller.
    pub ingress_ip: Option<String>,
    /// Public host name of the ingress controller.
    pub ingress_fqdn: Option<String>,
}

/// Options of provision and deprovision (DRV-15).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProvisionOptions {
    /// Do it again although it was done.
    pub force: bool,
    /// Say what would be done.
    pub dry_run: bool,
}

/// A provider driver bound to one workspace and provider. Optional capabilities are values known before planning.
#[async_trait]
pub trait Driver: Send + Sync {
    /// The driver id, such as `k3s`.
    fn id(&self) -> &'static str;

    /// Name of the bound workspace, `(nil)` when there is none (DRV-02).
    fn workspace_name(&self) -> &str;

    /// Name of the bound provider.
    fn provider_name(&self) -> &str;

    /// State of the cluster.
    ///
    /// # Errors
    /// Those of the provider; never turned into "not installed".
    async fn cluster_status(&self, call: &Call<'_>, cluster: &Cluster) -> Result<ClusterStatus, PortError>;

    /// Makes the cluster; touches cloud resources only. Idempotent.
    ///
    /// # Errors
    /// Unsupported where clusters cannot be made; those of the provider.
    async fn cluster_provision(
        &self,
        call: &Call<'_>,
        cluster: &Cluster,
        options: ProvisionOptions,
    ) -> Result<ClusterStatus, PortError>;

    /// Removes the cluster; touches cloud resources only, never disks. Idempotent.
    ///
    /// # Errors
    /// Unsupported where clusters cannot be removed; those of the provider.
    async fn cluster_deprovision(
        &self,
        call: &Call<'_>,
        cluster: &Cluster,
        options: ProvisionOptions,
    ) -> Result<ClusterStatus, PortError>;

    /// The kubeconfig, in memory only (C-05).
    ///
    /// # Errors
    /// Unsupported where the driver has none; those of the provider.
    async fn cluster_kubeconfig(
        &self,
        call: &Call<'_>,
        cluster: &Cluster,
    ) -> Result<SecretSlice<u8>, PortError>;

    /// Objects that the driver needs inside the cluster.
    ///
    /// # Errors
    /// Invalid when a required setting is missing.
    fn install_plan(&self, cluster: &Cluster) -> Result<ObjectSet, PortError>;

    /// Called after the objects of [`Driver::install_plan`] were applied; waits until they work. Idempotent.
    ///
    /// # Errors
    /// Those of the cluster; Conflict when what is found there is not what was there before.
    async fn after_install(&self, call: &Call<'_>, cluster: &Cluster) -> Result<(), PortError>;

    /// Disks, if the driver has any.
    fn disks(&self) -> Option<&dyn Disks>;

    /// Snapshots of disks, if the driver has any.
    fn snapshots(&self) -> Option<&dyn VolumeSnapshots>;

    /// Archives of disks, if the driver can write and read them.
    fn streams(&self) -> Option<&dyn DiskStreams>;

    /// Fences of volumes, if the driver has any; without them an app can be moved by nobody.
    fn fences(&self) -> Option<&dyn VolumeFences>;
}
