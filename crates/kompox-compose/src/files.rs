//! The port through which files of the project are read. This crate implements it in memory only.

use std::collections::BTreeMap;
use std::fmt;

/// Reads files beneath the project directory.
///
/// Paths are as written in the file: relative to the project directory, or absolute, with `/`.
/// An implementor resolves symlinks and refuses with [`FileErrorKind::Outside`] whatever is not
/// beneath the project directory then, unless its user allowed it.
pub trait ProjectFiles {
    /// Reads a whole file.
    ///
    /// # Errors
    /// Whatever kept it from being read; a directory is [`FileErrorKind::NotAFile`].
    fn read(&self, path: &str) -> Result<FileText, FileError>;

    /// Lists a file or a directory with everything beneath it, ordered by path, without contents.
    ///
    /// # Errors
    /// Whatever kept it from being listed.
    fn list(&self, path: &str) -> Result<Vec<Listed>, FileError>;

    /// What messages call a file, so that its reader finds it from where the program was started. As it is, unless an
    /// implementor knows better.
    fn shown(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// A file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Path below what was listed, with `/`; empty for the listed file or directory itself.
    pub path: String,
    /// What it is.
    pub kind: ListedKind,
    /// Permission bits.
    pub mode: u32,
}

/// What a [`Listed`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A file with its size in bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A symlink beneath what was listed, with its target.
    Symlink(String),
    /// A socket, pipe or device.
    Special,
}

/// Why a file could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// What a caller can act on.
    pub kind: FileErrorKind,
    /// The system's words, if there are any.
    pub detail: String,
}

/// Kinds of [`FileError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileErrorKind {
    /// There is nothing.
    NotFound,
    /// It is not beneath the project directory.
    Outside,
    /// A directory or something special where a file is expected.
    NotAFile,
    /// No permission.
    Denied,
    /// Larger than the implementor reads.
    TooLarge,
    /// No file can be read here at all.
    NoFiles,
    /// Anything else.
    Failed,
}

impl FileErrorKind {
    /// What a user can do about it.
    pub(crate) const fn way_out(self) -> &'static str {
        match self {
            Self::NotFound => "create it; the path is relative to the folder of the file that names it",
            Self::Outside => {
                "move it into the project directory, also where symlinks lead, or read it with `--allow-outside`"
            }
            Self::NotAFile => "name a regular file",
            Self::Denied => "make it readable",
            Self::TooLarge => "use a smaller file",
            Self::NoFiles => "write the content into the compose file",
            Self::Failed => "see the reason given",
        }
    }
}

impl FileError {
    /// An error without words of the system.
    #[must_use]
    pub const fn new(kind: FileErrorKind) -> Self {
        Self { kind, detail: String::new() }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FileErrorKind::NotFound => "no such file",
            FileErrorKind::Outside => "it is not beneath the project directory",
            FileErrorKind::NotAFile => "it is not a file",
            FileErrorKind::Denied => "permission denied",
            FileErrorKind::TooLarge => "it is too large",
            FileErrorKind::NoFiles => "files cannot be read here",
            FileErrorKind::Failed => "it cannot be read",
        })?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl std::error::Error for FileError {}

/// No files at all: where compose text is loaded without access to any, as in a server. Whatever needs a file is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl ProjectFiles for NoFiles {
    fn read(&self, _path: &str) -> Result<FileText, FileError> {
        Err(FileError::new(FileErrorKind::NoFiles))
    }

    fn list(&self, _path: &str) -> Result<Vec<Listed>, FileError> {
        Err(FileError::new(FileErrorKind::NoFiles))
    }
}

/// Files in memory, by path relative to the project directory. Paths that leave it, and absolute
/// ones, are refused; there are no symlinks. Directories exist by the files beneath them.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<String, FileText>,
}

impl MemoryFiles {
    /// No file at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file with mode 0644.
    #[must_use]
    pub fn with(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), FileText { bytes: content.into(), mode: 0o644 });
        self
    }

    fn beneath(path: &str) -> Result<String, FileError> {
        match crate::path::locate(path) {
            crate::BindSource::Project(path) => Ok(path),
            _ => Err(FileError::new(FileErrorKind::Outside)),
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        path.is_empty()
            || self.files.keys().any(|file| below(file, path).is_some_and(|rest| !rest.is_empty()))
    }
}

impl ProjectFiles for MemoryFiles {
    fn read(&self, path: &str) -> Result<FileText, FileError> {
        let path = Self::beneath(path)?;
        match self.files.get(&path) {
            Some(file) => Ok(file.clone()),
            None if self.is_directory(&path) => Err(FileError::new(FileErrorKind::NotAFile)),
            None => Err(FileError::new(FileErrorKind::NotFound)),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, FileError> {
        let path = Self::beneath(path)?;
        if !self.files.contains_key(&path) && !self.is_directory(&path) {
            return Err(FileError::new(FileErrorKind::NotFound));
        }
        let mut listed = BTreeMap::new();
        for (name, file) in &self.files {
            let Some(rest) = below(name, &path) else { continue };
            for (at, _) in rest.match_indices('/').chain(if rest.is_empty() { None } else { Some((0, "")) }) {
                listed.insert(rest[..at].to_owned(), (ListedKind::Directory, 0o755));
            }
            listed.insert(rest.to_owned(), (ListedKind::File(file.bytes.len() as u64), file.mode));
        }
        Ok(listed.into_iter().map(|(path, (kind, mode))| Listed { path, kind, mode }).collect())
    }
}

/// What is left of `file` below `directory`: empty if they are the same.
fn below<'a>(file: &'a str, directory: &str) -> Option<&'a str> {
    if directory.is_empty() || file == directory {
        return Some(file.strip_prefix(directory).unwrap_or(file));
    }
    file.strip_prefix(directory)?.strip_prefix('/')
}
