//! Nouns, identity, validated names, hashes, labels, resource names, object sets and the ports of Kompox.
//!
//! The innermost crate: it performs no IO, reads no clock, environment or random source, and knows no
//! Kubernetes client, cloud or command line. Everything else depends on it.

pub mod access;
pub mod app;
pub mod choice;
pub mod cidr;
pub mod cluster;
pub mod configuration;
pub mod disk;
pub mod driver;
pub mod hash;
pub mod host;
pub mod identity;
pub mod inventory;
pub mod label;
pub mod name;
pub mod network;
pub mod noun;
pub mod object;
pub mod port;
pub mod provider;
pub mod quantity;
pub mod resource_name;
pub mod security;
pub mod settings;
pub mod snapshot;
pub mod variables;
pub mod volume;
pub mod volume_state;
pub mod workspace;

pub use access::AppAccess;
pub use app::{App, ComposeSource, IngressRule};
pub use cidr::{Cidr, CidrError};
pub use cluster::{AuthKind, Cluster, ClusterAuth, ClusterIngress};
pub use configuration::Configuration;
pub use disk::{Disk, DiskSource, DiskState, Holder};
pub use identity::AppIdentity;
pub use inventory::{Inventory, InventoryError};
pub use name::{
    AppName, ClusterName, DiskName, NameError, ProviderName, SnapshotName, VolumeName, WorkspaceName,
};
pub use network::{AppNetwork, ClusterNetwork, Egress, PortRange};
pub use noun::{Noun, NounKey};
pub use object::{Gvk, Object, ObjectRef, ObjectSet};
pub use provider::Provider;
pub use security::{ClusterSecurity, Confinement, HostNamespace, HostPath};
pub use settings::Settings;
pub use snapshot::Snapshot;
pub use variables::Variables;
pub use volume::{Volume, VolumeClass, VolumeKind};
pub use volume_state::{VolumeChange, VolumeEvent, VolumeState};
pub use workspace::Workspace;
