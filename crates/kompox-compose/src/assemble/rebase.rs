//! Relative paths of a part that came from another folder, as they are written in the project directory. Pure.
//!
//! Paths stay text: what is wrong with them is reported when they are read.

use kompox_yaml::{Entry, Node, Value};

use crate::path;

/// Moves the paths of a whole model.
pub(super) fn model(root: &mut Node, folder: &str) {
    if folder.is_empty() {
        return;
    }
    each(root.get_mut("services"), |node| {
        let key_span = node.span;
        // What is built without a context is built in its project's own folder.
        if let Some(Value::Mapping(build)) = node.get_mut("build").map(|build| &mut build.value)
            && build.get("context").is_none()
        {
            let (key, value) = ("context".to_owned(), Value::String(".".to_owned()));
            build.entries.push(Entry { key, key_span, value: Node::new(value, key_span) });
        }
        service(node, folder);
    });
    for kind in ["configs", "secrets"] {
        each(root.get_mut(kind), |node| plain(node.get_mut("file"), folder));
    }
    each(root.get_mut("volumes"), |node| {
        let option = |node: &Node, key| {
            node.get("driver_opts").and_then(|options| options.get(key)?.as_str().map(str::to_owned))
        };
        if node.get("driver").and_then(Node::as_str) == Some("local")
            && option(node, "o").as_deref() == Some("bind")
        {
            plain(node.get_mut("driver_opts").and_then(|options| options.get_mut("device")), folder);
        }
    });
}

/// Moves the paths of a service.
pub(super) fn service(service: &mut Node, folder: &str) {
    if folder.is_empty() {
        return;
    }
    match service.get_mut("build") {
        Some(build) if build.as_str().is_some() => context(build, folder),
        Some(build) => {
            if let Some(node) = build.get_mut("context") {
                context(node, folder);
            }
            contexts(build.get_mut("additional_contexts"), folder);
        }
        None => {}
    }
    for key in ["env_file", "label_file"] {
        match service.get_mut(key).map(|node| &mut node.value) {
            Some(Value::Sequence(items)) => items.iter_mut().for_each(|item| {
                if item.as_mapping().is_some() {
                    plain(item.get_mut("path"), folder);
                } else {
                    plain(Some(item), folder);
                }
            }),
            _ => plain(service.get_mut(key), folder),
        }
    }
    if let Some(extends) = service.get_mut("extends") {
        plain(extends.get_mut("file"), folder);
    }
    items(service.get_mut("volumes"), |item| volume(item, folder));
    if let Some(develop) = service.get_mut("develop") {
        items(develop.get_mut("watch"), |item| plain(item.get_mut("path"), folder));
    }
}

fn each(node: Option<&mut Node>, change: impl Fn(&mut Node)) {
    for entry in node.and_then(Node::as_mapping_mut).into_iter().flat_map(|all| &mut all.entries) {
        change(&mut entry.value);
    }
}

fn items(node: Option<&mut Node>, change: impl Fn(&mut Node)) {
    if let Some(Node { value: Value::Sequence(items), .. }) = node {
        items.iter_mut().for_each(change);
    }
}

fn plain(node: Option<&mut Node>, folder: &str) {
    if let Some(Node { value: Value::String(text), .. }) = node
        && !text.is_empty()
    {
        *text = here(folder, text);
    }
}

/// A path that no longer reads as a name: it starts with `.`, `/` or `~`.
fn here(folder: &str, written: &str) -> String {
    let joined = path::join(folder, written);
    if joined.starts_with(['/', '~']) || joined == ".." || joined.starts_with("../") {
        joined
    } else if joined.is_empty() {
        ".".to_owned()
    } else {
        format!("./{joined}")
    }
}

/// The context of a build, unless it is not on this machine.
fn context(node: &mut Node, folder: &str) {
    if !node.as_str().is_some_and(path::is_elsewhere) {
        plain(Some(node), folder);
    }
}

/// Contexts with names: a mapping, or a list of `NAME=CONTEXT`.
fn contexts(node: Option<&mut Node>, folder: &str) {
    match node.map(|node| &mut node.value) {
        Some(Value::Mapping(mapping)) => {
            mapping.entries.iter_mut().for_each(|entry| context(&mut entry.value, folder));
        }
        Some(Value::Sequence(items)) => {
            for item in items {
                let Value::String(text) = &mut item.value else { continue };
                if let Some((name, written)) =
                    text.split_once('=').filter(|(_, written)| !path::is_elsewhere(written))
                {
                    *text = format!("{name}={}", here(folder, written));
                }
            }
        }
        _ => {}
    }
}

/// A mount: only that of a path, not of a volume with a name.
fn volume(node: &mut Node, folder: &str) {
    if let Value::String(text) = &mut node.value {
        if text.starts_with('.')
            && let Some((source, rest)) = text.split_once(':')
        {
            *text = format!("{}:{rest}", here(folder, source));
        }
    } else if node.get("type").and_then(Node::as_str) == Some("bind") {
        plain(node.get_mut("source"), folder);
    }
}
