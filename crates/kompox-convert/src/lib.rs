//! App and compose project to Kubernetes objects.
//!
//! Pure: no IO, clock, environment or random source. What is known of the cluster, the disks and the files arrives as
//! values in [`Input`]; the answer is a typed [`ResourceSet`] with a [`Summary`], or diagnostics that say why not. Equal
//! input gives equal bytes.

mod facts;
mod host_claim;
mod input;
mod metadata;
mod resource_set;
mod summary;

pub use facts::{Cidr, CidrError, Facts, IngressFacts};
pub use host_claim::HostClaim;
pub use input::{BindContent, BindEntry, BindFile, Binds, Input, VolumeBinding};
pub use resource_set::ResourceSet;
pub use summary::{Condition, Container, Host, Role, Summary, Upload, Wait};

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
