//! The Kubernetes adapter: a [`Client`] that connects to a cluster and implements the port
//! [`kompox_model::port::Cluster`]: read, apply, watch, lock, exec, logs, forward.
//!
//! It makes primitives only: what to apply, prune or wait for is decided by the engine. It sends no discovery requests
//! (see `kind`), starts no process but a kubeconfig's own exec plugin, and writes nothing to disk.

mod client;
mod connect;
mod exec;
mod forward;
mod kind;
mod lease;
mod logs;
mod manifest;
mod objects;
mod portable;
mod request;
mod rights;
mod throttle;
mod translate;
mod transport;
mod watch;

pub use client::Client;
pub use connect::Options;
pub use kind::kinds;
pub use manifest::ManifestOptions;
