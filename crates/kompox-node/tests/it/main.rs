//! The real program on real file systems.

#![allow(clippy::unwrap_used)]

mod copy_over;
mod copy_up;
mod faults;
mod fence;
mod filesystem;
mod fill;
mod hostile;
mod processes;
mod program;
mod quiesce;
mod requests;
mod room;
mod shown;
mod snapshot;
mod sources;
mod store;
mod write_files;
