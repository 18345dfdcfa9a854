//! The same value in its other form: short and long, list and mapping, one text and a list of it. Pure.

use crate::Random;
use crate::tree::{entry, list, mapping, null, text};
use kompox_yaml::{Node, Value};

/// Writes a value in another form of the key that it is beneath. False if it has none.
pub(crate) fn swap(node: &mut Node, keys: &[String], random: &mut Random) -> bool {
    let key = keys.last().map_or("", String::as_str);
    let other = match &node.value {
        Value::String(value) => long(key, value, random),
        Value::Sequence(items) => match items.as_slice() {
            [only] if only.as_str().is_some() && random.one_in(2) => Some(only.clone()),
            items => keyed(items),
        },
        Value::Mapping(_) => listed(node),
        _ => None,
    };
    let swapped = other.is_some();
    if let Some(other) = other {
        *node = other;
    }
    swapped
}

/// Text as the mapping that it is short for, or as a list.
fn long(key: &str, value: &str, random: &mut Random) -> Option<Node> {
    let parts: Vec<_> = value.split(':').collect();
    Some(match (key, parts.as_slice()) {
        ("volumes", [source, target, ..]) => {
            let kind = if source.starts_with(['.', '/', '~']) { "bind" } else { "volume" };
            let known =
                [entry("type", text(kind)), entry("source", text(*source)), entry("target", text(*target))];
            mapping(known.into())
        }
        ("ports", [published, target]) => {
            mapping(vec![entry("target", text(*target)), entry("published", text(*published))])
        }
        ("ports", [target]) => mapping(vec![entry("target", text(*target))]),
        ("devices", [source, target, ..]) => {
            mapping(vec![entry("source", text(*source)), entry("target", text(*target))])
        }
        ("configs" | "secrets", _) => mapping(vec![entry("source", text(value))]),
        ("env_file" | "include", _) => mapping(vec![entry("path", text(value))]),
        ("extends", _) => mapping(vec![entry("service", text(value))]),
        ("build", _) => mapping(vec![entry("context", text(value))]),
        _ if random.one_in(2) => list(vec![text(value)]),
        _ => return None,
    })
}

/// A list of `KEY=VALUE` or of names as a mapping.
fn keyed(items: &[Node]) -> Option<Node> {
    let mut all = mapping(Vec::new());
    for item in items {
        let (key, value) = match item.as_str()?.split_once('=') {
            Some((key, value)) => (key, text(value)),
            None => (item.as_str()?, null()),
        };
        crate::tree::set(&mut all, key, value);
    }
    Some(all)
}

/// A mapping as a list of `KEY=VALUE` or of names.
fn listed(node: &Node) -> Option<Node> {
    let line = |entry: &kompox_yaml::Entry| match entry.value.text() {
        Some(value) if !entry.value.is_null() => text(format!("{}={value}", entry.key)),
        _ => text(entry.key.clone()),
    };
    Some(list(node.as_mapping()?.iter().map(line).collect()))
}
