//! Repositories: where workspaces, providers, clusters and apps are kept.
//!
//! [`Memory`] does no IO. [`Files`] reads and writes kompoxops.yml and KOM documents. Both are held to one contract by
//! the suite in `kompox-testkit`; a database is another implementation of the same port.

mod files;
mod memory;

pub use files::{Files, ReadError, Reading, read_text};
pub use memory::Memory;
