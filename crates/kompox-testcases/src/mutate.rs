//! Damage to projects, one place at a time: keys gone, entries twice, values of another kind or in another form, files
//! dropped or added. Pure.

use crate::project::relative;
use crate::tree::{Steps, at_mut, documents, flag, list, mapping, node, null, number, places, remove, text};
use crate::{Project, Random, form, write};
use kompox_yaml::{Entry, Node, Value};
use std::collections::BTreeMap;

/// Values from other projects, by the key that they stand beneath, and keys with values, by the mapping that they are in.
#[derive(Clone, Debug, Default)]
pub struct Donors {
    values: BTreeMap<String, Vec<Node>>,
    entries: BTreeMap<String, Vec<Entry>>,
}

impl Donors {
    /// Adds everything of a tree.
    pub fn add(&mut self, root: &Node) {
        let mut root = root.clone();
        for (steps, keys) in places(&root) {
            let Some(node) = at_mut(&mut root, &steps).map(|node| node.clone()) else { continue };
            let context = context(&keys);
            if let Value::Mapping(mapping) = &node.value {
                self.entries.entry(context.clone()).or_default().extend(mapping.iter().cloned());
            }
            self.values.entry(context).or_default().push(node);
        }
    }
}

/// The same for all services, for all volumes and so on; otherwise the last key.
fn context(keys: &[String]) -> String {
    match keys {
        [kind, _]
            if matches!(
                kind.as_str(),
                "services" | "volumes" | "networks" | "configs" | "secrets" | "models"
            ) =>
        {
            format!("{kind}.*")
        }
        [.., last] => last.clone(),
        [] => String::new(),
    }
}

/// Damages a project in a few places. False if nothing could be.
pub fn mutate(project: &mut Project, donors: &Donors, random: &mut Random) -> bool {
    let mut changed = false;
    // Mostly one place: what is wrong in many is refused by both.
    let places = if random.one_in(2) { 1 } else { random.between(1, 3) };
    for _ in 0..places {
        changed |= if random.one_in(8) { files(project, random) } else { tree(project, donors, random) };
    }
    changed
}

/// Drops or adds a file.
fn files(project: &mut Project, random: &mut Random) -> bool {
    let paths: Vec<_> = project.files.keys().cloned().collect();
    let Some(path) = random.item(&paths) else { return false };
    match random.below(4) {
        0 => project.files.remove(path).is_some(),
        1 if !project.request.is_empty() => {
            let at = random.below(project.request.len());
            project.request.remove(at);
            true
        }
        2 => {
            let name = relative(path);
            if project.options("file").is_empty() {
                project.request.push(("file".to_owned(), name.clone()));
            }
            project.request.push(("file".to_owned(), name));
            true
        }
        _ => {
            let content = project.files[path].clone();
            project.files.insert("/project/compose.override.yaml".to_owned(), content).is_none()
        }
    }
}

/// Damages one compose file.
fn tree(project: &mut Project, donors: &Donors, random: &mut Random) -> bool {
    let yaml: Vec<_> = project.files.keys().filter(|path| is_yaml(path)).cloned().collect();
    let Some(path) = random.item(&yaml) else { return false };
    let Some(mut all) = project.files.get(path).and_then(|bytes| documents(std::str::from_utf8(bytes).ok()?))
    else {
        return false;
    };
    if all.is_empty() {
        return false;
    }
    let at = random.below(all.len());
    let changed = node_of(&mut all[at], donors, random);
    if changed {
        plain_nothing(&mut all[at]);
        let text = write(&all, random);
        project.files.insert(path.clone(), text.into_bytes());
    }
    changed
}

/// Whether a path is that of a compose file, by its ending.
pub(crate) fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Takes tags that take nothing away from what is nothing: Docker Compose takes that for the text `null` then.
fn plain_nothing(root: &mut Node) {
    let all = places(root);
    let is_override = |tag: &Option<String>| tag.as_deref() == Some("!override");
    let any = all.iter().any(|(steps, _)| at_mut(root, steps).is_some_and(|node| is_override(&node.tag)));
    for (steps, _) in all {
        if let Some(node) = at_mut(root, &steps).filter(|node| any && node.is_null()) {
            node.tag = None;
        }
    }
}

/// Changes one node of a tree.
fn node_of(root: &mut Node, donors: &Donors, random: &mut Random) -> bool {
    let all = places(root);
    let (steps, keys) = all[random.below(all.len())].clone();
    let context = context(&keys);
    match random.below(12) {
        0 | 1 => remove(root, &steps),
        2 | 3 => twice(root, &steps, random),
        4 => change(root, &steps, |node| *node = other_kind(random)),
        5 | 6 => at_mut(root, &steps).is_some_and(|node| form::swap(node, &keys, random)),
        7 => change(root, &steps, |node| {
            node.tag = Some(random.pick(&["!reset", "!override"]).to_owned());
        }),
        8 | 9 => {
            let Some(donor) = donors.values.get(&context).and_then(|all| random.item(all)) else {
                return false;
            };
            change(root, &steps, |node| *node = donor.clone())
        }
        _ => {
            let Some(donor) = donors.entries.get(&context).and_then(|all| random.item(all)) else {
                return false;
            };
            let Some(mapping) = at_mut(root, &steps).and_then(Node::as_mapping_mut) else { return false };
            mapping.remove(&donor.key);
            mapping.entries.push(donor.clone());
            true
        }
    }
}

fn change(root: &mut Node, steps: &[usize], change: impl FnOnce(&mut Node)) -> bool {
    at_mut(root, steps).map(change).is_some()
}

/// An entry of a list a second time, or an entry of a mapping under another key of it.
fn twice(root: &mut Node, steps: &Steps, random: &mut Random) -> bool {
    let Some((last, above)) = steps.split_last() else { return false };
    match at_mut(root, above).map(|node| &mut node.value) {
        Some(Value::Sequence(items)) => {
            let at = random.below(items.len() + 1);
            items.insert(at, items[*last].clone());
        }
        Some(Value::Mapping(mapping)) => {
            let from = mapping.entries[*last].value.clone();
            let at = random.below(mapping.len());
            mapping.entries[at].value = from;
        }
        _ => return false,
    }
    true
}

fn other_kind(random: &mut Random) -> Node {
    match random.below(12) {
        0 => null(),
        1 => flag(random.one_in(2)),
        2 => number(0),
        3 => number(-1),
        4 => Node { raw: Some("1.5".to_owned()), ..node(Value::Float(1.5)) },
        5 => text(""),
        6 => text("text"),
        7 => list(Vec::new()),
        8 => mapping(Vec::new()),
        9 => text("${A}"),
        10 => list(vec![text("a")]),
        _ => {
            text(random.pick(&["1", "0", "true", "no", "10s", "64m", "a=b", "a:b", "/a:/b", "${A:-1}", "$$"]))
        }
    }
}
