//! `ports` and `expose`.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use kompox_yaml::{Diagnostic, Located, Node, Span, Value};

use super::list::last_of_each;
use super::{PORTS, Reader};
use crate::place::Place;
use crate::{Expose, Port, PortMode, Protocol, Published};

/// A port mapping in short form, before ranges are expanded.
#[derive(Debug, PartialEq, Eq)]
struct Short {
    host_ip: Option<IpAddr>,
    published: Option<Published>,
    target: RangeInclusive<u16>,
    protocol: Protocol,
}

/// What is wrong with a port.
type Wrong = String;

impl Reader<'_> {
    pub(super) fn ports(&mut self, node: &Node, place: &Place<'_>) -> Vec<Port> {
        let mut ports = Vec::new();
        for (index, item) in self.sequence(node, place).unwrap_or_default().iter().enumerate() {
            let at = place.item(index);
            match &item.value {
                Value::Int(_) | Value::String(_) => match short(item.text().unwrap_or_default()) {
                    Ok(short) => self.expand(&short, item.span, &mut ports),
                    Err(wrong) => self.bad_port(item.span, &at, &wrong),
                },
                Value::Mapping(_) => ports.extend(self.long_port(item, &at)),
                _ => self.wrong(item, &at, "a port such as \"8080:80\""),
            }
        }
        // No address is every address.
        let everywhere = IpAddr::from([0, 0, 0, 0]);
        last_of_each(ports, |port| {
            (port.host_ip.unwrap_or(everywhere), port.published, port.target, port.protocol)
        })
    }

    pub(super) fn expose(&mut self, node: &Node, place: &Place<'_>) -> Vec<Expose> {
        let mut all = Vec::new();
        for (index, text) in self.scalars(node, place).into_iter().enumerate() {
            match protocol(&text.value).and_then(|(port, protocol)| Ok((target(port)?, protocol))) {
                Ok((range, protocol)) => {
                    if self.spend(&range, text.span) {
                        all.extend(range.map(|port| Expose { port, protocol, span: text.span }));
                    }
                }
                Err(wrong) => self.bad_port(text.span, &place.item(index), &wrong),
            }
        }
        last_of_each(all, |expose| (expose.port, expose.protocol))
    }

    fn expand(&mut self, short: &Short, span: Span, ports: &mut Vec<Port>) {
        if !self.spend(&short.target, span) {
            return;
        }
        let single = short.target.start() == short.target.end();
        for (offset, target) in (0..=u16::MAX).zip(short.target.clone()) {
            let published = short.published.map(|range| {
                let port = range.first.saturating_add(offset);
                if single { range } else { Published { first: port, last: port } }
            });
            ports.push(Port {
                target,
                published,
                protocol: short.protocol,
                host_ip: short.host_ip,
                mode: PortMode::Ingress,
                name: None,
                app_protocol: None,
                span,
            });
        }
    }

    /// Ranges can make many ports of a few letters: the project's total is bounded.
    fn spend(&mut self, range: &RangeInclusive<u16>, span: Span) -> bool {
        let left = self.ports_left.checked_sub(range.len());
        if left.is_none() {
            let message = format!("the project has more than {PORTS} ports");
            let diagnostic = Diagnostic::error("compose.port.too-many", message).at(span);
            self.error(diagnostic.help("write smaller ranges, of ports that are needed"));
        }
        self.ports_left = left.unwrap_or(self.ports_left);
        left.is_some()
    }

    fn long_port(&mut self, node: &Node, place: &Place<'_>) -> Option<Port> {
        const KEYS: &[&str] = &["app_protocol", "host_ip", "mode", "name", "protocol", "published", "target"];
        let mapping = self.mapping(node, place, KEYS)?;
        let target_port = self.port_key(mapping.get("target"), &place.key("target"), |text| {
            let range = target(text)?;
            if range.start() == range.end() {
                Ok(*range.start())
            } else {
                Err("a range needs the short form".to_owned())
            }
        });
        let published = self.port_key(mapping.get("published"), &place.key("published"), |text| {
            if text.is_empty() { Ok(None) } else { published(text).map(Some) }
        });
        let host_ip = self.port_key(mapping.get("host_ip"), &place.key("host_ip"), address);
        let protocol = self.port_key(mapping.get("protocol"), &place.key("protocol"), protocol_named);
        let mode = self.port_key(mapping.get("mode"), &place.key("mode"), |text| match text {
            "ingress" => Ok(PortMode::Ingress),
            "host" => Ok(PortMode::Host),
            _ => Err(format!("`{text}` is no mode: write ingress or host")),
        });
        let name = mapping.get("name").and_then(|node| self.text(node, &place.key("name")));
        let app_protocol =
            mapping.get("app_protocol").and_then(|node| self.text(node, &place.key("app_protocol")));
        if mapping.get("target").is_none() {
            self.bad_port(node.span, place, "`target`, the port in the container, is missing");
        }
        Some(Port {
            target: target_port?,
            published: published.flatten(),
            protocol: protocol.unwrap_or(Protocol::Tcp),
            host_ip,
            mode: mode.unwrap_or(PortMode::Ingress),
            name,
            app_protocol,
            span: node.span,
        })
    }

    fn port_key<T>(
        &mut self,
        node: Option<&Node>,
        place: &Place<'_>,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let Located { value, span } = self.scalar(node?, place)?;
        parse(&value).map_err(|wrong| self.bad_port(span, place, &wrong)).ok()
    }

    fn bad_port(&mut self, span: Span, place: &Place<'_>, wrong: &str) {
        self.error(
            Diagnostic::error("compose.port", format!("{place}: {wrong}"))
                .at(span)
                .help("write CONTAINER, HOST:CONTAINER or IP:HOST:CONTAINER, optionally with /udp, e.g. \"127.0.0.1:8080:80\""),
        );
    }
}

/// Parses `[[ip:][host]:]container[/protocol]` with ranges.
fn short(text: &str) -> Result<Short, Wrong> {
    let (ports, protocol) = protocol(text)?;
    let (rest, container) = ports.rsplit_once(':').unwrap_or(("", ports));
    let (host_ip, host) = rest.rsplit_once(':').unwrap_or(("", rest));
    let host_ip = if host_ip.is_empty() { None } else { Some(address(host_ip)?) };
    let target = target(container)?;
    let published = if host.is_empty() { None } else { Some(published(host)?) };
    if let Some(range) = published {
        let (host_ports, container_ports) = (usize::from(range.last - range.first) + 1, target.len());
        if host_ports != container_ports && container_ports != 1 {
            return Err(format!("{host_ports} host ports for {container_ports} container ports"));
        }
    }
    Ok(Short { host_ip, published, target, protocol })
}

fn protocol(text: &str) -> Result<(&str, Protocol), Wrong> {
    match text.split_once('/') {
        None | Some((_, "")) => Ok((text.trim_end_matches('/'), Protocol::Tcp)),
        Some((ports, name)) => Ok((ports, protocol_named(name)?)),
    }
}

fn protocol_named(name: &str) -> Result<Protocol, Wrong> {
    match name.to_ascii_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        _ => Err(format!("`{name}` is no protocol: write tcp, udp or sctp")),
    }
}

fn address(text: &str) -> Result<IpAddr, Wrong> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| format!("`{text}` is no IP address"))
}

fn target(text: &str) -> Result<RangeInclusive<u16>, Wrong> {
    if text.is_empty() {
        return Err("the port in the container is missing".to_owned());
    }
    let (first, last) = range(text)?;
    if first == 0 { Err("a port in the container is 1 to 65535".to_owned()) } else { Ok(first..=last) }
}

fn published(text: &str) -> Result<Published, Wrong> {
    range(text).map(|(first, last)| Published { first, last })
}

fn range(text: &str) -> Result<(u16, u16), Wrong> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    if first > last { Err(format!("`{text}` ends before it starts")) } else { Ok((first, last)) }
}

fn number(text: &str) -> Result<u16, Wrong> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(format!("`{text}` is no port number"));
    }
    text.parse().map_err(|_| format!("port {text} is greater than 65535"))
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
