//! Networks of a cluster, and whom an app may talk to beyond the usual. Pure.

use crate::Cidr;

/// `cluster.network`: networks that no app may reach. What the cluster says of itself is added to them; they are needed
/// where it says too little, and for nodes that are still to come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterNetwork {
    /// Networks of the nodes.
    pub node_cidrs: Vec<Cidr>,
    /// Networks of the Pods.
    pub pod_cidrs: Vec<Cidr>,
    /// Networks of the Services.
    pub service_cidrs: Vec<Cidr>,
}

impl ClusterNetwork {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Cidr> {
        [&self.node_cidrs, &self.pod_cidrs, &self.service_cidrs].into_iter().flatten().copied()
    }
}

/// `app.network`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppNetwork {
    /// What the app may reach although it lies in a network that apps may not reach. Wins over `deny`.
    pub allow: Vec<Egress>,
    /// Parts of the Internet that the app may not reach. The network of all addresses leaves nothing of it.
    pub deny: Vec<Cidr>,
}

/// A network that an app may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// The network.
    pub network: Cidr,
    /// On these ports; none means on all.
    pub ports: Vec<PortRange>,
}

/// Ports of one protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// UDP instead of TCP.
    pub udp: bool,
    /// The first one, from 1.
    pub first: u16,
    /// The last one.
    pub last: u16,
}

/// Why a text is no range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no port such as 443, 8000-8100 or 53/udp")]
pub struct PortRangeError {
    text: String,
}

impl std::str::FromStr for PortRange {
    type Err = PortRangeError;

    /// Reads `443`, `8000-8100`, `53/udp`.
    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let read = || {
            let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            let udp = match protocol {
                "tcp" => false,
                "udp" => true,
                _ => return None,
            };
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            let number = |text: &str| {
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                text.parse::<u16>().ok().filter(|port| digits && *port > 0)
            };
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Self { udp, first, last })
        };
        read().ok_or_else(|| PortRangeError { text: text.to_owned() })
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { udp, first, last } = self;
        let protocol = if *udp { "udp" } else { "tcp" };
        if first == last { write!(f, "{first}/{protocol}") } else { write!(f, "{first}-{last}/{protocol}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges() {
        for (text, shown) in [("443", "443/tcp"), ("8000-8100", "8000-8100/tcp"), ("53/udp", "53/udp")] {
            assert_eq!(text.parse::<PortRange>().unwrap().to_string(), shown);
        }
        for text in ["", "0", "65536", "9-8", "1-", "+1", "1/sctp", "1/TCP", "http"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}
