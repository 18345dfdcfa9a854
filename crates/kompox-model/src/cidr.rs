//! Networks of addresses. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: an address with its host bits cleared and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// It is nothing of the kind.
    #[error("`{text}` is not a network such as 10.0.0.0/8")]
    Syntax {
        /// The refused text.
        text: String,
    },
    /// The prefix leaves bits out that the address has.
    #[error("`{text}` has bits behind its prefix; did you mean {network}?")]
    HostBits {
        /// The refused text.
        text: String,
        /// The network it lies in.
        network: Cidr,
    },
}

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

    /// What a person wrote: a network, or one address. Bits behind the prefix are taken for a mistake.
    ///
    /// # Errors
    /// Text that is neither, IPv4 addresses in IPv6 clothes, and host bits.
    pub fn written(text: &str) -> Result<Self, CidrError> {
        let syntax = || CidrError::Syntax { text: text.to_owned() };
        let digits = |prefix: &str| prefix.bytes().all(|b| b.is_ascii_digit());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) if digits(prefix) => (address, Some(prefix)),
            Some(_) => return Err(syntax()),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| syntax())?;
        if let IpAddr::V6(v6) = address
            && v6.to_ipv4_mapped().is_some()
        {
            return Err(syntax());
        }
        let Some(prefix) = prefix else { return Ok(Self::host(address)) };
        let prefix = prefix.parse().map_err(|_| syntax())?;
        let network = Self::new(address, prefix).ok_or_else(syntax)?;
        if network.address != address {
            return Err(CidrError::HostBits { text: text.to_owned(), network });
        }
        Ok(network)
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

    /// True when every address of `other` is one of this network.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.is_ipv4() == other.is_ipv4()
            && self.prefix <= other.prefix
            && Self::new(other.address, self.prefix) == Some(*self)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl std::str::FromStr for Cidr {
    type Err = CidrError;

    /// Reads what a machine wrote: host bits are cleared.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        text.split_once('/')
            .and_then(|(address, prefix)| Self::new(address.parse().ok()?, prefix.parse().ok()?))
            .ok_or_else(|| CidrError::Syntax { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_canonical() {
        for (text, shown) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("1.2.3.4/32", "1.2.3.4/32"),
            ("fd00::1/8", "fd00::/8"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(cidr(text).to_string(), shown);
        }
        for text in ["", "10.0.0.0", "10.0.0.0/33", "::/129", "a/8", "10.0.0/8"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_people_write_is_taken_by_its_word() {
        for (text, shown) in
            [("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("FD00::", "fd00::/128")]
        {
            assert_eq!(Cidr::written(text).unwrap().to_string(), shown);
        }
        let error = Cidr::written("10.1.2.3/8").unwrap_err().to_string();
        assert!(error.contains("did you mean 10.0.0.0/8?"), "{error}");
        for text in
            ["", "a", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/ 8", "::ffff:10.0.0.1/128", "10.0.0.0/8/8"]
        {
            assert!(matches!(Cidr::written(text), Err(CidrError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn a_network_contains_its_parts() {
        assert!(cidr("10.0.0.0/8").contains(&cidr("10.2.0.0/16")));
        assert!(cidr("10.0.0.0/8").contains(&cidr("10.0.0.0/8")));
        assert!(cidr("0.0.0.0/0").contains(&cidr("10.0.0.0/8")));
        assert!(!cidr("10.2.0.0/16").contains(&cidr("10.0.0.0/8")));
        assert!(!cidr("10.0.0.0/8").contains(&cidr("11.0.0.0/16")));
        assert!(!cidr("0.0.0.0/0").contains(&cidr("fd00::/8")));
    }
}
