//! Mounts, ports and devices in their long forms.

use kompox_yaml::Node;
use serde_json::{Map, Value, json};

use super::print::{Printer, text};
use crate::shape::MOUNT;
use crate::{BindMount, Mount, MountKind, Port, PortMode, SelinuxLabel};

/// One mount: a short one from its type, a long one as it is written.
pub(super) fn mount(mount: &Mount, node: Option<&Node>, printer: &Printer<'_>) -> Value {
    let mut out = match node {
        Some(node) => long(node, printer),
        None => short(mount, printer),
    };
    out.insert("target".to_owned(), json!(mount.target));
    Value::Object(out)
}

fn short(mount: &Mount, printer: &Printer<'_>) -> Map<String, Value> {
    let mut out = Map::new();
    if mount.read_only {
        out.insert("read_only".to_owned(), json!(true));
    }
    match &mount.kind {
        MountKind::Bind(bind) => {
            out.insert("type".to_owned(), json!("bind"));
            out.insert("source".to_owned(), json!(printer.path(&bind.written)));
            out.insert("bind".to_owned(), options(bind));
        }
        MountKind::Named { source, no_copy, .. } => {
            out.insert("type".to_owned(), json!("volume"));
            out.insert("source".to_owned(), json!(source));
            out.insert("volume".to_owned(), if *no_copy { json!({"nocopy": true}) } else { json!({}) });
        }
        MountKind::Anonymous { no_copy } => {
            out.insert("type".to_owned(), json!("volume"));
            out.insert("volume".to_owned(), if *no_copy { json!({"nocopy": true}) } else { json!({}) });
        }
        MountKind::Tmpfs { .. } | MountKind::Other { .. } => {}
    }
    out
}

fn options(bind: &BindMount) -> Value {
    let mut out = Map::new();
    if bind.create_host_path {
        out.insert("create_host_path".to_owned(), json!(true));
    }
    if let Some(propagation) = &bind.propagation {
        out.insert("propagation".to_owned(), json!(propagation.value));
    }
    if let Some(selinux) = &bind.selinux {
        let label = if selinux.value == SelinuxLabel::Shared { "z" } else { "Z" };
        out.insert("selinux".to_owned(), json!(label));
    }
    Value::Object(out)
}

fn long(node: &Node, printer: &Printer<'_>) -> Map<String, Value> {
    let mut out = printer.keys(node, MOUNT);
    if node.get("type").and_then(Node::as_str) == Some("bind")
        && let Some(source) = node.get("source")
    {
        out.insert("source".to_owned(), json!(printer.path(&text(source))));
    }
    out
}

/// One port of the container.
pub(super) fn port(port: &Port) -> Value {
    let mut out = Map::new();
    let mode = if port.mode == PortMode::Host { "host" } else { "ingress" };
    out.insert("mode".to_owned(), json!(mode));
    out.insert("target".to_owned(), json!(port.target));
    out.insert("protocol".to_owned(), json!(port.protocol.as_str()));
    if let Some(published) = port.published {
        let text = if published.first == published.last {
            published.first.to_string()
        } else {
            format!("{}-{}", published.first, published.last)
        };
        out.insert("published".to_owned(), json!(text));
    }
    if let Some(address) = port.host_ip {
        out.insert("host_ip".to_owned(), json!(address.to_string()));
    }
    for (key, value) in [("name", &port.name), ("app_protocol", &port.app_protocol)] {
        if let Some(value) = value {
            out.insert(key.to_owned(), json!(value.value));
        }
    }
    Value::Object(out)
}
