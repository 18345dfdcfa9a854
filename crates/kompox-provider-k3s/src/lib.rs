//! The driver `k3s`: any cluster whose nodes keep their disks, K3s first of all.
//!
//! Disks are folders of a *disk store* on a node, looked after by the program `kompox-node`. A DaemonSet brings it to every
//! node, or it is a program of the node that is reached by SSH, or of this machine (`transport`). This crate decides which
//! node a request goes to and what its answers mean; it reaches the cluster through the port in its calls only, and knows
//! no Kubernetes client.
//!
//! Every operation on disks and snapshots goes the same way (`work`): `survey` looks into all nodes, `place` decides, `store` carries
//! one request to one node.

mod adopt;
mod class;
mod disk_work;
mod disks;
mod driver;
mod error;
mod fences;
mod install;
mod node;
mod place;
mod reachable;
mod reply;
mod rollout;
mod settings;
mod snapshots;
mod store;
mod streams;
mod survey;
mod transfer;
mod translate;
mod transport;
mod work;

pub use driver::{K3s, factory};
pub use transport::Machine;

/// The id of this driver.
pub const ID: &str = "k3s";
