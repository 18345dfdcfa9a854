//! Documents to nouns: finds the parents and refuses what is there twice. Pure.

use super::document::{Body, Document, DocumentKind};
use crate::Loaded;
use crate::reader::Reader;
use kompox_model::driver;
use kompox_model::{ClusterName, Noun, NounKey, ProviderName, Workspace, WorkspaceName};
use kompox_yaml::{Diagnostic, Diagnostics, Located, Span, nearest};

/// What was put together so far.
#[derive(Default)]
pub(crate) struct Assembly {
    /// The nouns with their places.
    pub(crate) loaded: Loaded,
    /// Everything that is wrong.
    pub(crate) diagnostics: Diagnostics,
    /// Kinds and names of documents that could not be read: who refers to them is not to blame.
    pub(crate) broken: Vec<(DocumentKind, String)>,
    /// True when a whole text could not be read: then a missing parent may be in it.
    pub(crate) incomplete: bool,
}

impl Assembly {
    /// Adds a noun, unless there is one of its name.
    pub(crate) fn add(&mut self, noun: Noun, place: Span, number: Option<usize>) {
        let key = noun.key();
        if let Some(first) = self.loaded.places.get(&key) {
            let twice = Diagnostic::error("kom.twice", format!("{key} is described twice"))
                .at(place)
                .label(*first, "the first one is here");
            self.diagnostics.extend(numbered(std::iter::once(twice).collect(), number));
            return;
        }
        // Its parent was found before, so this cannot fail; if it did, the noun would be missed as a parent itself.
        if self.loaded.inventory.put(noun).is_ok() {
            self.loaded.places.insert(key, place);
        }
    }

    /// Adds all documents, parents first, whatever their order in the files.
    pub(crate) fn documents(&mut self, documents: Vec<Document>) {
        let mut documents = documents;
        documents.sort_by_key(|document| document.kind);
        for document in documents {
            let mut reader = Reader::default();
            let (kind, name, number) = (document.kind, document.name.clone(), document.number);
            let noun = self.noun(&mut reader, document);
            let failed = reader.diagnostics.has_errors();
            self.diagnostics.extend(numbered(reader.diagnostics, number));
            match noun {
                Some(noun) if !failed => self.add(noun, name.span, number),
                _ => self.broken.push((kind, name.value)),
            }
        }
    }

    fn noun(&self, reader: &mut Reader, document: Document) -> Option<Noun> {
        let parent = self.parent(reader, &document);
        let name = &document.name.value;
        match document.body {
            Body::Workspace(domain) => {
                Some(Noun::Workspace(Workspace { name: name.parse().ok()?, domain: domain? }))
            }
            Body::Provider(given) => {
                let provider = given.finish(reader, name.parse().ok()?);
                let NounKey::Workspace(workspace) = parent? else { return None };
                Some(Noun::Provider { workspace, provider: provider? })
            }
            Body::Cluster(parts) => {
                let driver = parent.as_ref().and_then(|parent| self.driver(parent));
                let cluster = parts.named(reader, name.parse().ok(), driver);
                let NounKey::Provider(workspace, provider) = parent? else { return None };
                Some(Noun::Cluster { workspace, provider, cluster: Box::new(cluster?) })
            }
            Body::App(parts) => {
                let chain = parent.as_ref().and_then(|parent| self.loaded.inventory.on_cluster(parent));
                let domain = chain.as_ref().map(|chain| chain.app_domain());
                let driver = chain.and_then(|chain| driver::find(&chain.provider.driver));
                let app = parts.named(name.parse().ok()).finish(reader, driver, domain.as_deref());
                let NounKey::Cluster(workspace, provider, cluster) = parent? else { return None };
                Some(Noun::App { workspace, provider, cluster, app: Box::new(app?) })
            }
        }
    }

    fn driver(&self, provider: &NounKey) -> Option<&'static driver::KnownDriver> {
        match self.loaded.inventory.get(provider)? {
            Noun::Provider { provider, .. } => driver::find(&provider.driver),
            _ => None,
        }
    }

    /// The one parent that the document's names fit. The next one above must be named, the others only when several
    /// would fit otherwise.
    fn parent(&self, reader: &mut Reader, document: &Document) -> Option<NounKey> {
        let kind = document.kind.parent()?;
        let key = kind.parent_key();
        let Some(named) = &document.parents[kind as usize] else {
            let message = format!("`spec.{key}` is missing");
            reader.report(Diagnostic::error("manifest.key.missing", message).at(document.spec));
            return None;
        };
        let [workspace, provider, cluster] = document.parents.each_ref().map(Option::as_ref);
        let fitting: Vec<_> = self
            .loaded
            .places
            .iter()
            .filter(|(key, _)| fits(key, kind, workspace, provider, cluster))
            .collect();
        match fitting.as_slice() {
            [(key, _)] => Some(NounKey::clone(key)),
            [] => {
                if !self.incomplete
                    && !self.broken.iter().any(|(of, name)| (*of, name) == (kind, &named.value))
                {
                    reader.report(self.dangling(document, kind, named));
                }
                None
            }
            several => {
                let several = several.iter().map(|(key, place)| (NounKey::clone(key), **place));
                reader.report(ambiguous(document, kind, named, several.collect()));
                None
            }
        }
    }

    fn dangling(&self, document: &Document, kind: DocumentKind, named: &Located<String>) -> Diagnostic {
        let key = kind.parent_key();
        let same: Vec<_> = self.loaded.places.keys().filter(|known| known.kind() == kind.name()).collect();
        let message = match same.iter().find(|known| known.name() == named.value) {
            Some(other) => {
                format!("`spec.{key}` is `{}`, but {other} has other parents than named here", named.value)
            }
            None => format!("`spec.{key}` is `{}`, but no such {key} is described", named.value),
        };
        let help = match nearest(&named.value, same.iter().map(|known| known.name())) {
            Some(near) if near != named.value => Some(format!("did you mean `{near}`?")),
            _ if same.is_empty() => Some(format!("add a document of kind {}", kind.name())),
            _ => {
                let known: Vec<_> = same.iter().map(|known| known.path()).collect();
                Some(format!("described are: {}", known.join(", ")))
            }
        };
        let whose = format!("in {} {}", document.kind.name(), document.name.value);
        Diagnostic::error("kom.parent.missing", message)
            .at(named.span)
            .label(document.name.span, whose)
            .maybe_help(help)
    }
}

/// True when `key` is of this kind and has the names that are given.
fn fits(
    key: &NounKey,
    kind: DocumentKind,
    workspace: Option<&Located<String>>,
    provider: Option<&Located<String>>,
    cluster: Option<&Located<String>>,
) -> bool {
    let is = |given: Option<&Located<String>>, name: &str| given.is_none_or(|given| given.value == name);
    let in_workspace = |name: &WorkspaceName| is(workspace, name.as_str());
    let of_provider = |name: &ProviderName| is(provider, name.as_str());
    let on_cluster = |name: &ClusterName| is(cluster, name.as_str());
    match key {
        NounKey::Workspace(w) => kind == DocumentKind::Workspace && in_workspace(w),
        NounKey::Provider(w, p) => kind == DocumentKind::Provider && in_workspace(w) && of_provider(p),
        NounKey::Cluster(w, p, c) => {
            kind == DocumentKind::Cluster && in_workspace(w) && of_provider(p) && on_cluster(c)
        }
        NounKey::App(_) => false,
    }
}

fn ambiguous(
    document: &Document,
    kind: DocumentKind,
    named: &Located<String>,
    several: Vec<(NounKey, Span)>,
) -> Diagnostic {
    let key = kind.parent_key();
    let message = format!("`spec.{key}` is `{}`, but several are called so", named.value);
    let missing: Vec<_> = document.kind.tables()[0]
        .known
        .iter()
        .zip(&document.parents)
        .filter(|(_, given)| given.is_none())
        .map(|(key, _)| format!("`spec.{key}`"))
        .collect();
    let found = Diagnostic::error("kom.parent.ambiguous", message).at(named.span);
    let found = several.into_iter().fold(found, |found, (key, place)| found.label(place, key.to_string()));
    found.help(format!("say which one by {}", missing.join(" and ")))
}

/// Says in which document of its file each finding is, where there are several.
pub(crate) fn numbered(found: Diagnostics, number: Option<usize>) -> Diagnostics {
    let Some(number) = number else { return found };
    let add = |mut diagnostic: Diagnostic| {
        diagnostic.message.push_str(&format!(" (document {number})"));
        diagnostic
    };
    found.into_iter().map(add).collect()
}
