//! Carries out what the table alone decides: refusals, notes, and keys this version does not know. Pure.

use super::{Fate, Row, Section, find};
use crate::extension::ProjectOptions;
use crate::privilege::not_granted;
use crate::unit::Unit;
use kompox_compose::{
    DependencyOrigin, Diagnostic, Diagnostics, Entry, FileObject, MountKind, Node, PortMode, Project,
    Service, Span, Value,
};
use kompox_model::App;
use std::collections::{BTreeMap, BTreeSet};

/// Reports every key whose fate is to be refused or ignored, and every key without a fate.
pub(crate) fn apply(
    app: &App,
    project: &Project,
    units: &[Unit<'_>],
    extension: &ProjectOptions,
    diagnostics: &mut Diagnostics,
) {
    let mut judge = Judge { diagnostics, extension, ignored: BTreeMap::new(), options: BTreeMap::new() };
    judge.keys(Section::Top, &project.keys, &project.other, |_| true);
    for unit in units {
        judge.service(unit.service);
    }
    judge.volumes(app, project, units);
    for network in project.networks.values() {
        judge.keys(Section::Network, &network.keys, &network.other, |key| match key {
            "external" => network.external.is_some(),
            _ => true,
        });
    }
    let services = || units.iter().map(|unit| unit.service);
    let secrets: BTreeSet<_> =
        services().flat_map(|service| &service.secrets).map(|f| &f.source.value).collect();
    let configs: BTreeSet<_> =
        services().flat_map(|service| &service.configs).map(|f| &f.source.value).collect();
    let used = project.secrets.iter().filter(|(key, _)| secrets.contains(key));
    for (_, object) in used.chain(project.configs.iter().filter(|(key, _)| configs.contains(key))) {
        judge.file_object(object);
    }
    judge.report();
}

struct Judge<'a> {
    diagnostics: &'a mut Diagnostics,
    extension: &'a ProjectOptions,
    /// Where each ignored key is written first.
    ignored: BTreeMap<(Section, &'static str), (Span, &'static Row)>,
    /// Where each option of a mount without effect is written first.
    options: BTreeMap<String, Span>,
}

impl Judge<'_> {
    /// Judges the keys of one part; `holds` tells whether a typed key has a value that asks for something.
    fn keys(
        &mut self,
        section: Section,
        keys: &BTreeMap<String, Span>,
        untyped: &[Entry],
        holds: impl Fn(&str) -> bool,
    ) {
        for (key, span) in keys {
            if key.starts_with("x-") && key != "x-kompox" {
                continue;
            }
            let entry = untyped.iter().find(|entry| entry.key == *key);
            let asks = entry.map_or_else(|| holds(key), |entry| asks(&entry.value));
            let row = find(section, key);
            match row.map(|row| row.fate) {
                Some(Fate::Map | Fate::Adapt) if entry.is_none() => {}
                Some(Fate::Refuse | Fate::Ignore) if !asks => {}
                Some(Fate::Refuse) => self.refuse(section, key, row, *span),
                Some(Fate::Ignore) => self.ignore(section, key, *span),
                _ => {
                    let message = format!("`{}{key}` is not supported by this version", prefix(section));
                    self.diagnostics.push(
                        Diagnostic::error("convert.unsupported", message)
                            .at(*span)
                            .help("remove it; nothing is dropped silently"),
                    );
                }
            }
        }
    }

    fn refuse(&mut self, section: Section, key: &str, row: Option<&'static Row>, span: Span) {
        if section == Section::Service && self.extension.allow.contains(key) {
            let what = format!("`{key}`");
            return self.diagnostics.push(not_granted(key, &what, span, None, self.extension));
        }
        let text = row.map_or("", |row| row.text);
        let message = format!("`{}{key}` is refused: {text}", prefix(section));
        self.diagnostics.push(Diagnostic::error("convert.refused", message).at(span));
    }

    fn ignore(&mut self, section: Section, key: &str, span: Span) {
        if let Some(row) = find(section, key) {
            let place = self.ignored.entry((section, row.key)).or_insert((span, row));
            place.0 = place.0.min(span);
        }
    }

    fn service(&mut self, service: &Service) {
        self.keys(Section::Service, &service.keys, &service.other, |key| match key {
            "external_links" => !service.external_links.is_empty(),
            // Without an image the build is an error of its own.
            "build" => service.image.is_some(),
            _ => true,
        });
        self.keys(Section::Deploy, &service.deploy.keys, &service.deploy.other, |_| true);
        if let Some(mode) = service.deploy.mode.as_ref().filter(|mode| mode.value != "replicated") {
            let message = format!("`deploy.mode: {}` is refused: one Pod per app", mode.value);
            self.diagnostics.push(Diagnostic::error("convert.refused", message).at(mode.span));
        }
        if let Some(check) = &service.healthcheck {
            self.keys(Section::Healthcheck, &check.keys, &check.other, |_| true);
        }
        // `links` and the like imply it; only `depends_on` says it.
        for dependency in &service.depends_on {
            if dependency.restart && dependency.origin == DependencyOrigin::DependsOn {
                self.ignore(Section::DependsOn, "restart", dependency.service.span);
            }
        }
        for port in &service.ports {
            if port.mode == PortMode::Host {
                self.ignore(Section::Port, "mode", port.span);
            }
            for (key, written) in [("name", &port.name), ("app_protocol", &port.app_protocol)] {
                if let Some(written) = written {
                    self.ignore(Section::Port, key, written.span);
                }
            }
        }
        for mount in &service.volumes {
            self.mount(mount);
        }
        for entry in service.networks.iter().flat_map(|network| &network.other) {
            let keys = [(entry.key.clone(), entry.key_span)].into();
            self.keys(Section::Attachment, &keys, std::slice::from_ref(entry), |_| true);
        }
    }

    fn mount(&mut self, mount: &kompox_compose::Mount) {
        match &mount.kind {
            MountKind::Bind(bind) => {
                if let Some(propagation) = &bind.propagation {
                    self.ignore(Section::Mount, "bind.propagation", propagation.span);
                }
                if let Some(label) = &bind.selinux {
                    self.ignore(Section::Mount, "bind.selinux", label.span);
                }
                if let Some(recursive) = &bind.recursive {
                    self.ignore(Section::Mount, "bind.recursive", recursive.span);
                }
            }
            MountKind::Tmpfs { mode: Some(mode), .. } => self.ignore(Section::Mount, "tmpfs.mode", mode.span),
            _ => {}
        }
        for option in &mount.ignored {
            let place = self.options.entry(option.value.clone()).or_insert(option.span);
            *place = (*place).min(option.span);
        }
    }

    fn volumes(&mut self, app: &App, project: &Project, units: &[Unit<'_>]) {
        let mounts = units.iter().flat_map(|unit| &unit.service.volumes);
        let used: BTreeSet<_> = mounts
            .filter_map(|mount| match &mount.kind {
                MountKind::Named { source, .. } => Some(source),
                _ => None,
            })
            .collect();
        for (key, volume) in project.volumes.iter().filter(|(key, _)| used.contains(key)) {
            self.keys(Section::Volume, &volume.keys, &volume.other, |key| match key {
                "driver_opts" => !volume.driver_opts.is_empty(),
                _ => true,
            });
            if let Some(driver) =
                volume.driver.as_ref().filter(|driver| !matches!(driver.value.as_str(), "" | "local"))
            {
                let message =
                    format!("volume driver `{}` is refused: volumes lie on the app's disks", driver.value);
                let help = "remove the driver; a disk of its own comes from an entry of `app.volumes`";
                self.diagnostics
                    .push(Diagnostic::error("convert.refused", message).at(driver.span).help(help));
            }
            let own_disk = app.volumes.iter().any(|own| own.compose.as_ref() == Some(key));
            if let Some(span) = volume.external.filter(|_| !own_disk) {
                let message = format!("volume `{key}` is external, but the app has no disk for it");
                let help =
                    format!("add an entry to `app.volumes` with `compose: {key}`, or remove `external`");
                self.diagnostics
                    .push(Diagnostic::error("convert.volume-external", message).at(span).help(help));
            }
        }
    }

    fn file_object(&mut self, object: &FileObject) {
        let external = matches!(object.source, kompox_compose::FileSource::External(_));
        self.keys(Section::FileSource, &object.keys, &object.other, |key| key != "external" || external);
    }

    fn report(self) {
        for (option, span) in self.options {
            let message = format!("`{option}` has no effect on a mount");
            self.diagnostics.push(Diagnostic::note("convert.ignored", message).at(span));
        }
        for ((section, key), (span, row)) in self.ignored {
            let message = format!("`{}{key}` has no effect: {}", prefix(section), row.text);
            self.diagnostics.push(Diagnostic::note("convert.ignored", message).at(span));
        }
    }
}

/// What stands before a key in messages.
fn prefix(section: Section) -> &'static str {
    match section {
        Section::Top | Section::Service => "",
        Section::Deploy => "deploy.",
        Section::Healthcheck => "healthcheck.",
        Section::DependsOn => "depends_on.*.",
        Section::Port => "ports.*.",
        Section::Mount | Section::Volume => "volumes.*.",
        Section::Attachment | Section::Network => "networks.*.",
        Section::FileMount | Section::FileSource => "secrets.*.",
        Section::ServiceExtension | Section::TopExtension => "x-kompox.",
    }
}

/// Whether a value asks for anything: null, false, zero and empty do not.
fn asks(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Int(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Sequence(items) => !items.is_empty(),
        Value::Mapping(mapping) => !mapping.is_empty(),
    }
}
