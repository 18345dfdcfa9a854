//! Hashes that name what was built from what. Reads files.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Hex digits of a hash that are enough to tell two inputs apart.
const SHORT: usize = 12;

/// Collects the inputs of something that is built; order matters.
#[derive(Default)]
pub(crate) struct Key(Sha256);

impl Key {
    /// Adds a text, kept apart from its neighbours.
    pub(crate) fn text(mut self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
        self
    }

    /// Adds a file's content.
    pub(crate) fn file(self, path: &Path) -> Result<Self> {
        Ok(self.text(fs::read(path).map_err(Error::file("read", path))?))
    }

    /// Adds all files below a folder, with their names.
    pub(crate) fn folder(mut self, path: &Path) -> Result<Self> {
        let entries = fs::read_dir(path).map_err(Error::file("list", path))?;
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(Error::file("list", path))?.path());
        }
        paths.sort();
        for entry in paths {
            self = self.text(entry.file_name().unwrap_or_default().as_encoded_bytes());
            self = if entry.is_dir() { self.folder(&entry)? } else { self.file(&entry)? };
        }
        Ok(self)
    }

    /// The first digits of the hash.
    pub(crate) fn short(self) -> String {
        hex(&self.0.finalize())[..SHORT].to_owned()
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
