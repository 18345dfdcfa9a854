//! What a service mounts.

use kompox_yaml::{Entry, Located, Span};

/// One entry of `volumes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// The path in the container: absolute, without `.`, `..`, doubled or trailing slashes.
    pub target: String,
    /// What is mounted.
    pub kind: MountKind,
    /// Whether it is read-only.
    pub read_only: bool,
    /// `consistency`, `cached`, `delegated`, unknown short options and untyped long keys: without effect on a cluster.
    pub ignored: Vec<Located<String>>,
    /// Its place.
    pub span: Span,
}

/// What a [`Mount`] mounts.
#[derive(Clone, Debug, PartialEq)]
pub enum MountKind {
    /// A volume of the top level.
    Named {
        /// Its key; declared.
        source: String,
        /// A folder of it.
        subpath: Option<Located<String>>,
        /// Whether it stays empty instead of being filled from the image.
        no_copy: bool,
    },
    /// A volume of its own without a name.
    Anonymous {
        /// Whether it stays empty instead of being filled from the image.
        no_copy: bool,
    },
    /// A file or folder of the machine.
    Bind(BindMount),
    /// Memory.
    Tmpfs {
        /// Size in bytes.
        size: Option<Located<u64>>,
        /// Permission bits.
        mode: Option<Located<u32>>,
    },
    /// `npipe`, `cluster` or `image`: known types that are not read any further.
    Other {
        /// The type.
        kind: String,
        /// The source.
        source: Option<Located<String>>,
        /// The remaining keys as written.
        other: Vec<Entry>,
    },
}

/// A bind mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindMount {
    /// The source as written.
    pub written: String,
    /// Where that is.
    pub source: BindSource,
    /// Whether Docker makes a folder if there is nothing; true by default.
    pub create_host_path: bool,
    /// `propagation`.
    pub propagation: Option<Located<String>>,
    /// `z` or `Z`.
    pub selinux: Option<Located<SelinuxLabel>>,
    /// `bind.recursive`.
    pub recursive: Option<Located<String>>,
}

/// Where the source of a bind mount is, by its text alone (symlinks are the business of whoever reads it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindSource {
    /// Beneath the project directory: relative, without `.` and `..`; empty for the directory itself.
    Project(String),
    /// Above or beside it: starts with `..`.
    Outside(String),
    /// An absolute path of the machine, cleaned.
    Absolute(String),
    /// Beneath the home of whoever runs it: without `~/`.
    Home(String),
}

/// Who may share a bind mount's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelinuxLabel {
    /// `z`.
    Shared,
    /// `Z`.
    Private,
}

/// One entry of `tmpfs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TmpfsMount {
    /// The path in the container, cleaned.
    pub target: String,
    /// `size=` in bytes.
    pub size: Option<Located<u64>>,
    /// `mode=` permission bits.
    pub mode: Option<Located<u32>>,
    /// `uid=`.
    pub uid: Option<Located<u32>>,
    /// `gid=`.
    pub gid: Option<Located<u32>>,
    /// The other options.
    pub options: Vec<Located<String>>,
    /// Its place.
    pub span: Span,
}

/// One entry of `configs` or `secrets` of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReference {
    /// The key of the config or secret; declared.
    pub source: Located<String>,
    /// The file in the container, absolute: `/NAME` for configs and `/run/secrets/NAME` for secrets by default.
    pub target: String,
    /// `uid` as written.
    pub uid: Option<Located<String>>,
    /// `gid` as written.
    pub gid: Option<Located<String>>,
    /// `mode`: permission bits.
    pub mode: Option<Located<u32>>,
    /// Its place.
    pub span: Span,
}
