//! The parts of API objects that decide about packets. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Labels by key.
pub(crate) type Labels = BTreeMap<String, String>;

/// Name, Namespace and labels.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    /// Empty for a Namespace.
    pub(crate) namespace: String,
    pub(crate) labels: Labels,
    /// As the API server writes it: later times sort later.
    pub(crate) creation_timestamp: String,
}

/// An object with a name.
pub(crate) trait Named {
    /// Its metadata.
    fn metadata(&self) -> &Metadata;
}

/// A Namespace.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Namespace {
    pub(crate) metadata: Metadata,
}

/// A Pod.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    pub(crate) spec: PodSpec,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodSpec {
    pub(crate) host_network: bool,
    pub(crate) containers: Vec<Container>,
    pub(crate) init_containers: Vec<Container>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Container {
    /// `Always` on an init container makes it a sidecar, whose ports count.
    pub(crate) restart_policy: Option<String>,
    pub(crate) ports: Vec<ContainerPort>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerPort {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) container_port: u16,
    pub(crate) protocol: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    #[serde(rename = "podIPs")]
    pub(crate) pod_ips: Vec<PodIp>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PodIp {
    pub(crate) ip: String,
}

/// A NetworkPolicy.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Policy {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: PolicySpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PolicySpec {
    pub(crate) pod_selector: Selector,
    pub(crate) policy_types: Option<Vec<String>>,
    pub(crate) ingress: Vec<Rule>,
    pub(crate) egress: Vec<Rule>,
}

/// A rule of either direction; no peers means everybody, no ports means every port.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    /// `from` of an ingress rule, `to` of an egress rule.
    #[serde(alias = "from", alias = "to")]
    pub(crate) peers: Vec<Peer>,
    pub(crate) ports: Vec<Port>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Peer {
    pub(crate) pod_selector: Option<Selector>,
    pub(crate) namespace_selector: Option<Selector>,
    pub(crate) ip_block: Option<IpBlock>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IpBlock {
    pub(crate) cidr: String,
    #[serde(default)]
    pub(crate) except: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Port {
    pub(crate) protocol: Option<String>,
    pub(crate) port: Option<PortNumber>,
    pub(crate) end_port: Option<u16>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum PortNumber {
    Number(u16),
    Name(String),
}

/// A label selector.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Selector {
    pub(crate) match_labels: Labels,
    pub(crate) match_expressions: Vec<Expression>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Expression {
    pub(crate) key: String,
    pub(crate) operator: String,
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

impl Named for Namespace {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Named for Pod {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Named for Policy {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}
