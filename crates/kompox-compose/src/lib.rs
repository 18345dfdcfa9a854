//! The Compose Specification: loader from text to a typed, located project.
