//! `x-kompox` of the file and of its services. Pure.

use crate::fate::{Fate, Section, TABLE, find};
use crate::quiesce::{self, Quiesce};
use kompox_compose::{Diagnostic, Diagnostics, Entry, Located, Node, Project, Service};
use kompox_model::quantity::{Bytes, MilliCpu, with_unit};
use kompox_model::security::is_beneath;
use kompox_yaml::nearest;
use std::collections::BTreeSet;

/// Keys of a service that are refused where the administrator does not allow them, and may be left out instead.
const ALLOWABLE: &[&str] = &[
    "cap_add",
    "cgroup",
    "device_cgroup_rules",
    "devices",
    "ipc",
    "network_mode",
    "pid",
    "privileged",
    "security_opt",
    "sysctls",
    "userns_mode",
    "uts",
];

/// `x-kompox` of a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceOptions {
    pub(crate) image: Option<Located<String>>,
    pub(crate) uid: Option<u32>,
    pub(crate) ingress: Option<bool>,
    pub(crate) listen: Vec<Located<u16>>,
    pub(crate) one_shot: bool,
    /// The Pod gets the program that copies, also when nothing else needs it.
    pub(crate) copy: bool,
    /// How its data are made fit to be copied while it runs.
    pub(crate) quiesce: Option<Quiesce>,
    pub(crate) cpu: Option<Located<MilliCpu>>,
    pub(crate) memory: Option<Located<Bytes>>,
}

/// `x-kompox` of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProjectOptions {
    pub(crate) share_processes: bool,
    /// Where paths of the machine lie, by prefix.
    pub(crate) binds: Vec<(String, BindPlace)>,
    /// Keys that are left out where they are not allowed.
    pub(crate) allow: BTreeSet<String>,
}

/// What stands in for a path of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindPlace {
    /// A folder of the default volume's disk.
    Disk,
    /// An empty folder that lives as long as the Pod.
    Empty,
}

impl ServiceOptions {
    pub(crate) fn read(service: &Service, diagnostics: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for entry in entries(service.x_kompox.as_ref(), Section::ServiceExtension, diagnostics) {
            match entry.key.as_str() {
                "image" => {
                    options.image = text(entry, diagnostics).map(|text| Located::new(text, entry.value.span));
                }
                "uid" => options.uid = number(entry, &entry.value, i32::MAX as u32, diagnostics),
                "ingress" => options.ingress = flag(entry, diagnostics),
                "oneshot" => options.one_shot = flag(entry, diagnostics).unwrap_or_default(),
                "copy" => options.copy = flag(entry, diagnostics).unwrap_or_default(),
                "listen" => {
                    let items =
                        entry.value.as_sequence().unwrap_or_else(|| std::slice::from_ref(&entry.value));
                    options.listen = items
                        .iter()
                        .filter_map(|item| {
                            let port = number(entry, item, 65535, diagnostics)?;
                            u16::try_from(port)
                                .ok()
                                .filter(|port| *port > 0)
                                .map(|port| Located::new(port, item.span))
                        })
                        .collect();
                }
                "resources" => options.resources(entry, diagnostics),
                "quiesce" => options.quiesce = quiesce::read(entry, diagnostics),
                key => unreachable!("`{key}` has a row of its own but nobody reads it"),
            }
        }
        options
    }

    fn resources(&mut self, entry: &Entry, diagnostics: &mut Diagnostics) {
        for item in parts(entry, &["cpu", "memory"], diagnostics) {
            let text = item.value.text().unwrap_or_default();
            let span = item.value.span;
            let read = match item.key.as_str() {
                "cpu" => MilliCpu::parse(text)
                    .map(|cpu| self.cpu = Some(Located::new(cpu, span)))
                    .map_err(|error| error.to_string()),
                _ => with_unit("memory", text).map(|memory| self.memory = Some(Located::new(memory, span))),
            };
            if let Err(error) = read {
                let message = format!("`x-kompox.{}.{}`: {error}", entry.key, item.key);
                diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(span));
            }
        }
    }
}

impl ProjectOptions {
    /// What stands in for a path of the machine; the longest prefix decides.
    pub(crate) fn bind_place(&self, path: &str) -> Option<BindPlace> {
        let above = |entry: &&(String, BindPlace)| is_beneath(path, &entry.0);
        self.binds.iter().filter(above).max_by_key(|(prefix, _)| prefix.len()).map(|(_, place)| *place)
    }

    pub(crate) fn read(project: &Project, diagnostics: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for entry in entries(project.x_kompox.as_ref(), Section::TopExtension, diagnostics) {
            match entry.key.as_str() {
                "shareProcesses" => options.share_processes = flag(entry, diagnostics).unwrap_or_default(),
                "binds" => options.binds = binds(entry, diagnostics),
                "allow" => options.allow = allow(entry, diagnostics),
                key => unreachable!("`{key}` has a row of its own but nobody reads it"),
            }
        }
        options
    }
}

/// The entries whose row says that they are read; all others are reported.
fn entries<'a>(
    extension: Option<&'a Entry>,
    section: Section,
    diagnostics: &mut Diagnostics,
) -> Vec<&'a Entry> {
    let Some(extension) = extension else { return Vec::new() };
    let Some(mapping) = extension.value.as_mapping() else {
        if !extension.value.is_null() {
            let message = format!("`x-kompox` must be a mapping, not {}", extension.value.kind().phrase());
            diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(extension.value.span));
        }
        return Vec::new();
    };
    let mut known = Vec::new();
    for entry in mapping {
        match find(section, &entry.key) {
            Some(row) if row.fate == Fate::Refuse => {
                let message = format!("`x-kompox.{}` is refused: {}", entry.key, row.text);
                diagnostics.push(Diagnostic::error("convert.refused", message).at(entry.key_span));
            }
            Some(_) => known.push(entry),
            None => {
                let keys = TABLE.iter().filter(|row| row.section == section).map(|row| row.key);
                let help = nearest(&entry.key, keys).map(|key| format!("did you mean `{key}`?"));
                let message = format!("`x-kompox` has no key `{}`", entry.key);
                diagnostics
                    .push(Diagnostic::error("convert.x-kompox", message).at(entry.key_span).maybe_help(help));
            }
        }
    }
    known
}

/// The entries of a mapping with few keys; unknown ones are reported.
pub(crate) fn parts<'a>(entry: &'a Entry, known: &[&str], diagnostics: &mut Diagnostics) -> Vec<&'a Entry> {
    let Some(mapping) = entry.value.as_mapping().filter(|mapping| !mapping.is_empty()) else {
        let wanted = format!("a mapping with {}", known.join(" or "));
        diagnostics.push(wrong(entry, &entry.value, &wanted));
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in mapping {
        if known.contains(&item.key.as_str()) {
            found.push(item);
            continue;
        }
        let help = nearest(&item.key, known.iter().copied()).map(|key| format!("did you mean `{key}`?"));
        let message = format!("`x-kompox.{}` has no key `{}`", entry.key, item.key);
        diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(item.key_span).maybe_help(help));
    }
    found
}

fn binds(entry: &Entry, diagnostics: &mut Diagnostics) -> Vec<(String, BindPlace)> {
    let Some(mapping) = entry.value.as_mapping() else {
        diagnostics.push(wrong(entry, &entry.value, "a mapping of paths to `disk` or `empty`"));
        return Vec::new();
    };
    let mut places = Vec::new();
    for item in mapping {
        let rest = item.key.strip_prefix("~/").or_else(|| item.key.strip_prefix('/'));
        let plain = |rest: &str| rest.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !rest.is_some_and(plain) {
            let message = format!(
                "`x-kompox.binds`: `{}` is no path such as /srv/data or ~/data",
                item.key.escape_debug()
            );
            diagnostics.push(
                Diagnostic::error("convert.x-kompox", message)
                    .at(item.key_span)
                    .help("write it without `.`, `..`, doubled or trailing slashes"),
            );
        }
        match item.value.as_str() {
            Some("disk") => places.push((item.key.clone(), BindPlace::Disk)),
            Some("empty") => places.push((item.key.clone(), BindPlace::Empty)),
            _ => {
                let message =
                    format!("`x-kompox.binds.{}` must be `disk` or `empty`", item.key.escape_debug());
                diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(item.value.span));
            }
        }
    }
    places
}

fn allow(entry: &Entry, diagnostics: &mut Diagnostics) -> BTreeSet<String> {
    let Some(items) = entry.value.as_sequence() else {
        diagnostics.push(wrong(entry, &entry.value, "a list of keys"));
        return BTreeSet::new();
    };
    let mut keys = BTreeSet::new();
    for item in items {
        match item.as_str() {
            Some(key) if ALLOWABLE.contains(&key) => drop(keys.insert(key.to_owned())),
            other => {
                let key = other.unwrap_or_default();
                let near =
                    nearest(key, ALLOWABLE.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let help =
                    near.unwrap_or_else(|| format!("keys that may be named: {}", ALLOWABLE.join(", ")));
                let message =
                    format!("`x-kompox.allow`: `{}` is no key that can be left out", key.escape_debug());
                diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(item.span).help(help));
            }
        }
    }
    keys
}

fn wrong(entry: &Entry, node: &Node, wanted: &str) -> Diagnostic {
    Diagnostic::error("convert.x-kompox", format!("`x-kompox.{}` must be {wanted}", entry.key)).at(node.span)
}

fn flag(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<bool> {
    let value = entry.value.as_bool();
    if value.is_none() {
        diagnostics.push(wrong(entry, &entry.value, "true or false"));
    }
    value
}

fn text(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<String> {
    let value = entry.value.as_str().filter(|text| !text.is_empty());
    if value.is_none() {
        diagnostics.push(wrong(entry, &entry.value, "text"));
    }
    value.map(ToOwned::to_owned)
}

fn number(entry: &Entry, node: &Node, limit: u32, diagnostics: &mut Diagnostics) -> Option<u32> {
    let value = node.text().and_then(|text| text.parse::<u32>().ok()).filter(|value| *value <= limit);
    if value.is_none() {
        diagnostics.push(wrong(entry, node, &format!("a number up to {limit}")));
    }
    value
}
