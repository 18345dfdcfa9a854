//! What a service opens, joins and knows by name.

use std::net::IpAddr;

use kompox_yaml::{Entry, Located, Span};

/// Transport of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// As Compose writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// One container port of `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The container's port.
    pub target: u16,
    /// The port people use, if one is given.
    pub published: Option<Published>,
    /// The transport.
    pub protocol: Protocol,
    /// The address of the machine it is bound to.
    pub host_ip: Option<IpAddr>,
    /// `mode`.
    pub mode: PortMode,
    /// `name`.
    pub name: Option<Located<String>>,
    /// `app_protocol`.
    pub app_protocol: Option<Located<String>>,
    /// Its place.
    pub span: Span,
}

/// A published port, or a range of which any free one may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Published {
    /// The first (0: any free port).
    pub first: u16,
    /// The last; equal to `first` unless it is a range.
    pub last: u16,
}

/// How a port is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortMode {
    /// The default.
    Ingress,
    /// On the node of the container.
    Host,
}

/// One port of `expose`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expose {
    /// The container's port.
    pub port: u16,
    /// The transport.
    pub protocol: Protocol,
    /// Its place.
    pub span: Span,
}

/// A network that a service joins.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceNetwork {
    /// Key of the network. Of the implied `default`: the place of the service's name.
    pub name: Located<String>,
    /// `aliases`.
    pub aliases: Vec<Located<String>>,
    /// The remaining keys (`ipv4_address`, `mac_address`, `priority`, …) as written.
    pub other: Vec<Entry>,
}

/// `network_mode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    /// `bridge` or `default`.
    Bridge,
    /// `host`.
    Host,
    /// `none`.
    None,
    /// `service:NAME`, of this project.
    Service(String),
    /// `container:NAME`.
    Container(String),
    /// The name of a network of the platform.
    Other(String),
}

/// One entry of `links`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The service.
    pub service: String,
    /// The name it shall have; the service's own if none is written.
    pub alias: String,
    /// Its place.
    pub span: Span,
}

/// One name and address of `extra_hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraHost {
    /// The name.
    pub host: String,
    /// An IP address without brackets, or `host-gateway`.
    pub address: String,
    /// Its place.
    pub span: Span,
}
