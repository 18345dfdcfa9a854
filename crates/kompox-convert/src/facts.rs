//! What is known of the cluster that will run the app. Pure values; gathering them is the engine's work.

use kompox_model::Cidr;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Facts that change the objects of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Major and minor version of Kubernetes.
    pub kubernetes: (u32, u32),
    /// Addresses of all nodes; apps must not reach them.
    pub node_addresses: BTreeSet<IpAddr>,
    /// The podCIDRs of all nodes; apps must not reach each other.
    pub pod_cidrs: BTreeSet<Cidr>,
    /// The endpoints of Service `default/kubernetes`; apps must not reach the API server.
    pub api_endpoints: BTreeSet<IpAddr>,
    /// Further networks that apps must not reach, such as those of Services.
    pub denied_cidrs: BTreeSet<Cidr>,
    /// Pods have IPv6 addresses too.
    pub dual_stack: bool,
    /// The ingress controller.
    pub ingress: IngressFacts,
    /// Names of device resources that some node offers, such as `nvidia.com/gpu`.
    pub device_resources: BTreeSet<String>,
    /// TZif files by zone name, for binds of `/etc/localtime`: at least the zone of `TZ` or of [`Facts::local_zone`].
    pub time_zones: BTreeMap<String, Vec<u8>>,
    /// The zone that `/etc/localtime` stands for where no service says `TZ`.
    pub local_zone: String,
}

/// How the Pods of the ingress controller are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressFacts {
    /// Labels of its Pods.
    pub pod_labels: BTreeMap<String, String>,
    /// Port of its Pods that speaks HTTP.
    pub web_port: u16,
    /// Port of its Pods that speaks HTTPS.
    pub websecure_port: u16,
}

impl Facts {
    /// What is assumed without a cluster, as `app validate` does: Kubernetes 1.34 (Pod-level resources), IPv4 only, an
    /// ingress controller with the labels and ports of the Traefik chart, the zone UTC, and nothing known of nodes. The
    /// NetworkPolicy made from it lacks the exceptions for nodes and must not be applied.
    #[must_use]
    pub fn offline() -> Self {
        Self {
            kubernetes: (1, 34),
            node_addresses: BTreeSet::new(),
            pod_cidrs: BTreeSet::new(),
            api_endpoints: BTreeSet::new(),
            denied_cidrs: BTreeSet::new(),
            dual_stack: false,
            ingress: IngressFacts {
                pod_labels: [("app.kubernetes.io/name".to_owned(), "traefik".to_owned())].into(),
                web_port: 8000,
                websecure_port: 8443,
            },
            device_resources: BTreeSet::new(),
            time_zones: BTreeMap::new(),
            local_zone: "UTC".to_owned(),
        }
    }

    /// True where a Pod as a whole can have resources.
    #[must_use]
    pub fn has_pod_resources(&self) -> bool {
        self.kubernetes >= (1, 34)
    }
}
