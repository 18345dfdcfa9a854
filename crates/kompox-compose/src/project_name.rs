//! How a project is called (Compose Specification, "Version and name top-level elements"; Docker Compose, "Specify a
//! project name"). Pure.

use std::collections::BTreeMap;
use std::rc::Rc;

use kompox_yaml::{Diagnostic, Diagnostics};

use crate::assemble::Parsed;
use crate::interpolation::interpolate;

/// The variable that names the project, and holds its name when values are interpolated.
pub(crate) const VARIABLE: &str = "COMPOSE_PROJECT_NAME";

/// How a project is called.
#[derive(Clone, Copy, Debug)]
pub enum ProjectName<'a> {
    /// By its owner: neither a variable nor `name:` in a file changes it.
    Given(&'a str),
    /// As Docker Compose finds it: the option, `COMPOSE_PROJECT_NAME`, `name:` of the last file that has one and is not empty, the name of
    /// the project directory.
    Found {
        /// What a user asked for.
        option: Option<&'a str>,
        /// The last part of the path of the project directory.
        directory: &'a str,
    },
}

/// Finds the name; a wrong one is reported, and is empty then.
pub(crate) fn resolve(
    name: &ProjectName<'_>,
    files: &[Rc<Parsed>],
    environment: &BTreeMap<String, String>,
    diagnostics: &mut Diagnostics,
) -> String {
    let (option, directory) = match name {
        ProjectName::Given(name) => return (*name).to_owned(),
        ProjectName::Found { option, directory } => (*option, *directory),
    };
    let chosen =
        option.or_else(|| environment.get(VARIABLE).map(String::as_str).filter(|name| !name.is_empty()));
    if let Some(chosen) = chosen {
        if !is_valid(chosen) {
            diagnostics.push(
                Diagnostic::error(
                    "compose.project-name",
                    format!("`{chosen}` cannot be the name of a project"),
                )
                .help(HELP),
            );
        }
        return chosen.to_owned();
    }
    let mut written =
        files.iter().flat_map(|file| &file.documents).filter_map(|document| document.get("name"));
    let lookup = |name: &str| environment.get(name).cloned();
    let last = written.rfind(|node| node.as_str().is_some_and(|text| !text.is_empty()));
    let text = last.and_then(|node| Some(interpolate(node.as_str()?, &lookup).ok()?.text));
    let found = cleaned(text.as_deref().unwrap_or(directory));
    if found.is_empty() {
        let error = Diagnostic::error("compose.project-name", "the project has no name").help(HELP);
        diagnostics.push(last.into_iter().fold(error, |error, node| error.at(node.span)));
    }
    found
}

const HELP: &str =
    "use lower-case letters, digits, `-` and `_`, starting with a letter or digit; `--project-name` sets it";

fn is_valid(name: &str) -> bool {
    name == cleaned(name) && !name.is_empty()
}

/// What is left of a text when everything a name cannot hold is taken out.
fn cleaned(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept: String = lower
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        .collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{cleaned, is_valid};

    #[test]
    fn names() {
        for (text, expected) in [("My App.v2", "myappv2"), ("__x-1", "x-1"), ("Ünï", "n"), ("…", "")] {
            assert_eq!(cleaned(text), expected);
            assert!(!is_valid(text));
        }
        assert!(is_valid("a-1_b") && is_valid("0"));
    }
}
