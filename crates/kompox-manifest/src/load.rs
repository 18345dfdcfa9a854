//! Texts to nouns: version 1 of kompoxops.yml, which is one workspace, provider, cluster and app in one mapping, and KOM
//! documents. Pure.

use crate::kom::assemble::{Assembly, numbered};
use crate::kom::document;
use crate::reader::{Field, Keys, Reader, Section};
use crate::{app, cluster, provider, workspace};
use kompox_model::{Configuration, Inventory, NounKey};
use kompox_yaml::{Diagnostic, Diagnostics, Limits, Node, SourceId, Sources, Span, parse};
use std::collections::BTreeMap;

/// Keys at the top.
pub(crate) const ROOT: Keys =
    Keys { known: &["version", "service", "workspace", "provider", "cluster", "app"], later: &[] };

/// What several texts say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// All nouns.
    pub inventory: Inventory,
    /// Where each of them is described; paths in it are relative to that file.
    pub places: BTreeMap<NounKey, Span>,
}

/// What a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// A kompoxops.yml, or KOM documents.
    Either,
    /// KOM documents only.
    Kom,
    /// KOM documents, or something else that lies in the same folder and is left alone with a note.
    KomOrOther,
}

/// One text to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub source: SourceId,
    /// What it may be.
    pub form: TextForm,
}

/// Loads the text `id` of `sources` as a kompoxops.yml.
///
/// Everything that is wrong is reported, not the first finding only, each with its place. There is a
/// configuration exactly when no finding is an error; unknown settings and the like are warnings beside it.
#[must_use]
pub fn load(sources: &Sources, id: SourceId) -> (Option<Configuration>, Diagnostics) {
    let mut reader = Reader::default();
    let documents = documents(&mut reader, sources, id);
    let configuration = documents.and_then(|documents| single(&mut reader, sources, id, documents));
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort();
    let configuration = configuration.filter(|_| !diagnostics.has_errors());
    (configuration.map(|(configuration, _)| configuration), diagnostics)
}

/// Loads all `texts` together. There are nouns exactly when no finding is an error, so all of them or none.
///
/// A text is a kompoxops.yml, or any number of KOM documents; a document may belong to a noun of any other text.
#[must_use]
pub fn load_all(sources: &Sources, texts: &[Text]) -> (Option<Loaded>, Diagnostics) {
    let mut assembly = Assembly::default();
    let mut documents = Vec::new();
    for text in texts {
        documents.extend(load_text(&mut assembly, sources, *text));
    }
    assembly.documents(documents);
    let Assembly { loaded, mut diagnostics, .. } = assembly;
    diagnostics.sort();
    (Some(loaded).filter(|_| !diagnostics.has_errors()), diagnostics)
}

/// Adds what a kompoxops.yml says, or returns the KOM documents of the text.
fn load_text(assembly: &mut Assembly, sources: &Sources, text: Text) -> Vec<document::Document> {
    let mut reader = Reader::default();
    let id = text.source;
    let Some(roots) = documents(&mut reader, sources, id) else {
        assembly.diagnostics.extend(reader.diagnostics);
        assembly.incomplete = true;
        return Vec::new();
    };
    let has = |root: &Node, keys: &[&str]| keys.iter().any(|key| root.get(key).is_some());
    let is_kom = roots.iter().any(|root| has(root, &["apiVersion"]));
    if text.form == TextForm::Either && !is_kom {
        let found = single(&mut reader, sources, id, roots);
        assembly.incomplete |= found.is_none();
        assembly.diagnostics.extend(reader.diagnostics);
        for (noun, place) in
            found.into_iter().flat_map(|(found, places)| found.into_nouns().into_iter().zip(places))
        {
            assembly.add(noun, place, None);
        }
        return Vec::new();
    }
    if text.form == TextForm::KomOrOther
        && !roots.iter().any(|root| has(root, &["apiVersion", "kind", "metadata"]))
    {
        let message = "this file has no KOM document and is not read";
        assembly.diagnostics.push(Diagnostic::note("kom.other", message).at(sources.span(id, 0..0)));
        return Vec::new();
    }
    if roots.is_empty() {
        reader.report(empty(sources, id));
    }
    let several = roots.len() > 1;
    let mut read = Vec::new();
    assembly.diagnostics.extend(reader.diagnostics);
    for (index, root) in roots.iter().enumerate() {
        // As everywhere in Kubernetes: nothing between two separators is no document.
        if root.is_null() {
            continue;
        }
        let number = several.then_some(index + 1);
        let mut reader = Reader::default();
        let document = document::read(&mut reader, root, number);
        assembly.incomplete |= document.is_none();
        let failed = reader.diagnostics.has_errors();
        assembly.diagnostics.extend(numbered(reader.diagnostics, number));
        match document {
            // Its parents are looked for all the same, so that everything wrong with it is reported.
            Some(document) => {
                if failed {
                    assembly.broken.push((document.kind, document.name.value.clone()));
                }
                read.push(document);
            }
            None => assembly.incomplete = true,
        }
    }
    read
}

/// The documents of a text; none when it is no YAML.
fn documents(reader: &mut Reader, sources: &Sources, id: SourceId) -> Option<Vec<Node>> {
    let (documents, found) = parse(sources, id, Limits::default());
    let broken = found.has_errors();
    reader.diagnostics.extend(found);
    (!broken).then_some(documents)
}

fn empty(sources: &Sources, id: SourceId) -> Diagnostic {
    Diagnostic::error("manifest.document.empty", "the file has no content")
        .at(sources.span(id, 0..0))
        .help("`kompoxops init` writes a file to begin with")
}

/// The one document of a kompoxops.yml.
fn single(reader: &mut Reader, sources: &Sources, id: SourceId, documents: Vec<Node>) -> Option<Chain> {
    let mut documents = documents.into_iter();
    let Some(first) = documents.next() else {
        reader.report(empty(sources, id));
        return None;
    };
    for other in documents {
        let message = "a kompoxops.yml is one document, but another one begins here";
        reader.report(Diagnostic::error("manifest.document.several", message).at(other.span));
    }
    version_1(reader, &first)
}

/// What a kompoxops.yml says, and where workspace, provider, cluster and app are.
type Chain = (Configuration, [Span; 4]);

fn version_1(reader: &mut Reader, root: &Node) -> Option<Chain> {
    let field = Field { path: String::new(), key: root.span, node: root };
    if !is_version_1(reader, &field) {
        return None;
    }
    reader.refuse_tags(root);
    let root = reader.section(&field, &ROOT)?;
    let place = |key| root.place_of(key).unwrap_or(root.place());
    // A provider without a section is described by the cluster.
    let of_provider = if root.has("provider") { place("provider") } else { place("cluster") };
    let of_workspace = if root.has("workspace") { place("workspace") } else { place("service") };
    let places = [of_workspace, of_provider, place("cluster"), place("app")];
    let workspace = workspace_field(reader, &root).and_then(|field| workspace::read(reader, &field));
    let given = reader.optional(&root, "provider").and_then(|field| provider::read(reader, &field));
    let cluster = reader.required(&root, "cluster").and_then(|field| cluster::read(reader, &field));
    let app = reader.optional(&root, "app").and_then(|field| app::read(reader, &field));

    let section = root.has("provider");
    let (provider, driver) = provider::join(reader, given, section, cluster.as_ref());
    let cluster = cluster.and_then(|parts| parts.finish(reader, driver));
    let domain = workspace.as_ref().zip(cluster.as_ref());
    let domain = domain.map(|(workspace, cluster)| cluster.app_domain(&workspace.domain));
    let app = app.and_then(|parts| parts.finish(reader, driver, domain.as_deref()));
    Some((Configuration { workspace: workspace?, provider: provider?, cluster: cluster?, app }, places))
}

/// The mapping under `workspace`, or under its old name `service` (C-02).
fn workspace_field<'a>(reader: &mut Reader, root: &Section<'a>) -> Option<Field<'a>> {
    let key = match (root.has("workspace"), root.has("service")) {
        (true, false) => "workspace",
        (false, true) => "service",
        (false, false) => {
            let message = "`workspace` is missing";
            let help = "the name and the base domain of a group of apps, under `workspace:` or `service:`";
            reader.report(Diagnostic::error("manifest.key.missing", message).at(root.place()).help(help));
            return None;
        }
        (true, true) => {
            let (workspace, service) =
                (reader.optional(root, "workspace")?, reader.optional(root, "service")?);
            let message = "`workspace` and `service` are two names of one section; keep one of them";
            reader.report(
                Diagnostic::error("manifest.workspace.twice", message)
                    .label(workspace.key, "`workspace` is here")
                    .label(service.key, "`service` is here"),
            );
            return Some(workspace);
        }
    };
    reader.optional(root, key)
}

/// Checks `version` first: of a file in another schema nothing else can be said.
fn is_version_1(reader: &mut Reader, root: &Field<'_>) -> bool {
    const HELP: &str = "write `version: 1`";
    let Some(mapping) = root.node.as_mapping() else {
        let message = format!("the file must be a mapping, but {} was found", root.node.kind().phrase());
        reader.report(Diagnostic::error("manifest.value.kind", message).at(root.key));
        return false;
    };
    if let Some(entry) = mapping.entry("apiVersion") {
        let message = "this is a KOM document, not a kompoxops.yml";
        reader.report(Diagnostic::error("manifest.version", message).at(entry.key_span));
        return false;
    }
    let Some(entry) = mapping.entry("version") else {
        let message = "`version` is missing";
        reader.report(Diagnostic::error("manifest.version", message).at(root.key).help(HELP));
        return false;
    };
    if entry.value.as_int() == Some(1) {
        return true;
    }
    let message = match entry.value.as_int() {
        Some(other) => format!("version {other} is not supported; this version reads version 1"),
        None => {
            let found = entry.value.kind().phrase();
            format!("`version` must be the whole number 1, but {found} was found")
        }
    };
    reader.report(Diagnostic::error("manifest.version", message).at(entry.value.span).help(HELP));
    false
}
