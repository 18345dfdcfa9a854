//! What becomes of every key of a project's own files, and what was said about it. Pure.

use super::{Fate, Section, find};
use kompox_compose::{Diagnostic, Diagnostics, Entry, MountKind, PortMode, Project, Service, Severity, Span};
use std::collections::BTreeMap;

/// One key of a compose file with its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The key with what stands above it: `services.web.ports`.
    pub key: String,
    /// Where it is written.
    pub span: Span,
    /// What becomes of it in this app: the table's fate, or refused where its value is.
    pub fate: Fate,
    /// How, or why not, and what to write instead.
    pub text: String,
    /// Whether the app behaves otherwise than under Docker Compose because of it.
    pub differs: bool,
}

/// Every key that was written, ordered by place, with its fate. `found` is what the conversion said: a key whose value was
/// refused is refused, and what else was said about a key stands in the place of the table's words.
#[must_use]
pub fn explain(project: &Project, found: &Diagnostics) -> Vec<Explained> {
    let mut walk = Walk { found: Vec::new() };
    walk.project(project);
    let mut keys = walk.found;
    keys.sort_by(|a, b| (a.span, &a.key).cmp(&(b.span, &b.key)));
    keys.dedup_by(|a, b| a.key == b.key && a.span == b.span);
    for diagnostic in found {
        if let Some(at) = diagnostic.span().and_then(|span| subject(&keys, span)) {
            said(&mut keys[at], diagnostic);
        }
    }
    keys
}

/// The last key that begins at or before a place in the same file.
fn subject(keys: &[Explained], span: Span) -> Option<usize> {
    let at = keys.partition_point(|key| {
        key.span <= span || (key.span.source, key.span.start) <= (span.source, span.start)
    });
    at.checked_sub(1).filter(|at| keys[*at].span.source == span.source)
}

fn said(key: &mut Explained, diagnostic: &Diagnostic) {
    let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let text = format!("{}{help}", diagnostic.message);
    let error = diagnostic.severity == Severity::Error;
    // The first thing that was said about it counts, unless something worse was.
    if !key.differs || (error && key.fate != Fate::Refuse) {
        key.text = text;
    }
    key.differs = true;
    if error {
        key.fate = Fate::Refuse;
    } else if key.fate == Fate::Map {
        key.fate = Fate::Adapt;
    }
}

struct Walk {
    found: Vec<Explained>,
}

impl Walk {
    fn add(&mut self, section: Section, above: &str, key: &str, span: Span) {
        let (fate, text) = match find(section, key) {
            Some(row) => (row.fate, row.text),
            None if key.starts_with("x-") => (Fate::Ignore, "a key of your own"),
            None => (Fate::Refuse, "not supported by this version"),
        };
        let key = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
        self.found.push(Explained { key, span, fate, text: text.to_owned(), differs: false });
    }

    fn keys(&mut self, section: Section, above: &str, keys: &BTreeMap<String, Span>) {
        for (key, span) in keys {
            self.add(section, above, key, *span);
        }
    }

    fn extension(&mut self, section: Section, above: &str, entry: Option<&Entry>) {
        for one in entry.and_then(|entry| entry.value.as_mapping()).into_iter().flatten() {
            self.add(section, above, &one.key, one.key_span);
        }
    }

    fn project(&mut self, project: &Project) {
        self.keys(Section::Top, "", &project.keys);
        for followed in &project.followed {
            match followed.value.rsplit_once('.') {
                Some((above, key)) => self.add(Section::Service, above, key, followed.span),
                None => self.add(Section::Top, "", &followed.value, followed.span),
            }
        }
        self.extension(Section::TopExtension, "x-kompox", project.x_kompox.as_ref());
        for service in project.services.values() {
            self.service(service);
        }
        for (name, volume) in &project.volumes {
            self.keys(Section::Volume, &format!("volumes.{name}"), &volume.keys);
        }
        for (name, network) in &project.networks {
            self.keys(Section::Network, &format!("networks.{name}"), &network.keys);
        }
        for (kind, objects) in [("secrets", &project.secrets), ("configs", &project.configs)] {
            for (name, object) in objects {
                self.keys(Section::FileSource, &format!("{kind}.{name}"), &object.keys);
            }
        }
    }

    fn service(&mut self, service: &Service) {
        let above = format!("services.{}", service.name.value);
        self.keys(Section::Service, &above, &service.keys);
        self.keys(Section::Deploy, &format!("{above}.deploy"), &service.deploy.keys);
        if let Some(check) = &service.healthcheck {
            self.keys(Section::Healthcheck, &format!("{above}.healthcheck"), &check.keys);
        }
        self.extension(Section::ServiceExtension, &format!("{above}.x-kompox"), service.x_kompox.as_ref());
        for (at, port) in service.ports.iter().enumerate() {
            let place = format!("{above}.ports[{at}]");
            if port.mode == PortMode::Host {
                self.add(Section::Port, &place, "mode", port.span);
            }
            for (key, written) in [("name", &port.name), ("app_protocol", &port.app_protocol)] {
                if let Some(written) = written {
                    self.add(Section::Port, &place, key, written.span);
                }
            }
        }
        for (at, mount) in service.volumes.iter().enumerate() {
            let place = format!("{above}.volumes[{at}]");
            if let MountKind::Bind(bind) = &mount.kind {
                let texts = [("bind.propagation", &bind.propagation), ("bind.recursive", &bind.recursive)];
                for (key, written) in texts {
                    if let Some(written) = written {
                        self.add(Section::Mount, &place, key, written.span);
                    }
                }
                if let Some(label) = &bind.selinux {
                    self.add(Section::Mount, &place, "bind.selinux", label.span);
                }
            }
        }
        for network in &service.networks {
            let place = format!("{above}.networks.{}", network.name.value);
            for entry in &network.other {
                self.add(Section::Attachment, &place, &entry.key, entry.key_span);
            }
        }
    }
}
