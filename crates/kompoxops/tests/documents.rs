//! Completion scripts and manual pages.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn ok(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kompoxops")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ok(&["completion", shell]);
        for word in ["deploy", "kubeconfig", "start-empty"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    let mut bash = Command::new("bash").args(["-n", "-s"]).stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(ok(&["completion", "bash"]).as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success(), "bash cannot read its script");
}

#[test]
fn every_command_has_a_page_and_equal_programs_write_equal_ones() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        ok(&["man", "--to", path.to_str().unwrap()]);
        let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
            })
            .collect::<BTreeSet<_>>()
    };
    let pages = write("one");
    assert_eq!(pages, write("two"));
    let help = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help")).unwrap();
    let commands: BTreeSet<_> = help
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".txt", ".1"))
        .map(|name| if name == "kompoxops.1" { name } else { format!("kompoxops-{name}") })
        .collect();
    assert_eq!(commands, pages.iter().map(|(name, _)| name.clone()).collect());
    for (name, text) in &pages {
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{name}");
    }
    assert!(ok(&["man"]).contains("kompoxops"));
}
