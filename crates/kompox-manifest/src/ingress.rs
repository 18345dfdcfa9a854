//! `app.ingress`: custom hosts for published ports, as a map or as a list of rules (C-14). Pure.

use crate::reader::{Field, Keys, Reader};
use kompox_model::host;
use kompox_yaml::{Diagnostic, Entry, Located};

/// Keys of a rule.
pub(crate) const RULE: Keys = Keys { known: &["port", "host"], later: &[] };
const KEY_HELP: &str = "write `http_80: www.example.com` for the host that leads to port 80";

/// A custom host with its place.
pub(crate) struct Rule {
    /// The published port.
    pub(crate) port: u16,
    /// The host, lower case.
    pub(crate) host: Located<String>,
}

/// Reads both forms; a host that occurs twice is reported.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    if let Some(mapping) = field.node.as_mapping() {
        for entry in mapping {
            read_entry(reader, &field.path, entry, &mut rules);
        }
    } else if let Some(items) = field.node.as_sequence() {
        for item in reader.items(field, items) {
            rules.extend(read_rule(reader, &item));
        }
    } else {
        reader.wrong_kind(field, "a mapping or a list");
    }
    refuse_duplicates(reader, &rules);
    rules
}

/// `http_<port>: host`, or a list of hosts.
fn read_entry(reader: &mut Reader, path: &str, entry: &Entry, rules: &mut Vec<Rule>) {
    let field = Field::of(path, entry);
    let port = entry.key.strip_prefix("http_").and_then(port_number);
    if port.is_none() {
        let message = format!("`{}` is no key of the form http_<port>", field.path);
        reader.report(Diagnostic::error("manifest.ingress.key", message).at(field.key).help(KEY_HELP));
    }
    if !reader.has_value(&field) {
        return;
    }
    let hosts = match field.node.as_sequence() {
        Some([]) => {
            let message = format!("`{}` names no host", field.path);
            reader.report(Diagnostic::error("manifest.value.missing", message).at(field.key));
            return;
        }
        Some(items) => reader.items(&field, items),
        None => vec![field],
    };
    for host in hosts {
        let host = reader.parsed(Some(host), "manifest.host", host::parse);
        rules.extend(port.zip(host).map(|(port, host)| Rule { port, host }));
    }
}

/// `{port, host}`.
fn read_rule(reader: &mut Reader, item: &Field<'_>) -> Option<Rule> {
    let section = reader.section(item, &RULE)?;
    let port = reader.required(&section, "port");
    let port = reader.parsed(port, "manifest.ingress.port", |text| {
        port_number(text).ok_or_else(|| format!("`{text}` is no port; a number from 1 to 65535 is needed"))
    });
    let host = reader.required(&section, "host");
    let host = reader.parsed(host, "manifest.host", host::parse);
    Some(Rule { port: port?.value, host: host? })
}

/// A port without sign or leading zero, so that two keys never mean one port.
fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| digits)
}

fn refuse_duplicates(reader: &mut Reader, rules: &[Rule]) {
    for (index, rule) in rules.iter().enumerate() {
        if let Some(first) = rules[..index].iter().find(|other| other.host.value == rule.host.value) {
            let message = if first.port == rule.port {
                format!("host `{}` is given twice", rule.host.value)
            } else {
                format!("host `{}` leads to two ports, {} and {}", rule.host.value, first.port, rule.port)
            };
            reader.report(
                Diagnostic::error("manifest.host.twice", message)
                    .at(rule.host.span)
                    .label(first.host.span, "it is first given here"),
            );
        }
    }
}

/// Custom hosts may not lie in the domain of the default hosts: another app may get that name by itself.
pub(crate) fn refuse_default_hosts(reader: &mut Reader, rules: &[Rule], domain: &str) {
    for Rule { host, .. } in rules {
        if host.value.strip_suffix(domain).is_some_and(|head| head.ends_with('.')) {
            let message =
                format!("custom host `{}` lies in `{domain}`, the domain of default hosts", host.value);
            reader.report(
                Diagnostic::error("manifest.host.default-domain", message)
                    .at(host.span)
                    .help("default hosts need no entry; choose a custom host in another domain"),
            );
        }
    }
}
