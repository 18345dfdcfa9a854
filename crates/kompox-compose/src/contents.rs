//! What the project says is in files: env files, configs and secrets. Only of what is used.

use std::collections::{BTreeMap, BTreeSet};

use kompox_yaml::{Diagnostic, Located, SourceId, Span};

use crate::budget::VARIABLE;
use crate::dotenv::{self, Assignment, DotenvError, DotenvErrorKind};
use crate::environment::diagnose;
use crate::read::Reader;
use crate::{
    EnvFile, EnvFormat, EnvOrigin, EnvValue, FileError, FileErrorKind, FileObject, FileReference, FileSource,
    FileText, Project, Service,
};

/// Reads the files of all active services.
pub(crate) fn read(project: &mut Project, reader: &mut Reader<'_>) {
    for service in project.services.values_mut() {
        if reader.budget.is_over() {
            return;
        }
        env_files(service, reader);
        label_files(service, reader);
    }
}

/// Reads the configs and secrets that active services use.
pub(crate) fn read_objects(project: &mut Project, reader: &mut Reader<'_>) {
    let used = |of: fn(&Service) -> &Vec<FileReference>| -> BTreeSet<String> {
        project.services.values().flat_map(of).map(|reference| reference.source.value.clone()).collect()
    };
    let (configs, secrets) = (used(|service| &service.configs), used(|service| &service.secrets));
    for (what, objects, used) in
        [("config", &mut project.configs, configs), ("secret", &mut project.secrets, secrets)]
    {
        for (key, object) in objects.iter_mut().filter(|(key, _)| used.contains(*key)) {
            if reader.budget.is_over() {
                return;
            }
            let content = content(&format!("{what} {key}"), object, reader);
            // A quarter: nobody looks through it.
            let length = content.as_ref().map_or(0, Vec::len) / 4;
            if reader.budget.take(0, length, object.key.span, &mut reader.diagnostics) {
                object.content = content;
            }
        }
    }
}

/// Adds what the env files define; what `environment` says stays.
fn env_files(service: &mut Service, reader: &mut Reader<'_>) {
    let written: BTreeSet<String> = service
        .environment
        .keys()
        .cloned()
        .chain(service.unset.iter().map(|name| name.value.clone()))
        .collect();
    for (index, file) in service.env_files.iter().enumerate() {
        let Some(id) = env_file(file, reader) else { continue };
        let text = reader.sources.text(id);
        // Outside wins, then what the service says, then this file so far, then those before it.
        let earlier = |name: &str| service.environment.get(name).map(|known| known.value.clone());
        let lookup = |name: &str| {
            let own = || earlier(name).filter(|_| written.contains(name));
            reader.environment.get(name).cloned().or_else(own)
        };
        let (found, errors) = match file.format {
            EnvFormat::Compose => dotenv::parse(text, &lookup, &earlier),
            EnvFormat::Raw => raw(text, reader.environment),
        };
        let size = text.len() + size(&found);
        for error in errors {
            let diagnostic =
                diagnose(reader.sources, id, error).label(file.path.span, "this file is used here");
            reader.diagnostics.push(diagnostic);
        }
        if !reader.budget.take(VARIABLE * found.len(), size, file.path.span, &mut reader.diagnostics) {
            return;
        }
        for Assignment { name, value, range } in found {
            if !written.contains(&name) {
                let span = reader.sources.span(id, range);
                service.environment.insert(name, EnvValue { value, span, origin: EnvOrigin::File(index) });
            }
        }
    }
}

/// Adds what the label files say; what `labels` says stays.
fn label_files(service: &mut Service, reader: &mut Reader<'_>) {
    let mut found: BTreeMap<String, Located<String>> = BTreeMap::new();
    for path in &service.label_files {
        let text = match reader.files.read(&path.value) {
            Ok(text) => text,
            Err(error) => {
                reader.error(unreadable("label file", path, &error));
                continue;
            }
        };
        let Some(text) = utf8("label file", text, path, reader) else { continue };
        let length = text.len();
        let id = reader.sources.add(reader.files.shown(&crate::path::clean(&path.value)), text);
        let earlier = |name: &str| found.get(name).map(|label| label.value.clone());
        let (labels, errors) = dotenv::parse(reader.sources.text(id), &|_| None, &earlier);
        for error in errors {
            let diagnostic = diagnose(reader.sources, id, error).label(path.span, "this file is used here");
            reader.diagnostics.push(diagnostic);
        }
        if !reader.budget.take(
            VARIABLE * labels.len(),
            length + size(&labels),
            path.span,
            &mut reader.diagnostics,
        ) {
            return;
        }
        for Assignment { name, value, range } in labels {
            found.insert(name, Located::new(value, reader.sources.span(id, range)));
        }
    }
    found.append(&mut service.labels);
    service.labels = found;
}

/// Bytes of names and values.
fn size(all: &[Assignment]) -> usize {
    all.iter().map(|one| one.name.len() + one.value.len()).sum()
}

/// The text of an env file; nothing if it is missing and need not be there, or cannot be read.
fn env_file(file: &EnvFile, reader: &mut Reader<'_>) -> Option<SourceId> {
    if let Some(id) = reader.env_files.get(&file.path.value) {
        return Some(*id);
    }
    let text = match reader.files.read(&file.path.value) {
        Ok(text) => text,
        Err(error) => {
            let missing = error.kind == FileErrorKind::NotFound;
            if file.required || !missing {
                let diagnostic = unreadable("env file", &file.path, &error);
                let help = "create it, or write it as `path:` with `required: false`";
                reader.error(if missing { diagnostic.help(help) } else { diagnostic });
            }
            return None;
        }
    };
    let id = utf8("env file", text, &file.path, reader)
        .map(|text| reader.sources.add(reader.files.shown(&crate::path::clean(&file.path.value)), text))?;
    reader.env_files.insert(file.path.value.clone(), id);
    Some(id)
}

/// `format: raw`: lines of NAME=value, of which nothing is interpreted; NAME alone takes the value from outside.
fn raw(text: &str, outside: &BTreeMap<String, String>) -> (Vec<Assignment>, Vec<DotenvError>) {
    let mut start = 0;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = content.len() - content.trim_start().len();
        let content = &content[indent..];
        if !content.is_empty() && !content.starts_with('#') {
            let (name, value) = match content.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (content, outside.get(content).map(String::as_str)),
            };
            let range = start + indent..start + indent + name.len();
            if name.contains(char::is_whitespace) {
                errors.push(DotenvError { range, kind: DotenvErrorKind::BlankInName });
            } else if let Some(value) = value {
                found.push(Assignment { name: name.to_owned(), value: value.to_owned(), range });
            }
        }
        start += line.len();
    }
    (found, errors)
}

fn content(what: &str, object: &mut FileObject, reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    match &mut object.source {
        FileSource::File { path, mode } => match reader.files.read(&path.value) {
            Ok(file) => {
                *mode = file.mode;
                Some(file.bytes)
            }
            Err(error) => {
                reader.error(unreadable(what, path, &error));
                None
            }
        },
        FileSource::Environment(variable) => {
            let known = reader.variables.get(&variable.span);
            let value = known.or_else(|| reader.environment.get(&variable.value)).cloned();
            if value.is_none() {
                reader.error(
                    Diagnostic::error(
                        "compose.variable.required",
                        format!("{what}: the variable {} is not set", variable.value),
                    )
                    .at(variable.span)
                    .help("set it in the environment or in .env"),
                );
            }
            value.map(String::into_bytes)
        }
        FileSource::Content(text) => Some(text.value.clone().into_bytes()),
        FileSource::External(_) => None,
    }
}

fn utf8(what: &str, file: FileText, path: &Located<String>, reader: &mut Reader<'_>) -> Option<String> {
    match String::from_utf8(file.bytes) {
        Ok(text) => Some(text),
        Err(_) => {
            let message = format!("the {what} {} is not UTF-8 text", path.value);
            reader.error(Diagnostic::error("compose.file", message).at(path.span).help("save it as UTF-8"));
            None
        }
    }
}

fn unreadable(what: &str, path: &Located<String>, error: &FileError) -> Diagnostic {
    let span: Span = path.span;
    let diagnostic = Diagnostic::error("compose.file", format!("{what} {}: {error}", path.value)).at(span);
    diagnostic.help(match error.kind {
        FileErrorKind::NotFound => "create it; the path is relative to the project directory",
        kind => kind.way_out(),
    })
}
