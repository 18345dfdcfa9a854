//! What the words of a path mean in a copy, as in `docker cp`. Pure.

use crate::failure::{Result, invalid};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// The name that a source has in a folder it is copied into; none for the content of a folder alone, which is meant by
/// a path that ends with `/.`, and by `.` and `/`.
///
/// # Errors
/// Invalid for an empty path, and for one that ends with `..` and so has no name.
pub fn name_of(path: &Path) -> Result<Option<&OsStr>> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(invalid("the path is empty, or is none"));
    }
    if bytes == b"." || bytes.ends_with(b"/.") {
        return Ok(None);
    }
    match path.components().next_back() {
        Some(Component::Normal(name)) => Ok(Some(name)),
        Some(Component::ParentDir) => Err(invalid(format!("`{}` ends with `..`", path.display()))
            .hint("name the folder itself, or end with `/.` to mean its content")),
        _ => Ok(None),
    }
}

/// Whether a path can only mean a folder: it ends with `/`, `/.` or `..`.
#[must_use]
pub fn wants_folder(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    let ends = [b"/".as_slice(), b"/.", b"/.."].iter().any(|end| bytes.ends_with(end));
    ends || bytes == b"." || bytes == b".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_name_or_is_the_content_of_a_folder() {
        for (path, name) in [
            ("a", Some("a")),
            ("/a/b", Some("b")),
            ("/a/b/", Some("b")),
            ("a//", Some("a")),
            (".", None),
            ("./", None),
            ("/", None),
            ("/a/.", None),
            ("./a", Some("a")),
            ("...", Some("...")),
        ] {
            assert_eq!(name_of(Path::new(path)).unwrap(), name.map(OsStr::new), "{path}");
        }
        for path in ["", "..", "a/..", "a/../", "a\0"] {
            assert!(name_of(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn some_paths_are_folders_by_their_form() {
        for (path, folder) in
            [("a/", true), ("a/.", true), (".", true), ("..", true), ("a", false), ("a.", false)]
        {
            assert_eq!(wants_folder(Path::new(path)), folder, "{path}");
        }
    }
}
