//! The Compose Specification: loader from text to a typed, located project.
//!
//! Tree first, typed last: texts become located trees, the trees are interpolated and merged, and
//! only then read into [`Project`]. Every value keeps its file, line and column. Pure: files come
//! through the caller's [`ProjectFiles`], the environment as a map.

mod assemble;
mod budget;
mod bytes;
mod check;
mod config;
mod contents;
mod discover;
mod dotenv;
mod duration;
mod environment;
mod files;
mod interpolation;
mod load;
mod path;
mod place;
mod profiles;
mod project;
mod project_name;
mod read;
mod shape;
mod substitute;
mod words;

pub use budget::LIMITS;
pub use config::{Paths, config};
pub use discover::{COMPOSE_FILES, Found, FoundFile, OVERRIDE_FILES, Selection, discover, override_of};
pub use duration::parse as parse_duration;
pub use files::{FileError, FileErrorKind, FileText, Listed, ListedKind, MemoryFiles, NoFiles, ProjectFiles};
pub use kompox_yaml::{
    Diagnostic, Diagnostics, Entry, Located, Mapping, Node, Severity, Sources, Span, Value,
};
pub use load::{ComposeFile, DotEnv, Request, load};
pub use project::{
    BindMount, BindSource, Condition, Cpus, Dependency, DependencyOrigin, Deploy, Device, DeviceCount,
    DeviceRequest, EnvFile, EnvFormat, EnvOrigin, EnvValue, Expose, ExtraHost, FileObject, FileReference,
    FileSource, HealthTest, Healthcheck, Hook, Link, Mount, MountKind, Network, NetworkMode, Port, PortMode,
    Project, Protocol, Published, Resources, Restart, RestartPolicy, SelinuxLabel, Service, ServiceNetwork,
    TmpfsMount, Volume, VolumesFrom,
};
pub use project_name::ProjectName;
pub use read::SERVICE as SERVICE_KEYS;
