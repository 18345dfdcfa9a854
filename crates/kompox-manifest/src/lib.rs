//! kompoxops.yml and KOM documents to the model, with a position for everything that is wrong, and the model to KOM
//! documents.
//!
//! Pure: text comes in through [`kompox_yaml::Sources`]; a [`kompox_model::Inventory`] or a
//! [`kompox_model::Configuration`] and diagnostics go out. [`load_all`] reads any number of texts together, [`load()`]
//! one kompoxops.yml, [`kom_document`] writes, and [`starter`] makes the commented file that `kompoxops init` begins
//! with.

mod access;
mod app;
mod cluster;
mod ingress;
mod kom;
mod load;
mod network;
mod provider;
mod reader;
mod schema;
mod security;
mod settings;
mod starter;
mod variables;
mod volume;
mod workspace;

pub use kom::API_VERSION as KOM_API_VERSION;
pub use kom::write::{Detail, document as kom_document};
pub use load::{Loaded, Text, TextForm, load, load_all};
pub use schema::{configuration_schema, document_schema};
pub use starter::{StarterFacts, StarterHost, StarterVolume, starter};
