//! Test doubles: a scripted Kubernetes API server, the contract of repositories and the runner of golden tests.
//! Development only.

pub mod api;
pub mod golden;
pub mod repository;

pub use api::{Fault, Recorded, ScriptedApi, When};
pub use golden::golden;
