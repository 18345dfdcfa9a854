//! Which compose files a command means, as Docker Compose finds them. Reads files through the caller's [`ProjectFiles`].

use std::collections::BTreeMap;

use kompox_yaml::{Diagnostic, Diagnostics, Sources};

use crate::path::{clean, join, parent};
use crate::{FileErrorKind, ProjectFiles, environment};

/// Names of a compose file, in the order in which they are looked for.
pub const COMPOSE_FILES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of a file that is merged into one found by its name, in the order in which they are looked for.
pub const OVERRIDE_FILES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What a user asked for. Paths are absolute or relative to the working directory.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The compose files; if there are none they are looked for.
    pub files: Vec<String>,
    /// The project directory; otherwise the folder of the first file.
    pub directory: Option<String>,
    /// Files with variables, instead of `.env`.
    pub env_files: Vec<String>,
}

/// The files of a project.
#[derive(Clone, Debug)]
pub struct Found {
    /// The project directory, absolute.
    pub directory: String,
    /// The compose files in order: how they are called in messages, their absolute paths and texts.
    pub files: Vec<FoundFile>,
    /// The files with variables, absolute; a later one counts. They are there.
    pub env_files: Vec<String>,
}

/// One compose file.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// How it is called in messages.
    pub name: String,
    /// Its absolute path.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Finds the compose files: those asked for, else those of `COMPOSE_FILE`, else the first of `compose.yaml`,
/// `compose.yml`, `docker-compose.yml` and `docker-compose.yaml` in the working directory or the nearest one above it,
/// with its override file.
///
/// `files` takes absolute paths. None if there is none, or one cannot be read; that is reported.
pub fn discover(
    selection: &Selection,
    working_directory: &str,
    environment: &BTreeMap<String, String>,
    files: &dyn ProjectFiles,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Found> {
    let start = match &selection.directory {
        Some(directory) => join(working_directory, directory),
        None => clean(working_directory),
    };
    let asked = if selection.env_files.is_empty() {
        listed(environment.get("COMPOSE_ENV_FILES").map(String::as_str), ",")
    } else {
        selection.env_files.clone()
    };
    let asked: Vec<String> = asked.iter().map(|file| join(working_directory, file)).collect();
    let mut env_files = asked.clone();
    let off = environment
        .get("COMPOSE_DISABLE_ENV_FILE")
        .is_some_and(|value| environment::is_true(value) != Some(false));
    let default = |folder: &str| {
        let path = join(folder, ".env");
        (asked.is_empty() && !off && files.read(&path).is_ok()).then_some(path)
    };
    let beside = match selection.files.first() {
        Some(first) if selection.directory.is_none() => parent(&join(working_directory, first)).to_owned(),
        _ => start.clone(),
    };
    env_files.extend(default(&beside));
    let names = if selection.files.is_empty() {
        let variables = variables(environment, &env_files, files, sources);
        let separator = variables.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
        listed(variables.get("COMPOSE_FILE").map(String::as_str), separator)
    } else {
        selection.files.clone()
    };
    let paths = if names.is_empty() {
        nearest(&start, working_directory, files, diagnostics)?
    } else {
        names.into_iter().map(|name| (join(working_directory, &name), name)).collect()
    };
    let directory = match (&selection.directory, paths.first()) {
        (None, Some((first, _))) => parent(first).to_owned(),
        _ => start,
    };
    if directory != beside {
        // What the working directory says counts.
        env_files.splice(0..0, default(&directory));
    }
    let mut found = Vec::with_capacity(paths.len());
    for (path, name) in paths {
        match files.read(&path).map(|file| String::from_utf8(file.bytes)) {
            Ok(Ok(text)) => found.push(FoundFile { name, path, text }),
            Ok(Err(_)) => {
                let message = format!("{name} is not UTF-8 text");
                diagnostics.push(Diagnostic::error("compose.file", message).help("save it as UTF-8"));
            }
            Err(error) => {
                let message = format!("the compose file {name}: {error}");
                diagnostics
                    .push(Diagnostic::error("compose.file", message).help("see whether the path is right"));
            }
        }
    }
    (!diagnostics.has_errors()).then_some(Found { directory, files: found, env_files })
}

/// The override file that Docker Compose would merge into a compose file of this name, if the name is one that it looks
/// for and there is one beside it.
pub fn override_of(name: &str, exists: impl Fn(&str) -> bool) -> Option<&'static str> {
    if COMPOSE_FILES.contains(&name) { OVERRIDE_FILES.into_iter().find(|one| exists(one)) } else { None }
}

/// The compose file and its override file in the nearest folder that has one, with their names for messages.
fn nearest(
    start: &str,
    working_directory: &str,
    files: &dyn ProjectFiles,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(String, String)>> {
    let mut folder = start.to_owned();
    loop {
        let candidates = present(&COMPOSE_FILES, &folder, files);
        if let Some(main) = candidates.first() {
            several(&candidates, diagnostics);
            let overrides = present(&OVERRIDE_FILES, &folder, files);
            several(&overrides, diagnostics);
            let name = |path: &String| (path.clone(), crate::path::relative(&clean(working_directory), path));
            return Some([main].into_iter().chain(overrides.first()).map(name).collect());
        }
        if folder == "/" || folder.is_empty() {
            diagnostics.push(
                Diagnostic::error(
                    "compose.no-file",
                    format!("there is no compose file in {start} or above it"),
                )
                .help(format!("name it, or call it {}", COMPOSE_FILES[0])),
            );
            return None;
        }
        folder = parent(&folder).to_owned();
    }
}

fn present(names: &[&str], folder: &str, files: &dyn ProjectFiles) -> Vec<String> {
    let paths = names.iter().map(|name| join(folder, name));
    paths
        .filter(|path| match files.read(path) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind, FileErrorKind::NotFound | FileErrorKind::NotAFile),
        })
        .collect()
}

fn several(paths: &[String], diagnostics: &mut Diagnostics) {
    if let [first, second, ..] = paths {
        let message = format!("there is more than one file of that kind: {first} is used, {second} is not");
        diagnostics.push(Diagnostic::warning("compose.several-files", message).help("remove one of them"));
    }
}

fn variables(
    environment: &BTreeMap<String, String>,
    env_files: &[String],
    files: &dyn ProjectFiles,
    sources: &mut Sources,
) -> BTreeMap<String, String> {
    let mut all = environment.clone();
    for path in env_files.iter().rev() {
        // Whether they can be read is said when the project is loaded, where a place is known.
        if let Ok(text) = files.read(path) {
            let text = String::from_utf8_lossy(&text.bytes).into_owned();
            let mut ignored = Diagnostics::new();
            environment::add(&mut all, path.clone(), text, sources, &mut ignored);
        }
    }
    all
}

fn listed(value: Option<&str>, separator: &str) -> Vec<String> {
    let separator = if separator.is_empty() { ":" } else { separator };
    let parts = value.unwrap_or_default().split(separator).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
