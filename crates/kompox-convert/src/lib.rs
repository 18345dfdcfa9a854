//! App and compose project to Kubernetes objects.
//!
//! Pure: no IO, clock, environment or random source. What is known of the cluster, the disks and the files arrives as
//! values in [`Input`]; the answer is a typed [`ResourceSet`] with a [`Summary`], or diagnostics that say why not. Equal
//! input gives equal bytes.

mod access;
mod binds;
mod contents;
mod convert;
mod copy_up;
mod deployment;
mod environment;
mod escape;
mod extension;
mod facts;
pub mod fate;
mod file_mounts;
mod hooks;
mod host_claim;
mod hosts;
mod ingress;
mod input;
mod labels;
mod machine;
mod metadata;
mod mounts;
mod namespace;
mod network_policy;
mod order;
mod persistent_volume;
mod pod;
mod pod_security;
mod ports;
mod privilege;
mod probe;
mod quiesce;
mod resource_set;
mod resources;
mod security;
mod service;
mod stop;
mod storage;
mod summary;
mod unit;
mod well_known;

pub use convert::convert;
pub use copy_up::{PROGRAM, PROGRAM_FOLDER};

pub use facts::{Facts, IngressFacts};
pub use host_claim::HostClaim;
pub use input::{BindContent, BindEntry, BindFile, Binds, Input, VolumeBinding};
pub use resource_set::ResourceSet;
pub use storage::{bind_sources, folders, volumes_in_use};
pub use summary::{Condition, Container, Folder, Host, Role, Summary, Upload, Wait};

/// The outcome of a conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// The objects of the app.
    pub resources: ResourceSet,
    /// One per host; created before the Ingresses, never applied.
    pub host_claims: Vec<HostClaim>,
    /// What a deploy says and does about the Pod.
    pub summary: Summary,
}
