//! Parts of the Compose Specification that this version does not have: refused at their place.

use kompox_yaml::{Diagnostic, Diagnostics, Entry, Node, Value};

/// Reports every use of them.
pub(crate) fn refuse(root: &Node, diagnostics: &mut Diagnostics) {
    tags(root, diagnostics);
    let Some(top) = root.as_mapping() else { return };
    if let Some(entry) = top.entry("include") {
        diagnostics.push(key(entry, "put the services of the included files into this file"));
    }
    for service in top.get("services").and_then(Node::as_mapping).into_iter().flatten() {
        for (name, help) in [
            ("extends", "repeat the keys here, or share them with a YAML anchor and `<<`"),
            ("label_file", "write the labels under `labels`"),
        ] {
            if let Some(entry) = service.value.as_mapping().and_then(|keys| keys.entry(name)) {
                diagnostics.push(key(entry, help));
            }
        }
    }
}

fn key(entry: &Entry, help: &str) -> Diagnostic {
    Diagnostic::error("compose.unsupported", format!("`{}` is not supported by this version", entry.key))
        .at(entry.key_span)
        .help(help)
}

/// `!reset` and `!override` only mean something when files are merged; other tags mean nothing.
fn tags(node: &Node, diagnostics: &mut Diagnostics) {
    if let Some(tag) = &node.tag {
        let help = match tag.as_str() {
            "!reset" | "!override" => "it belongs into an override file; write the final value here",
            _ => "remove the tag",
        };
        let message = format!("the tag `{tag}` is not supported by this version");
        diagnostics.push(Diagnostic::error("compose.unsupported", message).at(node.span).help(help));
    }
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| tags(item, diagnostics)),
        Value::Mapping(mapping) => mapping.iter().for_each(|entry| tags(&entry.value, diagnostics)),
        _ => {}
    }
}
