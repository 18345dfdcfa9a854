//! Lists of text, and maps that may be written as lists of `KEY=VALUE`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use kompox_yaml::{Diagnostic, Located, Node, Value};

use super::Reader;
use super::value::canonical;
use crate::place::Place;

/// One entry of a map or of a list of `KEY=VALUE`.
pub(super) struct Pair {
    pub(super) name: Located<String>,
    /// Absent for `KEY` alone, and for a key without value.
    pub(super) value: Option<Located<String>>,
}

impl Reader<'_> {
    /// A list of text; what is repeated is kept once.
    pub(super) fn texts(&mut self, node: &Node, place: &Place<'_>) -> Vec<Located<String>> {
        let items = self.sequence(node, place).unwrap_or_default();
        let read = items.iter().enumerate().filter_map(|(index, item)| self.text(item, &place.item(index)));
        unique(read.collect())
    }

    /// One text, or a list of text.
    pub(super) fn text_or_texts(&mut self, node: &Node, place: &Place<'_>) -> Vec<Located<String>> {
        match &node.value {
            Value::Sequence(_) => self.texts(node, place),
            Value::String(text) => vec![Located::new(text.clone(), node.span)],
            _ => {
                self.wrong(node, place, "text or a list of text");
                Vec::new()
            }
        }
    }

    /// A list of text and numbers.
    pub(super) fn scalars(&mut self, node: &Node, place: &Place<'_>) -> Vec<Located<String>> {
        let items = self.sequence(node, place).unwrap_or_default();
        let read = items.iter().enumerate().filter_map(|(index, item)| self.scalar(item, &place.item(index)));
        unique(read.collect())
    }

    /// A map with plain values, or a list of `KEY=VALUE`; of a repeated key the last value counts.
    pub(super) fn pairs(&mut self, node: &Node, place: &Place<'_>) -> Vec<Pair> {
        let mut pairs = Vec::new();
        match &node.value {
            Value::Mapping(mapping) => {
                for entry in mapping {
                    let name = Located::new(entry.key.clone(), entry.key_span);
                    match &entry.value.value {
                        Value::Sequence(_) | Value::Mapping(_) => {
                            self.wrong(&entry.value, &place.key(&entry.key), "text, a number or a boolean");
                        }
                        _ => pairs.push(Pair { name, value: self.pair_value(&entry.value) }),
                    }
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(text) = self.text(item, &place.item(index)) {
                        let (name, value) = match text.value.split_once('=') {
                            Some((name, value)) => (name, Some(Located::new(value.to_owned(), text.span))),
                            None => (text.value.as_str(), None),
                        };
                        pairs.push(Pair { name: Located::new(name.to_owned(), text.span), value });
                    }
                }
            }
            _ => self.wrong(node, place, "a mapping or a list of KEY=VALUE"),
        }
        last_of_each(pairs, |pair| pair.name.value.clone())
    }

    /// The same with a value for each key: nothing is the empty text.
    pub(super) fn labels(&mut self, node: &Node, place: &Place<'_>) -> BTreeMap<String, Located<String>> {
        let with_value = |pair: Pair| {
            let value = pair.value.unwrap_or_else(|| Located::new(String::new(), pair.name.span));
            (pair.name.value, value)
        };
        self.pairs(node, place).into_iter().map(with_value).collect()
    }

    fn pair_value(&mut self, node: &Node) -> Option<Located<String>> {
        let text = canonical(node)?;
        if let Some(raw) = node.raw.as_deref().filter(|raw| *raw != text) {
            self.error(
                Diagnostic::warning(
                    "compose.value.rewritten",
                    format!("unquoted, `{raw}` is not text: it becomes `{text}`, as in Docker Compose"),
                )
                .at(node.span)
                .help(format!("to keep it as written, put it in quotes: \"{raw}\"")),
            );
        }
        Some(Located::new(text, node.span))
    }
}

fn unique(list: Vec<Located<String>>) -> Vec<Located<String>> {
    let mut known = HashSet::new();
    list.into_iter().filter(|item| known.insert(item.value.clone())).collect()
}

/// Keeps one entry per key: the last one, at the place of the first.
pub(super) fn last_of_each<T, K: Hash + Eq>(list: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut places = HashMap::with_capacity(list.len());
    let mut kept: Vec<T> = Vec::with_capacity(list.len());
    for item in list {
        match places.entry(key(&item)) {
            std::collections::hash_map::Entry::Occupied(place) => kept[*place.get()] = item,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(item);
            }
        }
    }
    kept
}
