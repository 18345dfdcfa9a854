//! The files of the checkout. Reads the file system; needs no git, so it also works on an unpacked archive.

use std::io;
use std::path::Path;

/// One file.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Path below the root, with `/`.
    pub(super) path: String,
    /// Size in bytes.
    pub(super) size: u64,
    /// Content, when it is UTF-8.
    pub(super) text: Option<String>,
}

impl File {
    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The crate folder the file is in, such as `kompox-model`.
    pub(super) fn krate(&self) -> Option<&str> {
        match self.path.split('/').collect::<Vec<_>>()[..] {
            ["crates", krate, _, ..] => Some(krate),
            ["xtask", _, ..] => Some("xtask"),
            _ => None,
        }
    }

    /// True for a Rust file with a text.
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs") && self.text.is_some()
    }

    /// The content, empty for one that is no text.
    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}

/// All files of the checkout that are not ignored, in the order of their paths.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

/// Folders that are not part of the project.
const IGNORED: [&str; 2] = [".git", "target"];

impl Tree {
    /// Reads everything below `root`.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            // In a further work tree of a repository, .git is a file.
            if IGNORED.contains(&name.as_str()) {
                continue;
            }
            if kind.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path())?;
                let size = bytes.len() as u64;
                self.files.push(File { path, size, text: String::from_utf8(bytes).ok() });
            }
        }
        Ok(())
    }

    /// The file at `path`.
    pub(super) fn find(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// All Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }
}

#[cfg(test)]
impl Tree {
    /// A tree of given files, for tests of the checks.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            size: text.len() as u64,
            text: Some((*text).to_owned()),
        };
        Self { files: files.iter().map(file).collect() }
    }
}
