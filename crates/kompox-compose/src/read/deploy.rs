//! `deploy` of a service.

use kompox_yaml::{Diagnostic, Entry, Located, Node, Value};

use super::{Reader, keys};
use crate::place::Place;
use crate::shape;
use crate::{Deploy, DeviceCount, DeviceRequest, Resources, RestartPolicy};

const KEYS: &[&str] = &shape::names::<{ shape::DEPLOY.len() }>(shape::DEPLOY);

impl Reader<'_> {
    pub(super) fn deploy(&mut self, node: &Node, place: &Place<'_>) -> Deploy {
        let mut deploy = Deploy::default();
        if node.is_null() {
            return deploy;
        }
        let Some(mapping) = self.mapping(node, place, KEYS) else { return deploy };
        deploy.keys = keys(mapping);
        for entry in mapping {
            let (node, at) = (&entry.value, place.key(&entry.key));
            match entry.key.as_str() {
                "mode" => deploy.mode = self.text(node, &at),
                "replicas" => deploy.replicas = self.number(node, &at),
                "resources" => {
                    let parts = self.mapping(node, &at, &["limits", "reservations"]);
                    for part in parts.into_iter().flatten() {
                        let below = at.key(&part.key);
                        match part.key.as_str() {
                            "limits" => {
                                deploy.limits =
                                    self.resources(&part.value, &below, &["cpus", "memory", "pids"]);
                            }
                            "reservations" => {
                                const RESERVED: &[&str] =
                                    &shape::names::<{ shape::RESERVATIONS.len() }>(shape::RESERVATIONS);
                                deploy.reservations = self.resources(&part.value, &below, RESERVED);
                            }
                            _ => deploy.other.push(part.clone()),
                        }
                    }
                }
                "restart_policy" => deploy.restart_policy = self.restart_policy(entry, &at),
                _ => {
                    self.kept(entry, shape::DEPLOY, &at);
                    deploy.other.push(entry.clone());
                }
            }
        }
        deploy
    }

    fn resources(&mut self, node: &Node, place: &Place<'_>, known: &[&str]) -> Resources {
        let mut resources = Resources::default();
        for entry in self.mapping(node, place, known).into_iter().flatten() {
            let (node, at) = (&entry.value, place.key(&entry.key));
            match entry.key.as_str() {
                "cpus" => resources.cpus = self.cpus(node, &at),
                "memory" if node.as_int().is_some() => self.wrong(node, &at, "text such as \"512m\""),
                "memory" => resources.memory = self.bytes(node, &at),
                "pids" => resources.pids = self.number(node, &at),
                "devices" => resources.devices = self.device_requests(node, &at),
                _ => {
                    self.kept(entry, shape::RESERVATIONS, &at);
                    resources.other.push(entry.clone());
                }
            }
        }
        resources
    }

    fn restart_policy(&mut self, entry: &Entry, place: &Place<'_>) -> Option<RestartPolicy> {
        let mapping = self.mapping(&entry.value, place, &["condition", "delay", "max_attempts", "window"])?;
        let get = |key| mapping.get(key);
        let condition = get("condition").and_then(|node| self.text(node, &place.key("condition")));
        if let Some(condition) = &condition
            && !matches!(condition.value.as_str(), "none" | "on-failure" | "any")
        {
            let message = format!("{place}.condition: `{}` is no condition", condition.value);
            self.error(
                Diagnostic::error("compose.restart", message)
                    .at(condition.span)
                    .help("write none, on-failure or any"),
            );
        }
        Some(RestartPolicy {
            condition,
            delay: get("delay").and_then(|node| self.duration(node, &place.key("delay"))),
            max_attempts: get("max_attempts").and_then(|node| self.number(node, &place.key("max_attempts"))),
            window: get("window").and_then(|node| self.duration(node, &place.key("window"))),
            span: entry.key_span,
        })
    }

    fn device_requests(&mut self, node: &Node, place: &Place<'_>) -> Vec<DeviceRequest> {
        let items = self.sequence(node, place).unwrap_or_default();
        items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| self.device_request(item, &place.item(index), true))
            .collect()
    }

    /// One request; `capable` when it must say what for.
    pub(super) fn device_request(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        capable: bool,
    ) -> Option<DeviceRequest> {
        const DEVICE: &[&str] = &["capabilities", "count", "device_ids", "driver", "options"];
        let mapping = self.mapping(node, place, DEVICE)?;
        let get = |key| mapping.get(key);
        let count = get("count").and_then(|node| self.device_count(node, &place.key("count")));
        let wrong =
            |wrong: &str| Diagnostic::error("compose.device", format!("{place}: {wrong}")).at(node.span);
        if capable && get("capabilities").is_none() {
            self.error(wrong("`capabilities` is missing").help("add e.g. `capabilities: [gpu]`"));
        }
        if get("count").is_some() && get("device_ids").is_some() {
            self.error(wrong("`count` and `device_ids` exclude each other").help("remove one of them"));
        }
        Some(DeviceRequest {
            capabilities: get("capabilities")
                .map(|node| self.texts(node, &place.key("capabilities")))
                .unwrap_or_default(),
            count,
            device_ids: get("device_ids")
                .map(|node| self.texts(node, &place.key("device_ids")))
                .unwrap_or_default(),
            driver: get("driver").and_then(|node| self.text(node, &place.key("driver"))),
            options: get("options").map(|node| self.labels(node, &place.key("options"))).unwrap_or_default(),
            span: node.span,
        })
    }

    fn device_count(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<DeviceCount>> {
        let count = match &node.value {
            Value::String(text) if text == "all" => Some(DeviceCount::All),
            Value::String(text) => text.parse().ok().map(DeviceCount::Number),
            Value::Int(number) => u32::try_from(*number).ok().map(DeviceCount::Number),
            _ => None,
        };
        if count.is_none() {
            self.wrong(node, place, "a number or all");
        }
        count.map(|count| Located::new(count, node.span))
    }
}
