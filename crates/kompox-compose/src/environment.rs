//! The project's environment: what variables in the compose file mean.

use std::collections::BTreeMap;

use kompox_yaml::{Diagnostic, Diagnostics, SourceId, Sources};

use crate::dotenv::{self, DotenvError, DotenvErrorKind};
use crate::interpolation::InterpolationErrorKind;
use crate::{DotEnv, FileErrorKind, ListedKind, ProjectFiles, project_name};

/// Joins the process environment with `.env`: the process wins. With `name` the project's name is in it, and `.env` does
/// not change it.
pub(crate) fn gather(
    process: &BTreeMap<String, String>,
    dot_env: &DotEnv<'_>,
    name: Option<&str>,
    files: &dyn ProjectFiles,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let mut environment = process.clone();
    if let Some(name) = name {
        environment.insert(project_name::VARIABLE.to_owned(), name.to_owned());
    }
    let off = match process.get("COMPOSE_DISABLE_ENV_FILE").map(|value| (value, is_true(value))) {
        Some((value, None)) => {
            let message = format!("COMPOSE_DISABLE_ENV_FILE: `{value}` is no boolean");
            diagnostics
                .push(Diagnostic::error("compose.dotenv.read", message).help("set it to true or false"));
            true
        }
        Some((_, Some(off))) => off,
        None => false,
    };
    let texts = match dot_env {
        DotEnv::Files(paths) => paths.iter().filter_map(|path| required(path, files, diagnostics)).collect(),
        _ if off => Vec::new(),
        DotEnv::Off => Vec::new(),
        DotEnv::Text { name, text } => vec![((*name).to_owned(), (*text).to_owned())],
        DotEnv::Read => {
            read(".env", files, diagnostics).map(|text| (files.shown(".env"), text)).into_iter().collect()
        }
    };
    let mut own = BTreeMap::new();
    for (name, text) in texts {
        own.extend(parsed(&environment, &own, name, text, sources, diagnostics));
    }
    for (name, value) in own {
        environment.entry(name).or_insert(value);
    }
    environment
}

/// Adds what an env file says and nobody said before.
pub(crate) fn add(
    environment: &mut BTreeMap<String, String>,
    name: String,
    text: String,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) {
    for (name, value) in parsed(environment, &BTreeMap::new(), name, text, sources, diagnostics) {
        environment.entry(name).or_insert(value);
    }
}

/// What an env file says. Its own values may refer to those of `above`, which win, and of `below`.
fn parsed(
    above: &BTreeMap<String, String>,
    below: &BTreeMap<String, String>,
    name: String,
    text: String,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let id = sources.add(name, text);
    let of = |map: &BTreeMap<String, String>, name: &str| map.get(name).cloned();
    let (found, errors) = dotenv::parse(sources.text(id), &|name| of(above, name), &|name| of(below, name));
    diagnostics.extend(errors.into_iter().map(|error| diagnose(sources, id, error)));
    found.into_iter().map(|one| (one.name, one.value)).collect()
}

fn required(path: &str, files: &dyn ProjectFiles, diagnostics: &mut Diagnostics) -> Option<(String, String)> {
    match files.read(path) {
        Ok(file) => Some((files.shown(path), String::from_utf8_lossy(&file.bytes).into_owned())),
        Err(error) => {
            let message = format!("the env file {path} cannot be read: {error}");
            diagnostics.push(Diagnostic::error("compose.dotenv.read", message).help("name a readable file"));
            None
        }
    }
}

/// The text of a `.env` file; nothing if there is none.
pub(crate) fn read(path: &str, files: &dyn ProjectFiles, diagnostics: &mut Diagnostics) -> Option<String> {
    match files.read(path) {
        Ok(file) => Some(String::from_utf8_lossy(&file.bytes).into_owned()),
        // No `.env` is the normal case, and a directory of that name is not one.
        Err(error) if matches!(error.kind, FileErrorKind::NotFound | FileErrorKind::NoFiles) => None,
        Err(error) if error.kind == FileErrorKind::NotAFile && is_directory(path, files) => None,
        Err(error) => {
            diagnostics.push(
                Diagnostic::error("compose.dotenv.read", format!("`{path}` cannot be read: {error}"))
                    .help("make it a readable file, or set COMPOSE_DISABLE_ENV_FILE=1"),
            );
            None
        }
    }
}

/// Others, such as a pipe, hold values that somebody counts on.
fn is_directory(path: &str, files: &dyn ProjectFiles) -> bool {
    let listed = files.list(path).unwrap_or_default();
    listed.first().is_some_and(|entry| entry.kind == ListedKind::Directory)
}

/// A boolean of the environment.
pub(crate) fn is_true(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A finding in a `.env` or env file.
pub(crate) fn diagnose(sources: &Sources, id: SourceId, error: DotenvError) -> Diagnostic {
    let span = sources.span(id, error.range);
    let (message, help) = match error.kind {
        DotenvErrorKind::BlankInName => ("a name cannot hold a blank".to_owned(), "write NAME=value"),
        DotenvErrorKind::BadCharacter(character) => (
            format!("a name cannot hold `{}`", character.escape_debug()),
            "write NAME=value; comments start with `#`",
        ),
        DotenvErrorKind::NoName => ("there is no name before the value".to_owned(), "write NAME=value"),
        DotenvErrorKind::OpenQuote => {
            ("this quote is not closed".to_owned(), "close it, or write `\\` before a quote inside")
        }
        DotenvErrorKind::AfterQuote => (
            "text behind the closing quote".to_owned(),
            "put all of the value in the quotes; a comment starts with `#`",
        ),
        DotenvErrorKind::Interpolation(error) => (explain(&error.kind), DOLLAR),
        DotenvErrorKind::TooLarge => {
            ("the values of this file are too long together".to_owned(), "use fewer or shorter variables")
        }
        DotenvErrorKind::Unset(name) => {
            return Diagnostic::warning("compose.variable.unset", unset(&name))
                .at(span)
                .help(unset_help(&name));
        }
    };
    Diagnostic::error("compose.dotenv", message).at(span).help(help)
}

/// Words for a variable that nobody defines.
pub(crate) fn unset(name: &str) -> String {
    format!("the variable {name} is not set: nothing is put in its place")
}

/// What to do about it.
pub(crate) fn unset_help(name: &str) -> String {
    format!(
        "set it in the environment or in .env, or write ${{{name}:-default}}; `$${name}` keeps the dollar"
    )
}

/// The way out of most interpolation errors.
pub(crate) const DOLLAR: &str = "write `$$` for a dollar that starts no variable; the forms are $NAME, ${NAME}, ${NAME:-default}, \
${NAME-default}, ${NAME:?message}, ${NAME?message}, ${NAME:+value} and ${NAME+value}";

/// Words for an interpolation error.
pub(crate) fn explain(kind: &InterpolationErrorKind) -> String {
    match kind {
        InterpolationErrorKind::Unclosed => "`${` has no closing `}` on its line".to_owned(),
        InterpolationErrorKind::Malformed => "this is not a variable that Compose understands".to_owned(),
        InterpolationErrorKind::Required { name, reason } if reason.is_empty() => {
            format!("the required variable {name} is not set")
        }
        InterpolationErrorKind::Required { name, reason } => {
            format!("the required variable {name} is not set: {reason}")
        }
        InterpolationErrorKind::TooLarge => {
            "variables are nested too deeply or the result is too long".to_owned()
        }
    }
}
