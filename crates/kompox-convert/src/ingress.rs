//! Hosts and their Ingresses. Pure.

use crate::metadata::Metadata;
use crate::ports::Published;
use crate::summary::Host;
use crate::well_known::not_http;
use crate::{HostClaim, Input};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, ServiceBackendPort,
};
use kompox_compose::{Diagnostic, Diagnostics, Protocol};
use kompox_model::{host, resource_name};
use std::collections::BTreeSet;

const ENTRYPOINTS: &str = "traefik.ingress.kubernetes.io/router.entrypoints";
const TLS: &str = "traefik.ingress.kubernetes.io/router.tls";
const CERT_RESOLVER: &str = "traefik.ingress.kubernetes.io/router.tls.certresolver";

/// Every host of the app, default ones first, each in the order of the ports.
pub(crate) fn hosts(input: &Input<'_>, published: &[Published], diagnostics: &mut Diagnostics) -> Vec<Host> {
    let mut hosts = default_hosts(input, published, diagnostics);
    hosts.extend(custom_hosts(input, published, diagnostics));
    let mut seen = BTreeSet::new();
    for host in &hosts {
        if !seen.insert(&host.host) {
            let message = format!("host `{}` is given twice", host.host);
            diagnostics.push(
                Diagnostic::error("convert.host-twice", message)
                    .help("a host leads to one port: remove one entry of `app.ingress`"),
            );
        }
    }
    hosts
}

fn default_hosts(input: &Input<'_>, published: &[Published], diagnostics: &mut Diagnostics) -> Vec<Host> {
    let domain = input.cluster.app_domain(&input.workspace.domain);
    let mut hosts = Vec::new();
    for port in published {
        if !wants_host(input, port, diagnostics) {
            continue;
        }
        let name = resource_name::default_host(&input.identity(), port.port, &domain);
        match host::parse(&name) {
            Ok(name) => {
                let service = port.service.clone();
                hosts.push(Host { host: name, port: port.port, service, custom: false });
            }
            Err(error) => diagnostics.push(
                Diagnostic::error("convert.host", format!("no default host for port {}: {error}", port.port))
                    .at(port.span),
            ),
        }
    }
    hosts
}

/// Whether a published port gets a default host; what gets none is noted.
fn wants_host(input: &Input<'_>, port: &Published, diagnostics: &mut Diagnostics) -> bool {
    if port.protocol != Protocol::Tcp {
        let message = format!(
            "{} port {} is reachable inside the cluster only: there is no route from outside in this version",
            port.protocol.as_str().to_uppercase(),
            port.port
        );
        diagnostics.push(Diagnostic::note("convert.no-route", message).at(port.span));
        return false;
    }
    if let Some(wanted) = port.ingress {
        return wanted;
    }
    let named = input.app.ingress.iter().any(|rule| rule.port == port.port);
    match not_http(port.target) {
        Some(protocol) if !named => {
            let message = format!(
                "port {} gets no host: port {} usually speaks {protocol}, for which there is no route from outside in this version",
                port.port, port.target
            );
            diagnostics.push(
                Diagnostic::note("convert.no-route", message)
                    .at(port.span)
                    .help("set `x-kompox: {ingress: true}` on the service if it speaks HTTP"),
            );
            false
        }
        _ => true,
    }
}

fn custom_hosts(input: &Input<'_>, published: &[Published], diagnostics: &mut Diagnostics) -> Vec<Host> {
    let domain = input.cluster.app_domain(&input.workspace.domain);
    let mut rules: Vec<_> = input.app.ingress.iter().collect();
    rules.sort_by(|a, b| (a.port, &a.host).cmp(&(b.port, &b.host)));
    let mut hosts = Vec::new();
    for rule in rules {
        let tcp = || published.iter().filter(|port| port.protocol == Protocol::Tcp);
        let Some(port) = tcp().find(|port| port.port == rule.port) else {
            let ports: Vec<_> = tcp().map(|port| port.port.to_string()).collect();
            let message =
                format!("host `{}` leads to port {}, which no service publishes", rule.host, rule.port);
            let help = match ports.as_slice() {
                [] => "no TCP port is published: add `ports` to a service".to_owned(),
                ports => format!("published: {}", ports.join(", ")),
            };
            diagnostics.push(Diagnostic::error("convert.host-port", message).help(help));
            continue;
        };
        let host = match host::parse(&rule.host) {
            Ok(host) => host,
            Err(error) => {
                diagnostics.push(Diagnostic::error("convert.host", error.to_string()));
                continue;
            }
        };
        if host.ends_with(&format!(".{domain}")) {
            let message =
                format!("host `{host}` is refused: names under `{domain}` are given to apps by Kompox");
            diagnostics.push(
                Diagnostic::error("convert.host-reserved", message)
                    .help("use a name of a domain of your own"),
            );
            continue;
        }
        hosts.push(Host { host, port: rule.port, service: port.service.clone(), custom: true });
    }
    hosts
}

/// One Ingress for all default hosts, and one for each custom host, so that a bad one takes nothing else down.
pub(crate) fn ingresses(input: &Input<'_>, metadata: &Metadata, hosts: &[Host]) -> Vec<Ingress> {
    let (custom, default): (Vec<_>, Vec<_>) = hosts.iter().partition(|host| host.custom);
    let mut ingresses = Vec::new();
    if !default.is_empty() {
        ingresses.push(ingress(input, metadata, resource_name::DEFAULT_INGRESS, &default, None));
    }
    let resolver = input.cluster.ingress.cert_resolver.as_str();
    let mut of_hosts: Vec<_> = custom
        .iter()
        .map(|host| (resource_name::host_ingress(&host.host), *host))
        .map(|(name, host)| ingress(input, metadata, &name, &[host], Some(resolver)))
        .collect();
    of_hosts.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    ingresses.extend(of_hosts);
    ingresses
}

fn ingress(
    input: &Input<'_>,
    metadata: &Metadata,
    name: &str,
    hosts: &[&Host],
    resolver: Option<&str>,
) -> Ingress {
    let mut object = metadata.named(name);
    object
        .annotations
        .get_or_insert_default()
        .extend([(ENTRYPOINTS.to_owned(), "websecure".to_owned()), (TLS.to_owned(), "true".to_owned())]);
    if let Some(resolver) = resolver {
        object.annotations.get_or_insert_default().insert(CERT_RESOLVER.to_owned(), resolver.to_owned());
    }
    Ingress {
        metadata: object,
        spec: Some(IngressSpec {
            ingress_class_name: Some(input.cluster.ingress.class.clone()),
            rules: Some(hosts.iter().map(|host| rule(host)).collect()),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    }
}

fn rule(host: &Host) -> IngressRule {
    let backend = IngressServiceBackend {
        name: resource_name::APP.to_owned(),
        port: Some(ServiceBackendPort { number: Some(i32::from(host.port)), name: None }),
    };
    let path = HTTPIngressPath {
        backend: IngressBackend { service: Some(backend), resource: None },
        path: Some("/".to_owned()),
        path_type: "Prefix".to_owned(),
    };
    IngressRule { host: Some(host.host.clone()), http: Some(HTTPIngressRuleValue { paths: vec![path] }) }
}

/// The claims of all hosts, sorted by name.
pub(crate) fn claims(input: &Input<'_>, metadata: &Metadata, hosts: &[Host]) -> Vec<HostClaim> {
    let namespace = &input.cluster.ingress.namespace;
    let mut claims: Vec<_> =
        hosts.iter().map(|host| HostClaim::new(&host.host, namespace, metadata)).collect();
    claims.sort_by(|a, b| a.name.cmp(&b.name));
    claims
}
