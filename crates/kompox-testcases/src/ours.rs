//! What our loader makes of a project, from memory. Pure.

use crate::Outcome;
use crate::project::{HOME, Project, absolute};
use kompox_compose::{
    ComposeFile, Diagnostics, DotEnv, FileError, FileErrorKind, FileText, Listed, ListedKind, Paths,
    ProjectFiles, ProjectName, Request, Selection, Sources, config, discover, load,
};
use std::collections::BTreeMap;

/// What `kompoxops compose config` would answer.
#[must_use]
pub fn answer(project: &Project) -> Outcome {
    let mut sources = Sources::new();
    let (printed, diagnostics) = printed(project, &mut sources);
    match printed {
        Some(config) => Outcome::Config(config),
        None => Outcome::Refused(diagnostics.render(&sources).trim().to_owned()),
    }
}

/// The normalised project with all messages.
#[must_use]
pub fn printed(project: &Project, sources: &mut Sources) -> (Option<serde_json::Value>, Diagnostics) {
    let (printed, diagnostics) = with_request(project, sources, |sources, request, directory| {
        config(sources, request, Paths { directory, home: HOME })
    });
    (printed.map(|(_, config)| config), diagnostics)
}

/// What a deploy would load.
#[must_use]
pub fn loaded(project: &Project, sources: &mut Sources) -> (Option<kompox_compose::Project>, Diagnostics) {
    with_request(project, sources, |sources, request, _| load(sources, request))
}

/// Finds the files and asks for something with them.
fn with_request<T>(
    project: &Project,
    sources: &mut Sources,
    ask: impl FnOnce(&mut Sources, &Request<'_>, &str) -> (Option<T>, Diagnostics),
) -> (Option<T>, Diagnostics) {
    let environment = project.environment();
    let selection = Selection {
        files: project.options("file"),
        directory: project.options("directory").pop(),
        env_files: project.options("env-file"),
    };
    let mut found = Diagnostics::new();
    let files = Files { files: &project.files, directory: "/" };
    let working = project.working_directory();
    let discovered = discover(&selection, &working, &environment, &files, sources, &mut found);
    let Some(discovered) = discovered else { return (None, found) };
    let compose: Vec<_> = discovered
        .files
        .iter()
        .map(|file| ComposeFile { name: &file.name, path: &file.path, text: &file.text })
        .collect();
    let name = project.options("name").pop();
    let directory = discovered.directory.as_str();
    let request = Request {
        name: ProjectName::Found {
            option: name.as_deref(),
            directory: directory.rsplit('/').next().unwrap_or_default(),
        },
        compose: &compose,
        environment: &environment,
        dot_env: DotEnv::Files(&discovered.env_files),
        profiles: &project.options("profile"),
        files: &Files { files: &project.files, directory },
    };
    ask(sources, &request, directory)
}

/// Files in memory by absolute path, also outside of the project.
struct Files<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    directory: &'a str,
}

impl Files<'_> {
    fn locate(&self, path: &str) -> String {
        match path.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                absolute(HOME, rest.trim_start_matches('/'))
            }
            _ => absolute(self.directory, path),
        }
    }
}

impl ProjectFiles for Files<'_> {
    fn read(&self, path: &str) -> Result<FileText, FileError> {
        let path = self.locate(path);
        if let Some(bytes) = self.files.get(&path) {
            return Ok(FileText { bytes: bytes.clone(), mode: 0o644 });
        }
        let folder = self.files.keys().any(|file| file.starts_with(&format!("{path}/")));
        Err(FileError::new(if folder { FileErrorKind::NotAFile } else { FileErrorKind::NotFound }))
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, FileError> {
        match self.read(path) {
            Ok(file) => Ok(vec![Listed {
                path: String::new(),
                kind: ListedKind::File(file.bytes.len() as u64),
                mode: file.mode,
            }]),
            Err(error) if error.kind == FileErrorKind::NotAFile => {
                Ok(vec![Listed { path: String::new(), kind: ListedKind::Directory, mode: 0o755 }])
            }
            Err(error) => Err(error),
        }
    }
}
