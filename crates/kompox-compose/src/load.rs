//! From text to project: the order of the steps.

use std::collections::BTreeMap;

use kompox_yaml::{Diagnostic, Diagnostics, Limits, Node, SourceId, Sources};

use crate::read::Reader;
use crate::{Project, ProjectFiles};

/// What to load.
pub struct Request<'a> {
    /// The project's name. `name:` in the file does not change it.
    pub name: &'a str,
    /// The compose file's name for messages. A text that was embedded in `sources` under it keeps its places there.
    pub file: &'a str,
    /// The compose file's text.
    pub text: &'a str,
    /// The environment of the process.
    pub environment: &'a BTreeMap<String, String>,
    /// Where `.env` comes from.
    pub dot_env: DotEnv<'a>,
    /// The active profiles. If empty, those of `COMPOSE_PROFILES` (a comma list).
    pub profiles: &'a [String],
    /// The project's files.
    pub files: &'a dyn ProjectFiles,
}

/// Where `.env` comes from.
#[derive(Clone, Copy, Debug)]
pub enum DotEnv<'a> {
    /// The project directory, if it is there.
    Read,
    /// A text that was already read.
    Text {
        /// Its name for messages.
        name: &'a str,
        /// The text.
        text: &'a str,
    },
    /// Nowhere.
    Off,
}

/// Loads a project. Texts that are read on the way are added to `sources`, so that the diagnostics
/// can be shown. There is a project only if no diagnostic is an error; all errors that can be found
/// are reported, ordered by position.
#[must_use]
pub fn load(sources: &mut Sources, request: &Request<'_>) -> (Option<Project>, Diagnostics) {
    let embedded = sources.embedded(request.file, request.text);
    let id = embedded.unwrap_or_else(|| sources.add(request.file, request.text));
    let (documents, mut diagnostics) = kompox_yaml::parse(sources, id, Limits::default());
    let readable = !diagnostics.has_errors();
    let project = single(documents, sources, id, readable, &mut diagnostics)
        .and_then(|root| project(root, sources, request, &mut diagnostics));
    diagnostics.sort();
    (project.filter(|_| !diagnostics.has_errors()), diagnostics)
}

fn project(
    mut root: Node,
    sources: &mut Sources,
    request: &Request<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Project> {
    crate::unsupported::refuse(&root, diagnostics);
    let environment = crate::environment::gather(
        request.environment,
        &request.dot_env,
        request.name,
        request.files,
        sources,
        diagnostics,
    );
    crate::substitute::substitute(&mut root, &environment, sources, diagnostics);
    let mut reader = Reader::new(sources, &environment, request.files);
    let mut project = reader.project(&root, request.name);
    if let Some(project) = &mut project {
        let profiles = crate::profiles::active(request.profiles, &environment);
        crate::profiles::select(project, &profiles, &mut reader);
        crate::contents::read(project, &mut reader);
        crate::check::check(project, &mut reader.diagnostics);
    }
    diagnostics.extend(reader.diagnostics);
    project
}

/// The only document of the file.
fn single(
    documents: Vec<Node>,
    sources: &Sources,
    id: SourceId,
    readable: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let mut documents = documents.into_iter();
    let first = documents.next();
    if let Some(second) = documents.next() {
        diagnostics.push(
            Diagnostic::error(
                "compose.unsupported",
                "several documents in one file are not supported by this version",
            )
            .at(second.span)
            .help("put everything into the first document and remove `---`"),
        );
    }
    match first {
        Some(node) if node.as_mapping().is_some() => Some(node),
        Some(node) if !node.is_null() => {
            diagnostics.push(
                Diagnostic::error(
                    "compose.type",
                    format!("a compose file is a mapping, found {}", node.kind().phrase()),
                )
                .at(node.span)
                .help("start it with `services:`"),
            );
            None
        }
        _ => {
            // Unless the file is only unreadable: then its own error is enough.
            if readable {
                diagnostics.push(
                    Diagnostic::error("compose.empty", "the compose file is empty")
                        .at(sources.span(id, 0..0))
                        .help("start it with `services:`"),
                );
            }
            None
        }
    }
}
