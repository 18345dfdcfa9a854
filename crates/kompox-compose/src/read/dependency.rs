//! `depends_on`, and the dependencies that other keys imply.

use std::collections::HashSet;

use kompox_yaml::{Diagnostic, Located, Node, Value};

use super::Reader;
use crate::place::Place;
use crate::{Condition, Dependency, DependencyOrigin, NetworkMode, Service};

impl Reader<'_> {
    pub(super) fn depends_on(&mut self, node: &Node, place: &Place<'_>) -> Vec<Dependency> {
        if let Value::Sequence(_) = node.value {
            let started = |service| dependency(service, DependencyOrigin::DependsOn, false);
            return self.texts(node, place).into_iter().map(started).collect();
        }
        let Value::Mapping(mapping) = &node.value else {
            self.wrong(node, place, "a list of services or a mapping");
            return Vec::new();
        };
        let mut all = Vec::new();
        for entry in mapping {
            let at = place.key(&entry.key);
            let name = Located::new(entry.key.clone(), entry.key_span);
            let Some(options) = self.mapping(&entry.value, &at, &["condition", "required", "restart"]) else {
                continue;
            };
            let mut one = dependency(name, DependencyOrigin::DependsOn, false);
            match options.get("condition") {
                Some(node) => {
                    one.condition = self.condition(node, &at.key("condition")).unwrap_or(one.condition);
                }
                None => self.error(
                    Diagnostic::error("compose.depends-on", format!("{at}: `condition` is missing"))
                        .at(entry.key_span)
                        .help(format!(
                            "write `condition: service_started`, or the list form `- {}`",
                            entry.key
                        )),
                ),
            }
            if let Some(node) = options.get("required") {
                match node.as_bool() {
                    Some(required) => one.required = required,
                    None => self.wrong(node, &at.key("required"), "true or false"),
                }
            }
            if let Some(node) = options.get("restart") {
                one.restart = self.boolean(node, &at.key("restart")).is_some_and(|flag| flag.value);
            }
            all.push(one);
        }
        all
    }

    fn condition(&mut self, node: &Node, place: &Place<'_>) -> Option<Condition> {
        const ALL: [Condition; 3] =
            [Condition::Started, Condition::Healthy, Condition::CompletedSuccessfully];
        let text = self.text(node, place)?;
        let found = ALL.into_iter().find(|condition| condition.as_str() == text.value);
        if found.is_none() {
            let names = ALL.map(Condition::as_str);
            let help = kompox_yaml::nearest(&text.value, names).map_or_else(
                || format!("write {}, {} or {}", names[0], names[1], names[2]),
                |near| format!("did you mean `{near}`?"),
            );
            self.error(
                Diagnostic::error("compose.depends-on", format!("{place}: `{}` is no condition", text.value))
                    .at(text.span)
                    .help(help),
            );
        }
        found
    }
}

fn dependency(service: Located<String>, origin: DependencyOrigin, restart: bool) -> Dependency {
    Dependency { service, condition: Condition::Started, required: true, restart, origin }
}

/// Adds what `links`, `volumes_from` and shared namespaces imply, unless `depends_on` says more.
pub(super) fn imply(service: &mut Service) {
    let mut implied = Vec::new();
    for link in &service.links {
        implied.push((link.service.clone(), link.span, DependencyOrigin::Links));
    }
    if let Some(Located { value: NetworkMode::Service(name), span }) = &service.network_mode {
        implied.push((name.clone(), *span, DependencyOrigin::NetworkMode));
    }
    let other = |key| service.other.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let text = |node: &Node| Some(Located::new(node.as_str()?.to_owned(), node.span));
    for (mode, origin) in [
        (service.ipc.clone(), DependencyOrigin::Ipc),
        (service.pid.clone(), DependencyOrigin::Pid),
        (other("uts").and_then(text), DependencyOrigin::Uts),
    ] {
        if let Some((name, span)) =
            mode.as_ref().and_then(|mode| Some((mode.value.strip_prefix("service:")?, mode.span)))
        {
            implied.push((name.to_owned(), span, origin));
        }
    }
    for from in service.volumes_from.iter().filter(|from| !from.container) {
        implied.push((from.source.clone(), from.span, DependencyOrigin::VolumesFrom));
    }
    let mut known: HashSet<String> = service.depends_on.iter().map(|one| one.service.value.clone()).collect();
    for (name, span, origin) in implied {
        if known.insert(name.clone()) {
            let restart = origin != DependencyOrigin::VolumesFrom;
            service.depends_on.push(dependency(Located::new(name, span), origin, restart));
        }
    }
    service.depends_on.sort_by(|a, b| a.service.value.cmp(&b.service.value));
}
