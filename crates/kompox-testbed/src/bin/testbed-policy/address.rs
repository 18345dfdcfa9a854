//! IPv4 networks as nftables wants them. Pure.
//!
//! Everything that enters the rules is made from numbers, never from text of an object.

use std::fmt;
use std::net::Ipv4Addr;

/// A network without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: Ipv4Addr,
    prefix: u8,
}

impl Network {
    /// None for IPv6, which no Pod of the test bed has, and for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let (address, prefix) = (address.parse::<Ipv4Addr>().ok()?, prefix.parse::<u8>().ok()?);
        let mask = u32::MAX.checked_shl(u32::from(32_u8.checked_sub(prefix)?)).unwrap_or(0);
        Some(Self { address: Ipv4Addr::from(u32::from(address) & mask), prefix })
    }

    /// Whether it holds every address.
    pub(crate) fn is_everything(self) -> bool {
        self.prefix == 0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
