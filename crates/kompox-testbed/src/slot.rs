//! One letter fixes every name and address of a cluster. Pure.
//!
//! All clusters share one bridge, so that the machine and the nodes see each other at layer 2 and
//! the machine itself needs no forwarding, no packet filter rule and no sysctl.

use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::error::Error;

/// The bridge all clusters hang on.
pub(crate) const BRIDGE: &str = "kpx0";
/// The machine's own address on the bridge.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 254);

/// A cluster's letter, `a` to `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u8);

impl Slot {
    /// Every slot there is.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (1..=9).map(Self)
    }

    /// The letter, which is the cluster's name.
    #[must_use]
    pub(crate) fn letter(self) -> char {
        char::from(b'a' + self.0 - 1)
    }

    /// The Kubernetes node's name.
    #[must_use]
    pub(crate) fn node(self) -> String {
        format!("node-{}", self.letter())
    }

    /// Name of the link on the machine's side and of the control groups.
    #[must_use]
    pub(crate) fn group(self) -> String {
        format!("kpx-{}", self.letter())
    }

    /// The node's address: API server, NodePorts, LoadBalancer Services, ingress.
    #[must_use]
    pub(crate) fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, 0, self.0)
    }

    /// The node link's hardware address. Fixed, because the neighbours remember it across a restart.
    #[must_use]
    pub(crate) fn hardware_address(self) -> String {
        format!("02:00:0a:63:00:{:02x}", self.0)
    }

    /// The range of all Pods.
    #[must_use]
    pub(crate) fn pods(self) -> String {
        format!("10.{}.0.0/16", 200 + u16::from(self.0))
    }

    /// The range of the only node's Pods.
    #[must_use]
    pub(crate) fn node_pods(self) -> String {
        format!("10.{}.0.0/24", 200 + u16::from(self.0))
    }

    /// The range of Services.
    #[must_use]
    pub(crate) fn services(self) -> String {
        format!("10.{}.0.0/24", 150 + u16::from(self.0))
    }

    /// The address of the Service `kubernetes`.
    #[must_use]
    pub(crate) fn api_service(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 150 + self.0, 0, 1)
    }

    /// The address of the cluster's DNS Service.
    #[must_use]
    pub(crate) fn dns(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 150 + self.0, 0, 10)
    }
}

impl FromStr for Slot {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name.as_bytes() {
            [letter @ b'a'..=b'i'] => Ok(Self(letter - b'a' + 1)),
            _ => Err(Error::Name(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_last_slot() {
        let slot: Slot = "i".parse().unwrap();
        assert_eq!(slot.letter(), 'i');
        assert_eq!(slot.address().to_string(), "10.99.0.9");
        assert_eq!(slot.pods(), "10.209.0.0/16");
        assert_eq!(slot.services(), "10.159.0.0/24");
        assert_eq!(slot.dns().to_string(), "10.159.0.10");
        assert_eq!(slot.hardware_address(), "02:00:0a:63:00:09");
    }

    #[test]
    fn no_two_slots_share_a_range() {
        let ranges: std::collections::BTreeSet<String> =
            Slot::all().flat_map(|slot| [slot.pods(), slot.services(), slot.address().to_string()]).collect();
        assert_eq!(ranges.len(), 3 * Slot::all().count());
        assert!(Slot::all().all(|slot| slot.address() != GATEWAY));
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "j", "A", "ab", "1"] {
            assert!(matches!(name.parse::<Slot>(), Err(Error::Name(refused)) if refused == name));
        }
    }
}
