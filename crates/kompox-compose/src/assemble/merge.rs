//! Two trees become one: the later one on top of the earlier one. Pure.

use std::collections::{HashMap, HashSet};

use kompox_yaml::{Diagnostic, Diagnostics, Entry, Mapping, Node, Value};

use super::identity;
use super::rule::Rule;
use crate::budget::Budget;
use crate::place::Place;

/// The tag of a value that takes what was there before away.
const RESET: &str = "!reset";
/// The tag of a value that replaces what was there before instead of being merged with it.
const OVERRIDE: &str = "!override";

/// Merges; what cannot be is reported, and the earlier value stays.
pub(super) struct Merge<'a> {
    pub(super) diagnostics: &'a mut Diagnostics,
    pub(super) budget: &'a mut Budget,
    /// Whether `!reset` and `!override` stay in the result: it is itself still to be merged with something.
    pub(super) keep_tags: bool,
}

impl Merge<'_> {
    /// Puts `over` on top of `base`.
    pub(super) fn node(&mut self, base: Node, over: Node, rule: Rule, place: &Place<'_>) -> Node {
        if is_override(&over) {
            return self.alone(over).unwrap_or_else(|| Node::new(Value::Null, base.span));
        }
        match rule {
            Rule::Replace => self.alone(over).unwrap_or(base),
            _ if over.is_null() => base,
            Rule::Pairs => {
                let over = self.effective(&base, over, place);
                match (pairs(base), pairs(over)) {
                    (Ok(base), Ok(over)) => self.mappings(base, over, rule, place),
                    (Ok(base), Err(over)) | (Err(base), Ok(over) | Err(over)) => {
                        self.refuse(base, &over, place)
                    }
                }
            }
            Rule::Names(_) => self.named(base, over, rule, place, |_| Value::Null),
            Rule::Dependencies => self.named(base, over, rule, place, started),
            Rule::Texts => self.lists(list(base), list(over), [listed; 2], place),
            Rule::Hosts => self.hosts(base, over, place),
            Rule::Short(key, _) => self.general(long(base, key), long(over, key), rule, place),
            Rule::Logging if differ(&base, &over) => self.alone(over).unwrap_or(base),
            Rule::Keyed(identity) => self.lists(base, over, [identity; 2], place),
            Rule::Gpus if base.same(&over) => base,
            Rule::Gpus => self.lists(all_gpus(base), over, [|_| None; 2], place),
            Rule::Mounts => self.lists(base, over, [identity::volume, identity::written_volume], place),
            _ => self.general(base, over, rule, place),
        }
    }

    /// A value that has nothing to be merged with: nothing if it is a reset one.
    pub(super) fn alone(&self, mut node: Node) -> Option<Node> {
        if self.keep_tags {
            return Some(node);
        }
        settle(&mut node).then_some(node)
    }

    /// What can have an effect: `!reset` of a key takes nothing out of a list.
    fn effective(&mut self, base: &Node, mut over: Node, place: &Place<'_>) -> Node {
        if base.as_sequence().is_none() {
            return over;
        }
        for entry in over.as_mapping().into_iter().flatten().filter(|entry| is_reset(&entry.value)) {
            self.diagnostics.push(
                Diagnostic::warning(
                    "compose.reset.no-effect",
                    format!("{place}.{}: `!reset` has no effect, as in Docker Compose: the earlier value is a list", entry.key),
                )
                .at(entry.key_span)
                .label(base.span, "this list")
                .help("write the list as a mapping, or put `!override` before the later value"),
            );
        }
        over.as_mapping_mut().into_iter().for_each(|all| all.entries.retain(|entry| !is_reset(&entry.value)));
        over
    }

    fn general(&mut self, base: Node, over: Node, rule: Rule, place: &Place<'_>) -> Node {
        match (&base.value, &over.value) {
            (Value::Mapping(_), Value::Mapping(_)) => self.mappings(base, over, rule, place),
            (Value::Sequence(_), Value::Sequence(_)) => self.lists(base, over, [|_| None; 2], place),
            (Value::Mapping(_) | Value::Sequence(_), _) => self.refuse(base, &over, place),
            _ => self.alone(over).unwrap_or(base),
        }
    }

    fn mappings(&mut self, mut base: Node, over: Node, rule: Rule, place: &Place<'_>) -> Node {
        let over_span = over.span;
        let (Some(entries), Value::Mapping(over)) = (base.as_mapping_mut(), over.value) else {
            return base;
        };
        if !self.budget.take(entries.len(), 0, over_span, self.diagnostics) {
            return base;
        }
        let entries = std::mem::take(entries);
        let mut merged: Vec<Option<Entry>> = entries.entries.into_iter().map(Some).collect();
        let known: HashMap<String, usize> =
            merged.iter().flatten().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
        for entry in over.entries {
            let at = known.get(&entry.key).copied();
            let below = at.and_then(|at| merged[at].take());
            let entry = match below {
                _ if is_reset(&entry.value) => self.keep_tags.then_some(entry),
                Some(below) => {
                    let value =
                        self.node(below.value, entry.value, rule.below(&entry.key), &place.key(&entry.key));
                    Some(Entry { value, ..entry })
                }
                None => self.alone(entry.value).map(|value| Entry { value, ..entry }),
            };
            match at {
                Some(at) => merged[at] = entry,
                None => merged.push(entry),
            }
        }
        base.value = Value::Mapping(Mapping { entries: merged.into_iter().flatten().collect() });
        base
    }

    /// Appends; an entry with the identity of an earlier one takes its place. Both have their own.
    fn lists(
        &mut self,
        mut base: Node,
        over: Node,
        [earlier, later]: [fn(&Node) -> Option<String>; 2],
        place: &Place<'_>,
    ) -> Node {
        let (Value::Sequence(_), Value::Sequence(_)) = (&base.value, &over.value) else {
            return self.refuse(base, &over, place);
        };
        let over_span = over.span;
        let (Value::Sequence(items), Value::Sequence(over)) = (&mut base.value, over.value) else {
            return base;
        };
        if !self.budget.take(items.len(), 0, over_span, self.diagnostics) {
            return base;
        }
        let known: HashMap<String, usize> =
            items.iter().enumerate().filter_map(|(at, item)| Some((earlier(item)?, at))).collect();
        for item in over {
            let at = later(&item).and_then(|key| known.get(&key).copied());
            let Some(item) = self.alone(item) else { continue };
            match at {
                Some(at) => items[at] = item,
                None => items.push(item),
            }
        }
        base
    }

    fn hosts(&mut self, base: Node, over: Node, place: &Place<'_>) -> Node {
        let (mut base, over) = (host_list(base), host_list(over));
        let (Value::Sequence(_), Value::Sequence(_)) = (&base.value, &over.value) else {
            return self.refuse(base, &over, place);
        };
        let over_span = over.span;
        let (Value::Sequence(items), Value::Sequence(over)) = (&mut base.value, over.value) else {
            return base;
        };
        if !self.budget.take(items.len(), 0, over_span, self.diagnostics) {
            return base;
        }
        let known: HashSet<String> = items.iter().filter_map(Node::as_str).map(str::to_owned).collect();
        for item in over {
            if !item.as_str().is_some_and(|line| known.contains(line)) {
                items.extend(self.alone(item));
            }
        }
        base
    }

    fn named(
        &mut self,
        base: Node,
        over: Node,
        rule: Rule,
        place: &Place<'_>,
        alone: impl Fn(&Node) -> Value + Copy,
    ) -> Node {
        match (by_name(base, alone), by_name(over, alone)) {
            (Ok(base), Ok(over)) => self.mappings(base, over, rule, place),
            (Ok(base), Err(over)) | (Err(base), Ok(over) | Err(over)) => self.refuse(base, &over, place),
        }
    }

    fn refuse(&mut self, base: Node, over: &Node, place: &Place<'_>) -> Node {
        self.diagnostics.push(
            Diagnostic::error(
                "compose.merge",
                format!("{place}: {} cannot be merged into {}", over.kind().phrase(), base.kind().phrase()),
            )
            .at(over.span)
            .label(base.span, "the earlier value")
            .help("write both in the same form, or put `!override` before the later value"),
        );
        base
    }
}

fn is_reset(node: &Node) -> bool {
    node.tag.as_deref() == Some(RESET)
}

fn is_override(node: &Node) -> bool {
    node.tag.as_deref() == Some(OVERRIDE)
}

/// Takes out tags that mean nothing: all within an `!override`, and that of a whole document, which is merged even so, as in
/// Docker Compose. A number, a boolean or nothing with a tag is text there.
pub(super) fn drop_idle_tags(document: &mut Node) {
    fn within(node: &mut Node) {
        let tag = node.tag.take();
        if tag.is_some()
            && matches!(node.value, Value::Null | Value::Int(_) | Value::Float(_) | Value::Bool(_))
        {
            node.value = Value::String(node.text().unwrap_or_default().to_owned());
        }
        if tag.as_deref() == Some(OVERRIDE) {
            untag(node);
        } else {
            match &mut node.value {
                Value::Sequence(items) => items.iter_mut().for_each(within),
                Value::Mapping(mapping) => {
                    mapping.entries.iter_mut().for_each(|entry| within(&mut entry.value));
                }
                _ => {}
            }
        }
        node.tag = tag;
    }
    if is_override(document) {
        untag(document);
    }
    within(document);
}

/// Whether the value of a node with this tag counts for nothing.
pub(crate) fn takes_away(node: &Node) -> bool {
    is_reset(node)
}

/// Whether a tag belongs to Compose.
pub(super) fn is_known(tag: &str) -> bool {
    matches!(tag, RESET | OVERRIDE)
}

/// Takes reset values and the tags out; false if the node itself is a reset one.
fn settle(node: &mut Node) -> bool {
    if is_reset(node) {
        return false;
    }
    if is_override(node) {
        untag(node);
        return true;
    }
    node.tag = None;
    match &mut node.value {
        Value::Sequence(items) => items.retain_mut(settle),
        Value::Mapping(mapping) => mapping.entries.retain_mut(|entry| settle(&mut entry.value)),
        _ => {}
    }
    true
}

/// Takes the tags out of a value that stands as it is: within it they mean nothing.
fn untag(node: &mut Node) {
    node.tag = None;
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(untag),
        Value::Mapping(mapping) => mapping.entries.iter_mut().for_each(|entry| untag(&mut entry.value)),
        _ => {}
    }
}

/// A list of `KEY=VALUE` as a mapping; the node itself if it is neither.
fn pairs(node: Node) -> Result<Node, Node> {
    let Value::Sequence(items) = &node.value else {
        return if node.as_mapping().is_some() { Ok(node) } else { Err(node) };
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(items.len());
    let mut known: HashMap<String, usize> = HashMap::with_capacity(items.len());
    for item in items {
        if is_reset(item) {
            continue;
        }
        let Some(text) = item.as_str() else { return Err(item.clone()) };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Value::String(value.to_owned())),
            None => (text, Value::Null),
        };
        let value = Node { quoted: true, ..Node::new(value, item.span) };
        let entry = Entry { key: key.to_owned(), key_span: item.span, value };
        match known.insert(key.to_owned(), entries.len()) {
            Some(at) => {
                entries[at] = entry;
                known.insert(key.to_owned(), at);
            }
            None => entries.push(entry),
        }
    }
    Ok(Node { value: Value::Mapping(Mapping { entries }), ..node })
}

/// A list of names as a mapping; the node itself if it is neither.
fn by_name(node: Node, alone: impl Fn(&Node) -> Value) -> Result<Node, Node> {
    let Value::Sequence(items) = &node.value else {
        return if node.as_mapping().is_some() { Ok(node) } else { Err(node) };
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(items.len());
    let mut known = HashSet::new();
    for item in items {
        let Some(name) = item.as_str() else { return Err(item.clone()) };
        if known.insert(name) {
            let value = Node::new(alone(item), item.span);
            entries.push(Entry { key: name.to_owned(), key_span: item.span, value });
        }
    }
    Ok(Node { value: Value::Mapping(Mapping { entries }), ..node })
}

/// What a name alone means in `depends_on`.
fn started(name: &Node) -> Value {
    let entry = |key: &str, value| Entry {
        key: key.to_owned(),
        key_span: name.span,
        value: Node::new(value, name.span),
    };
    let condition = Value::String("service_started".to_owned());
    Value::Mapping(Mapping {
        entries: vec![entry("condition", condition), entry("required", Value::Bool(true))],
    })
}

/// One text as a list of one.
fn list(node: Node) -> Node {
    match node.value {
        Value::String(_) => {
            let span = node.span;
            Node::new(Value::Sequence(vec![node]), span)
        }
        _ => node,
    }
}

/// `all` as a list of one request.
fn all_gpus(node: Node) -> Node {
    let span = node.span;
    if node.as_str() != Some("all") {
        return node;
    }
    Node::new(Value::Sequence(vec![long(node, "count")]), span)
}

/// Text as a mapping in which it is `key`.
fn long(node: Node, key: &str) -> Node {
    if !matches!(node.value, Value::String(_)) {
        return node;
    }
    let span = node.span;
    let entry = Entry { key: key.to_owned(), key_span: span, value: node };
    Node::new(Value::Mapping(Mapping { entries: vec![entry] }), span)
}

/// A mapping of hosts as a list of `HOST=ADDRESS`.
fn host_list(node: Node) -> Node {
    let Value::Mapping(mapping) = &node.value else { return node };
    let mut items = Vec::with_capacity(mapping.len());
    for entry in mapping.iter().filter(|entry| !is_reset(&entry.value)) {
        let addresses = match &entry.value.value {
            Value::Sequence(addresses) => addresses.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        for address in addresses.iter().filter(|address| !is_reset(address)) {
            let text = format!("{}={}", entry.key, address.text().unwrap_or_default());
            items.push(Node::new(Value::String(text), address.span));
        }
    }
    Node { value: Value::Sequence(items), ..node }
}

/// The identity of an entry of a list of texts that may be `KEY=VALUE` or has a path.
fn listed(node: &Node) -> Option<String> {
    let text = node.as_str().or_else(|| node.get("path")?.as_str())?;
    Some(text.split_once('=').map_or(text, |(key, _)| key).to_owned())
}

/// Whether both name a driver, and not the same one.
fn differ(base: &Node, over: &Node) -> bool {
    match (base.get("driver"), over.get("driver")) {
        (Some(base), Some(over)) => !base.same(over),
        _ => false,
    }
}
