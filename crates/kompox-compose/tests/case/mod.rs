//! One case: reading, running and writing it.

use kompox_compose::{
    ComposeFile, Diagnostics, DotEnv, FileError, FileErrorKind, FileText, Listed, ListedKind, Paths,
    ProjectFiles, ProjectName, Request, Selection, Sources, config, discover,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A project and what is known of it.
pub(crate) struct Case {
    pub(crate) name: String,
    path: PathBuf,
    text: String,
    files: BTreeMap<String, Vec<u8>>,
    request: Vec<(String, String)>,
    pub(crate) docker: Outcome,
    pub(crate) kompox: Option<Outcome>,
}

/// What a program answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Config(Value),
    Refused(String),
}

impl Outcome {
    fn parse(text: &str) -> Self {
        match text.strip_prefix("refused:") {
            Some(why) => Self::Refused(why.trim().to_owned()),
            None => Self::Config(serde_json::from_str(text).unwrap()),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Config(config) => serde_json::to_string_pretty(config).unwrap() + "\n",
            Self::Refused(why) => format!("refused: {why}\n"),
        }
    }
}

/// What may differ from Docker Compose.
pub(crate) struct Differences {
    /// Patterns of values that are not compared: keys separated by dots, `*` for any.
    pub(crate) everywhere: Vec<Vec<String>>,
    /// Cases with their reasons.
    pub(crate) cases: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

/// Reads `differences.txt`: lines `NAME: reason` and `everywhere PATTERN: reason`.
pub(crate) fn differences() -> Differences {
    let text = std::fs::read_to_string(folder().join("differences.txt")).unwrap();
    let mut all = Differences { everywhere: Vec::new(), cases: BTreeMap::new() };
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (what, reason) = line.split_once(": ").unwrap();
        assert!(reason.len() > 10, "{line}");
        match what.strip_prefix(super::EVERYWHERE) {
            Some(pattern) => all.everywhere.push(pattern.split('.').map(str::to_owned).collect()),
            None => drop(all.cases.insert(what.to_owned(), reason.to_owned())),
        }
    }
    all
}

/// Every case, by name.
pub(crate) fn all() -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "case"));
    paths.sort();
    paths.into_iter().map(Case::read).collect()
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut case = Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            path,
            files: BTreeMap::new(),
            request: Vec::new(),
            docker: Outcome::Refused(String::new()),
            kompox: None,
            text: text.clone(),
        };
        let header = |line: &str| line.strip_prefix("-- ")?.strip_suffix(" --").map(str::to_owned);
        let mut sections: Vec<(String, String)> = Vec::new();
        for line in text.split_inclusive('\n') {
            match header(line.trim_end_matches('\n')) {
                Some(name) => sections.push((name, String::new())),
                None => sections.iter_mut().rev().take(1).for_each(|(_, text)| text.push_str(line)),
            }
        }
        for (name, text) in sections {
            match name.as_str() {
                "request" => {
                    let line =
                        |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
                    case.request = text.lines().map(line).collect();
                }
                "docker" => case.docker = Outcome::parse(&text),
                "kompox" => case.kompox = Some(Outcome::parse(&text)),
                name => {
                    let (name, bytes) = match name.strip_suffix(" (escaped)") {
                        Some(name) => (name, serde_json::from_str::<String>(&text).unwrap()),
                        None => (name, text),
                    };
                    case.files.insert(absolute("/project", name), bytes.into_bytes());
                }
            }
        }
        case
    }

    fn options(&self, key: &str) -> Vec<String> {
        self.request.iter().filter(|(known, _)| known == key).map(|(_, value)| value.clone()).collect()
    }

    /// What we answer.
    pub(crate) fn run(&self) -> Outcome {
        let mut environment: BTreeMap<String, String> =
            [("HOME".to_owned(), "/me".to_owned()), ("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        for line in self.options("env") {
            let (name, value) = line.split_once('=').unwrap();
            environment.insert(name.to_owned(), value.to_owned());
        }
        let selection = Selection {
            files: self.options("file"),
            directory: self.options("directory").pop(),
            env_files: self.options("env-file"),
        };
        let working = absolute("/project", &self.options("cd").pop().unwrap_or_default());
        let mut sources = Sources::new();
        let mut found = Diagnostics::new();
        let files = Files { files: &self.files, directory: "/" };
        let project = discover(&selection, &working, &environment, &files, &mut sources, &mut found);
        let Some(project) = project else { return refused(&found, &sources) };
        let compose: Vec<_> = project
            .files
            .iter()
            .map(|file| ComposeFile { name: &file.name, path: &file.path, text: &file.text })
            .collect();
        let name = self.options("name").pop();
        let directory = project.directory.as_str();
        let request = Request {
            name: ProjectName::Found {
                option: name.as_deref(),
                directory: directory.rsplit('/').next().unwrap_or_default(),
            },
            compose: &compose,
            environment: &environment,
            dot_env: DotEnv::Files(&project.env_files),
            profiles: &self.options("profile"),
            files: &Files { files: &self.files, directory },
        };
        let (config, diagnostics) = config(&mut sources, &request, Paths { directory, home: "/me" });
        match config {
            Some((_, config)) => Outcome::Config(config),
            None => refused(&diagnostics, &sources),
        }
    }

    /// Writes the section with our own answer.
    pub(crate) fn write(&self, ours: &Outcome) {
        let text = self.text.split("-- kompox --\n").next().unwrap();
        std::fs::write(&self.path, format!("{text}-- kompox --\n{}", ours.text())).unwrap();
    }

    /// Both answers, short.
    pub(crate) fn difference(&self, ours: &Outcome, everywhere: &[Vec<String>]) -> String {
        match (&self.docker, ours) {
            (Outcome::Config(docker), Outcome::Config(ours)) => {
                let mut lines = Vec::new();
                compare("", &prune(docker.clone(), everywhere), &prune(ours.clone(), everywhere), &mut lines);
                lines.join("\n")
            }
            (Outcome::Refused(why), Outcome::Config(_)) => format!("  Docker refuses: {why}"),
            (_, Outcome::Refused(why)) => format!("  we refuse: {why}"),
        }
    }
}

fn refused(diagnostics: &Diagnostics, sources: &Sources) -> Outcome {
    Outcome::Refused(diagnostics.render(sources).trim().to_owned())
}

fn compare(path: &str, docker: &Value, ours: &Value, lines: &mut Vec<String>) {
    match (docker, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(&format!("{path}.{key}"), a, b, lines),
                    (a, b) => lines.push(format!("  {path}.{key}: docker {}, ours {}", show(a), show(b))),
                }
            }
        }
        (a, b) if a != b => lines.push(format!("  {path}: docker {a}, ours {b}")),
        _ => {}
    }
}

fn show(value: Option<&Value>) -> String {
    value.map_or("nothing".to_owned(), ToString::to_string)
}

/// Takes out what a pattern matches.
pub(crate) fn prune(value: Value, patterns: &[Vec<String>]) -> Value {
    fn matches(pattern: &str, key: &str) -> bool {
        let pattern = if pattern == "**" { "*" } else { pattern };
        pattern == key
            || pattern == "*"
            || pattern.strip_suffix('*').is_some_and(|start| key.starts_with(start))
    }
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .filter(|(key, _)| !patterns.iter().any(|p| p.len() == 1 && matches(&p[0], key)))
                .map(|(key, value)| {
                    let below: Vec<Vec<String>> = patterns
                        .iter()
                        .filter(|pattern| pattern.len() > 1 && matches(&pattern[0], &key))
                        // `**` stands for any number of keys.
                        .flat_map(|pattern| {
                            let again = (pattern[0] == "**").then(|| pattern.clone());
                            again.into_iter().chain([pattern[1..].to_vec()])
                        })
                        .collect();
                    let value = prune(value, &below);
                    (key, value)
                })
                .collect(),
        ),
        // A list counts as what it holds.
        Value::Array(items) => items.into_iter().map(|item| prune(item, patterns)).collect(),
        other => other,
    }
}

/// An absolute path without `.` and `..`.
fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
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
                absolute("/me", rest.trim_start_matches('/'))
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
