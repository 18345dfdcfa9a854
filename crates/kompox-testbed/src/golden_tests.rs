//! What a cluster's files and command lines look like, against `tests/golden`. `KOMPOX_BLESS=1`
//! writes what is rendered now.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::components::{CommandLines, Programs};
use crate::configuration;
use crate::slot::Slot;

fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("KOMPOX_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs; KOMPOX_BLESS=1 refreshes it", path.display());
}

fn slot() -> Slot {
    "b".parse().unwrap()
}

#[test]
fn configuration_files() {
    let mut text = String::new();
    for (path, content) in configuration::files(slot(), Path::new("/state/b")).unwrap() {
        write!(text, "=== {path}\n{content}").unwrap();
    }
    check("configuration.txt", &text);
}

#[test]
fn manifests() {
    let dns = configuration::coredns(slot(), "localhost/coredns:1", "r1").unwrap();
    let ingress = configuration::traefik("localhost/traefik:3", "r2", "Q0VSVA==", "S0VZ").unwrap();
    check("manifests.yaml", &format!("{dns}---\n{ingress}"));
}

#[test]
fn command_lines() {
    let programs = Programs {
        kubernetes: PathBuf::from("/bin/kubernetes"),
        etcd: PathBuf::from("/bin/etcd"),
        agent: PathBuf::from("/bin/agent"),
        policy: PathBuf::from("/bin/policy"),
    };
    let lines = CommandLines { slot: slot(), folder: Path::new("/state/b"), programs: &programs };
    let mut text = String::new();
    assert_eq!(lines.all().map(|component| component.name), crate::components::NAMES);
    for component in lines.all() {
        writeln!(text, "=== {}\n{}", component.name, component.command.join("\n  ")).unwrap();
        for path in component.reads {
            writeln!(text, "reads {}", path.display()).unwrap();
        }
    }
    check("command-lines.txt", &text);
}
