//! KOM documents: one noun each, its parents by name (C-07). Pure.
//!
//! `document` reads one document by the section readers of version 1, `assemble` finds the parents, `write` makes
//! documents of nouns.

pub(crate) mod assemble;
pub(crate) mod document;
pub(crate) mod write;

/// The version of the documents.
pub const API_VERSION: &str = "ops.kompox.dev/v1alpha1";
