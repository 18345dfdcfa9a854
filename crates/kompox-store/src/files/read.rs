//! Reading files and folders. IO: reads them.

use super::ADAPTER;
use kompox_manifest::{Loaded, Text, TextForm, load_all};
use kompox_model::port::{ErrorKind, PortError};
use kompox_yaml::{Diagnostics, SourceId, Sources};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const FILE_LIMIT: u64 = 16 << 20;

/// What was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The texts, which diagnostics and places point into.
    pub sources: Sources,
    /// The file of each text.
    pub files: Vec<(SourceId, PathBuf)>,
    /// The nouns; none when something is wrong.
    pub loaded: Option<Loaded>,
    /// Everything there is to say about the texts.
    pub diagnostics: Diagnostics,
}

impl Reading {
    /// The file of a text.
    #[must_use]
    pub fn file(&self, source: SourceId) -> Option<&Path> {
        self.files.iter().find(|(id, _)| *id == source).map(|(_, path)| path.as_path())
    }
}

/// A file or folder could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    /// The file or folder.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

impl ReadError {
    /// As an error of the port.
    pub(super) fn into_port(self, operation: &str) -> PortError {
        io_error(operation, &self.path, self.source)
    }
}

/// A failure of the file system as an error of the port.
pub(super) fn io_error(operation: &str, path: &Path, source: io::Error) -> PortError {
    let kind = match source.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory => ErrorKind::Invalid,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Quota,
        _ => ErrorKind::Internal,
    };
    PortError::new(kind, ADAPTER, operation, path.display().to_string()).because(source)
}

pub(super) fn read(configuration: Option<&Path>, kom: &[PathBuf]) -> Result<Reading, ReadError> {
    let mut sources = Sources::new();
    let (mut files, mut texts): (Vec<(SourceId, PathBuf)>, Vec<Text>) = (Vec::new(), Vec::new());
    let mut add = |path: &Path, form: TextForm| {
        let text = read_text(path).map_err(|source| ReadError { path: path.to_owned(), source })?;
        let source = sources.add(path.display().to_string(), text);
        files.push((source, path.to_owned()));
        texts.push(Text { source, form });
        Ok(())
    };
    if let Some(path) = configuration {
        add(path, TextForm::Either)?;
    }
    for path in kom {
        if path.is_dir() {
            for file in listed(path)? {
                // The file that was named anyway is no other file of the folder.
                if configuration.is_none_or(|named| !is_same(named, &file)) {
                    add(&file, TextForm::KomOrOther)?;
                }
            }
        } else {
            add(path, TextForm::Kom)?;
        }
    }
    let (loaded, diagnostics) = load_all(&sources, &texts);
    Ok(Reading { sources, files, loaded, diagnostics })
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// The YAML files of a folder by name; hidden ones and what lies in folders within are not among them.
fn listed(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |source| ReadError { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        if is_yaml && !hidden && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a text whole, as UTF-8: a file, or a pipe until its writer is done.
///
/// # Errors
/// When it cannot be read, is no UTF-8, or is longer than 16 MiB, which is said without reading the rest.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT {
        let message = format!("it is longer than {FILE_LIMIT} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text"))
}
