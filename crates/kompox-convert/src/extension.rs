//! `x-kompox` of the file and of its services. Pure.

use crate::fate::{Fate, Section, TABLE, find};
use kompox_compose::{Diagnostic, Diagnostics, Entry, Located, Node, Project, Service};
use kompox_yaml::nearest;

/// `x-kompox` of a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceOptions {
    pub(crate) image: Option<Located<String>>,
    pub(crate) uid: Option<u32>,
    pub(crate) ingress: Option<bool>,
    pub(crate) listen: Vec<Located<u16>>,
    pub(crate) one_shot: bool,
}

/// `x-kompox` of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProjectOptions {
    pub(crate) share_processes: bool,
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
                key => unreachable!("`{key}` has a row of its own but nobody reads it"),
            }
        }
        options
    }
}

impl ProjectOptions {
    pub(crate) fn read(project: &Project, diagnostics: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for entry in entries(project.x_kompox.as_ref(), Section::TopExtension, diagnostics) {
            match entry.key.as_str() {
                "shareProcesses" => options.share_processes = flag(entry, diagnostics).unwrap_or_default(),
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
