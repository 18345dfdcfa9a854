//! The workspace noun. Pure.

use crate::WorkspaceName;

/// A tenant group with a base domain for default host names. Specification 004 calls it Service (C-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its name.
    pub name: WorkspaceName,
    /// The base domain, such as `ops.kompox.dev`.
    pub domain: String,
}
