//! From texts to project: the order of the steps.

use std::collections::BTreeMap;
use std::rc::Rc;

use kompox_yaml::{Diagnostic, Diagnostics, Limits, Sources};

use crate::assemble::{Assembler, Parsed, Scope};
use crate::config::Loaded;
use crate::read::Reader;
use crate::{Project, ProjectFiles, ProjectName, project_name};

/// What to load.
pub struct Request<'a> {
    /// How the project is called.
    pub name: ProjectName<'a>,
    /// The compose files: each is merged into those before it.
    pub compose: &'a [ComposeFile<'a>],
    /// The environment of the process.
    pub environment: &'a BTreeMap<String, String>,
    /// Where `.env` comes from.
    pub dot_env: DotEnv<'a>,
    /// The active profiles. If empty, those of `COMPOSE_PROFILES` (a comma list).
    pub profiles: &'a [String],
    /// The project's files.
    pub files: &'a dyn ProjectFiles,
}

/// A compose file that was read.
#[derive(Clone, Copy, Debug)]
pub struct ComposeFile<'a> {
    /// Its name for messages. A text that was embedded in `sources` under it keeps its places there.
    pub name: &'a str,
    /// Its path as [`ProjectFiles`] understands it: a file that includes it again is recognised by it.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// Where `.env` comes from.
#[derive(Clone, Copy, Debug)]
pub enum DotEnv<'a> {
    /// The project directory, if it is there.
    Read,
    /// These files, as [`ProjectFiles`] understands their paths: they must be there, and what a later one says counts.
    Files(&'a [String]),
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
    let (loaded, diagnostics) = load_tree(sources, request, true);
    (loaded.map(|loaded| loaded.project), diagnostics)
}

/// The same, with the tree that the project was read from; with or without the contents of configs and secrets.
pub(crate) fn load_tree(
    sources: &mut Sources,
    request: &Request<'_>,
    contents: bool,
) -> (Option<Loaded>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let files = parse(sources, request.compose, &mut diagnostics);
    let readable = !diagnostics.has_errors();
    let loaded = project(files, readable, contents, sources, request, &mut diagnostics);
    diagnostics.sort();
    (loaded.filter(|_| !diagnostics.has_errors()), diagnostics)
}

fn parse(sources: &mut Sources, files: &[ComposeFile<'_>], diagnostics: &mut Diagnostics) -> Vec<Rc<Parsed>> {
    let mut parsed = Vec::with_capacity(files.len());
    for file in files {
        let embedded = sources.embedded(file.name, file.text);
        let id = embedded.unwrap_or_else(|| sources.add(file.name, file.text));
        let (documents, found) = kompox_yaml::parse(sources, id, Limits::default());
        diagnostics.extend(found);
        let path = crate::path::clean(file.path);
        parsed.push(Rc::new(Parsed { path, documents, span: sources.span(id, 0..0) }));
    }
    parsed
}

fn project(
    files: Vec<Rc<Parsed>>,
    readable: bool,
    contents: bool,
    sources: &mut Sources,
    request: &Request<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Loaded> {
    let given = match &request.name {
        ProjectName::Given(name) => Some(*name),
        ProjectName::Found { .. } => None,
    };
    let mut environment = crate::environment::gather(
        request.environment,
        &request.dot_env,
        given,
        request.files,
        sources,
        diagnostics,
    );
    let name = project_name::resolve(&request.name, &files, &environment, diagnostics);
    environment.insert(project_name::VARIABLE.to_owned(), name.clone());
    let start = files.first().map(|file| file.span);
    let mut assembler = Assembler::new(sources, request.files);
    let scope = Scope { environment: &environment, folder: "", open: Vec::new() };
    let root = assembler.model(files, &scope);
    let assembled = assembler.finish();
    diagnostics.extend(assembled.diagnostics);
    let Some(root) = root else {
        // Unless the file is only unreadable: then its own error is enough.
        if readable && !diagnostics.has_errors() {
            let empty = Diagnostic::error("compose.empty", "the compose file is empty");
            let empty = start.into_iter().fold(empty, Diagnostic::at);
            diagnostics.push(empty.help("start it with `services:`"));
        }
        return None;
    };
    let mut reader = Reader::new(sources, &environment, request.files);
    reader.variables = assembled.variables;
    reader.budget = assembled.budget;
    reader.incomplete = assembled.incomplete;
    let mut project = reader.project(&root, &name);
    if let Some(project) = &mut project {
        let profiles = crate::profiles::active(request.profiles, &environment);
        crate::profiles::select(project, &profiles, &mut reader);
        crate::contents::read(project, &mut reader);
        if contents {
            crate::contents::read_objects(project, &mut reader);
        }
        // What is not there because its file is missing is not worth a second word.
        if !reader.incomplete {
            crate::check::check(project, &mut reader.diagnostics);
        }
    }
    diagnostics.extend(reader.diagnostics);
    let project = project.map(|project| Project { followed: assembled.followed, ..project })?;
    Some(Loaded { project, tree: root, environment })
}
