//! The real program on real file systems.

#![allow(clippy::unwrap_used)]

mod copy_over;
mod copy_up;
mod faults;
mod fill;
mod hostile;
mod processes;
mod program;
mod requests;
mod shown;
mod store;
mod write_files;
