//! One KOM document: kind, name, names of the parents, and the keys of the kind. Pure.

use super::API_VERSION;
use crate::reader::{Field, Keys, Reader, Section};
use crate::{app, cluster, provider, workspace};
use kompox_model::{AppName, ClusterName, ProviderName, WorkspaceName};
use kompox_yaml::{Diagnostic, Located, Node, Span, nearest};

/// Keys at the top.
pub(crate) const ROOT: Keys = Keys { known: &["apiVersion", "kind", "metadata", "spec"], later: &[] };
/// Keys of `metadata`.
pub(crate) const METADATA: Keys = Keys { known: &["name"], later: &[] };
const OF_PROVIDER: Keys = Keys { known: &["workspace"], later: &[] };
const OF_CLUSTER: Keys = Keys { known: &["workspace", "provider"], later: &[] };
const OF_APP: Keys = Keys { known: &["workspace", "provider", "cluster"], later: &[] };

/// The kinds, parents first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DocumentKind {
    Workspace,
    Provider,
    Cluster,
    App,
}

impl DocumentKind {
    /// All of them, in the order in which nouns can be put together.
    pub(crate) const ALL: [Self; 4] = [Self::Workspace, Self::Provider, Self::Cluster, Self::App];

    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Workspace => "Workspace",
            Self::Provider => "Provider",
            Self::Cluster => "Cluster",
            Self::App => "App",
        }
    }

    /// The kind that it belongs to.
    pub(crate) const fn parent(self) -> Option<Self> {
        match self {
            Self::Workspace => None,
            Self::Provider => Some(Self::Workspace),
            Self::Cluster => Some(Self::Provider),
            Self::App => Some(Self::Cluster),
        }
    }

    /// The key of `spec` that names such a parent.
    pub(crate) const fn parent_key(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Provider => "provider",
            Self::Cluster => "cluster",
            Self::App => "app",
        }
    }

    /// The keys of `spec`: the parents first.
    pub(crate) const fn tables(self) -> [&'static Keys; 2] {
        const NONE: Keys = Keys { known: &[], later: &[] };
        match self {
            Self::Workspace => [&NONE, &workspace::KEYS],
            Self::Provider => [&OF_PROVIDER, &provider::KEYS],
            Self::Cluster => [&OF_CLUSTER, &cluster::KEYS],
            Self::App => [&OF_APP, &app::KEYS],
        }
    }
}

/// The keys of one kind, before its parents are known.
pub(crate) enum Body {
    Workspace(Option<String>),
    Provider(provider::Given),
    Cluster(Box<cluster::Parts>),
    App(Box<app::Parts>),
}

/// One document.
pub(crate) struct Document {
    /// Its kind.
    pub(crate) kind: DocumentKind,
    /// Its name; a name without a legal value was reported.
    pub(crate) name: Located<String>,
    /// The parents it names: workspace, provider, cluster.
    pub(crate) parents: [Option<Located<String>>; 3],
    /// Where a missing parent is reported.
    pub(crate) spec: Span,
    /// Its keys.
    pub(crate) body: Body,
    /// Its number in its file, when that has several.
    pub(crate) number: Option<usize>,
}

/// Reads a document; without kind and name nothing can be said about what it belongs to.
pub(crate) fn read(reader: &mut Reader, root: &Node, number: Option<usize>) -> Option<Document> {
    let field = Field { path: String::new(), key: root.span, node: root };
    if root.as_mapping().is_none() {
        let found = root.kind().phrase();
        let message = format!("a KOM document must be a mapping, but {found} was found");
        reader.report(Diagnostic::error("kom.document", message).at(root.span));
        return None;
    }
    if !is_readable(reader, root) {
        return None;
    }
    reader.refuse_tags(root);
    let root = reader.section(&field, &ROOT)?;
    let kind = reader.required(&root, "kind");
    let kind = reader.parsed(kind, "kom.kind", find_kind)?.value;
    let metadata = reader.required(&root, "metadata").and_then(|field| reader.section(&field, &METADATA));
    let name = metadata.and_then(|metadata| {
        let name = reader.required(&metadata, "name");
        reader.parsed(name, "manifest.name", |text| check_name(kind, text).map(|()| text.to_owned()))
    });
    let spec = reader.required(&root, "spec")?;
    let section = reader.section_of(&spec, &kind.tables())?;
    let parents = ["workspace", "provider", "cluster"].map(|key| {
        let belongs = kind.tables()[0].known.contains(&key);
        let field = if belongs { reader.optional(&section, key) } else { None };
        field.and_then(|field| reader.text(&field))
    });
    let body = read_body(reader, kind, &section);
    Some(Document { kind, name: name?, parents, spec: section.place(), body, number })
}

fn read_body(reader: &mut Reader, kind: DocumentKind, section: &Section<'_>) -> Body {
    match kind {
        DocumentKind::Workspace => Body::Workspace(workspace::read_domain(reader, section)),
        DocumentKind::Provider => Body::Provider(provider::read_body(reader, section)),
        DocumentKind::Cluster => Body::Cluster(Box::new(cluster::read_body(reader, section))),
        DocumentKind::App => Body::App(Box::new(app::read_body(reader, section))),
    }
}

/// Checks `apiVersion` first: of a document in another schema nothing else can be said.
fn is_readable(reader: &mut Reader, root: &Node) -> bool {
    let help = format!("write `apiVersion: {API_VERSION}`");
    let entry = root.as_mapping().and_then(|mapping| mapping.entry("apiVersion"));
    let (message, place) = match entry {
        Some(entry) if entry.value.as_str() == Some(API_VERSION) => return true,
        Some(entry) => match entry.value.as_str() {
            Some(other) => (format!("`apiVersion` `{other}` is not supported"), entry.value.span),
            None => ("`apiVersion` must be text".to_owned(), entry.value.span),
        },
        None => ("`apiVersion` is missing: this is no KOM document".to_owned(), root.span),
    };
    reader.report(Diagnostic::error("kom.version", message).at(place).help(help));
    false
}

fn find_kind(text: &str) -> Result<DocumentKind, String> {
    DocumentKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
        let known = DocumentKind::ALL.map(DocumentKind::name);
        let near = nearest(text, known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("unknown kind `{text}`; known kinds: {}{near}", known.join(", "))
    })
}

fn check_name(kind: DocumentKind, text: &str) -> Result<(), kompox_model::NameError> {
    match kind {
        DocumentKind::Workspace => text.parse::<WorkspaceName>().map(drop),
        DocumentKind::Provider => text.parse::<ProviderName>().map(drop),
        DocumentKind::Cluster => text.parse::<ClusterName>().map(drop),
        DocumentKind::App => text.parse::<AppName>().map(drop),
    }
}
