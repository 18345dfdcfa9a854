//! What the project says is in files: env files, configs and secrets. Only of what is used.

use std::collections::BTreeSet;

use kompox_yaml::{Diagnostic, Located, SourceId, Span};

use crate::dotenv::{self, Assignment};
use crate::environment::diagnose;
use crate::read::Reader;
use crate::{
    EnvFile, EnvFormat, EnvOrigin, EnvValue, FileError, FileErrorKind, FileObject, FileReference, FileSource,
    FileText, Project, Service,
};

/// Reads the files of all active services.
pub(crate) fn read(project: &mut Project, reader: &mut Reader<'_>) {
    for service in project.services.values_mut() {
        env_files(service, reader);
    }
    let used = |of: fn(&Service) -> &Vec<FileReference>| -> BTreeSet<String> {
        project.services.values().flat_map(of).map(|reference| reference.source.value.clone()).collect()
    };
    let (configs, secrets) = (used(|service| &service.configs), used(|service| &service.secrets));
    for (what, objects, used) in
        [("config", &mut project.configs, configs), ("secret", &mut project.secrets, secrets)]
    {
        for (key, object) in objects.iter_mut().filter(|(key, _)| used.contains(*key)) {
            object.content = content(&format!("{what} {key}"), object, reader);
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
        // Outside wins, then what the service says, then what the files said so far.
        let lookup = |name: &str| {
            let own = || service.environment.get(name).map(|known| known.value.clone());
            reader.environment.get(name).cloned().or_else(own)
        };
        let (found, errors) = match file.format {
            EnvFormat::Compose => dotenv::parse(text, &lookup),
            EnvFormat::Raw => (raw(text), Vec::new()),
        };
        for error in errors {
            let diagnostic =
                diagnose(reader.sources, id, error).label(file.path.span, "this file is used here");
            reader.diagnostics.push(diagnostic);
        }
        for Assignment { name, value, range } in found {
            if !written.contains(&name) {
                let span = reader.sources.span(id, range);
                service.environment.insert(name, EnvValue { value, span, origin: EnvOrigin::File(index) });
            }
        }
    }
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
    let id = utf8(text, &file.path, reader).map(|text| reader.sources.add(file.path.value.clone(), text))?;
    reader.env_files.insert(file.path.value.clone(), id);
    Some(id)
}

/// `format: raw`: NAME=value lines, nothing is interpreted.
fn raw(text: &str) -> Vec<Assignment> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = content.len() - content.trim_start().len();
        let content = &content[indent..];
        if let Some((name, value)) = content.split_once('=').filter(|_| !content.starts_with('#')) {
            let range = start + indent..start + indent + name.len();
            found.push(Assignment { name: name.to_owned(), value: value.to_owned(), range });
        }
        start += line.len();
    }
    found
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
            let value = reader.environment.get(&variable.value).cloned();
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

fn utf8(file: FileText, path: &Located<String>, reader: &mut Reader<'_>) -> Option<String> {
    match String::from_utf8(file.bytes) {
        Ok(text) => Some(text),
        Err(_) => {
            let message = format!("the env file {} is not UTF-8 text", path.value);
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
        FileErrorKind::Outside => "move it into the project directory, also where symlinks lead",
        FileErrorKind::NotAFile => "name a regular file",
        FileErrorKind::Denied => "make it readable",
        FileErrorKind::TooLarge => "use a smaller file",
        FileErrorKind::NoFiles => "write the content into the compose file",
        FileErrorKind::Failed => "see the reason given",
    })
}
