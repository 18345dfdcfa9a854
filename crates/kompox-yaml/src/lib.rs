//! Located YAML tree and positioned diagnostics.
