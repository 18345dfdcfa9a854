//! The files of an image before they are written. Pure, except that a file's content may be named
//! by its path and is read when the image is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a file's content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Here.
    Bytes(Vec<u8>),
    /// In a file of the machine.
    Copy(PathBuf),
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A folder.
    Folder,
    /// A regular file.
    File(Content),
    /// A symbolic link to this text.
    Symlink(PathBuf),
    /// The same file as another entry.
    Hardlink(PathBuf),
}

/// One entry with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Permission bits.
    pub(crate) mode: u32,
    /// User id.
    pub(crate) user: u64,
    /// Group id.
    pub(crate) group: u64,
    /// What it is.
    pub(crate) node: Node,
}

/// A file system tree; parents are made as needed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    entries: BTreeMap<PathBuf, Entry>,
}

impl Tree {
    /// Puts an entry at a path without leading slash, replacing what was there.
    pub(crate) fn put(&mut self, path: impl AsRef<Path>, entry: Entry) {
        let path = path.as_ref();
        for parent in path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            self.entries.entry(parent.to_owned()).or_insert(Entry {
                mode: 0o755,
                user: 0,
                group: 0,
                node: Node::Folder,
            });
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// A folder of a user and group with that id.
    pub(crate) fn folder(&mut self, path: &str, mode: u32, owner: u64) {
        self.put(path, Entry { mode, user: owner, group: owner, node: Node::Folder });
    }

    /// A file of root.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: Content) {
        self.put(path, Entry { mode, user: 0, group: 0, node: Node::File(content) });
    }

    /// A small file of root.
    pub(crate) fn text(&mut self, path: &str, mode: u32, text: &str) {
        self.file(path, mode, Content::Bytes(text.as_bytes().to_owned()));
    }

    /// A symbolic link.
    pub(crate) fn symlink(&mut self, path: impl AsRef<Path>, target: impl Into<PathBuf>) {
        self.put(path, Entry { mode: 0o777, user: 0, group: 0, node: Node::Symlink(target.into()) });
    }

    /// Whether there is an entry.
    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.entries.contains_key(path.as_ref())
    }

    /// The content of a file that was not named by its path.
    pub(crate) fn content(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        match &self.entries.get(path.as_ref())?.node {
            Node::File(Content::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The contents of all files below a folder that were not named by their paths, in the order of their names.
    pub(crate) fn contents_below(&self, folder: impl AsRef<Path>) -> impl Iterator<Item = &[u8]> {
        let below = move |path: &Path| path.starts_with(folder.as_ref());
        self.entries.iter().filter(move |(path, _)| below(path)).filter_map(|(_, entry)| match &entry.node {
            Node::File(Content::Bytes(bytes)) => Some(bytes.as_slice()),
            _ => None,
        })
    }

    /// Takes an entry out, and everything below it.
    pub(crate) fn remove(&mut self, path: &str) {
        self.entries.retain(|other, _| !other.starts_with(path));
    }

    /// Lets everybody read what is below a folder.
    pub(crate) fn readable(&mut self, folder: &str) {
        for (_, entry) in self.entries.iter_mut().filter(|(path, _)| path.starts_with(folder)) {
            entry.mode |= if entry.node == Node::Folder { 0o555 } else { 0o444 };
        }
    }

    /// Moves everything below one folder to another.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let entries = std::mem::take(&mut self.entries);
        for (path, entry) in entries {
            match path.strip_prefix(from).map(Path::to_owned) {
                Ok(rest) => self.put(Path::new(to).join(rest), entry),
                Err(_) => self.put(path, entry),
            }
        }
    }

    /// All entries in the order they belong in an archive: parents first, hard links last, because
    /// what they point to has to be there.
    pub(crate) fn ordered(&self) -> impl Iterator<Item = (&Path, &Entry)> {
        let linked = |entry: &Entry| matches!(entry.node, Node::Hardlink(_));
        let all = || self.entries.iter().map(|(path, entry)| (path.as_path(), entry));
        all().filter(move |(_, entry)| !linked(entry)).chain(all().filter(move |(_, entry)| linked(entry)))
    }
}
