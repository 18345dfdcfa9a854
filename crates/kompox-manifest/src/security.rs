//! `cluster.security`: what the administrator lets apps have. Pure.

use crate::reader::{Field, Keys, Reader};
use kompox_model::security::CAPABILITIES;
use kompox_model::{ClusterSecurity, Confinement, HostNamespace, HostPath};
use kompox_yaml::nearest;
use std::collections::{BTreeMap, BTreeSet};

/// Keys of the mapping.
pub(crate) const KEYS: Keys = Keys {
    known: &["privileged", "hostNamespaces", "capabilities", "sysctls", "unconfined", "hostPaths", "devices"],
    later: &[],
};
/// Keys of a path.
pub(crate) const HOST_PATH: Keys = Keys { known: &["path", "readOnly"], later: &[] };
const CODE: &str = "manifest.security";

/// Reads the section.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<ClusterSecurity> {
    let section = reader.section(field, &KEYS)?;
    let privileged = reader.optional(&section, "privileged").and_then(|field| reader.boolean(&field));
    let mut list =
        |key: &str| reader.optional(&section, key).map(|field| reader.list(&field)).unwrap_or_default();
    let (namespaces, capabilities) = (list("hostNamespaces"), list("capabilities"));
    let (sysctls, unconfined, paths) = (list("sysctls"), list("unconfined"), list("hostPaths"));
    let devices = reader.optional(&section, "devices");
    Some(ClusterSecurity {
        privileged: privileged.unwrap_or(false),
        host_namespaces: set(reader, namespaces, host_namespace),
        capabilities: set(reader, capabilities, capability),
        sysctls: set(reader, sysctls, sysctl),
        unconfined: set(reader, unconfined, confinement),
        host_paths: paths.iter().filter_map(|item| host_path(reader, item)).collect(),
        devices: devices.map(|field| read_devices(reader, &field)).unwrap_or_default(),
    })
}

fn set<T: Ord>(
    reader: &mut Reader,
    items: Vec<Field<'_>>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> BTreeSet<T> {
    items
        .into_iter()
        .filter_map(|item| reader.parsed(Some(item), CODE, &parse))
        .map(|found| found.value)
        .collect()
}

/// One of a few words; the message suggests or lists them.
fn word<T: Copy>(what: &str, text: &str, all: &[T], word: fn(T) -> &'static str) -> Result<T, String> {
    let words: Vec<_> = all.iter().copied().map(word).collect();
    all.iter().copied().find(|one| word(*one) == text).ok_or_else(|| {
        let near = nearest(text, words.iter().copied());
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("`{text}` is no {what}; known are {}{near}", words.join(", "))
    })
}

fn host_namespace(text: &str) -> Result<HostNamespace, String> {
    word("namespace of the node", text, &HostNamespace::ALL, HostNamespace::word)
}

fn confinement(text: &str) -> Result<Confinement, String> {
    word("confinement", text, &Confinement::ALL, Confinement::word)
}

fn capability(text: &str) -> Result<String, String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if CAPABILITIES.contains(&name) {
        return Ok(name.to_owned());
    }
    let near = nearest(name, CAPABILITIES).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(format!("`{text}` is no capability of Linux{near}"))
}

/// A name as Kubernetes accepts it: labels of lower-case letters, digits, `-` and `_`, joined by dots.
fn sysctl(text: &str) -> Result<String, String> {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let label =
        |label: &str| label.bytes().all(inside) && edge(label.bytes().next()) && edge(label.bytes().last());
    if text.len() <= 253 && text.contains('.') && text.split('.').all(label) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no kernel setting such as net.core.somaxconn; each is named in full"))
}

/// A path, or a mapping with `path` and `readOnly`.
fn host_path(reader: &mut Reader, item: &Field<'_>) -> Option<HostPath> {
    if item.node.as_mapping().is_none() {
        let path = reader.parsed(Some(item.clone()), CODE, absolute)?;
        return Some(HostPath { path: path.value, read_only: false });
    }
    let section = reader.section(item, &HOST_PATH)?;
    let path = reader.required(&section, "path");
    let path = reader.parsed(path, CODE, absolute);
    let read_only = reader.optional(&section, "readOnly").and_then(|field| reader.boolean(&field));
    Some(HostPath { path: path?.value, read_only: read_only.unwrap_or(false) })
}

/// An absolute path in its shortest form, so that two spellings never mean one path.
fn absolute(text: &str) -> Result<String, String> {
    let clean = text.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    if text == "/" || text.starts_with('/') && clean && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is no absolute path; it may not have `.`, `..`, doubled or trailing slashes",
        text.escape_debug()
    ))
}

/// Devices with the resource under which a device plugin offers each.
fn read_devices(reader: &mut Reader, field: &Field<'_>) -> BTreeMap<String, String> {
    let Some(mapping) = field.node.as_mapping() else {
        reader.wrong_kind(field, "a mapping of device paths to resource names");
        return BTreeMap::new();
    };
    let mut devices = BTreeMap::new();
    for entry in mapping {
        let item = Field::of(&field.path, entry);
        if let Err(message) = absolute(&entry.key) {
            reader.report(kompox_yaml::Diagnostic::error(CODE, message).at(item.key));
        }
        if !reader.has_value(&item) {
            continue;
        }
        if let Some(resource) = reader.parsed(Some(item), CODE, resource_name) {
            devices.insert(entry.key.clone(), resource.value);
        }
    }
    devices
}

/// An extended resource: a domain and a name.
fn resource_name(text: &str) -> Result<String, String> {
    let name = |name: &str| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        name.len() <= 63 && name.bytes().all(legal) && edge(name.bytes().next()) && edge(name.bytes().last())
    };
    match text.split_once('/') {
        Some((domain, rest))
            if kompox_model::host::parse(domain).is_ok_and(|lower| lower == domain)
                && !domain.ends_with("kubernetes.io")
                && name(rest) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!("`{text}` is no resource of a device plugin such as example.com/serial")),
    }
}
