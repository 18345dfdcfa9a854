//! The project's environment: what variables in the compose file mean.

use std::collections::BTreeMap;

use kompox_yaml::{Diagnostic, Diagnostics, SourceId, Sources};

use crate::dotenv::{self, DotenvError, DotenvErrorKind};
use crate::interpolation::InterpolationErrorKind;
use crate::{DotEnv, FileErrorKind, ListedKind, ProjectFiles};

/// Joins the process environment with `.env`: the process wins, and the project's name is in it.
pub(crate) fn gather(
    process: &BTreeMap<String, String>,
    dot_env: &DotEnv<'_>,
    name: &str,
    files: &dyn ProjectFiles,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let mut environment = process.clone();
    environment.insert("COMPOSE_PROJECT_NAME".to_owned(), name.to_owned());
    let off = process.get("COMPOSE_DISABLE_ENV_FILE").is_some_and(|value| is_true(value));
    let text = match dot_env {
        _ if off => None,
        DotEnv::Off => None,
        DotEnv::Text { name, text } => Some(((*name).to_owned(), (*text).to_owned())),
        DotEnv::Read => read(files, diagnostics).map(|text| (".env".to_owned(), text)),
    };
    if let Some((display, text)) = text {
        let id = sources.add(display, text);
        let lookup = |name: &str| environment.get(name).cloned();
        let (found, errors) = dotenv::parse(sources.text(id), &lookup);
        diagnostics.extend(errors.into_iter().map(|error| diagnose(sources, id, error)));
        for one in found {
            if !process.contains_key(&one.name) && one.name != "COMPOSE_PROJECT_NAME" {
                environment.insert(one.name, one.value);
            }
        }
    }
    environment
}

fn read(files: &dyn ProjectFiles, diagnostics: &mut Diagnostics) -> Option<String> {
    match files.read(".env") {
        Ok(file) => Some(String::from_utf8_lossy(&file.bytes).into_owned()),
        // No `.env` is the normal case, and a directory of that name is not one.
        Err(error) if matches!(error.kind, FileErrorKind::NotFound | FileErrorKind::NoFiles) => None,
        Err(error) if error.kind == FileErrorKind::NotAFile && is_directory(files) => None,
        Err(error) => {
            diagnostics.push(
                Diagnostic::error("compose.dotenv.read", format!("`.env` cannot be read: {error}"))
                    .help("make it a readable file, or set COMPOSE_DISABLE_ENV_FILE=1"),
            );
            None
        }
    }
}

/// Others, such as a pipe, hold values that somebody counts on.
fn is_directory(files: &dyn ProjectFiles) -> bool {
    let listed = files.list(".env").unwrap_or_default();
    listed.first().is_some_and(|entry| entry.kind == ListedKind::Directory)
}

pub(crate) fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "1" | "t" | "true")
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
