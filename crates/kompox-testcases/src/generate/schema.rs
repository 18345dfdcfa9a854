//! Random values that the Specification's own schema describes. Reads the schema; otherwise pure.

use super::{template, words};
use crate::Random;
use crate::case::tests;
use crate::tree::{entry, flag, list, mapping, node, null, number, text};
use kompox_yaml::{Entry, Node};
use serde_json::Value;
use std::error::Error;

/// Keys that bring other services and files into play; they are written on purpose only.
const APART: [&str; 4] = ["extends", "include", "profiles", "depends_on"];

/// The schema.
#[derive(Clone, Debug)]
pub struct Schema(Value);

/// What a value is made from.
struct Maker<'a> {
    schema: &'a Value,
    random: &'a mut Random,
    keys: Vec<String>,
}

impl Schema {
    /// Reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let text = std::fs::read_to_string(tests().join("schema/compose-spec.json"))?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    /// A value of a definition, with so many keys. `kind` is the key that it will be written beneath.
    pub(super) fn keys(&self, definition: &str, kind: &str, count: usize, random: &mut Random) -> Vec<Entry> {
        let part = &self.0["definitions"][definition];
        let mut maker = Maker { schema: &self.0, random, keys: vec![kind.to_owned()] };
        maker.entries(part, count)
    }
}

impl Maker<'_> {
    fn value(&mut self, part: &Value) -> Node {
        if let Some(reference) = part["$ref"].as_str() {
            let schema = self.schema;
            return schema.pointer(&reference[1..]).map_or_else(null, |part| self.value(part));
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(part) = part[key].as_array().and_then(|parts| self.random.item(parts)) {
                return self.value(part);
            }
        }
        if let Some(word) = part["enum"].as_array().and_then(|words| self.random.item(words)) {
            return word.as_str().map_or_else(null, text);
        }
        let kind = match &part["type"] {
            Value::Array(kinds) => self.random.item(kinds).and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => {
                let count = self.random.between(1, 3);
                mapping(self.entries(part, count))
            }
            Some("array") => {
                let count = if self.random.one_in(12) { 0 } else { self.random.between(1, 3) };
                let mut items: Vec<Node> = Vec::new();
                for _ in 0..count {
                    let item = self.value(&part["items"]);
                    // Lists must not repeat themselves; now and then one does.
                    if self.random.one_in(40) || !items.iter().any(|known| known.same(&item)) {
                        items.push(item);
                    }
                }
                list(items)
            }
            Some("boolean") => flag(self.random.one_in(2)),
            Some("integer" | "number") => self.number(),
            Some("null") => null(),
            _ => text(self.text()),
        }
    }

    /// Keys that are required, and random ones until there are enough.
    fn entries(&mut self, part: &Value, count: usize) -> Vec<Entry> {
        let required = part["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        // What the schema leaves to a later check.
        let later: &[&str] = match self.last() {
            "volumes" => &["type", "source", "target"],
            "ports" => &["target"],
            "devices" if part["properties"]["source"].is_object() => &["source", "target"],
            "configs" | "secrets" => &["source"],
            "watch" => &["target"],
            _ => &[],
        };
        let left_out = self.random.one_in(30);
        let required = required.chain(later.iter().copied().filter(|_| !left_out));
        let mut entries = Vec::new();
        let properties = part["properties"].as_object();
        let names: Vec<_> = properties.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let names: Vec<_> = names.into_iter().filter(|name| !APART.contains(name)).collect();
        let chosen = (0..count).filter_map(|_| self.random.item(&names).copied()).collect::<Vec<_>>();
        for key in required.chain(chosen) {
            // One or the other.
            let other = ["count", "device_ids"]
                .iter()
                .find(|other| ["count", "device_ids"].contains(&key) && **other != key);
            if entries.iter().any(|entry: &Entry| Some(&entry.key.as_str()) == other) {
                continue;
            }
            self.add(&mut entries, key.to_owned(), &part["properties"][key]);
        }
        let patterns = part["patternProperties"].as_object();
        let pattern = patterns.into_iter().flatten().find(|(pattern, _)| *pattern != "^x-");
        let part = pattern.map_or(&part["additionalProperties"], |(_, part)| part);
        if part.is_object() {
            for _ in 0..count {
                let names = words::names(self.above(), self.last());
                let name = self.random.pick(names).to_owned();
                self.add(&mut entries, name, part);
            }
        }
        entries
    }

    fn add(&mut self, entries: &mut Vec<Entry>, key: String, part: &Value) {
        if entries.iter().any(|entry| entry.key == key) {
            return;
        }
        self.keys.push(key.clone());
        let value = self.value(part);
        self.keys.pop();
        entries.push(entry(key, value));
    }

    fn last(&self) -> &str {
        self.keys.last().map_or("", String::as_str)
    }

    fn above(&self) -> &str {
        self.keys.iter().rev().nth(1).map_or("", String::as_str)
    }

    fn number(&mut self) -> Node {
        let known = words::numbers(self.above(), self.last());
        number(*self.random.item(known).unwrap_or(&1))
    }

    fn text(&mut self) -> String {
        let known = words::texts(self.above(), self.last());
        if known.is_empty() {
            return template(self.random);
        }
        self.random.pick(known).to_owned()
    }
}

/// A key of the user's own, with anything below.
pub(super) fn extension(random: &mut Random) -> Entry {
    let value = match random.below(4) {
        0 => null(),
        1 => text("y"),
        2 => list(vec![number(1), text("a")]),
        _ => mapping(vec![entry("k", node(kompox_yaml::Value::Bool(true)))]),
    };
    entry("x-own", value)
}
