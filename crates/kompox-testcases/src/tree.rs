//! YAML trees: reading, making and walking them. Pure.

use kompox_yaml::{Entry, Limits, Mapping, Node, Sources, Span, Value};

pub(crate) fn node(value: Value) -> Node {
    Node::new(value, Span::default())
}

pub(crate) fn text(text: impl Into<String>) -> Node {
    node(Value::String(text.into()))
}

pub(crate) fn number(number: i64) -> Node {
    Node { raw: Some(number.to_string()), ..node(Value::Int(number)) }
}

pub(crate) fn flag(flag: bool) -> Node {
    Node { raw: Some(flag.to_string()), ..node(Value::Bool(flag)) }
}

pub(crate) fn null() -> Node {
    node(Value::Null)
}

pub(crate) fn list(items: Vec<Node>) -> Node {
    node(Value::Sequence(items))
}

pub(crate) fn entry(key: impl Into<String>, value: Node) -> Entry {
    Entry { key: key.into(), key_span: Span::default(), value }
}

pub(crate) fn mapping(entries: Vec<Entry>) -> Node {
    node(Value::Mapping(Mapping { entries }))
}

/// Puts a value under a key of a mapping, whatever was there; does nothing to anything else.
pub(crate) fn set(node: &mut Node, key: &str, value: Node) {
    let Some(known) = node.as_mapping_mut() else { return };
    known.remove(key);
    known.entries.push(entry(key, value));
}

/// The documents of a text; none if it cannot be read.
#[must_use]
pub fn documents(text: &str) -> Option<Vec<Node>> {
    let mut sources = Sources::new();
    let id = sources.add("", text);
    let (documents, diagnostics) = kompox_yaml::parse(&sources, id, Limits::default());
    (!diagnostics.has_errors()).then_some(documents)
}

/// Positions of entries and items that lead to a node.
pub(crate) type Steps = Vec<usize>;

/// Every node of a tree in order, the tree itself first, with the keys that lead to it.
pub(crate) fn places(root: &Node) -> Vec<(Steps, Vec<String>)> {
    fn walk(node: &Node, steps: &mut Steps, keys: &mut Vec<String>, all: &mut Vec<(Steps, Vec<String>)>) {
        all.push((steps.clone(), keys.clone()));
        for at in 0..children(node) {
            let Some((key, below)) = child(node, at) else { continue };
            steps.push(at);
            keys.extend(key.map(str::to_owned));
            walk(below, steps, keys, all);
            if key.is_some() {
                keys.pop();
            }
            steps.pop();
        }
    }
    let mut all = Vec::new();
    walk(root, &mut Vec::new(), &mut Vec::new(), &mut all);
    all
}

fn children(node: &Node) -> usize {
    match &node.value {
        Value::Sequence(items) => items.len(),
        Value::Mapping(mapping) => mapping.len(),
        _ => 0,
    }
}

fn child(node: &Node, at: usize) -> Option<(Option<&str>, &Node)> {
    match &node.value {
        Value::Sequence(items) => Some((None, items.get(at)?)),
        Value::Mapping(mapping) => {
            mapping.entries.get(at).map(|entry| (Some(entry.key.as_str()), &entry.value))
        }
        _ => None,
    }
}

/// The node that steps lead to.
pub(crate) fn at_mut<'a>(root: &'a mut Node, steps: &[usize]) -> Option<&'a mut Node> {
    steps.iter().try_fold(root, |node, at| match &mut node.value {
        Value::Sequence(items) => items.get_mut(*at),
        Value::Mapping(mapping) => mapping.entries.get_mut(*at).map(|entry| &mut entry.value),
        _ => None,
    })
}

/// Takes out what steps lead to, from the list or mapping that it is in.
pub(crate) fn remove(root: &mut Node, steps: &[usize]) -> bool {
    let Some((last, above)) = steps.split_last() else { return false };
    match at_mut(root, above).map(|node| &mut node.value) {
        Some(Value::Sequence(items)) if *last < items.len() => drop(items.remove(*last)),
        Some(Value::Mapping(mapping)) if *last < mapping.len() => drop(mapping.entries.remove(*last)),
        _ => return false,
    }
    true
}
