//! The Compose Specification: loader from text to a typed, located project.
//!
//! Tree first, typed last: text becomes a located tree, the tree is interpolated and checked, and
//! only then read into [`Project`]. Every value keeps its file, line and column. Pure: files come
//! through the caller's [`ProjectFiles`], the environment as a map.

mod bytes;
mod check;
mod contents;
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
mod read;
mod substitute;
mod unsupported;
mod words;

pub use duration::parse as parse_duration;
pub use files::{FileError, FileErrorKind, FileText, Listed, ListedKind, MemoryFiles, ProjectFiles};
pub use kompox_yaml::{
    Diagnostic, Diagnostics, Entry, Located, Mapping, Node, Severity, Sources, Span, Value,
};
pub use load::{DotEnv, Request, load};
pub use project::{
    BindMount, BindSource, Condition, Cpus, Dependency, DependencyOrigin, Deploy, Device, DeviceCount,
    DeviceRequest, EnvFile, EnvFormat, EnvOrigin, EnvValue, Expose, ExtraHost, FileObject, FileReference,
    FileSource, HealthTest, Healthcheck, Hook, Link, Mount, MountKind, Network, NetworkMode, Port, PortMode,
    Project, Protocol, Published, Resources, Restart, RestartPolicy, SelinuxLabel, Service, ServiceNetwork,
    TmpfsMount, Volume, VolumesFrom,
};
pub use read::SERVICE as SERVICE_KEYS;
