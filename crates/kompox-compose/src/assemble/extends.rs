//! `extends`: a service on top of another one, of the same file or of another (Compose Specification, "Extends").

use std::collections::BTreeMap;

use kompox_yaml::{Diagnostic, Located, Node, Span, nearest};

use super::merge::{self, Merge, takes_away};
use super::{Assembler, Scope, rebase, rule};
use crate::path;
use crate::place::Place;

/// What a service extends.
struct Target {
    service: Located<String>,
    file: Option<Located<String>>,
}

/// Where a service is looked for.
struct Home<'h> {
    /// The services of the file as they are written.
    services: &'h Node,
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
        let Some(services) = document.get("services").filter(|services| services.as_mapping().is_some())
        else {
            return;
        };
        if !services.as_mapping().into_iter().flatten().any(|entry| extending(&entry.value)) {
            return;
        }
        let written = services.clone();
        let home = Home { services: &written, path, folder, environment };
        for entry in document
            .get_mut("services")
            .and_then(Node::as_mapping_mut)
            .into_iter()
            .flat_map(|all| &mut all.entries)
        {
            if extending(&entry.value) {
                let mut open = Vec::new();
                if let Some(whole) = self.extended(&entry.key, entry.key_span, &home, &mut open) {
                    entry.value = whole;
                }
            }
        }
    }

    /// A service with everything it extends beneath it. Tags stay: the result is merged with earlier files.
    fn extended(
        &mut self,
        name: &str,
        span: Span,
        home: &Home<'_>,
        open: &mut Vec<(String, String)>,
    ) -> Option<Node> {
        let mut service = home.services.get(name)?.clone();
        let Some(extends) = service.as_mapping_mut().and_then(|keys| keys.remove("extends")) else {
            return Some(service);
        };
        self.followed.push(Located::new(format!("services.{name}.extends"), extends.key_span));
        let idle = Merge { diagnostics: &mut self.diagnostics, keep_tags: false };
        let Some(target) = idle.alone(extends.value.clone()) else { return Some(service) };
        let this = (home.path.to_owned(), name.to_owned());
        if open.contains(&this) || open.len() >= 100 {
            self.diagnostics.push(
                Diagnostic::error("compose.extends.cycle", format!("{name} extends itself in the end"))
                    .at(extends.key_span)
                    .help("remove one `extends` of the circle"),
            );
            service.as_mapping_mut().into_iter().for_each(|keys| keys.entries.push(extends.clone()));
            return Some(service);
        }
        open.push(this);
        let base = self.base(name, span, &target, home, open);
        open.pop();
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
        let mut merge = Merge { diagnostics: &mut self.diagnostics, keep_tags: true };
        // `!override` of the whole service is about earlier files, not about what it extends.
        let tag = service.tag.take();
        let merged = merge.node(base, service, rule::SERVICE, &place);
        Some(Node { tag, ..merged })
    }

    /// The service that is extended, whole and without tags.
    fn base(
        &mut self,
        name: &str,
        span: Span,
        extends: &Node,
        home: &Home<'_>,
        open: &mut Vec<(String, String)>,
    ) -> Option<Node> {
        let target = self.target(name, span, extends)?;
        let Some(file) = &target.file else {
            return self.found(&target.service, home, open);
        };
        let path = path::join(home.folder, &file.value);
        let parsed = self.parse(&path, file.span, "the extended file")?;
        let scope = Scope { environment: home.environment, folder: path::parent(&path), open: Vec::new() };
        let mut whole = None;
        for mut document in parsed.documents {
            self.refuse_tags(&document);
            merge::drop_idle_tags(&mut document);
            crate::substitute::substitute(
                &mut document,
                scope.environment,
                self.sources,
                &mut self.diagnostics,
            );
            let mut merge = Merge { diagnostics: &mut self.diagnostics, keep_tags: true };
            whole = match whole {
                Some(base) => Some(merge.node(base, document, rule::FILE, &Place::Root)),
                None => Some(document),
            };
        }
        let Some(services) = whole.as_ref().and_then(|whole| whole.get("services")) else {
            self.diagnostics.push(
                Diagnostic::error("compose.extends", format!("there is no `services` in {path}"))
                    .at(file.span)
                    .label(parsed.span, "this file"),
            );
            return None;
        };
        let inner = Home { services, path: &path, folder: scope.folder, environment: scope.environment };
        let mut base = self.found(&target.service, &inner, open)?;
        // Paths of what that service itself extends were moved to its folder already.
        rebase::service(&mut base, &path::relative(home.folder, scope.folder));
        Some(base)
    }

    fn found(
        &mut self,
        service: &Located<String>,
        home: &Home<'_>,
        open: &mut Vec<(String, String)>,
    ) -> Option<Node> {
        let name = &service.value;
        // A service that is reset is not there for its own file either.
        let Some(node) = home.services.get(name).filter(|node| !takes_away(node)) else {
            let known = home.services.as_mapping().into_iter().flatten();
            let known = known.filter(|entry| !takes_away(&entry.value)).map(|entry| entry.key.as_str());
            let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
            let message = if open.len() > 1 || !home.path.is_empty() {
                format!("there is no service `{name}` in {}", home.path)
            } else {
                format!("there is no service `{name}` in this file")
            };
            self.diagnostics
                .push(Diagnostic::error("compose.extends", message).at(service.span).maybe_help(near));
            return None;
        };
        if !self.spend(node) {
            return None;
        }
        let whole = self.extended(name, service.span, home, open)?;
        let settled = Merge { diagnostics: &mut self.diagnostics, keep_tags: false }.alone(whole);
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
