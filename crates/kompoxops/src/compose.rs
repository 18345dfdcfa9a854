//! Opens the compose files of the app and what belongs to them. IO: reads files, the environment and the home directory.

use crate::arguments::ComposeArguments;
use crate::compose_project::ComposeProject;
use crate::configuration::Opened;
use crate::exit::Failure;
use crate::progress::Screen;
use crate::project_files::FolderFiles;
use kompox_compose::{COMPOSE_FILES, ComposeFile, Diagnostic, DotEnv, Selection};
use kompox_engine::app::{self, Loaded, Source};
use kompox_model::ComposeSource;
use kompox_store::read_text;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where Compose looks for profiles that no option names.
const PROFILES: &str = "COMPOSE_PROFILES";
/// Which files Compose reads when none are named. That of a shell is meant for the folder it is in, not for every app.
const FILES: &str = "COMPOSE_FILE";

/// Loads the compose project of the app and shows everything there is to say about it.
pub(crate) fn load(
    opened: &mut Opened,
    arguments: &ComposeArguments,
    screen: &Screen,
) -> Result<Loaded, Failure> {
    match opened.app()?.compose.clone() {
        ComposeSource::Path(written) => {
            let path = opened.app_path(&written);
            if path.is_dir() {
                folder(opened, arguments, screen, path)
            } else {
                file(opened, arguments, screen, &path)
            }
        }
        ComposeSource::Inline(text) => {
            let embedded = opened.sources.embed(&text);
            let name = embedded.map_or_else(
                || format!("{}#app.compose", opened.app_file().display()),
                |id| opened.sources.name(id).to_owned(),
            );
            let compose = [ComposeFile { name: &name, path: "", text: &text }];
            let files = files(&opened.app_path(""), arguments)?;
            project(
                opened,
                arguments,
                screen,
                &Read { name: name.clone(), compose: &compose, dot_env: DotEnv::Read, files: &files },
            )
        }
    }
}

/// The compose files of a project, read.
struct Read<'a> {
    /// How they are called together.
    name: String,
    compose: &'a [ComposeFile<'a>],
    dot_env: DotEnv<'a>,
    files: &'a FolderFiles,
}

/// One file, without any other beside it.
fn file(
    opened: &mut Opened,
    arguments: &ComposeArguments,
    screen: &Screen,
    path: &Path,
) -> Result<Loaded, Failure> {
    let text = read_text(path).map_err(|source| Failure::File {
        action: "read",
        path: path.to_owned(),
        hint: Some(format!("app.compose in {} names it", opened.app_file().display())),
        source,
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let files = files(folder, arguments)?;
    let name = path.display().to_string();
    let own = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let compose = [ComposeFile { name: &name, path: own, text: &text }];
    if let Some(unused) = kompox_compose::override_of(own, |name| folder.join(name).is_file()) {
        let warning = Diagnostic::warning(
            "compose.override-unused",
            format!("{} is not used: app.compose names one file", folder.join(unused).display()),
        );
        let warning = warning
            .help("to merge it, as Docker Compose does in that folder, name the folder in app.compose");
        screen.diagnostics(&[warning].into_iter().collect(), &opened.sources);
    }
    project(
        opened,
        arguments,
        screen,
        &Read { name: name.clone(), compose: &compose, dot_env: DotEnv::Read, files: &files },
    )
}

/// A folder: what Docker Compose would read in it.
fn folder(
    opened: &mut Opened,
    arguments: &ComposeArguments,
    screen: &Screen,
    path: PathBuf,
) -> Result<Loaded, Failure> {
    let directory = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let selection = Selection { directory: Some(directory.display().to_string()), ..Selection::default() };
    let environment = environment_for_folder();
    let (found, mut diagnostics) =
        ComposeProject::find(&selection, &environment, arguments.allow_outside, &mut opened.sources)?;
    if found.as_ref().is_some_and(|found| is_above(found, &path)) {
        let message = format!("there is no compose file in {}", path.display());
        let help = "app.compose names this folder; one above it is not taken";
        diagnostics.push(Diagnostic::error("compose.no-file", message).help(help));
    }
    let errors = screen.diagnostics(&diagnostics, &opened.sources);
    let found = found.filter(|_| !diagnostics.has_errors());
    let found = found.ok_or(Failure::Invalid { what: path.display().to_string(), errors })?;
    let compose = found.compose();
    let dot_env = DotEnv::Files(&found.found.env_files);
    let name = path.display().to_string();
    project(opened, arguments, screen, &Read { name, compose: &compose, dot_env, files: &found.files })
}

/// Whether the compose file was found by its name, and not in the folder that was meant.
fn is_above(found: &ComposeProject, folder: &Path) -> bool {
    let Some(first) = found.found.files.first() else { return false };
    let name = Path::new(&first.path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_there = COMPOSE_FILES.iter().any(|name| folder.join(name).exists());
    COMPOSE_FILES.contains(&name) && !is_there
}

fn files(folder: &Path, arguments: &ComposeArguments) -> Result<FolderFiles, Failure> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    FolderFiles::new(folder, arguments.allow_outside).map_err(|source| Failure::File {
        action: "read",
        path: folder.to_owned(),
        hint: None,
        source,
    })
}

fn project(
    opened: &mut Opened,
    arguments: &ComposeArguments,
    screen: &Screen,
    read: &Read<'_>,
) -> Result<Loaded, Failure> {
    let app = opened.app()?.clone();
    let environment = environment();
    let source = Source {
        app: &app,
        compose: read.compose,
        dot_env: read.dot_env,
        files: read.files,
        environment: &environment,
        profiles: &profiles(&arguments.profiles, &environment, &app.profiles),
    };
    let (loaded, mut found) = app::load(&source, &mut opened.sources);
    found.sort();
    let errors = screen.diagnostics(&found, &opened.sources);
    loaded.ok_or(Failure::Invalid { what: read.name.clone(), errors })
}

/// The environment for interpolation. A variable that is not UTF-8 cannot be part of a compose value.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
/// The environment for finding the compose files of a folder.
pub(crate) fn environment_for_folder() -> BTreeMap<String, String> {
    let mut environment = environment();
    environment.remove(FILES);
    environment
}

/// Profiles of the options, otherwise those of the process' environment, otherwise those of `app.profiles`. With none of
/// them the loader looks into `app.env` and `.env`.
fn profiles(
    options: &[String],
    environment: &BTreeMap<String, String>,
    configured: &[String],
) -> Vec<String> {
    if !options.is_empty() {
        return options.to_vec();
    }
    let listed = environment.get(PROFILES).map_or("", String::as_str);
    let listed: Vec<_> = listed.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if listed.is_empty() { configured.to_vec() } else { listed.into_iter().map(ToOwned::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_win_over_the_environment_and_that_over_the_configuration() {
        let environment: BTreeMap<_, _> = [(PROFILES.to_owned(), "a, b,,".to_owned())].into();
        let (option, configured) = (["c".to_owned()], ["d".to_owned()]);
        assert_eq!(profiles(&[], &environment, &configured), ["a", "b"]);
        assert_eq!(profiles(&option, &environment, &configured), ["c"]);
        assert_eq!(profiles(&[], &BTreeMap::new(), &configured), ["d"]);
        assert!(profiles(&[], &BTreeMap::new(), &[]).is_empty());
    }
}
