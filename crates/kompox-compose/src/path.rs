//! Paths by their text alone.

use crate::BindSource;

/// Says where a path of the compose file leads, seen from the project directory.
pub(crate) fn locate(path: &str) -> BindSource {
    if let Some(rest) = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        return BindSource::Home(clean(rest.trim_start_matches('/')));
    }
    let cleaned = clean(path);
    if cleaned.starts_with('/') {
        BindSource::Absolute(cleaned)
    } else if cleaned == ".." || cleaned.starts_with("../") {
        BindSource::Outside(cleaned)
    } else {
        BindSource::Project(cleaned)
    }
}

/// Removes `.`, doubled and trailing slashes and every `..` that has a folder before it. An
/// absolute path stays absolute (`/..` is `/`); a relative one that comes out empty is "here".
pub(crate) fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if absolute { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::{clean, locate};
    use crate::BindSource;

    #[test]
    fn cleaned() {
        for (path, expected) in [
            ("./a//b/../c/", "a/c"),
            (".", ""),
            ("/", "/"),
            ("/..", "/"),
            ("/a/./b/", "/a/b"),
            ("a/../../b", "../b"),
            ("../../x", "../../x"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn located() {
        assert_eq!(locate("./data"), BindSource::Project("data".to_owned()));
        assert_eq!(locate("a/../../b"), BindSource::Outside("../b".to_owned()));
        assert_eq!(locate("~/x"), BindSource::Home("x".to_owned()));
        assert_eq!(locate("~x"), BindSource::Project("~x".to_owned()));
        assert_eq!(locate("/etc//localtime"), BindSource::Absolute("/etc/localtime".to_owned()));
    }
}
