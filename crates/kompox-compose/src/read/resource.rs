//! `volumes`, `networks`, `configs` and `secrets` of the top level.

use kompox_yaml::{Diagnostic, Entry, Located, Mapping, Node, Span, Value};

use super::{Reader, keys};
use crate::place::Place;
use crate::shape;
use crate::{FileObject, FileSource, Network, Volume};

const VOLUME: &[&str] = &shape::names::<{ shape::VOLUME.len() }>(shape::VOLUME);
const NETWORK: &[&str] = &shape::names::<{ shape::NETWORK.len() }>(shape::NETWORK);
const CONFIG: &[&str] = &shape::names::<{ shape::CONFIG.len() }>(shape::CONFIG);
const SECRET: &[&str] = &shape::names::<{ shape::SECRET.len() }>(shape::SECRET);

impl Reader<'_> {
    pub(super) fn volume(&mut self, key: Located<String>, node: &Node, place: &Place<'_>) -> Option<Volume> {
        let empty = Mapping::default();
        let mapping = if node.is_null() { &empty } else { self.mapping(node, place, VOLUME)? };
        let (external, name) = self.external(mapping, place, true);
        let mut volume = Volume { key, keys: keys(mapping), name, external, ..Volume::default() };
        for entry in mapping {
            let (node, at) = (&entry.value, place.key(&entry.key));
            match entry.key.as_str() {
                "driver" => volume.driver = self.text(node, &at),
                "driver_opts" => {
                    self.kept(entry, shape::VOLUME, &at);
                    volume.driver_opts = node.as_mapping().map(|map| map.entries.clone()).unwrap_or_default();
                }
                "labels" => volume.labels = self.labels(node, &at),
                "name" | "external" => {}
                _ => {
                    self.kept(entry, shape::VOLUME, &at);
                    volume.other.push(entry.clone());
                }
            }
        }
        Some(volume)
    }

    pub(super) fn network(
        &mut self,
        key: Located<String>,
        node: &Node,
        place: &Place<'_>,
    ) -> Option<Network> {
        let empty = Mapping::default();
        let mapping = if node.is_null() { &empty } else { self.mapping(node, place, NETWORK)? };
        let (external, name) = self.external(mapping, place, false);
        let mut network =
            Network { key, declared: true, keys: keys(mapping), name, external, ..Network::default() };
        for entry in mapping {
            let (node, at) = (&entry.value, place.key(&entry.key));
            match entry.key.as_str() {
                "driver" => network.driver = self.text(node, &at),
                "internal" => network.internal = self.boolean(node, &at),
                "name" | "external" => {}
                _ => {
                    self.kept(entry, shape::NETWORK, &at);
                    network.other.push(entry.clone());
                }
            }
        }
        Some(network)
    }

    pub(super) fn config(
        &mut self,
        key: Located<String>,
        node: &Node,
        place: &Place<'_>,
    ) -> Option<FileObject> {
        self.file_object(key, node, place, CONFIG)
    }

    pub(super) fn secret(
        &mut self,
        key: Located<String>,
        node: &Node,
        place: &Place<'_>,
    ) -> Option<FileObject> {
        self.file_object(key, node, place, SECRET)
    }

    fn file_object(
        &mut self,
        key: Located<String>,
        node: &Node,
        place: &Place<'_>,
        known: &[&str],
    ) -> Option<FileObject> {
        let mapping = self.mapping(node, place, known)?;
        let (external, name) = self.external(mapping, place, false);
        let mut sources = Vec::new();
        let mut other = Vec::new();
        // What is wrong is reported; the name is there all the same.
        let wrong = |entry: &Entry| FileSource::External(entry.key_span);
        for entry in mapping {
            let (node, at) = (&entry.value, place.key(&entry.key));
            match entry.key.as_str() {
                "file" => {
                    let path = self.filled_text(node, &at);
                    let source = path.map(|path| FileSource::File { path, mode: 0 });
                    sources.push((entry.key_span, source.unwrap_or_else(|| wrong(entry))));
                }
                "environment" => {
                    let source = self.filled_text(node, &at).map(FileSource::Environment);
                    sources.push((entry.key_span, source.unwrap_or_else(|| wrong(entry))));
                }
                "content" if known.contains(&"content") => {
                    let source = self.text(node, &at).map(FileSource::Content);
                    sources.push((entry.key_span, source.unwrap_or_else(|| wrong(entry))));
                }
                "name" | "external" => {}
                _ => {
                    self.kept(entry, shape::SECRET, &at);
                    other.push(entry.clone());
                }
            }
        }
        if let Some(span) = external {
            sources.push((span, FileSource::External(span)));
        }
        let ways =
            if known.contains(&"content") { "file, environment or content" } else { "file or environment" };
        if let [(first, _), (second, _), ..] = &sources[..] {
            self.error(
                Diagnostic::error("compose.file-source", format!("{place} has more than one source"))
                    .at(*second)
                    .label(*first, "the first one")
                    .help(format!("keep one of {ways}, or `external: true` alone")),
            );
        }
        let source = sources.into_iter().next().map(|(_, source)| source).unwrap_or_else(|| {
            self.error(
                Diagnostic::error("compose.file-source", format!("{place} has no source"))
                    .at(key.span)
                    .help(format!("add one of {ways}")),
            );
            FileSource::External(key.span)
        });
        Some(FileObject { key, keys: keys(mapping), name, source, content: None, other })
    }

    /// `external` and `name`, also in the old form `external: {name: …}`. With `alone`, an external
    /// thing can have no other settings.
    fn external(
        &mut self,
        mapping: &Mapping,
        place: &Place<'_>,
        alone: bool,
    ) -> (Option<Span>, Option<Located<String>>) {
        let mut name = mapping.get("name").and_then(|node| self.text(node, &place.key("name")));
        let Some(entry) = mapping.entry("external") else { return (None, name) };
        let at = place.key("external");
        if let Value::Mapping(_) = entry.value.value {
            let old = self
                .mapping(&entry.value, &at, &["name"])
                .and_then(|old| old.get("name"))
                .and_then(|node| self.text(node, &at.key("name")));
            if let Some(old) = &old {
                let diagnostic = match &name {
                    Some(name) if name.value != old.value => Diagnostic::error(
                        "compose.external",
                        format!("{place}: `name` and `external.name` differ"),
                    )
                    .at(old.span)
                    .label(name.span, "the other name"),
                    _ => Diagnostic::warning("compose.external", format!("{at}.name is an old form"))
                        .at(old.span),
                };
                self.error(diagnostic.help("write `external: true` and `name:`"));
            }
            name = name.or(old);
        } else if !self.boolean(&entry.value, &at).is_some_and(|flag| flag.value) {
            return (None, name);
        }
        let extra = mapping.iter().find(|other| {
            alone && !matches!(other.key.as_str(), "external" | "name") && !other.key.starts_with("x-")
        });
        if let Some(extra) = extra {
            self.error(
                Diagnostic::error(
                    "compose.external",
                    format!("{place} is external: `{}` means nothing", extra.key),
                )
                .at(extra.key_span)
                .label(entry.key_span, "external here")
                .help("remove one of them"),
            );
        }
        (Some(entry.key_span), name)
    }
}
