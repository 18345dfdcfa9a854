//! Building the project's own programs for other commands. Runs cargo.

use crate::process::cargo;
use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Builds a program of the workspace in the profile that the tests use, and returns its path.
pub(crate) fn program(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    build(name, &[])?;
    Ok(target().join("debug").join(name))
}

/// Builds a program as it is released, and returns its path.
pub(crate) fn release(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    build(name, &["--release"])?;
    Ok(target().join("release").join(name))
}

/// Builds a program for very many inputs: optimised, and with the checks of a debug build.
pub(crate) fn fuzzing(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    build(name, &["--profile", "fuzz"])?;
    Ok(target().join("fuzz").join(name))
}

fn build(name: &str, arguments: &[&str]) -> crate::Outcome {
    let status = cargo(&["build", "--quiet", "--package", name]).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err(format!("building {name} failed: {status}").into()) }
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
