//! What a build and a watch say of themselves. Nothing is built or watched here, but a file that Docker Compose refuses is no
//! working one.

use kompox_yaml::{Diagnostic, Located, Node, Span};

use super::{Check, names};
use crate::Service;

impl Check<'_> {
    pub(super) fn build(&mut self) {
        self.one_dockerfile();
        self.contexts();
        self.platforms();
        self.watch();
    }

    fn one_dockerfile(&mut self) {
        let filled =
            |key| key_of(self.service, key).filter(|node| node.as_str().is_some_and(|text| !text.is_empty()));
        if let (Some(file), Some(inline)) = (filled("dockerfile"), filled("dockerfile_inline")) {
            let diagnostic = self.wrong("has both `dockerfile` and `dockerfile_inline`", file.span);
            self.diagnostics.push(diagnostic.label(inline.span, "the other one").help("remove one of them"));
        }
    }

    /// Contexts that are the images of other services.
    fn contexts(&mut self) {
        let node = key_of(self.service, "additional_contexts");
        for source in node.into_iter().flat_map(sources) {
            let Some(name) = source.value.strip_prefix("service:") else { continue };
            match self.project.services.get(name) {
                None => {
                    let name = Located::new(name.to_owned(), source.span);
                    self.undeclared("service", &name, self.project.services.keys().map(String::as_str));
                }
                Some(other) if other.build.is_none() => {
                    let diagnostic =
                        self.wrong(&format!("builds on {name}, which has no `build`"), source.span);
                    self.diagnostics.push(
                        diagnostic
                            .help("name a service that is built, or the image itself: `docker-image://…`"),
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn platforms(&mut self) {
        let Some(wanted) = &self.service.platform else { return };
        let built = key_of(self.service, "platforms").map(names).unwrap_or_default();
        if !built.is_empty() && built.iter().all(|platform| platform.value != wanted.value) {
            let message = format!("is not built for {}, its platform", wanted.value);
            let at = key_of(self.service, "platforms").map_or(wanted.span, |node| node.span);
            let diagnostic = self.wrong(&message, at).label(wanted.span, "the platform");
            self.diagnostics.push(diagnostic.help("add it to `platforms`"));
        }
    }

    fn watch(&mut self) {
        let develop = self.service.other.iter().find(|entry| entry.key == "develop");
        let watched = develop.and_then(|entry| entry.value.get("watch")?.as_sequence()).unwrap_or_default();
        for watch in watched {
            let action = watch.get("action").and_then(Node::as_str).unwrap_or_default();
            let target = watch.get("target").and_then(Node::as_str).unwrap_or_default();
            if target.is_empty() && matches!(action, "sync" | "sync+exec" | "sync+restart") {
                let message = format!("{}: `{action}` needs a `target`", self.service.name.value);
                let diagnostic = Diagnostic::error("compose.develop", message).at(watch.span);
                self.diagnostics
                    .push(diagnostic.help("write the folder in the container that the files go to"));
            }
        }
    }

    fn wrong(&self, what: &str, at: Span) -> Diagnostic {
        Diagnostic::error("compose.build", format!("{} {what}", self.service.name.value)).at(at)
    }
}

/// The secrets that a build refers to.
pub(crate) fn build_secrets(service: &Service) -> Vec<Located<String>> {
    let items = key_of(service, "secrets").and_then(Node::as_sequence).unwrap_or_default();
    let source = |item: &Node| {
        let named = item.get("source").unwrap_or(item);
        named.as_str().map(|name| Located::new(name.to_owned(), named.span))
    };
    items.iter().filter_map(source).collect()
}

fn key_of<'s>(service: &'s Service, key: &str) -> Option<&'s Node> {
    service.build.as_ref()?.value.get(key)
}

/// The values of a mapping, or of a list of `NAME=VALUE`.
fn sources(node: &Node) -> Vec<Located<String>> {
    let text = |node: &Node, text: &str| Located::new(text.to_owned(), node.span);
    let listed = node.as_sequence().into_iter().flatten();
    let listed = listed.filter_map(|item| Some(text(item, item.as_str()?.split_once('=')?.1)));
    let keyed = node.as_mapping().into_iter().flatten();
    listed.chain(keyed.filter_map(|entry| Some(text(&entry.value, entry.value.as_str()?)))).collect()
}
