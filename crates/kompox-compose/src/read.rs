//! The tree read into types. One method per kind of part, on a [`Reader`] that collects what is
//! wrong; a wrong value is reported and left out, so that everything else is still looked at.

use std::collections::{BTreeMap, HashMap};

use kompox_yaml::{Diagnostic, Diagnostics, Entry, Located, Mapping, Node, SourceId, Sources, Span, nearest};

use crate::budget::Budget;
use crate::place::Place;
use crate::shape;
use crate::{Project, ProjectFiles};

mod dependency;
mod deploy;
mod device;
mod env;
mod file_reference;
mod healthcheck;
mod list;
mod network;
mod port;
mod resource;
mod run;
mod service;
mod shaped;
mod tmpfs;
mod value;
mod volume;

pub use service::SERVICE;
pub(crate) use value::canonical;

/// Ports that one project may have after ranges are expanded.
pub(crate) const PORTS: usize = 1 << 15;

/// Reads nodes, and files where a key says so.
pub(crate) struct Reader<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) files: &'a dyn ProjectFiles,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) budget: Budget,
    /// Whether an included project is missing in the tree, which was reported.
    pub(crate) incomplete: bool,
    ports_left: usize,
    hints_left: usize,
    /// Values of variables that are known in an included file only, by the place where a config or secret names them.
    pub(crate) variables: BTreeMap<Span, String>,
    /// Env files that were read, by path.
    pub(crate) env_files: HashMap<String, SourceId>,
}

/// Suggestions for misspelt words in one load: each is compared with many words.
pub(crate) const HINTS: usize = 50;

/// Keys of the top level.
const TOP_LEVEL: &[&str] = &shape::names::<{ shape::TOP_LEVEL.len() }>(shape::TOP_LEVEL);

impl<'a> Reader<'a> {
    pub(crate) fn new(
        sources: &'a mut Sources,
        environment: &'a BTreeMap<String, String>,
        files: &'a dyn ProjectFiles,
    ) -> Self {
        Self {
            sources,
            environment,
            files,
            diagnostics: Diagnostics::new(),
            budget: Budget::default(),
            incomplete: false,
            ports_left: PORTS,
            hints_left: HINTS,
            variables: BTreeMap::new(),
            env_files: HashMap::new(),
        }
    }

    pub(crate) fn error(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reads the whole file; all services are taken as switched on.
    pub(crate) fn project(&mut self, root: &Node, name: &str) -> Option<Project> {
        let place = Place::Root;
        let top = self.any_mapping(root, &place)?;
        let mut project = Project { name: name.to_owned(), keys: keys(top), ..Project::default() };
        for entry in top {
            let at = place.key(&entry.key);
            let node = &entry.value;
            match entry.key.as_str() {
                "name" => project.written_name = self.text(node, &at),
                "services" => self.services(node, &at, &mut project),
                "volumes" => project.volumes = self.named(node, &at, Self::volume),
                "networks" => project.networks = self.named(node, &at, Self::network),
                "configs" => project.configs = self.named(node, &at, Self::config),
                "secrets" => project.secrets = self.named(node, &at, Self::secret),
                "x-kompox" => project.x_kompox = Some(entry.clone()),
                key if key.starts_with("x-") => project.extensions.push(entry.clone()),
                key if TOP_LEVEL.contains(&key) => {
                    self.kept(entry, shape::TOP_LEVEL, &at);
                    project.other.push(entry.clone());
                }
                _ => self.unknown_top_level(entry, top),
            }
        }
        if top.get("services").is_none() && !looks_like_version_1(top) && !self.incomplete {
            let diagnostic = Diagnostic::error("compose.no-services", "there is no `services` in this file");
            self.error(diagnostic.at(root.span).help("add `services:` with at least one service"));
        }
        Some(project)
    }

    fn services(&mut self, node: &Node, place: &Place<'_>, project: &mut Project) {
        let Some(mapping) = self.any_mapping(node, place) else { return };
        let mut read = Vec::new();
        for entry in mapping {
            if self.budget.is_over() {
                break;
            }
            if self.check_name(entry) {
                let name = Located::new(entry.key.clone(), entry.key_span);
                if let Some(service) = self.service(name, &entry.value, &place.key(&entry.key)) {
                    read.push((&entry.key, Box::new(service)));
                }
            }
        }
        // In the order of the map: a service is large, and moving those behind it for each takes long.
        read.sort_by_key(|(name, _)| *name);
        project.services.extend(read.into_iter().map(|(name, service)| (name.clone(), *service)));
    }

    /// A map of things with names.
    fn named<T>(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        read: impl Fn(&mut Self, Located<String>, &Node, &Place<'_>) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let mut all = BTreeMap::new();
        for entry in self.any_mapping(node, place).into_iter().flatten() {
            if self.check_name(entry) {
                let name = Located::new(entry.key.clone(), entry.key_span);
                if let Some(value) = read(self, name, &entry.value, &place.key(&entry.key)) {
                    all.insert(entry.key.clone(), value);
                }
            }
        }
        all
    }

    /// Names of services, volumes, … hold letters, digits, dots, dashes and underscores.
    fn check_name(&mut self, entry: &Entry) -> bool {
        let good = !entry.key.is_empty()
            && entry.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !good {
            self.error(
                Diagnostic::error("compose.name", format!("`{}` cannot be a name", entry.key))
                    .at(entry.key_span)
                    .help("use letters, digits, `.`, `_` and `-`"),
            );
        }
        good
    }

    fn unknown_top_level(&mut self, entry: &Entry, top: &Mapping) {
        let diagnostic = if top.get("services").is_none() && looks_like_service(&entry.value) {
            Diagnostic::error("compose.unknown-key", format!("`{}` stands outside of `services`", entry.key))
                .help("put all services below a key `services:`")
        } else {
            self.unknown(entry, "at the top level", TOP_LEVEL)
        };
        self.error(diagnostic.at(entry.key_span));
    }

    /// A mapping with known keys only; others are reported. Extensions are always allowed.
    fn mapping<'n>(&mut self, node: &'n Node, place: &Place<'_>, known: &[&str]) -> Option<&'n Mapping> {
        let mapping = self.any_mapping(node, place)?;
        for entry in mapping {
            if !known.contains(&entry.key.as_str()) && !entry.key.starts_with("x-") {
                let diagnostic = self.unknown(entry, &format!("in {place}"), known);
                self.error(diagnostic.at(entry.key_span));
            }
        }
        Some(mapping)
    }

    fn unknown(&mut self, entry: &Entry, whereabouts: &str, known: &[&str]) -> Diagnostic {
        let near = if self.hints_left == 0 { None } else { nearest(&entry.key, known.iter().copied()) };
        self.hints_left = self.hints_left.saturating_sub(1);
        let help = near.map_or_else(
            || "remove it; keys of your own start with `x-`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Diagnostic::error("compose.unknown-key", format!("unknown key `{}` {whereabouts}", entry.key))
            .help(help)
    }
}

/// Where each key of a mapping is written.
pub(crate) fn keys(mapping: &Mapping) -> BTreeMap<String, Span> {
    mapping.iter().map(|entry| (entry.key.clone(), entry.key_span)).collect()
}

fn looks_like_version_1(top: &Mapping) -> bool {
    top.iter().any(|entry| looks_like_service(&entry.value))
}

fn looks_like_service(node: &Node) -> bool {
    node.get("image").is_some() || node.get("build").is_some()
}
