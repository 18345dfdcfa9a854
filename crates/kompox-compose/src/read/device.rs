//! `devices`, `gpus` and hooks of a service.

use kompox_yaml::{Diagnostic, Located, Node, Value};

use super::Reader;
use super::list::last_of_each;
use crate::place::Place;
use crate::shape;
use crate::{Device, DeviceCount, DeviceRequest, Hook};

impl Reader<'_> {
    /// Reads `devices`: `SOURCE[:TARGET][:PERMISSIONS]`, or a mapping. Of several with one target the last counts.
    pub(super) fn devices(&mut self, node: &Node, place: &Place<'_>) -> Vec<Device> {
        let items = self.sequence(node, place).unwrap_or_default();
        let item = |(index, item): (usize, &Node)| self.device(item, &place.item(index));
        last_of_each(items.iter().enumerate().filter_map(item).collect(), |device| device.target.clone())
    }

    fn device(&mut self, node: &Node, place: &Place<'_>) -> Option<Device> {
        let (source, target, permissions) = if let Value::Mapping(_) = node.value {
            let mapping = self.mapping(node, place, &["source", "target", "permissions"])?;
            let mut text = |key: &str| {
                mapping
                    .get(key)
                    .and_then(|node| self.filled_text(node, &place.key(key)))
                    .map(|text| text.value)
            };
            let (source, target, permissions) = (text("source"), text("target"), text("permissions"));
            if mapping.get("target").is_none() {
                let diagnostic = Diagnostic::error("compose.device", format!("{place}: `target` is missing"));
                self.error(diagnostic.at(node.span).help("write the device's path in the container"));
                return None;
            }
            (source.unwrap_or_default(), target, permissions)
        } else {
            let text = self.filled_text(node, place)?.value;
            let mut parts = text.splitn(3, ':').map(str::to_owned);
            let (source, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
            match (second, third) {
                (Some(only), None) if are_permissions(&only) => (source, None, Some(only)),
                (second, third) => (source, second, third),
            }
        };
        let permissions = permissions.unwrap_or_else(|| "rwm".to_owned());
        let wrong = if source.is_empty() {
            Some("there is no source")
        } else if !are_permissions(&permissions) {
            Some("permissions are letters of `rwm`")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let diagnostic = Diagnostic::error("compose.device", format!("{place}: {wrong}")).at(node.span);
            self.error(diagnostic.help("write SOURCE, SOURCE:TARGET or SOURCE:TARGET:rwm"));
            return None;
        }
        let target = target.filter(|target| !target.is_empty()).unwrap_or_else(|| source.clone());
        Some(Device { source, target, permissions, span: node.span })
    }

    /// Reads `gpus`: `all`, or a list of device requests that need not say that they are for a GPU.
    pub(super) fn gpus(&mut self, node: &Node, place: &Place<'_>) -> Vec<DeviceRequest> {
        let gpu = |node: &Node| Located::new("gpu".to_owned(), node.span);
        if node.as_str() == Some("all") {
            return vec![DeviceRequest {
                capabilities: vec![gpu(node)],
                count: Some(Located::new(DeviceCount::All, node.span)),
                device_ids: Vec::new(),
                driver: None,
                options: std::collections::BTreeMap::new(),
                span: node.span,
            }];
        }
        if node.as_sequence().is_none() {
            self.wrong(node, place, "`all` or a list");
            return Vec::new();
        }
        let items = node.as_sequence().unwrap_or_default();
        let mut requests = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(mut request) = self.device_request(item, &place.item(index), false) {
                if !request.capabilities.iter().any(|capability| capability.value == "gpu") {
                    request.capabilities.push(gpu(item));
                }
                requests.push(request);
            }
        }
        requests
    }

    /// Reads `post_start` and `pre_stop`.
    pub(super) fn hooks(&mut self, node: &Node, place: &Place<'_>) -> Vec<Hook> {
        const KEYS: &[&str] = &shape::names::<{ shape::HOOK_KEYS.len() }>(shape::HOOK_KEYS);
        let items = self.sequence(node, place).unwrap_or_default();
        let mut hooks = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = place.item(index);
            let Some(mapping) = self.mapping(item, &at, KEYS) else { continue };
            if mapping.get("command").is_none() {
                self.error(
                    Diagnostic::error("compose.missing-key", format!("{at}: `command` is missing"))
                        .at(item.span)
                        .help("add the command to run"),
                );
            }
            let command = mapping.get("command").and_then(|node| self.command(node, &at.key("command")));
            for entry in mapping.iter().filter(|entry| entry.key != "command") {
                self.kept(entry, shape::HOOK_KEYS, &at.key(&entry.key));
            }
            let other = mapping.iter().filter(|entry| entry.key != "command").cloned().collect();
            hooks.push(Hook { command, other, span: item.span });
        }
        hooks
    }
}

fn are_permissions(text: &str) -> bool {
    !text.is_empty() && text.len() <= 3 && text.chars().all(|letter| "rwm".contains(letter))
}
