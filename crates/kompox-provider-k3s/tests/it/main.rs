//! The driver against a fake cluster whose nodes run the real `kompox-node` on folders of their own.

#![allow(clippy::unwrap_used)]

mod cluster;
#[path = "../disk_store/mod.rs"]
mod disk_store;
mod gaps;
mod install;
mod placement;
mod program;
mod races;
mod rules;
mod scene;
mod status;
mod stores;
