//! The typed project: what a converter consumes. Nothing here reads or checks anything.
//!
//! Order is stable: maps are ordered by name, lists as written after duplicates were dropped. Each
//! value that somebody may have to refuse carries the [`Span`] it was written at. `keys` of a part
//! lists every key that was written, so that none can be passed over; `other` holds the keys of the
//! Compose Specification that this version does not type, as located nodes.

use std::collections::BTreeMap;

use kompox_yaml::{Entry, Located, Span};

mod deploy;
mod mount;
mod network;
mod runtime;
mod service;

pub use deploy::{Cpus, Deploy, DeviceCount, DeviceRequest, Resources, RestartPolicy};
pub use mount::{BindMount, BindSource, FileReference, Mount, MountKind, SelinuxLabel, TmpfsMount};
pub use network::{
    Expose, ExtraHost, Link, NetworkMode, Port, PortMode, Protocol, Published, ServiceNetwork,
};
pub use runtime::{Condition, Dependency, DependencyOrigin, Device, HealthTest, Healthcheck, Hook, Restart};
pub use service::{EnvFile, EnvFormat, EnvOrigin, EnvValue, Service, VolumesFrom};

/// A loaded, interpolated, resolved and checked project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// The project's name as given by the caller.
    pub name: String,
    /// The file's own `name:`, which names nothing here.
    pub written_name: Option<Located<String>>,
    /// Every top-level key that was written, with the place of the key.
    pub keys: BTreeMap<String, Span>,
    /// Keys that were followed and are not in the project any more (`services.NAME.extends`, `include`), with their places.
    pub followed: Vec<Located<String>>,
    /// The services that the active profiles switch on, by name.
    pub services: BTreeMap<String, Service>,
    /// The services that the active profiles leave off.
    pub inactive: Vec<Located<String>>,
    /// The profiles of those.
    pub inactive_profiles: Vec<Located<String>>,
    /// Declared volumes by key, used or not.
    pub volumes: BTreeMap<String, Volume>,
    /// Declared networks by key, and `default` when a service joins it.
    pub networks: BTreeMap<String, Network>,
    /// Declared configs by key, used or not.
    pub configs: BTreeMap<String, FileObject>,
    /// Declared secrets by key, used or not.
    pub secrets: BTreeMap<String, FileObject>,
    /// `x-kompox` of the top level.
    pub x_kompox: Option<Entry>,
    /// The other `x-` keys of the top level.
    pub extensions: Vec<Entry>,
    /// Known top-level keys that are not typed (`version`, `models`).
    pub other: Vec<Entry>,
}

/// A volume of the top level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    /// The key in the file.
    pub key: Located<String>,
    /// Every key that was written.
    pub keys: BTreeMap<String, Span>,
    /// An explicit `name:`.
    pub name: Option<Located<String>>,
    /// `external: true` (also in its old form), at its place.
    pub external: Option<Span>,
    /// `driver:`.
    pub driver: Option<Located<String>>,
    /// `driver_opts:` as written.
    pub driver_opts: Vec<Entry>,
    /// `labels:`.
    pub labels: BTreeMap<String, Located<String>>,
    /// Known keys that are not typed, and extensions.
    pub other: Vec<Entry>,
}

/// A network of the top level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// The key in the file; of an undeclared `default` the place of the first service that joins it.
    pub key: Located<String>,
    /// Whether the file declares it.
    pub declared: bool,
    /// Every key that was written.
    pub keys: BTreeMap<String, Span>,
    /// An explicit `name:`.
    pub name: Option<Located<String>>,
    /// `external: true` (also in its old form), at its place.
    pub external: Option<Span>,
    /// `driver:`.
    pub driver: Option<Located<String>>,
    /// `internal:`.
    pub internal: Option<Located<bool>>,
    /// Known keys that are not typed (`ipam`, `labels`, …), and extensions.
    pub other: Vec<Entry>,
}

/// A config or a secret of the top level.
#[derive(Clone, Debug, PartialEq)]
pub struct FileObject {
    /// The key in the file.
    pub key: Located<String>,
    /// Every key that was written.
    pub keys: BTreeMap<String, Span>,
    /// An explicit `name:`.
    pub name: Option<Located<String>>,
    /// Where the content comes from.
    pub source: FileSource,
    /// The content. `None` if it is external, or no active service refers to it: then it is not read.
    pub content: Option<Vec<u8>>,
    /// Known keys that are not typed, and extensions.
    pub other: Vec<Entry>,
}

/// Where the content of a [`FileObject`] comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// A file of the project.
    File {
        /// As written.
        path: Located<String>,
        /// Permission bits of the file; 0 if it was not read.
        mode: u32,
    },
    /// A variable of the project's environment.
    Environment(Located<String>),
    /// Text in the file.
    Content(Located<String>),
    /// Kept by the platform: `external: true`, at its place.
    External(Span),
}
