//! Nodes by their shape. What was read without an error has its shape; anything else is printed as it is.

use std::collections::{BTreeMap, HashMap};

use kompox_yaml::{Mapping, Node, Value as Written};
use serde_json::{Map, Number, Value, json};

use super::Paths;
use crate::path;
use crate::shape::{self, Keys, Shape};
use crate::{bytes, duration};

/// Prints nodes.
pub(super) struct Printer<'a> {
    pub(super) paths: Paths<'a>,
    /// What variables mean.
    pub(super) environment: &'a BTreeMap<String, String>,
}

impl Printer<'_> {
    /// The keys of a mapping that are not typed, and the user's own.
    pub(super) fn keys(&self, node: &Node, keys: Keys) -> Map<String, Value> {
        let mut out = Map::new();
        for entry in node.as_mapping().into_iter().flatten() {
            if let Some(shape) = shape::of(keys, &entry.key) {
                out.extend(self.node(&entry.value, shape).map(|value| (entry.key.clone(), value)));
            }
            super::extension(&mut out, entry);
        }
        out
    }

    /// A node; none if it says nothing.
    pub(super) fn node(&self, node: &Node, shape: Shape) -> Option<Value> {
        let filled = |text: String| (!text.is_empty()).then_some(Value::String(text));
        match shape {
            Shape::Typed => None,
            _ if node.is_null() && !matches!(shape, Shape::Command) => None,
            Shape::Any => Some(plain(node)),
            Shape::Text | Shape::Scalar | Shape::Word(_) => filled(text(node)),
            Shape::Flag | Shape::Boolean => flag(node).filter(|flag| *flag).map(Value::Bool),
            Shape::Choice => flag(node).map(Value::Bool),
            Shape::FlagOrText => filled(text(node)),
            Shape::Int | Shape::Within(..) => number(node).filter(|number| *number != json!(0)),
            Shape::Count | Shape::Limit if node.as_mapping().is_none() => number(node),
            Shape::Count => None,
            Shape::Number => number(node).filter(|number| *number != json!(0)),
            Shape::Bytes => amount(node),
            Shape::Duration => {
                node.as_str().and_then(duration::parse).map(|time| json!(duration::print(time)))
            }
            Shape::Time => {
                let time = node.as_str().and_then(duration::parse).filter(|time| !time.is_zero())?;
                Some(json!(duration::print(time)))
            }
            Shape::Texts | Shape::Scalars | Shape::TextOrTexts => list(node),
            Shape::Pairs => pairs(node, |_| Some(Value::String(String::new()))),
            Shape::Environment => pairs(node, |name| self.environment.get(name).map(|value| json!(value))),
            Shape::Variables => pairs(node, |_| Some(Value::Null)),
            Shape::Ssh => ssh(node),
            Shape::Options | Shape::Settings => options(node),
            Shape::Command => Some(command(node)),
            Shape::Path => filled(self.path(&text(node))),
            Shape::Context if text(node).is_empty() => None,
            Shape::Context => filled(self.context(&text(node))),
            Shape::Contexts => {
                pairs(node, |_| Some(Value::String(String::new()))).map(|value| self.contexts(value))
            }
            Shape::Hosts => hosts(node),
            Shape::Limit => {
                Some(Value::Object(self.keys(node, &[("hard", Shape::Int), ("soft", Shape::Int)])))
            }
            Shape::List(Shape::Text) => {
                let items: Vec<Value> = node.as_sequence()?.iter().map(|node| json!(text(node))).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            Shape::List(item) => {
                let items: Vec<Value> =
                    node.as_sequence()?.iter().filter_map(|node| self.node(node, *item)).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            Shape::Map(keys, _) => Some(Value::Object(self.keys(node, keys))),
            Shape::Short(key, keys) => Some(self.short(node, key, keys)),
            Shape::Strings => {
                let object: Map<String, Value> =
                    entries(node).filter_map(|(key, node)| Some((key.to_owned(), list(node)?))).collect();
                (!object.is_empty()).then_some(Value::Object(object))
            }
            Shape::Each(value) => {
                let object: Map<String, Value> = entries(node)
                    .filter_map(|(key, node)| Some((key.to_owned(), self.node(node, *value)?)))
                    .collect();
                (!object.is_empty()).then_some(Value::Object(object))
            }
            Shape::Names(value) => {
                let names = self.names(node, *value);
                names.as_object().is_some_and(|names| !names.is_empty()).then_some(names)
            }
            Shape::DeviceRequest(keys, _) => {
                let mut out = self.keys(node, keys);
                if node.get("device_ids").is_none() {
                    out.entry("count").or_insert_with(|| json!(-1));
                }
                Some(Value::Object(out))
            }
            Shape::AllOr(Shape::Int) => {
                if node.as_str() == Some("all") {
                    Some(json!(-1))
                } else {
                    number(node)
                }
            }
            Shape::AllOr(_) if node.as_str() == Some("all") => Some(json!([{"count": -1}])),
            Shape::AllOr(item) => self.node(node, Shape::List(item)),
            Shape::References(base) => self.references(node, base),
            Shape::Test => Some(match &node.value {
                Written::String(text) => json!(["CMD-SHELL", text]),
                _ => list(node)?,
            }),
        }
    }

    /// An absolute path.
    pub(super) fn path(&self, written: &str) -> String {
        if written.is_empty() {
            return String::new();
        }
        match written.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            Some(rest) => path::join(self.paths.home, rest.trim_start_matches('/')),
            None if written.starts_with('/') => written.to_owned(),
            None => path::join(self.paths.directory, written),
        }
    }

    fn context(&self, written: &str) -> String {
        if path::is_elsewhere(written) { written.to_owned() } else { self.path(written) }
    }

    fn contexts(&self, value: Value) -> Value {
        let Value::Object(object) = value else { return value };
        let print = |value: Value| match value {
            Value::String(text) => Value::String(self.context(&text)),
            other => other,
        };
        Value::Object(object.into_iter().map(|(name, value)| (name, print(value))).collect())
    }

    fn short(&self, node: &Node, key: &str, keys: Keys) -> Value {
        if node.as_str().is_none() {
            return Value::Object(self.keys(node, keys));
        }
        let shape = shape::of(keys, key).unwrap_or(Shape::Text);
        Value::Object(self.node(node, shape).map(|value| (key.to_owned(), value)).into_iter().collect())
    }

    pub(super) fn names(&self, node: &Node, shape: Shape) -> Value {
        let listed = node.as_sequence().into_iter().flatten();
        let mut out: Map<String, Value> =
            listed.filter_map(Node::as_str).map(|name| (name.to_owned(), Value::Null)).collect();
        for (name, node) in entries(node) {
            out.insert(name.to_owned(), self.node(node, shape).unwrap_or(Value::Null));
        }
        Value::Object(out)
    }

    fn references(&self, node: &Node, base: Option<&str>) -> Option<Value> {
        const KEYS: Keys =
            &[("gid", Shape::Text), ("source", Shape::Text), ("target", Shape::Text), ("uid", Shape::Text)];
        let mut out: Vec<Map<String, Value>> = Vec::new();
        let mut at: HashMap<String, usize> = HashMap::new();
        for item in node.as_sequence()? {
            let mut one = match item.as_str() {
                Some(source) => [("source".to_owned(), json!(source))].into_iter().collect(),
                None => self.keys(item, KEYS),
            };
            if let Some(mode) = item.get("mode").and_then(mode) {
                one.insert("mode".to_owned(), json!(format!("0{mode:o}")));
            }
            if let Some(base) = base.filter(|base| !base.is_empty())
                && let Some(source) = one.get("source").and_then(Value::as_str)
            {
                let target = format!("{base}/{source}");
                one.entry("target").or_insert_with(|| json!(target));
            }
            let file = |one: &Map<String, Value>| one.get("target").or_else(|| one.get("source")).cloned();
            let known = file(&one).map(|file| file.to_string());
            match known.filter(|_| base.is_some()).map(|file| at.entry(file).or_insert(out.len())) {
                Some(at) if *at < out.len() => out[*at] = one,
                _ => out.push(one),
            }
        }
        (!out.is_empty()).then(|| out.into_iter().map(Value::Object).collect())
    }
}

fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    node.as_mapping().into_iter().flat_map(Mapping::iter).map(|entry| (entry.key.as_str(), &entry.value))
}

/// A scalar as text.
pub(super) fn text(node: &Node) -> String {
    crate::read::canonical(node).unwrap_or_default()
}

/// Whether text means true.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "y" | "yes" | "on")
}

fn flag(node: &Node) -> Option<bool> {
    node.as_bool().or_else(|| node.as_str().map(is_true))
}

/// A number, whole if it can be.
pub(super) fn number(node: &Node) -> Option<Value> {
    if let Some(whole) = node.as_int() {
        return Some(json!(whole));
    }
    let text = node.text()?;
    if let Ok(whole) = text.parse::<i64>() {
        return Some(json!(whole));
    }
    let value: f64 = text.parse().ok()?;
    if let Some(whole) = whole(value) {
        return Some(json!(whole));
    }
    Number::from_f64(value).map(Value::Number)
}

/// The whole number that a number is, if it is one of less than 2⁵³.
fn whole(value: f64) -> Option<i64> {
    if value.fract() != 0.0 || value.abs() >= 9.0e15 {
        return None;
    }
    format!("{value:.0}").parse().ok()
}

fn amount(node: &Node) -> Option<Value> {
    let text = node.text()?;
    let bytes = if text == "-1" { text.to_owned() } else { bytes::parse(text)?.to_string() };
    (bytes != "0").then_some(Value::String(bytes))
}

fn mode(node: &Node) -> Option<u32> {
    match node.as_int() {
        Some(value) => u32::try_from(value).ok(),
        None => u32::from_str_radix(node.as_str()?.strip_prefix("0o").unwrap_or(node.as_str()?), 8).ok(),
    }
}

fn list(node: &Node) -> Option<Value> {
    let items: Vec<Value> = match &node.value {
        Written::Sequence(items) => items.iter().map(|item| Value::String(text(item))).collect(),
        _ => vec![Value::String(text(node))],
    };
    let mut known = std::collections::HashSet::new();
    let items: Vec<Value> = items.into_iter().filter(|item| known.insert(item.to_string())).collect();
    (!items.is_empty()).then_some(Value::Array(items))
}

fn pairs(node: &Node, alone: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    let mut out = Map::new();
    for (key, value) in entries(node) {
        let value = if value.is_null() { alone(key) } else { Some(Value::String(text(value))) };
        out.extend(value.map(|value| (key.to_owned(), value)));
    }
    for item in node.as_sequence().unwrap_or_default().iter().filter_map(Node::as_str) {
        let (key, value) = match item.split_once('=') {
            Some((key, value)) => (key, Some(json!(value))),
            None => (item, alone(item)),
        };
        out.extend(value.map(|value| (key.to_owned(), value)));
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

fn options(node: &Node) -> Option<Value> {
    let out: Map<String, Value> =
        entries(node).map(|(key, node)| (key.to_owned(), json!(text(node)))).collect();
    (!out.is_empty()).then_some(Value::Object(out))
}

fn ssh(node: &Node) -> Option<Value> {
    let Some(Value::Object(pairs)) = pairs(node, |_| Some(Value::Null)) else { return None };
    let line = |(id, path): (String, Value)| match path {
        Value::String(path) => Value::String(format!("{id}={path}")),
        _ => Value::String(id),
    };
    Some(pairs.into_iter().map(line).collect())
}

fn command(node: &Node) -> Value {
    match &node.value {
        Written::String(text) => crate::words::split(text).map_or(Value::Null, |words| json!(words.words)),
        Written::Sequence(items) => items.iter().map(|item| Value::String(text(item))).collect(),
        _ => Value::Null,
    }
}

fn hosts(node: &Node) -> Option<Value> {
    let mut out = Vec::new();
    for item in node.as_sequence().unwrap_or_default().iter().filter_map(Node::as_str) {
        let (host, addresses) = item.split_once('=').or_else(|| item.split_once(':')).unwrap_or((item, ""));
        out.extend(addresses.split(',').map(|address| (host.to_owned(), bare(address).to_owned())));
    }
    for (host, value) in entries(node) {
        let addresses = value.as_sequence().unwrap_or_else(|| std::slice::from_ref(value));
        out.extend(addresses.iter().map(|address| (host.to_owned(), bare(&text(address)).to_owned())));
    }
    let mut lines: Vec<String> = out.into_iter().map(|(host, address)| format!("{host}={address}")).collect();
    lines.sort();
    // A name without any address prints as an empty list.
    (!lines.is_empty() || entries(node).next().is_some()).then(|| json!(lines))
}

fn bare(address: &str) -> &str {
    address.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(address)
}

/// A node as it is, but that an empty list is nothing, as in Docker Compose.
pub(super) fn plain(node: &Node) -> Value {
    match &node.value {
        Written::Null => Value::Null,
        Written::Sequence(items) if items.is_empty() => Value::Null,
        Written::Bool(value) => Value::Bool(*value),
        Written::Int(value) => json!(value),
        Written::Float(_) => number(node).unwrap_or_else(|| json!(text(node))),
        Written::String(text) => json!(text),
        Written::Sequence(items) => items.iter().map(plain).collect(),
        Written::Mapping(mapping) => {
            Value::Object(mapping.iter().map(|entry| (entry.key.clone(), plain(&entry.value))).collect())
        }
    }
}
