//! `extends`: a service on top of another one, of the same file or of another (Compose Specification, "Extends").

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use kompox_yaml::{Diagnostic, Entry, Located, Mapping, Node, Span, nearest};

use super::merge::takes_away;
use super::{Assembler, rebase, rule};
use crate::budget::EXTENDED;
use crate::path;
use crate::place::Place;

/// What a service extends.
struct Target {
    service: Located<String>,
    file: Option<Located<String>>,
}

const NOTHING: Mapping = Mapping { entries: Vec::new() };

/// The services of a file as they are written, ordered by name.
struct Services(Vec<Entry>);

impl Services {
    fn new(mapping: &Mapping) -> Self {
        let mut all = mapping.entries.clone();
        all.sort_by(|one, other| one.key.cmp(&other.key));
        Self(all)
    }

    fn get(&self, name: &str) -> Option<&Node> {
        let at = self.0.binary_search_by(|entry| entry.key.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|entry| &entry.value)
    }
}

/// A file that is extended.
struct Extended {
    services: Option<Services>,
    /// Its beginning, for what is missing in it.
    span: Span,
}

/// What is known while the services of one document are extended.
#[derive(Default)]
struct Trail {
    /// The services that are being looked at, with their files, from the outermost.
    open: Vec<(String, String)>,
    /// The other files, by path.
    files: HashMap<String, Rc<Extended>>,
}

/// Where a service is looked for.
struct Home<'h> {
    services: &'h Services,
    /// The file's path.
    path: &'h str,
    /// The folder that its paths start from.
    folder: &'h str,
    environment: &'h BTreeMap<String, String>,
}

impl Assembler<'_> {
    /// Follows `extends` of all services of a document.
    pub(super) fn extend_services(
        &mut self,
        document: &mut Node,
        path: &str,
        folder: &str,
        environment: &BTreeMap<String, String>,
    ) {
        let extending = |node: &Node| node.get("extends").is_some() && !takes_away(node);
        let Some(services) = document.get("services").and_then(Node::as_mapping) else { return };
        if !services.iter().any(|entry| extending(&entry.value)) {
            return;
        }
        let written = Services::new(services);
        let home = Home { services: &written, path, folder, environment };
        let mut trail = Trail::default();
        for entry in document
            .get_mut("services")
            .and_then(Node::as_mapping_mut)
            .into_iter()
            .flat_map(|all| &mut all.entries)
        {
            if extending(&entry.value)
                && let Some(whole) = self.extended(&entry.key, entry.key_span, &home, &mut trail)
            {
                entry.value = whole;
            }
        }
    }

    /// A service with everything it extends beneath it. Tags stay: the result is merged with earlier files.
    fn extended(&mut self, name: &str, span: Span, home: &Home<'_>, trail: &mut Trail) -> Option<Node> {
        let mut service = home.services.get(name)?.clone();
        let Some(extends) = service.as_mapping_mut().and_then(|keys| keys.remove("extends")) else {
            return Some(service);
        };
        self.followed.push(Located::new(format!("services.{name}.extends"), extends.key_span));
        let Some(target) = self.merge(false).alone(extends.value.clone()) else { return Some(service) };
        let this = (home.path.to_owned(), name.to_owned());
        if trail.open.contains(&this) || trail.open.len() >= 100 {
            self.diagnostics.push(
                Diagnostic::error("compose.extends.cycle", format!("{name} extends itself in the end"))
                    .at(extends.key_span)
                    .help("remove one `extends` of the circle"),
            );
            service.as_mapping_mut().into_iter().for_each(|keys| keys.entries.push(extends.clone()));
            return Some(service);
        }
        trail.open.push(this);
        let base = self.base(name, span, &target, home, trail);
        trail.open.pop();
        let Some(base) = base else {
            // The key tells whoever checks the service that something is missing in it.
            service.as_mapping_mut().into_iter().for_each(|keys| keys.entries.push(extends.clone()));
            return Some(service);
        };
        if service.is_null() {
            return Some(base);
        }
        let services = Place::Root.key("services");
        let place = services.key(name);
        // `!override` of the whole service is about earlier files, not about what it extends.
        let tag = service.tag.take();
        let merged = self.merge(true).node(base, service, rule::SERVICE, &place);
        Some(Node { tag, ..merged })
    }

    /// The service that is extended, whole and without tags.
    fn base(
        &mut self,
        name: &str,
        span: Span,
        extends: &Node,
        home: &Home<'_>,
        trail: &mut Trail,
    ) -> Option<Node> {
        let target = self.target(name, span, extends)?;
        let Some(file) = &target.file else {
            return self.found(&target.service, home, trail);
        };
        let path = path::join(home.folder, &file.value);
        let extended = match trail.files.get(&path) {
            Some(known) => Rc::clone(known),
            None => {
                let read = Rc::new(self.extended_file(&path, file.span, home.environment)?);
                trail.files.insert(path.clone(), Rc::clone(&read));
                read
            }
        };
        let Some(services) = &extended.services else {
            self.diagnostics.push(
                Diagnostic::error("compose.extends", format!("there is no `services` in {path}"))
                    .at(file.span)
                    .label(extended.span, "this file"),
            );
            return None;
        };
        let folder = path::parent(&path);
        let inner = Home { services, path: &path, folder, environment: home.environment };
        let mut base = self.found(&target.service, &inner, trail)?;
        // Paths of what that service itself extends were moved to its folder already.
        rebase::service(&mut base, &path::relative(home.folder, folder));
        Some(base)
    }

    fn extended_file(
        &mut self,
        path: &str,
        named: Span,
        environment: &BTreeMap<String, String>,
    ) -> Option<Extended> {
        let parsed = Rc::unwrap_or_clone(self.parse(path, named, "the extended file")?);
        let mut whole: Option<Node> = None;
        for mut document in parsed.documents {
            if !self.prepare(&mut document, environment) {
                return None;
            }
            whole = match whole {
                Some(base) => Some(self.merge(true).node(base, document, rule::FILE, &Place::Root)),
                None => Some(document),
            };
        }
        let services = whole.as_ref().and_then(|whole| whole.get("services"));
        let services = services.filter(|services| !takes_away(services));
        let services = services.map(|services| Services::new(services.as_mapping().unwrap_or(&NOTHING)));
        Some(Extended { services, span: parsed.span })
    }

    fn found(&mut self, service: &Located<String>, home: &Home<'_>, trail: &mut Trail) -> Option<Node> {
        let name = &service.value;
        // A service that is reset is not there for its own file either.
        let Some(node) = home.services.get(name).filter(|node| !takes_away(node)) else {
            let known = home.services.0.iter().filter(|entry| !takes_away(&entry.value));
            let known = known.map(|entry| entry.key.as_str());
            let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
            let message = if trail.open.len() > 1 || !home.path.is_empty() {
                format!("there is no service `{name}` in {}", home.path)
            } else {
                format!("there is no service `{name}` in this file")
            };
            self.diagnostics
                .push(Diagnostic::error("compose.extends", message).at(service.span).maybe_help(near));
            return None;
        };
        if !self.budget.tree(node, EXTENDED, &mut self.diagnostics) {
            return None;
        }
        let whole = self.extended(name, service.span, home, trail)?;
        let settled = self.merge(false).alone(whole);
        settled.filter(|node| !node.is_null())
    }

    /// Reads `extends: NAME` or `extends: {service: NAME, file: PATH}`.
    fn target(&mut self, name: &str, span: Span, extends: &Node) -> Option<Target> {
        if let Some(service) = extends.as_str() {
            return Some(Target { service: Located::new(service.to_owned(), extends.span), file: None });
        }
        let wrong = |message: String, at: Span| {
            Diagnostic::error("compose.extends", message)
                .at(at)
                .help("write `extends: SERVICE`, or `service:` and `file:` below it")
        };
        let Some(mapping) = extends.as_mapping() else {
            let found = extends.kind().phrase();
            let message = format!("services.{name}.extends must be text or a mapping, found {found}");
            self.diagnostics.push(wrong(message, extends.span));
            return None;
        };
        for entry in mapping.iter().filter(|entry| !matches!(entry.key.as_str(), "service" | "file")) {
            let message = format!("unknown key `{}` in services.{name}.extends", entry.key);
            self.diagnostics.push(wrong(message, entry.key_span));
        }
        let text = |key: &str| {
            let node = mapping.get(key)?;
            Some(node.as_str().map(|text| Located::new(text.to_owned(), node.span)).ok_or(node.span))
        };
        let service = match text("service") {
            Some(Ok(service)) => service,
            Some(Err(at)) => {
                self.diagnostics.push(wrong(format!("services.{name}.extends.service must be text"), at));
                return None;
            }
            None => {
                self.diagnostics.push(wrong(format!("services.{name}.extends needs `service`"), span));
                return None;
            }
        };
        let file = match text("file") {
            Some(Err(at)) => {
                self.diagnostics.push(wrong(format!("services.{name}.extends.file must be text"), at));
                return None;
            }
            Some(Ok(file)) => Some(file),
            None => None,
        };
        Some(Target { service, file })
    }
}
