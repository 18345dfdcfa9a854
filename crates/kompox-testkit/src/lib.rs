//! Test doubles: a scripted Kubernetes API server and the runner of golden tests. Development only.

pub mod api;
pub mod golden;

pub use api::{Fault, Recorded, ScriptedApi, When};
pub use golden::golden;
