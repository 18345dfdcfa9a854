//! The pure core calls no environment, file system, network, process, clock or random source. Pure.

use super::tree::{File, Tree};
use super::{Finding, rust};

/// Crates of the pure core, and the wire types, which follow the same rule.
pub(super) const PURE: [&str; 7] = [
    "kompox-yaml",
    "kompox-model",
    "kompox-compose",
    "kompox-manifest",
    "kompox-convert",
    "kompox-node-protocol",
    "kompox-api",
];

/// What such a crate may not name outside its tests.
/// The addresses of `std::net` are plain values and allowed; its sockets and look-ups are not.
const FORBIDDEN: [&str; 16] = [
    "std::env",
    "std::fs",
    "std::os",
    "std::process",
    "std::thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "ToSocketAddrs",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "rand::",
];

/// Modules of `std` that a grouped import could bring in.
const FORBIDDEN_STD: [&str; 5] = ["env", "fs", "os", "process", "thread"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pure = |file: &&File| {
        file.krate().is_some_and(|krate| PURE.contains(&krate))
            && file.path.split('/').nth(2) == Some("src")
            && !file.name().ends_with("tests.rs")
            && !file.path.contains("/tests/")
    };
    tree.rust().filter(pure).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let code = rust::without_tests(&rust::code(file.text()));
    let finding = |at: usize, what: &str| {
        let message = format!("`{what}` in the pure core; let the caller hand the value in");
        Finding::new(&file.path, Some(rust::line(&code, at)), message)
    };
    let named = FORBIDDEN.iter().flat_map(|what| rust::words(&code, what).map(|at| finding(at, what)));
    let grouped = code.match_indices("use std::{").flat_map(|(at, _)| {
        let group = &code[at + "use std::{".len()..];
        let group = &group[..group.find(';').unwrap_or(group.len())];
        let uses = |module: &&&str| rust::words(group, module).next().is_some();
        FORBIDDEN_STD
            .iter()
            .filter(uses)
            .map(|module| finding(at, &format!("std::{module}")))
            .collect::<Vec<_>>()
    });
    named.chain(grouped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_the_core_outside_tests_counts() {
        let bad = "//! About std::fs.\nuse std::{fmt, fs};\nfn f() { std::env::var(\"std::net\"); }\n\
                   #[cfg(test)]\nmod tests { use std::process; }\n";
        let tree = Tree::of(&[
            ("crates/kompox-model/src/a.rs", bad),
            ("crates/kompox-model/tests/b.rs", bad),
            ("crates/kompox-kube/src/c.rs", bad),
        ]);
        let findings: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("crates/kompox-model/src/a.rs:3: error: `std::env`"), "{findings:?}");
        assert!(findings[1].starts_with("crates/kompox-model/src/a.rs:2: error: `std::fs`"), "{findings:?}");
    }
}
