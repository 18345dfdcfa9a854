//! What a service joins and knows by name: `networks`, `network_mode`, `links`, `extra_hosts`.

use kompox_yaml::{Diagnostic, Located, Node, Span, Value};

use super::Reader;
use crate::place::Place;
use crate::shape;
use crate::{ExtraHost, Link, NetworkMode, ServiceNetwork};

const KEYS: &[&str] = &shape::names::<{ shape::SERVICE_NETWORK.len() }>(shape::SERVICE_NETWORK);

impl Reader<'_> {
    pub(super) fn service_networks(&mut self, node: &Node, place: &Place<'_>) -> Vec<ServiceNetwork> {
        if let Value::Sequence(_) = node.value {
            let plain = |name| ServiceNetwork { name, aliases: Vec::new(), other: Vec::new() };
            return self.texts(node, place).into_iter().map(plain).collect();
        }
        let Value::Mapping(mapping) = &node.value else {
            self.wrong(node, place, "a list of networks or a mapping");
            return Vec::new();
        };
        let mut all = Vec::new();
        for entry in mapping {
            let at = place.key(&entry.key);
            let name = Located::new(entry.key.clone(), entry.key_span);
            let mut network = ServiceNetwork { name, aliases: Vec::new(), other: Vec::new() };
            if !entry.value.is_null() {
                for option in self.mapping(&entry.value, &at, KEYS).into_iter().flatten() {
                    if option.key == "aliases" {
                        network.aliases = self.texts(&option.value, &at.key("aliases"));
                    } else {
                        self.kept(option, shape::SERVICE_NETWORK, &at.key(&option.key));
                        network.other.push(option.clone());
                    }
                }
            }
            all.push(network);
        }
        all
    }

    pub(super) fn network_mode(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<NetworkMode>> {
        let text = self.text_or_nothing(node, place)?;
        Some(text.map(|text| match text.as_str() {
            "bridge" | "default" => NetworkMode::Bridge,
            "host" => NetworkMode::Host,
            "none" => NetworkMode::None,
            other => match other.split_once(':') {
                Some(("service", name)) => NetworkMode::Service(name.to_owned()),
                Some(("container", name)) => NetworkMode::Container(name.to_owned()),
                _ => NetworkMode::Other(text),
            },
        }))
    }

    pub(super) fn links(&mut self, node: &Node, place: &Place<'_>) -> Vec<Link> {
        let read = |text: Located<String>| {
            let (service, alias) = text.value.split_once(':').unwrap_or((&text.value, &text.value));
            Link { service: service.to_owned(), alias: alias.to_owned(), span: text.span }
        };
        self.texts(node, place).into_iter().map(read).collect()
    }

    pub(super) fn extra_hosts(&mut self, node: &Node, place: &Place<'_>) -> Vec<ExtraHost> {
        let mut all = Vec::new();
        match &node.value {
            Value::Mapping(mapping) => {
                for entry in mapping {
                    let at = place.key(&entry.key);
                    for address in self.text_or_texts(&entry.value, &at) {
                        self.extra_host(&entry.key, &address.value, address.span, &at, &mut all);
                    }
                }
            }
            Value::Sequence(_) => {
                for (index, text) in self.texts(node, place).into_iter().enumerate() {
                    let at = place.item(index);
                    let split = text.value.split_once('=').or_else(|| text.value.split_once(':'));
                    let (host, addresses) = split.unwrap_or((&text.value, ""));
                    for address in addresses.split(',') {
                        self.extra_host(host, address, text.span, &at, &mut all);
                    }
                }
            }
            _ => self.wrong(node, place, "a list of HOST=ADDRESS or a mapping"),
        }
        all
    }

    fn extra_host(
        &mut self,
        host: &str,
        address: &str,
        span: Span,
        place: &Place<'_>,
        all: &mut Vec<ExtraHost>,
    ) {
        let bare = address.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(address);
        let problem = if host.is_empty() || host.contains([':', '=']) {
            Some(format!("`{host}` is no host name"))
        } else if bare.is_empty() {
            Some(format!("`{host}` has no address"))
        } else if bare != "host-gateway" && bare.parse::<std::net::IpAddr>().is_err() {
            Some(format!("`{bare}` is no IP address"))
        } else {
            None
        };
        if let Some(problem) = problem {
            self.error(
                Diagnostic::error("compose.extra-hosts", format!("{place}: {problem}"))
                    .at(span)
                    .help("write HOST=ADDRESS, e.g. \"db.example.com=192.0.2.1\""),
            );
            return;
        }
        all.push(ExtraHost { host: host.to_owned(), address: bare.to_owned(), span });
    }
}
