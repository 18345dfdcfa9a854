//! Real local Kubernetes clusters for tests and the demo: built from Go modules and Debian packages,
//! each in namespaces of its own on this machine. Installs packages, builds programs, starts
//! processes and changes the machine's network; [`Testbed::down`] undoes all but the packages.

mod cluster;
mod components;
mod configuration;
mod down;
mod error;
mod golang;
#[cfg(test)]
mod golden_tests;
pub mod https;
mod image;
mod import;
mod key;
mod kubectl;
mod layout;
mod lock;
mod machine;
mod namespaces;
mod packages;
mod pki;
mod process;
mod program;
mod rust_tools;
mod slot;
mod steps;
mod template;
mod testbed;
mod up;
mod upstream;

pub use cluster::{Cluster, Running, Status};
pub use down::Wipe;
pub use error::{Error, Result};
pub use image::{Image, ImageArchive};
pub use kubectl::Kubectl;
pub use program::Program;
pub use testbed::{ROOT_VARIABLE, Testbed};
pub use up::UpOptions;
pub use upstream::SuiteCounts;
