//! What is known of the cluster that will run the app. Pure values; gathering them is the engine's work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// A network: an address with its host bits cleared and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CidrError(String);

impl fmt::Display for CidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a network such as 10.0.0.0/8", self.0)
    }
}

impl std::error::Error for CidrError {}

impl Cidr {
    /// The network of one address.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// A network; host bits of `address` are cleared. None if the prefix is too long.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(v4) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
            }
            IpAddr::V6(v6) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
            }
            _ => return None,
        };
        Some(Self { address, prefix })
    }

    /// True for IPv4.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// True for the network of all addresses, which is a part of nothing.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl std::str::FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        text.split_once('/')
            .and_then(|(address, prefix)| Self::new(address.parse().ok()?, prefix.parse().ok()?))
            .ok_or_else(|| CidrError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_canonical() {
        for (text, shown) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("1.2.3.4/32", "1.2.3.4/32"),
            ("fd00::1/8", "fd00::/8"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), shown);
        }
        for text in ["", "10.0.0.0", "10.0.0.0/33", "::/129", "a/8", "10.0.0/8"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
