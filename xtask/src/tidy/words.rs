//! Texts that belong to one machine or one network and not to the project. Pure.

use super::Finding;
use super::tree::{File, Tree};

/// Beginnings of paths of one machine, split so that this file does not contain them.
const PATHS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/")];

/// Hosts of package registries: where packages come from is the machine's business.
const HOSTS: [&str; 6] = [
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("proxy.golang", ".org"),
    concat!("sum.golang", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter(|file| file.text.is_some()).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text().lines().enumerate() {
        let path = PATHS.iter().find(|path| begins_path(line, path));
        let host = HOSTS.iter().find(|host| line.contains(**host));
        if let Some(path) = path {
            let message = format!("`{path}` is a path of one machine");
            findings.push(Finding::new(&file.path, Some(index + 1), message));
        }
        if let Some(host) = host {
            let message = format!("`{host}` is the machine's business, not the project's");
            findings.push(Finding::new(&file.path, Some(index + 1), message));
        }
    }
    findings
}

/// True when `line` has a path that begins with `start`, not one that goes through a folder of that name.
fn begins_path(line: &str, start: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "_-.~}$*".contains(c);
    line.match_indices(start).any(|(at, _)| !line[..at].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_count() {
        let path = PATHS[0];
        for (text, findings) in [
            (format!("open(\"{path}x\")"), 1),
            (format!("cd {path}main\nfine\ncd {path}main"), 2),
            (format!("~{path}x and a{path}x and ${{HOME}}{path}x"), 0),
            (format!("see {}", HOSTS[0]), 1),
        ] {
            assert_eq!(check(&Tree::of(&[("a.md", &text)])).len(), findings, "{text}");
        }
    }
}
