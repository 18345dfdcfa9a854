//! Ports of rules as nftables matches. Pure.

use crate::object::{Pod, Port, PortNumber};

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    fn of(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("TCP") => Some(Self::Tcp),
            Some("UDP") => Some(Self::Udp),
            Some("SCTP") => Some(Self::Sctp),
            Some(_) => None,
        }
    }

    fn keyword(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// Matches for the ports towards `pod`, the receiver of the packets; one empty match for every port. Names mean
/// something only for a known Pod.
pub(crate) fn matches(ports: &[Port], pod: Option<&Pod>) -> Vec<String> {
    if ports.is_empty() {
        return vec![String::new()];
    }
    ports.iter().flat_map(|port| of_one(port, pod)).collect()
}

/// Whether a rule names a port, so that each receiver has to be looked at.
pub(crate) fn any_named(ports: &[Port]) -> bool {
    ports.iter().any(|port| matches!(port.port, Some(PortNumber::Name(_))))
}

fn of_one(port: &Port, pod: Option<&Pod>) -> Vec<String> {
    let Some(protocol) = Protocol::of(port.protocol.as_deref()) else { return Vec::new() };
    let keyword = protocol.keyword();
    match (&port.port, port.end_port) {
        (None, _) => vec![format!("meta l4proto {keyword}")],
        (Some(PortNumber::Number(first)), Some(last)) => vec![format!("{keyword} dport {first}-{last}")],
        (Some(PortNumber::Number(number)), None) => vec![format!("{keyword} dport {number}")],
        (Some(PortNumber::Name(name)), _) => {
            let numbers = pod.into_iter().flat_map(|pod| numbers(pod, name, protocol));
            numbers.map(|number| format!("{keyword} dport {number}")).collect()
        }
    }
}

/// The numbers a Pod gives to a name.
fn numbers(pod: &Pod, name: &str, protocol: Protocol) -> Vec<u16> {
    let sidecars = pod
        .spec
        .init_containers
        .iter()
        .filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let ports = pod.spec.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
    ports
        .filter(|port| port.name == name && Protocol::of(port.protocol.as_deref()) == Some(protocol))
        .map(|port| port.container_port)
        .collect()
}
