//! Where an archive of a disk is on this machine. Pure.

use std::ffi::OsString;
use std::path::PathBuf;

/// A file, or a standard stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArchivePath {
    /// `-`: standard input or output.
    Stream,
    /// Anything else.
    File(PathBuf),
}

impl From<OsString> for ArchivePath {
    fn from(text: OsString) -> Self {
        if text == "-" { Self::Stream } else { Self::File(text.into()) }
    }
}
