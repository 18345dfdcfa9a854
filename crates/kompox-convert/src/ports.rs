//! Ports of containers and of the Service. Pure.

use crate::summary::Role;
use crate::unit::Unit;
use crate::well_known::port_setting;
use k8s_openapi::api::core::v1::ContainerPort;
use kompox_compose::{Diagnostic, Diagnostics, Port, Protocol, Span};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A port of the Service.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    /// Port of the container.
    pub(crate) target: u16,
    /// The compose service.
    pub(crate) service: String,
    /// `x-kompox.ingress` of the service.
    pub(crate) ingress: Option<bool>,
    pub(crate) span: Span,
}

/// The protocol as Kubernetes writes it.
pub(crate) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}

/// The container's ports: unnamed, sorted, each once (equal ones fail under server-side apply).
pub(crate) fn container_ports(unit: &Unit<'_>) -> Option<Vec<ContainerPort>> {
    let ports: BTreeSet<_> = listens(unit).into_iter().map(|(port, protocol, _)| (port, protocol)).collect();
    let ports: Vec<_> = ports
        .into_iter()
        .map(|(port, transport)| ContainerPort {
            container_port: i32::from(port),
            protocol: Some(protocol(transport).to_owned()),
            ..ContainerPort::default()
        })
        .collect();
    (!ports.is_empty()).then_some(ports)
}

fn listens(unit: &Unit<'_>) -> Vec<(u16, Protocol, Span)> {
    let ports = unit.service.ports.iter().map(|port| (port.target, port.protocol, port.span));
    let exposed = unit.service.expose.iter().map(|port| (port.port, port.protocol, port.span));
    let known = unit.options.listen.iter().map(|port| (port.value, Protocol::Tcp, port.span));
    ports.chain(exposed).chain(known).collect()
}

/// Refuses two services that listen on one port: they share the Pod's network.
pub(crate) fn check_collisions(units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<(u16, Protocol), (&Unit<'_>, Span)> = BTreeMap::new();
    let network = units.iter().filter(|unit| unit.role != Role::OneShot);
    for (unit, (port, transport, span)) in
        network.flat_map(|unit| listens(unit).into_iter().map(move |port| (unit, port)))
    {
        match seen.entry((port, transport)) {
            Entry::Vacant(place) => drop(place.insert((unit, span))),
            Entry::Occupied(place) => {
                let (other, other_span) = *place.get();
                if other.name() != unit.name() {
                    diagnostics.push(collision((other, other_span), (unit, span), port));
                }
            }
        }
    }
}

fn collision(first: (&Unit<'_>, Span), second: (&Unit<'_>, Span), port: u16) -> Diagnostic {
    let message = format!(
        "`{}` and `{}` both listen on port {port}: the services of an app share one Pod",
        first.0.name(),
        second.0.name()
    );
    let setting = [second.0, first.0].into_iter().find_map(|unit| {
        port_setting(&unit.image).map(|setting| format!("for `{}`: {setting}", unit.name()))
    });
    let help = setting.unwrap_or_else(|| {
        "change the port of one of them by its environment or command, and its entry here".to_owned()
    });
    Diagnostic::error("convert.port-collision", message)
        .at(second.1)
        .label(first.1, format!("`{}` listens here", first.0.name()))
        .help(help)
}

/// The ports of the Service, sorted.
pub(crate) fn published(units: &[Unit<'_>], diagnostics: &mut Diagnostics) -> Vec<Published> {
    let mut all: BTreeMap<(u16, Protocol), Published> = BTreeMap::new();
    for unit in units {
        for port in &unit.service.ports {
            let Some(number) = service_port(port, diagnostics) else { continue };
            let published = Published {
                port: number,
                protocol: port.protocol,
                target: port.target,
                service: unit.name().to_owned(),
                ingress: unit.options.ingress,
                span: port.span,
            };
            match all.entry((number, port.protocol)) {
                Entry::Vacant(place) => drop(place.insert(published)),
                Entry::Occupied(place) => {
                    let other = place.get();
                    if (&other.service, other.target) != (&published.service, published.target) {
                        diagnostics.push(twice(other, &published));
                    }
                }
            }
        }
    }
    all.into_values().collect()
}

fn twice(first: &Published, second: &Published) -> Diagnostic {
    let message =
        format!("port {} is published by `{}` and by `{}`", first.port, first.service, second.service);
    Diagnostic::error("convert.port-published", message)
        .at(second.span)
        .label(first.span, "also published here")
        .help("publish one of them under another number")
}

/// The port of the Service for a published port; none if it is published on a loopback address only.
fn service_port(port: &Port, diagnostics: &mut Diagnostics) -> Option<u16> {
    match port.host_ip {
        Some(address) if address.is_loopback() => return None,
        Some(address) if !is_any(address) => {
            let message = format!("address {address} has no effect: a cluster has its own addresses");
            diagnostics.push(Diagnostic::note("convert.port-address", message).at(port.span));
        }
        _ => {}
    }
    let Some(range) = port.published.filter(|range| range.last > 0) else { return Some(port.target) };
    let first = if range.first == 0 { port.target } else { range.first };
    if range.first != range.last {
        let message = format!("of the ports {}-{} the first is used", range.first, range.last);
        diagnostics.push(Diagnostic::note("convert.port-range", message).at(port.span));
    }
    Some(first)
}

fn is_any(address: IpAddr) -> bool {
    address.is_unspecified()
}
