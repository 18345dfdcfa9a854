//! Version 1 of kompoxops.yml: one workspace, provider, cluster and app in one mapping. Pure.

use crate::reader::{Field, Keys, Reader, Section};
use crate::{app, cluster, document, provider, workspace};
use kompox_model::Configuration;
use kompox_yaml::{Diagnostic, Diagnostics, Node, SourceId, Sources};

const ROOT: Keys =
    Keys { known: &["version", "service", "workspace", "provider", "cluster", "app"], later: &[] };

/// Loads the text `id` of `sources` as a kompoxops.yml.
///
/// Everything that is wrong is reported, not the first finding only, each with its place. There is a
/// configuration exactly when no finding is an error; unknown settings and the like are warnings beside it.
#[must_use]
pub fn load(sources: &Sources, id: SourceId) -> (Option<Configuration>, Diagnostics) {
    let mut reader = Reader::default();
    let configuration =
        document::single(&mut reader, sources, id).and_then(|root| version_1(&mut reader, &root));
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort();
    (configuration.filter(|_| !diagnostics.has_errors()), diagnostics)
}

fn version_1(reader: &mut Reader, root: &Node) -> Option<Configuration> {
    let field = Field { path: String::new(), key: root.span, node: root };
    if !is_version_1(reader, &field) {
        return None;
    }
    reader.refuse_tags(root);
    let root = reader.section(&field, &ROOT)?;
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
    Some(Configuration { workspace: workspace?, provider: provider?, cluster: cluster?, app })
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
        let message = "this is a KOM document; KOM documents are known, but not supported by this version";
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
