//! Copies out of a running container and into it. Pure.
//!
//! The content is a tar archive whose first entry is the source itself, under its name or as `.`. `pack` writes it to
//! standard output and its answer to standard error; `unpack` reads it from standard input and answers on standard
//! output.

use serde::{Deserialize, Serialize};

/// The version of the two plans. They are said to a program that the Pod was made with, perhaps long ago.
pub const COPY_VERSION: u32 = 1;

/// Starts the name of a folder that a copy is written to before it is renamed. No archive may use such a name.
pub const COPY_PREFIX: &str = ".kompox-copy-";

/// The plan of `kompox-node pack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackPlan {
    /// [`COPY_VERSION`].
    pub version: u32,
    /// The absolute path to copy; one that ends with `/.` means the content of the folder.
    pub path: String,
    /// Whether the file that a link at `path` points to is copied, and not the link.
    pub follow: bool,
}

/// The plan of `kompox-node unpack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnpackPlan {
    /// [`COPY_VERSION`].
    pub version: u32,
    /// The absolute path to copy to.
    pub path: String,
    /// The name of the source; none for the content of a folder.
    pub name: Option<String>,
    /// An archive from elsewhere: all its entries go into the folder `path`.
    pub foreign: bool,
    /// Whether the archive's owners are kept, which needs root; otherwise all becomes the container's user's.
    pub keep_owners: bool,
}
