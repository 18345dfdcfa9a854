//! `volumes` and `volumes_from` of a service.

use std::collections::HashMap;

use kompox_yaml::{Diagnostic, Located, Mapping, Node, Span, Value};

use super::Reader;
use super::list::last_of_each;
use crate::assemble::identity;
use crate::path::{clean, locate};
use crate::place::Place;
use crate::shape::{self, Shape};
use crate::{BindMount, Mount, MountKind, SelinuxLabel, VolumesFrom};

mod short;

const KEYS: &[&str] = &shape::names::<{ shape::MOUNT.len() }>(shape::MOUNT);

impl Reader<'_> {
    pub(super) fn volumes(&mut self, node: &Node, place: &Place<'_>) -> Vec<Mount> {
        let mut mounts: Vec<(Option<String>, Mount)> = Vec::new();
        for (index, item) in self.sequence(node, place).unwrap_or_default().iter().enumerate() {
            let at = place.item(index);
            let mount = match &item.value {
                Value::String(text) => self.short_volume(text, item.span, &at),
                Value::Mapping(_) => self.long_volume(item, &at),
                _ => {
                    self.wrong(item, &at, "a volume such as \"data:/var/lib/data\"");
                    None
                }
            };
            mounts.extend(mount.map(|mount| (identity::volume(item), mount)));
        }
        let written: Vec<(Option<String>, Span)> =
            mounts.iter().map(|(target, mount)| (target.clone(), mount.span)).collect();
        let kept = last_of_each(mounts, |(target, _)| target.clone());
        let winners: HashMap<&Option<String>, Span> =
            kept.iter().map(|(target, mount)| (target, mount.span)).collect();
        for (written, span) in &written {
            if let Some(winner) = winners.get(written).filter(|winner| *winner != span) {
                let target = written.as_deref().unwrap_or_default();
                self.error(
                    Diagnostic::warning(
                        "compose.volume.replaced",
                        format!("{target} is mounted again further down: this entry has no effect"),
                    )
                    .at(*span)
                    .label(*winner, "this one counts")
                    .help("remove one of them"),
                );
            }
        }
        kept.into_iter().map(|(_, mount)| mount).collect()
    }

    /// The path in the container, cleaned.
    pub(super) fn target(&mut self, text: &str, span: Span, place: &Place<'_>) -> Option<String> {
        if text.starts_with('/') {
            return Some(clean(text));
        }
        self.error(
            Diagnostic::error(
                "compose.volume.target",
                format!("{place}: `{text}` is not an absolute path in the container"),
            )
            .at(span)
            .help("start it with `/`"),
        );
        None
    }

    fn short_volume(&mut self, text: &str, span: Span, place: &Place<'_>) -> Option<Mount> {
        let short = match short::parse(text) {
            Ok(short) => short,
            Err(wrong) => {
                self.error(
                    Diagnostic::error("compose.volume", format!("{place}: {wrong}"))
                        .at(span)
                        .help("write NAME:/target, ./path:/target or /target, optionally with :ro"),
                );
                return None;
            }
        };
        let target = self.target(short.target, span, place)?;
        let (mut read_only, mut no_copy, mut ignored) = (false, false, Vec::new());
        let (mut propagation, mut selinux) = (None, None);
        for option in &short.options {
            let at = Located::new((*option).to_owned(), span);
            match *option {
                "ro" => read_only = true,
                "rw" => read_only = false,
                "nocopy" => no_copy = true,
                "z" => selinux = Some(Located::new(SelinuxLabel::Shared, span)),
                "Z" => selinux = Some(Located::new(SelinuxLabel::Private, span)),
                "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => propagation = Some(at),
                known => {
                    if !matches!(known, "cached" | "delegated" | "consistent") {
                        let message = format!("{place}: the option `{known}` is unknown and has no effect");
                        self.error(
                            Diagnostic::warning("compose.volume.option", message)
                                .at(span)
                                .help("known are ro, rw, nocopy, z, Z and the propagation modes"),
                        );
                    }
                    ignored.push(at);
                }
            }
        }
        let kind = match short.source {
            None => MountKind::Anonymous { no_copy },
            Some(source) if source.starts_with(['.', '/', '~']) => MountKind::Bind(BindMount {
                written: source.to_owned(),
                source: locate(source),
                create_host_path: true,
                propagation,
                selinux,
                recursive: None,
            }),
            Some(source) => {
                ignored.extend(propagation);
                ignored.extend(selinux.map(|label| {
                    label.map(|label| if label == SelinuxLabel::Shared { "z" } else { "Z" }.to_owned())
                }));
                MountKind::Named { source: source.to_owned(), subpath: None, no_copy }
            }
        };
        Some(Mount { target, kind, read_only, ignored, span })
    }

    fn long_volume(&mut self, node: &Node, place: &Place<'_>) -> Option<Mount> {
        let mapping = self.mapping(node, place, KEYS)?;
        let Some(kind) = mapping.get("type") else {
            self.error(
                Diagnostic::error("compose.volume", format!("{place}: `type` is missing"))
                    .at(node.span)
                    .help("add `type: volume`, `type: bind` or `type: tmpfs`"),
            );
            return None;
        };
        let kind = self.text(kind, &place.key("type"))?;
        let source = mapping.get("source").and_then(|node| self.text(node, &place.key("source")));
        let read_only = mapping.get("read_only").and_then(|node| self.boolean(node, &place.key("read_only")));
        let consistency =
            mapping.get("consistency").and_then(|node| self.text(node, &place.key("consistency")));
        let target = match mapping.get("target") {
            Some(node) => {
                let text = self.text(node, &place.key("target"))?;
                self.target(&text.value, text.span, place)?
            }
            None => {
                self.error(
                    Diagnostic::error("compose.volume", format!("{place}: `target` is missing"))
                        .at(node.span)
                        .help("add the path in the container"),
                );
                return None;
            }
        };
        // What belongs to another type has no effect, but it is not nonsense.
        for entry in mapping.iter().filter(|entry| entry.key != kind.value || entry.key == "image") {
            if matches!(entry.key.as_str(), "bind" | "image" | "tmpfs" | "volume") {
                self.kept(entry, shape::MOUNT, &place.key(&entry.key));
            }
        }
        let mut ignored: Vec<_> = consistency.into_iter().collect();
        let kind = match kind.value.as_str() {
            "volume" => self.long_named(mapping, source, place, &mut ignored),
            "bind" => self.long_bind(mapping, source, node.span, place)?,
            "tmpfs" => self.long_tmpfs(mapping, place),
            "npipe" | "cluster" | "image" => MountKind::Other {
                kind: kind.value,
                source,
                other: mapping.iter().filter(|entry| entry.key == "image").cloned().collect(),
            },
            other => {
                self.error(
                    Diagnostic::error("compose.volume", format!("{place}: `{other}` is no type of volume"))
                        .at(kind.span)
                        .help("known are volume, bind, tmpfs, npipe, cluster and image"),
                );
                return None;
            }
        };
        Some(Mount {
            target,
            kind,
            read_only: read_only.is_some_and(|flag| flag.value),
            ignored,
            span: node.span,
        })
    }

    fn long_named(
        &mut self,
        mapping: &Mapping,
        source: Option<Located<String>>,
        place: &Place<'_>,
        ignored: &mut Vec<Located<String>>,
    ) -> MountKind {
        let at = place.key("volume");
        let options =
            mapping.get("volume").and_then(|node| self.mapping(node, &at, &["labels", "nocopy", "subpath"]));
        let get = |key| options.and_then(|options| options.get(key));
        let no_copy = get("nocopy").and_then(|node| self.boolean(node, &at.key("nocopy")));
        let subpath = get("subpath").and_then(|node| self.filled_text(node, &at.key("subpath")));
        if let Some(labels) = get("labels") {
            self.labels(labels, &at.key("labels"));
            ignored.push(Located::new("labels".to_owned(), labels.span));
        }
        let no_copy = no_copy.is_some_and(|flag| flag.value);
        match source.filter(|source| !source.value.is_empty()) {
            Some(source) => MountKind::Named { source: source.value, subpath, no_copy },
            None => MountKind::Anonymous { no_copy },
        }
    }

    fn long_bind(
        &mut self,
        mapping: &Mapping,
        source: Option<Located<String>>,
        span: Span,
        place: &Place<'_>,
    ) -> Option<MountKind> {
        const BIND: &[&str] = &["create_host_path", "propagation", "recursive", "selinux"];
        let at = place.key("bind");
        let options = mapping.get("bind").and_then(|node| self.mapping(node, &at, BIND));
        let get = |key| options.and_then(|options| options.get(key));
        let create = get("create_host_path").and_then(|node| self.boolean(node, &at.key("create_host_path")));
        let propagation = get("propagation").and_then(|node| self.text(node, &at.key("propagation")));
        let recursive = get("recursive").and_then(|node| {
            let words: &[&str] = &["enabled", "disabled", "writable", "readonly"];
            self.shape(node, Shape::Word(words), &at.key("recursive"));
            node.as_str().map(|text| Located::new(text.to_owned(), node.span))
        });
        let selinux = get("selinux").and_then(|node| match node.as_str() {
            Some("z") => Some(Located::new(SelinuxLabel::Shared, node.span)),
            Some("Z") => Some(Located::new(SelinuxLabel::Private, node.span)),
            _ => {
                self.wrong(node, &at.key("selinux"), "z or Z");
                None
            }
        });
        let Some(source) = source.filter(|source| !source.value.is_empty()) else {
            self.error(
                Diagnostic::error("compose.volume", format!("{place}: a bind mount needs a `source`"))
                    .at(span)
                    .help("add `source:` with a path, or use `type: volume`"),
            );
            return None;
        };
        Some(MountKind::Bind(BindMount {
            source: locate(&source.value),
            written: source.value,
            create_host_path: create.is_none_or(|flag| flag.value),
            propagation,
            selinux,
            recursive,
        }))
    }

    fn long_tmpfs(&mut self, mapping: &Mapping, place: &Place<'_>) -> MountKind {
        let at = place.key("tmpfs");
        let options = mapping.get("tmpfs").and_then(|node| self.mapping(node, &at, &["mode", "size"]));
        let get = |key| options.and_then(|options| options.get(key));
        let size = get("size").and_then(|node| self.bytes(node, &at.key("size")));
        let mode = get("mode").and_then(|node| self.mode(node, &at.key("mode")));
        MountKind::Tmpfs { size, mode }
    }

    pub(super) fn volumes_from(&mut self, node: &Node, place: &Place<'_>) -> Vec<VolumesFrom> {
        let read = |text: Located<String>| {
            let (container, rest) = match text.value.strip_prefix("container:") {
                Some(rest) => (true, rest),
                None => (false, text.value.as_str()),
            };
            let (source, mode) = rest.split_once(':').unwrap_or((rest, "rw"));
            VolumesFrom { source: source.to_owned(), container, read_only: mode == "ro", span: text.span }
        };
        self.texts(node, place).into_iter().map(read).collect()
    }
}
