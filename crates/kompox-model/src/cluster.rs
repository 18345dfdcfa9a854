//! The cluster noun. Pure.

use crate::{ClusterName, ClusterNetwork, ClusterSecurity, Settings};

/// Where apps run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// True when Kompox must never create or delete the cluster itself (CFG-31).
    pub existing: bool,
    /// How to connect; without it the driver is asked for a kubeconfig (C-10).
    pub auth: Option<ClusterAuth>,
    /// The ingress controller.
    pub ingress: ClusterIngress,
    /// What apps may have beyond Pod Security level `baseline`.
    pub security: ClusterSecurity,
    /// Networks that no app may reach.
    pub network: ClusterNetwork,
    /// Image of kompox-node; required while none is published.
    pub node_image: Option<String>,
    /// Settings that depend on the driver.
    pub settings: Settings,
}

/// How to connect to a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterAuth {
    /// Where connection data come from.
    pub kind: AuthKind,
    /// Path of the kubeconfig as written, `~` not yet expanded; none means the usual places.
    pub kubeconfig: Option<String>,
    /// Context in it; none means its current context. Both are absent with [`AuthKind::Environment`].
    pub context: Option<String>,
}

/// Where connection data come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthKind {
    /// `kubectl`: the named kubeconfig, or those that kubectl would use.
    #[default]
    Kubectl,
    /// `environment`: the kubeconfigs that `KUBECONFIG` names, or the service account of the Pod that this runs in; never
    /// a file in somebody's home directory.
    Environment,
}

/// The shared ingress controller of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterIngress {
    /// The controller, `traefik`.
    pub controller: String,
    /// Namespace it runs in.
    pub namespace: String,
    /// Ingress class of the apps' Ingress objects.
    pub class: String,
    /// Certificate resolver for custom hosts (TRF-15).
    pub cert_resolver: String,
    /// Base domain that replaces `{cluster}.{workspace domain}` (C-11).
    pub domain: Option<String>,
}

impl Default for ClusterIngress {
    fn default() -> Self {
        Self {
            controller: "traefik".to_owned(),
            namespace: "traefik".to_owned(),
            class: "traefik".to_owned(),
            cert_resolver: "production".to_owned(),
            domain: None,
        }
    }
}

impl Cluster {
    /// A cluster of which nothing is said but its name.
    #[must_use]
    pub fn new(name: ClusterName) -> Self {
        Self {
            name,
            existing: false,
            auth: None,
            ingress: ClusterIngress::default(),
            security: ClusterSecurity::default(),
            network: ClusterNetwork::default(),
            node_image: None,
            settings: Settings::default(),
        }
    }

    /// The domain under which default hosts live, given the workspace's `domain` (C-11).
    #[must_use]
    pub fn app_domain(&self, workspace_domain: &str) -> String {
        self.ingress.domain.clone().unwrap_or_else(|| format!("{}.{workspace_domain}", self.name))
    }
}
