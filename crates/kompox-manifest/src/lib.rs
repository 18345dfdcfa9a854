//! kompoxops.yml to the model, with a position for everything that is wrong.
//!
//! Pure: text comes in through [`kompox_yaml::Sources`], a [`kompox_model::Configuration`] and diagnostics go
//! out. [`load()`] reads a file, [`starter`] writes the commented file that `kompoxops init` begins with.

mod app;
mod cluster;
mod document;
mod ingress;
mod load;
mod network;
mod provider;
mod reader;
mod security;
mod settings;
mod starter;
mod variables;
mod volume;
mod workspace;

pub use load::load;
pub use starter::{StarterFacts, starter};
