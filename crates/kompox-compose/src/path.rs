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

/// Where `path` leads from `folder`: what is absolute or beneath a home stays.
pub(crate) fn join(folder: &str, path: &str) -> String {
    let home = path.strip_prefix('~').is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if home || path.starts_with('/') || folder.is_empty() {
        return if home { path.to_owned() } else { clean(path) };
    }
    clean(&format!("{folder}/{path}"))
}

/// Whether the context of a build is none of the project's paths: a URL, a repository, another service or image.
pub(crate) fn is_elsewhere(context: &str) -> bool {
    let kinds = ["service:", "docker-image:", "oci-layout:", "target:", "git@", "github.com/"];
    context.contains("://") || kinds.iter().any(|kind| context.starts_with(kind))
}

/// The folder of a cleaned path; empty for "here".
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => "",
    }
}

/// The cleaned folder `to` as it is reached from the cleaned folder `from`; both start at the same place. What starts
/// elsewhere stays.
pub(crate) fn relative(from: &str, to: &str) -> String {
    if to.starts_with(['/', '~']) || from.starts_with(['/', '~']) {
        return match to.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/').to_owned(),
            _ => to.to_owned(),
        };
    }
    let parts =
        |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(from), parts(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| "..".to_owned());
    up.chain(to[common..].iter().cloned()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{clean, join, locate, parent, relative};
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

    #[test]
    fn joined() {
        for (folder, path, expected) in [
            ("", "./a", "a"),
            ("a/b", "../c", "a/c"),
            ("a", "/x", "/x"),
            ("a", "~/x", "~/x"),
            ("../s", "x", "../s/x"),
            ("/s", "x/..", "/s"),
        ] {
            assert_eq!(join(folder, path), expected, "{folder} {path}");
        }
        assert_eq!((parent("a/b"), parent("a"), parent("/a"), parent("../a")), ("a", "", "/", ".."));
    }

    #[test]
    fn what_is_relative_leads_back() {
        for (from, to) in
            [("", "a/b"), ("a", "a/b"), ("a", "c"), ("a/b", ""), ("../a", "../b"), ("a", "../b"), ("a", "/x")]
        {
            assert_eq!(join(from, &relative(from, to)), to, "{from} {to}");
        }
    }
}
