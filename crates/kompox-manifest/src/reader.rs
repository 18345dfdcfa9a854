//! Reading mappings by known keys, collecting everything that is wrong on the way. Pure.

use kompox_yaml::{Diagnostic, Diagnostics, Kind, Located, Mapping, Node, Span, nearest};
use std::fmt::Display;

/// The keys that a mapping may have.
pub(crate) struct Keys {
    /// Keys that are read.
    pub(crate) known: &'static [&'static str],
    /// Keys with a meaning that this version does not have yet: refused by name, never ignored.
    pub(crate) later: &'static [&'static str],
}

/// The key of a noun's own name in version 1; a KOM document has it in `metadata`.
pub(crate) const NAME: Keys = Keys { known: &["name"], later: &[] };

/// A value with the path and the place of its key.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    /// Path from the root of the document, such as `app.name`.
    pub(crate) path: String,
    /// Where the key is, or the item of a list.
    pub(crate) key: Span,
    /// The value; never null.
    pub(crate) node: &'a Node,
}

impl<'a> Field<'a> {
    /// The field of an entry of a mapping at `path`.
    pub(crate) fn of(path: &str, entry: &'a kompox_yaml::Entry) -> Self {
        let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        Self { path, key: entry.key_span, node: &entry.value }
    }
}

/// A mapping whose keys were checked.
pub(crate) struct Section<'a> {
    path: String,
    place: Span,
    mapping: &'a Mapping,
}

impl<'a> Section<'a> {
    /// Where a missing key is reported: the key that holds the mapping.
    pub(crate) const fn place(&self) -> Span {
        self.place
    }

    /// Where a key is, if it is written.
    pub(crate) fn place_of(&self, key: &str) -> Option<Span> {
        self.mapping.entry(key).map(|entry| entry.key_span)
    }

    /// True when the key is written, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.mapping.entry(key).is_some()
    }

    /// The path of a key of this mapping.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn written(&self, key: &str) -> Option<Field<'a>> {
        self.mapping.entry(key).map(|entry| Field::of(&self.path, entry))
    }
}

/// Collects diagnostics while values are taken out of the tree.
#[derive(Default)]
pub(crate) struct Reader {
    /// What was found so far.
    pub(crate) diagnostics: Diagnostics,
}

impl Reader {
    /// Adds one finding.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Opens the mapping in `field` and reports every key that may not be there.
    pub(crate) fn section<'a>(&mut self, field: &Field<'a>, keys: &Keys) -> Option<Section<'a>> {
        self.section_of(field, &[keys])
    }

    /// The same for a mapping whose keys are in several tables.
    pub(crate) fn section_of<'a>(&mut self, field: &Field<'a>, tables: &[&Keys]) -> Option<Section<'a>> {
        let Some(mapping) = field.node.as_mapping() else {
            self.wrong_kind(field, "a mapping");
            return None;
        };
        for entry in mapping {
            if !tables.iter().any(|keys| keys.known.contains(&entry.key.as_str())) {
                self.refuse_key(&Field::of(&field.path, entry), &entry.key, tables);
            }
        }
        Some(Section { path: field.path.clone(), place: field.key, mapping })
    }

    fn refuse_key(&mut self, field: &Field<'_>, key: &str, tables: &[&Keys]) {
        let path = &field.path;
        if tables.iter().any(|keys| keys.later.contains(&key)) {
            let message = format!("`{path}` is known, but not supported by this version");
            self.report(Diagnostic::error("manifest.key.later", message).at(field.key));
            return;
        }
        let known: Vec<_> = tables.iter().flat_map(|keys| keys.known).copied().collect();
        let later = tables.iter().flat_map(|keys| keys.later).copied();
        let help = match nearest(key, known.iter().copied().chain(later)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys here: {}", known.join(", ")),
        };
        let message = format!("unknown key `{path}`");
        self.report(Diagnostic::error("manifest.key.unknown", message).at(field.key).help(help));
    }

    /// The value of a key that may be absent; a key without a value is reported.
    pub(crate) fn optional<'a>(&mut self, section: &Section<'a>, key: &str) -> Option<Field<'a>> {
        section.written(key).filter(|field| self.has_value(field))
    }

    /// The value of a key that must be there.
    pub(crate) fn required<'a>(&mut self, section: &Section<'a>, key: &str) -> Option<Field<'a>> {
        if !section.has(key) {
            let message = format!("`{}` is missing", section.path_of(key));
            self.report(Diagnostic::error("manifest.key.missing", message).at(section.place));
        }
        self.optional(section, key)
    }

    /// Reports a null.
    pub(crate) fn has_value(&mut self, field: &Field<'_>) -> bool {
        if field.node.is_null() {
            let message = format!("`{}` has no value", field.path);
            self.report(
                Diagnostic::error("manifest.value.missing", message)
                    .at(field.key)
                    .help("give it a value or remove the key"),
            );
            return false;
        }
        true
    }

    /// Reports a value of the wrong kind.
    pub(crate) fn wrong_kind(&mut self, field: &Field<'_>, wanted: &str) {
        let message =
            format!("`{}` must be {wanted}, but {} was found", field.path, field.node.kind().phrase());
        self.report(Diagnostic::error("manifest.value.kind", message).at(field.node.span));
    }

    /// The text of a scalar as it is written, so that `50` and `true` are texts too.
    pub(crate) fn text(&mut self, field: &Field<'_>) -> Option<Located<String>> {
        let Some(text) = field.node.text() else {
            self.wrong_kind(field, "text");
            return None;
        };
        if text.is_empty() {
            let message = format!("`{}` is empty", field.path);
            self.report(Diagnostic::error("manifest.value.missing", message).at(field.node.span));
            return None;
        }
        Some(Located::new(text.to_owned(), field.node.span))
    }

    /// A boolean.
    pub(crate) fn boolean(&mut self, field: &Field<'_>) -> Option<bool> {
        let value = field.node.as_bool();
        if value.is_none() {
            self.wrong_kind(field, "true or false");
        }
        value
    }

    /// The items of a list, each with its path; items without a value are reported.
    pub(crate) fn list<'a>(&mut self, field: &Field<'a>) -> Vec<Field<'a>> {
        let Some(items) = field.node.as_sequence() else {
            self.wrong_kind(field, "a list");
            return Vec::new();
        };
        self.items(field, items)
    }

    /// The items as fields.
    pub(crate) fn items<'a>(&mut self, field: &Field<'a>, items: &'a [Node]) -> Vec<Field<'a>> {
        let item = |(index, node): (usize, &'a Node)| Field {
            path: format!("{}[{index}]", field.path),
            key: node.span,
            node,
        };
        items.iter().enumerate().map(item).filter(|field| self.has_value(field)).collect()
    }

    /// Reads a text by `parse` and reports what it refuses under `code`.
    pub(crate) fn parsed<T, E: Display>(
        &mut self,
        field: Option<Field<'_>>,
        code: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Located<T>> {
        let text = self.text(&field?)?;
        match parse(&text.value) {
            Ok(value) => Some(Located::new(value, text.span)),
            Err(error) => {
                self.report(Diagnostic::error(code, error.to_string()).at(text.span));
                None
            }
        }
    }

    /// Reports tags of the file's own anywhere in the tree: nothing here gives them a meaning.
    pub(crate) fn refuse_tags(&mut self, node: &Node) {
        if let Some(tag) = &node.tag {
            let message = format!("the tag `{tag}` has no meaning in this file");
            self.report(Diagnostic::error("manifest.value.tag", message).at(node.span));
        }
        match node.kind() {
            Kind::Mapping => node.as_mapping().into_iter().flatten().for_each(|e| self.refuse_tags(&e.value)),
            Kind::Sequence => {
                node.as_sequence().into_iter().flatten().for_each(|item| self.refuse_tags(item));
            }
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => {}
        }
    }
}
