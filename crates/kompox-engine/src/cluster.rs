//! Use cases of a cluster: its status, and taking kompox-node out of it. IO through the ports.

mod uninstall_node;

pub use uninstall_node::{UninstallOptions, Uninstalled, uninstall_node};

use crate::network::{self, Enforcement, OlderPolicy};
use crate::{Error, Progress};
use futures::future::{join, join3};
use kompox_model::port::{self, Call, Cancel, ClusterStatus, Driver, ErrorKind, Query};
use kompox_model::{Cluster, Gvk, Provider, Workspace, label};
use serde_json::Value;
use std::time::Instant;

/// One cluster, with the ports to reach it.
#[derive(Clone, Copy)]
pub struct ClusterScope<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The provider.
    pub provider: &'a Provider,
    /// The cluster noun.
    pub cluster: &'a Cluster,
    /// The provider's driver.
    pub driver: &'a dyn Driver,
    /// The connection to the cluster.
    pub kubernetes: &'a dyn port::Cluster,
    /// Set by Ctrl-C.
    pub cancel: &'a Cancel,
    /// When the whole operation must have ended.
    pub deadline: Option<Instant>,
    /// Who listens.
    pub progress: &'a dyn Progress,
}

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ClusterReport {
    /// Its name.
    pub name: String,
    /// Name of its provider.
    pub provider: String,
    /// The driver id.
    pub driver: String,
    /// Version of the API server, `major.minor`.
    pub kubernetes: String,
    /// UID of its kube-system Namespace.
    pub uid: String,
    /// Domain of the apps' default hosts.
    pub domain: String,
    /// Ingress class, and whether the cluster has it.
    pub ingress_class: String,
    /// True when the ingress class exists.
    pub ingress_class_found: bool,
    /// The nodes and whether they are ready.
    pub nodes: Vec<NodeReport>,
    /// Who enforces NetworkPolicies, as far as it can be seen.
    pub network_policy: Enforcement,
    /// Apps whose policy does not know every node; none when these credentials may not list policies.
    pub older_policies: Option<Vec<OlderPolicy>>,
    /// What the driver says.
    #[serde(flatten)]
    pub status: ClusterStatus,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// Its Ready condition.
    pub ready: bool,
    /// Version of its kubelet.
    pub kubelet: String,
}

impl<'a> ClusterScope<'a> {
    /// The call that accompanies every request.
    #[must_use]
    pub fn call(&self) -> Call<'a> {
        let call = Call::new(self.cancel).with_cluster(self.kubernetes);
        self.deadline.map_or(call, |deadline| call.with_deadline(deadline))
    }
}

/// Status of the cluster.
///
/// # Errors
/// Those of the cluster and the driver.
pub async fn status(scope: &ClusterScope<'_>) -> Result<ClusterReport, Error> {
    let call = scope.call();
    let ingress = &scope.cluster.ingress;
    let facts = scope.kubernetes.facts(&call).await?;
    let class_query = Query::new(Gvk::new("networking.k8s.io", "v1", "IngressClass"), None)
        .fields(format!("metadata.name={}", ingress.class));
    let nodes_query = Query::new(Gvk::core("Node"), None);
    let services_query = Query::new(Gvk::core("Service"), Some(&ingress.namespace));
    let (classes, nodes) =
        join(scope.kubernetes.list(&call, &class_query), scope.kubernetes.list(&call, &nodes_query)).await;
    let policies_query = Query::new(Gvk::new("networking.k8s.io", "v1", "NetworkPolicy"), None)
        .labels(format!("{}={}", label::MANAGED_BY, label::MANAGER));
    let (services, status, policies) = join3(
        scope.kubernetes.list(&call, &services_query),
        scope.driver.cluster_status(&call, scope.cluster),
        scope.kubernetes.list(&call, &policies_query),
    )
    .await;
    let mut status = match status {
        Ok(status) => status,
        Err(error) if error.kind == ErrorKind::Unsupported => ClusterStatus::default(),
        Err(error) => return Err(error.into()),
    };
    status.existing |= scope.cluster.existing;
    let (services, nodes) = (services?, nodes?);
    let network_policy = network::enforcement(scope.kubernetes, &call, &nodes).await?;
    let older_policies = match policies {
        Ok(policies) => Some(network::older_policies(&policies, &nodes)),
        Err(error) if error.kind == ErrorKind::Denied => None,
        Err(error) => return Err(error.into()),
    };
    let address = |field: &str| ingress_address(&services, field);
    status.ingress_ip = status.ingress_ip.or_else(|| address("ip"));
    status.ingress_fqdn = status.ingress_fqdn.or_else(|| address("hostname"));
    Ok(ClusterReport {
        name: scope.cluster.name.to_string(),
        provider: scope.provider.name.to_string(),
        driver: scope.provider.driver.clone(),
        kubernetes: format!("{}.{}", facts.version.0, facts.version.1),
        uid: facts.uid,
        domain: scope.cluster.app_domain(&scope.workspace.domain),
        ingress_class: ingress.class.clone(),
        ingress_class_found: !classes?.is_empty(),
        nodes: nodes.iter().map(node_report).collect(),
        network_policy,
        older_policies,
        status,
    })
}

/// What the Services of the ingress controller tell of their address: field `ip` or `hostname`.
pub(crate) fn ingress_address(services: &[Value], field: &str) -> Option<String> {
    services.iter().find_map(|service| {
        let first = service.pointer("/status/loadBalancer/ingress")?.as_array()?.first()?;
        Some(first.get(field)?.as_str()?.to_owned())
    })
}

fn node_report(node: &Value) -> NodeReport {
    let text = |pointer: &str| node.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    NodeReport {
        name: text("/metadata/name"),
        ready: conditions
            .is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")),
        kubelet: text("/status/nodeInfo/kubeletVersion"),
    }
}
