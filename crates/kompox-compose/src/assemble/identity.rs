//! What makes two entries of a list the same when files are merged, in their short and their long forms. Pure.
//!
//! An entry that cannot be read has no identity: it is kept, and reported when it is read.

use kompox_yaml::{Node, Value};

/// The text itself.
pub(super) fn text(node: &Node) -> Option<String> {
    node.text().map(str::to_owned)
}

/// A volume: its place in the container, as it is written in a long form.
pub(crate) fn volume(node: &Node) -> Option<String> {
    let written = written_volume(node);
    if node.as_str().is_some() { written.as_deref().map(crate::path::clean) } else { written }
}

/// A volume of a file that is merged into others: Docker Compose cleans short forms only afterwards.
pub(super) fn written_volume(node: &Node) -> Option<String> {
    if let Value::Mapping(mapping) = &node.value {
        return mapping.get("target")?.as_str().map(str::to_owned);
    }
    let fields = node.as_str()?.split(':').collect::<Vec<_>>();
    let target = if let [only] = fields[..] { only } else { fields[1] };
    Some(target.to_owned())
}

/// A device: its place in the container.
pub(super) fn device(node: &Node) -> Option<String> {
    if let Value::Mapping(mapping) = &node.value {
        return mapping.get("target")?.as_str().map(str::to_owned);
    }
    let text = node.as_str()?;
    let mut fields = text.split(':');
    let source = fields.next();
    fields.next().or(source).map(str::to_owned)
}

/// A reference to a config: the file in the container.
pub(super) fn config(node: &Node) -> Option<String> {
    reference(node, "")
}

/// A reference to a secret: the file in the container.
pub(super) fn secret(node: &Node) -> Option<String> {
    reference(node, "/run/secrets")
}

fn reference(node: &Node, base: &str) -> Option<String> {
    if let Some(target) = node.get("target") {
        return target.as_str().map(str::to_owned);
    }
    let source = node.as_str().or_else(|| node.get("source")?.as_str())?;
    Some(format!("{base}/{source}"))
}

/// A port: everything but its name and mode. A short one is itself: what is the same after ranges are expanded is found
/// when it is read.
pub(super) fn port(node: &Node) -> Option<String> {
    let Value::Mapping(mapping) = &node.value else { return text(node) };
    let field = |key| mapping.get(key).and_then(Node::text);
    let host = field("host_ip").unwrap_or("0.0.0.0");
    let (published, target) = (field("published").unwrap_or_default(), field("target")?);
    Some(format!("{host}:{published}:{target}/{}", field("protocol").unwrap_or("tcp")))
}

/// A pool of addresses: its subnet.
pub(super) fn subnet(node: &Node) -> Option<String> {
    node.get("subnet")?.as_str().map(str::to_owned)
}
