//! Rules between keys, for the services that are switched on.

use std::collections::HashMap;

use kompox_yaml::{Diagnostic, Diagnostics, Located, Span, nearest};

use crate::read::HINTS;
use crate::{MountKind, NetworkMode, Project, Service};

mod build;
mod cycle;
mod limits;

pub(crate) use build::build_secrets;

/// Checks a project; whatever is wrong is reported.
pub(crate) fn check(project: &Project, diagnostics: &mut Diagnostics) {
    let mut hints = HINTS;
    container_names(project, diagnostics);
    for service in project.services.values() {
        let mut check = Check { project, service, diagnostics, hints: &mut hints };
        check.runs();
        check.dependencies();
        check.networks();
        check.mounts();
        check.references();
        check.build();
        limits::check(service, diagnostics);
    }
    cycle::check(project, diagnostics);
}

/// A container's name is there only once.
fn container_names(project: &Project, diagnostics: &mut Diagnostics) {
    let mut known: HashMap<&str, &Service> = HashMap::new();
    for service in project.services.values() {
        let Some(name) = &service.container_name else { continue };
        if let Some(first) = known.insert(&name.value, service) {
            let services = format!("{} and {}", first.name.value, service.name.value);
            diagnostics.push(
                Diagnostic::error(
                    "compose.container-name",
                    format!("{services} have the same container name, {}", name.value),
                )
                .at(name.span)
                .label(first.name.span, format!("{} is here", first.name.value))
                .help("give each container a name of its own"),
            );
        }
    }
}

struct Check<'a> {
    project: &'a Project,
    service: &'a Service,
    diagnostics: &'a mut Diagnostics,
    /// Suggestions that may still be looked for.
    hints: &'a mut usize,
}

impl Check<'_> {
    fn runs(&mut self) {
        let service = self.service;
        let provided = service.keys.contains_key("provider");
        // A key that is there but wrong has been reported already, as has an `extends` that leads nowhere.
        if !service.keys.contains_key("extends")
            && !service.keys.contains_key("image")
            && service.build.is_none()
            && !provided
        {
            self.diagnostics.push(
                Diagnostic::error(
                    "compose.image",
                    format!("{} has neither `image` nor `build`", service.name.value),
                )
                .at(service.name.span)
                .help("add `image:`"),
            );
        }
    }

    fn dependencies(&mut self) {
        for dependency in &self.service.depends_on {
            let name = &dependency.service.value;
            if *name == self.service.name.value {
                self.diagnostics.push(
                    Diagnostic::error("compose.depends-on", format!("{name} depends on itself"))
                        .at(dependency.service.span)
                        .help("remove it"),
                );
            } else if !self.project.services.contains_key(name) {
                let names = self.project.services.keys();
                self.undeclared("service", &dependency.service, names.map(String::as_str));
            }
        }
    }

    fn networks(&mut self) {
        let service = self.service;
        if let Some(mode) = service.network_mode.as_ref().filter(|_| !service.networks.is_empty()) {
            self.diagnostics.push(
                Diagnostic::error(
                    "compose.network-mode",
                    format!("{} has both `network_mode` and `networks`", service.name.value),
                )
                .at(mode.span)
                .label(service.key_span("networks"), "`networks` is here")
                .help("remove one of them"),
            );
        }
        if let Some(mode) = &service.network_mode
            && let NetworkMode::Service(name) = &mode.value
            && let Some(off) = service.without.iter().find(|other| other.service.value == *name)
            && !off.required
        {
            let message = format!("{} joins {name}, which no active profile switches on", service.name.value);
            self.diagnostics.push(
                Diagnostic::error("compose.network-mode", message)
                    .at(mode.span)
                    .help("activate one of its profiles, or take `network_mode` out"),
            );
        }
        for network in &service.networks {
            if !self.project.networks.contains_key(&network.name.value) {
                self.undeclared("network", &network.name, self.project.networks.keys().map(String::as_str));
            }
        }
    }

    fn mounts(&mut self) {
        let mut targets: HashMap<&str, Span> = HashMap::new();
        let service = self.service;
        for mount in &service.tmpfs {
            if let Some(first) = targets.insert(&mount.target, mount.span) {
                self.twice(&mount.target, mount.span, first);
            }
        }
        for mount in &service.volumes {
            if let Some(first) = targets.insert(&mount.target, mount.span) {
                self.twice(&mount.target, mount.span, first);
            }
            if let MountKind::Named { source, .. } = &mount.kind
                && !self.project.volumes.contains_key(source)
            {
                if source.contains('/') {
                    let message = format!("`{source}` is read as the name of a volume");
                    self.diagnostics.push(
                        Diagnostic::error("compose.undeclared", message)
                            .at(mount.span)
                            .help(format!("for a file or folder of the project, write `./{source}`")),
                    );
                } else {
                    let name = Located::new(source.clone(), mount.span);
                    self.undeclared("volume", &name, self.project.volumes.keys().map(String::as_str));
                }
            }
        }
    }

    fn twice(&mut self, target: &str, second: Span, first: Span) {
        self.diagnostics.push(
            Diagnostic::error("compose.volume.conflict", format!("{target} is mounted twice"))
                .at(second)
                .label(first, "the other one")
                .help("remove one of them"),
        );
    }

    fn references(&mut self) {
        for reference in &self.service.configs {
            if !self.project.configs.contains_key(&reference.source.value) {
                self.undeclared("config", &reference.source, self.project.configs.keys().map(String::as_str));
            }
        }
        for reference in &self.service.secrets {
            if !self.project.secrets.contains_key(&reference.source.value) {
                self.undeclared("secret", &reference.source, self.project.secrets.keys().map(String::as_str));
            }
        }
        for reference in build_secrets(self.service) {
            if !self.project.secrets.contains_key(&reference.value) {
                self.undeclared("secret", &reference, self.project.secrets.keys().map(String::as_str));
            }
        }
        let models = self.service.other.iter().find(|entry| entry.key == "models");
        let declared = self.project.other.iter().find(|entry| entry.key == "models");
        let declared = declared.and_then(|entry| entry.value.as_mapping());
        for name in models.into_iter().flat_map(|entry| names(&entry.value)) {
            if declared.is_none_or(|declared| declared.get(&name.value).is_none()) {
                self.undeclared(
                    "model",
                    &name,
                    declared.into_iter().flatten().map(|entry| entry.key.as_str()),
                );
            }
        }
    }

    fn undeclared<'n>(&mut self, what: &str, name: &Located<String>, known: impl Iterator<Item = &'n str>) {
        let word = &name.value;
        let declare = if what == "service" {
            "add it below `services`".to_owned()
        } else {
            format!("declare it at the top level: `{what}s:` with `{word}:`")
        };
        let near = if *self.hints == 0 { None } else { nearest(word, known) };
        *self.hints = self.hints.saturating_sub(1);
        let help = near.map_or(declare, |near| format!("did you mean `{near}`?"));
        let message = format!("{}: there is no {what} `{word}`", self.service.name.value);
        self.diagnostics.push(Diagnostic::error("compose.undeclared", message).at(name.span).help(help));
    }
}

/// The names of a list, or the keys of a mapping.
fn names(node: &kompox_yaml::Node) -> Vec<Located<String>> {
    let listed = node.as_sequence().into_iter().flatten();
    let listed = listed.filter_map(|item| item.as_str().map(|name| Located::new(name.to_owned(), item.span)));
    let keyed = node.as_mapping().into_iter().flatten();
    listed.chain(keyed.map(|entry| Located::new(entry.key.clone(), entry.key_span))).collect()
}
