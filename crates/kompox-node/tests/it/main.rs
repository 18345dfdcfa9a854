//! The real program on real file systems.

#![allow(clippy::unwrap_used)]

mod copy_over;
mod copy_up;
mod export;
mod faults;
mod fence;
mod filesystem;
mod fill;
mod history;
mod hostile;
mod import;
mod memory;
mod processes;
mod program;
mod quiesce;
mod requests;
mod room;
mod shown;
mod snapshot;
mod sources;
mod store;
mod stream_faults;
mod write_files;
