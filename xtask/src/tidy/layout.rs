//! Sizes, names, headers and manifests of files. Pure.

use super::tree::{File, Tree};
use super::{Finding, rust};

/// More lines than this are refused.
const MOST_LINES: usize = 800;
/// More lines than this deserve a warning.
const MANY_LINES: usize = 500;
/// More bytes than this are refused in a file that is not a lock file.
const MOST_BYTES: u64 = 1 << 20;
/// Files that other tools write and that may be as large as they get.
const LOCK_FILES: [&str; 2] = ["Cargo.lock", "go.sum"];
/// The one file with calls that have no safe form: those of the kernel for btrfs.
const UNSAFE: &str = "crates/kompox-node/src/btrfs.rs";
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "stuff"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<_> = tree.files.iter().filter_map(too_large).collect();
    for file in tree.rust() {
        findings.extend(length(file));
        findings.extend(header(file));
        findings.extend(empty_name(file));
        findings.extend(no_unsafe(file));
    }
    for file in tree.files.iter().filter(|file| file.name() == "Cargo.toml" && file.path.contains('/')) {
        findings.extend(manifest(file));
    }
    findings
}

fn too_large(file: &File) -> Option<Finding> {
    (file.size > MOST_BYTES && !LOCK_FILES.contains(&file.name()))
        .then(|| Finding::new(&file.path, None, format!("{} bytes; a file may have 1 MiB", file.size)))
}

fn length(file: &File) -> Option<Finding> {
    let lines = file.text().lines().count();
    if lines > MOST_LINES {
        Some(Finding::new(&file.path, None, format!("{lines} lines; {MOST_LINES} are allowed")))
    } else if lines > MANY_LINES {
        Some(Finding::warning(&file.path, format!("{lines} lines; more than {MANY_LINES} are hard to read")))
    } else {
        None
    }
}

fn header(file: &File) -> Option<Finding> {
    (!file.text().starts_with("//!")).then(|| {
        Finding::new(&file.path, Some(1), "a module begins with `//!`: what it owns and whether it does IO")
    })
}

fn empty_name(file: &File) -> Option<Finding> {
    let parts = file.path.trim_end_matches(".rs").split(['/', '_', '-']);
    let name = parts.into_iter().find(|part| EMPTY_NAMES.contains(part))?;
    Some(Finding::new(&file.path, None, format!("`{name}` in the name says nothing about what is inside")))
}

fn no_unsafe(file: &File) -> Option<Finding> {
    let code = rust::code(file.text());
    let places: Vec<_> = rust::words(&code, "unsafe").collect();
    if file.path == UNSAFE {
        let reasons = file.text().matches("// SAFETY:").count();
        return (reasons < places.len()).then(|| {
            Finding::new(&file.path, None, "each `unsafe` has its reason in a comment `// SAFETY:` above it")
        });
    }
    // The compiler only denies it, so that one file can allow it.
    let at = places.into_iter().chain(rust::words(&code, "unsafe_code")).min()?;
    let message = format!("unsafe code is not allowed but in {UNSAFE}");
    Some(Finding::new(&file.path, Some(rust::line(&code, at)), message))
}

fn manifest(file: &File) -> Vec<Finding> {
    let text = file.text();
    let mut findings = Vec::new();
    if !text.replace("\r\n", "\n").contains("[lints]\nworkspace = true") {
        findings.push(Finding::new(&file.path, None, "a crate opts in to the lints of the workspace"));
    }
    if let Some(line) = text.lines().position(|line| line.trim() == "[features]") {
        findings.push(Finding::new(&file.path, Some(line + 1), "our crates have no Cargo features"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tidy_crate_has_no_findings() {
        let files = [
            ("Cargo.toml", "[workspace]\n"),
            ("crates/a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"),
            ("crates/a/src/lib.rs", "//! Fine. Not unsafe.\nfn f() { g(\"unsafe\"); }\n"),
            ("crates/a/src/community.rs", "//! Fine.\n"),
            (UNSAFE, "//! B.\n#![allow(unsafe_code)]\n// SAFETY: fine.\nfn f() { unsafe { g() } }\n"),
        ];
        assert_eq!(shown(&files), [""; 0]);
    }

    #[test]
    fn each_rule_is_checked() {
        let (long, longer) = ("//! Long.\n".repeat(501), "//! Long.\n".repeat(801));
        let large = "x".repeat((1 << 20) + 1);
        let files = [
            ("Cargo.lock", large.as_str()),
            ("a.txt", large.as_str()),
            ("crates/a/Cargo.toml", "[features]\nx = []\n"),
            ("crates/a/src/common/mod.rs", "//! A.\n"),
            ("crates/a/src/long.rs", long.as_str()),
            ("crates/a/src/longer.rs", longer.as_str()),
            ("crates/a/src/no_header.rs", "fn f() {}\n"),
            ("crates/a/src/rash.rs", "//! A.\n\nunsafe fn f() {}\n"),
            ("crates/a/src/sly.rs", "//! A.\n#![allow(unsafe_code)]\n"),
            (UNSAFE, "//! B.\nfn f() { unsafe { g() } }\n"),
        ];
        assert_eq!(
            shown(&files),
            [
                "a.txt: error: 1048577 bytes; a file may have 1 MiB",
                "crates/a/src/common/mod.rs: error: `common` in the name says nothing about what is inside",
                "crates/a/src/long.rs: warning: 501 lines; more than 500 are hard to read",
                "crates/a/src/longer.rs: error: 801 lines; 800 are allowed",
                "crates/a/src/no_header.rs:1: error: a module begins with `//!`: what it owns and whether it does IO",
                "crates/a/src/rash.rs:3: error: unsafe code is not allowed but in crates/kompox-node/src/btrfs.rs",
                "crates/a/src/sly.rs:2: error: unsafe code is not allowed but in crates/kompox-node/src/btrfs.rs",
                "crates/kompox-node/src/btrfs.rs: error: each `unsafe` has its reason in a comment `// SAFETY:` above it",
                "crates/a/Cargo.toml: error: a crate opts in to the lints of the workspace",
                "crates/a/Cargo.toml:1: error: our crates have no Cargo features",
            ]
        );
    }
}
