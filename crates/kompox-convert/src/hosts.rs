//! Names inside the Pod: every service, alias and container name is 127.0.0.1. Pure.

use crate::contents::{Contents, Data};
use k8s_openapi::api::core::v1::HostAlias;
use kompox_model::name::check_label;
use kompox_yaml::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Names with their addresses and where each was written.
#[derive(Debug, Default)]
pub(crate) struct Names {
    entries: BTreeMap<String, BTreeMap<IpAddr, Span>>,
}

/// How the names get into the containers.
#[derive(Debug, PartialEq)]
pub(crate) enum Hosts {
    /// One entry per address: two entries with one address fail under server-side apply.
    Aliases(Vec<HostAlias>),
    /// Name of a ConfigMap whose key `hosts` every container mounts at /etc/hosts, since some name is none that the
    /// API server accepts.
    File(String),
}

impl Names {
    /// Makes `name` mean this Pod.
    pub(crate) fn local(&mut self, name: &str, span: Span) -> Result<(), Diagnostic> {
        self.add(name, LOCALHOST, span)
    }

    /// Makes `name` mean `address`.
    pub(crate) fn add(&mut self, name: &str, address: IpAddr, span: Span) -> Result<(), Diagnostic> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 253 || !name.chars().all(legal) {
            let message = format!("`{name}` cannot be a host name");
            return Err(Diagnostic::error("convert.host-name", message)
                .at(span)
                .help("use letters, digits, `-`, `_` and `.`, at most 253 characters"));
        }
        let addresses = self.entries.entry(name.to_owned()).or_default();
        let local = |address: &IpAddr| *address == LOCALHOST;
        if let Some((other, place)) = addresses.iter().find(|(other, _)| local(other) != local(&address)) {
            let message =
                format!("`{name}` would be {address} and {other} at once: the containers share one Pod");
            return Err(Diagnostic::error("convert.host-conflict", message)
                .at(span)
                .label(*place, format!("{other} here"))
                .help("remove or rename one of them"));
        }
        addresses.entry(address).or_insert(span);
        Ok(())
    }

    /// Writes the names for a Pod with this hostname.
    pub(crate) fn write(self, hostname: &str, contents: &mut Contents<'_>) -> Hosts {
        let mut by_address: BTreeMap<IpAddr, BTreeSet<String>> = BTreeMap::new();
        for (name, addresses) in self.entries {
            for address in addresses.into_keys() {
                by_address.entry(address).or_default().insert(name.clone());
            }
        }
        if by_address.values().flatten().all(|name| is_subdomain(name)) {
            let alias = |(address, names): (IpAddr, BTreeSet<String>)| HostAlias {
                ip: address.to_string(),
                hostnames: Some(names.into_iter().collect()),
            };
            return Hosts::Aliases(by_address.into_iter().map(alias).collect());
        }
        // Mounting a file there removes the Pod's own entry, so the Pod's hostname is added.
        by_address.entry(LOCALHOST).or_default().insert(hostname.to_owned());
        let mut text = String::from("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        for (address, names) in by_address {
            for name in names {
                text.push_str(&format!("{address}\t{name}\n"));
            }
        }
        let data: Data = [("hosts".to_owned(), text.into_bytes())].into();
        Hosts::File(contents.config_map("config", "hosts", data))
    }
}

/// What the API server accepts as a name of hostAliases.
fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(|label| check_label("host", label, 63).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Metadata;

    fn write(names: &[(&str, &str)]) -> (Hosts, String) {
        let mut all = Names::default();
        for (name, address) in names {
            all.add(name, address.parse().unwrap(), Span::default()).unwrap();
        }
        let metadata = Metadata::new("ops/k3s/app".parse().unwrap());
        let mut contents = Contents::new(&metadata);
        let hosts = all.write("app", &mut contents);
        let file = contents.into_objects().1.pop().and_then(|map| map.data?.remove("hosts"));
        (hosts, file.unwrap_or_default())
    }

    #[test]
    fn one_alias_per_address() {
        let (hosts, _) =
            write(&[("db", "127.0.0.1"), ("web", "127.0.0.1"), ("ldap.test", "10.0.0.9"), ("a", "10.0.0.9")]);
        let Hosts::Aliases(aliases) = hosts else { panic!("{hosts:?}") };
        let shown: Vec<_> = aliases.iter().map(|a| (a.ip.as_str(), a.hostnames.clone().unwrap())).collect();
        assert_eq!(
            shown,
            [
                ("10.0.0.9", vec!["a".to_owned(), "ldap.test".to_owned()]),
                ("127.0.0.1", vec!["db".to_owned(), "web".to_owned()])
            ]
        );
    }

    #[test]
    fn names_the_api_server_refuses_make_a_file() {
        let (hosts, file) = write(&[("my_db", "127.0.0.1"), ("ldap", "10.0.0.9")]);
        assert!(matches!(hosts, Hosts::File(_)));
        assert_eq!(
            file,
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
             10.0.0.9\tldap\n127.0.0.1\tapp\n127.0.0.1\tmy_db\n"
        );
    }

    #[test]
    fn a_service_cannot_be_elsewhere() {
        let mut names = Names::default();
        names.local("db", Span::default()).unwrap();
        assert!(names.add("db", "10.0.0.9".parse().unwrap(), Span::default()).is_err());
        assert!(names.local("a b", Span::default()).is_err());
        assert!(names.local("a\n10.0.0.9", Span::default()).is_err());
    }
}
