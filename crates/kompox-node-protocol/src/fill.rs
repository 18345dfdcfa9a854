//! The header of an upload into a disk. Pure.
//!
//! The stream of `kompox-node fill` is this header as one line of JSON, then a plain tar archive.

use crate::name::{DISK_NAME_LIMIT, check_label};
use crate::{PROTOCOL_VERSION, VolumeRef};
use serde::{Deserialize, Serialize};

/// Content is written beside its target under this prefix and renamed last.
pub const FILL_PREFIX: &str = ".kompox-fill-";

/// Where the archive goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillHeader {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// The id that `store.json` must have, when the caller knows it.
    #[serde(default)]
    pub store: Option<String>,
    /// The volume.
    pub volume: VolumeRef,
    /// Name of the disk, which must be ready.
    pub disk: String,
    /// The folder on the disk to fill, such as `binds/conf`; it must be absent or empty.
    pub sub_path: String,
}

impl FillHeader {
    /// A header of this version, for any store.
    #[must_use]
    pub fn new(volume: VolumeRef, disk: impl Into<String>, sub_path: impl Into<String>) -> Self {
        Self { version: PROTOCOL_VERSION, store: None, volume, disk: disk.into(), sub_path: sub_path.into() }
    }

    /// Checks every name and the sub-path.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        check_label("disk", &self.disk, DISK_NAME_LIMIT).map_err(|error| error.to_string())?;
        check_sub_path(&self.sub_path)
    }
}

/// Checks that `path` names something beneath a folder: relative, plain components only, none of ours.
///
/// # Errors
/// A sentence naming the broken rule.
pub fn check_sub_path(path: &str) -> Result<(), String> {
    let broken = |rule| Err(format!("sub-path `{path}` {rule}"));
    if path.is_empty() {
        return broken("is empty");
    }
    if path.contains(char::is_control) {
        return Err(format!("sub-path `{}` contains a control character", path.escape_debug()));
    }
    for part in path.split('/') {
        if part.is_empty() {
            return broken("has an empty component: it must be relative, without doubled or final slashes");
        }
        if part == "." || part == ".." {
            return broken("has a component `.` or `..`");
        }
        if part.starts_with(FILL_PREFIX) {
            return broken("uses the name of unfinished content");
        }
        // Room for the prefix of the unfinished content beside it.
        if part.len() > 200 {
            return broken("has a component of more than 200 bytes");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_paths_stay_beneath() {
        for good in ["volumes/db", "binds/conf.d/..x", "binds/a b", "binds/conf@1234abcd"] {
            assert_eq!(check_sub_path(good), Ok(()), "{good}");
        }
        for bad in ["", "/", "/etc", "a//b", "a/", "./a", "..", "a/../b", "a\0", "volumes/.kompox-fill-db"] {
            assert!(check_sub_path(bad).is_err(), "{bad}");
        }
        assert!(check_sub_path(&"x".repeat(201)).is_err());
    }
}
