//! What stands where a file is expected: a link without end, a socket, a folder, a device. It is told, and nothing waits or
//! grows for it.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod project;

use project::project;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// The exit code of `app validate`, and what it says.
fn validate(project: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kompoxops"))
        .current_dir(project)
        .env_clear()
        .args(["app", "validate"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn files_without_end_are_not_read_to_their_end() {
    for (name, hint) in [("kompoxops.yml", "--file"), ("compose.yml", "app.compose in kompoxops.yml")] {
        let project = project();
        let project = project.path();
        fs::remove_file(project.join(name)).unwrap();
        symlink("/dev/zero", project.join(name)).unwrap();
        let (code, said) = validate(project);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&format!("cannot read {name}")), "{said}");
        assert!(said.contains("it is longer than 16777216 bytes") && said.contains(hint), "{said}");
    }
}

#[test]
fn text_of_another_encoding_is_told() {
    for name in ["kompoxops.yml", "compose.yml"] {
        let project = project();
        let project = project.path();
        fs::write(project.join(name), b"\xff\xfea\0:\0 \0b\0").unwrap();
        let (code, said) = validate(project);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("it is no UTF-8 text"), "{said}");
    }
}

#[test]
fn a_dotenv_that_holds_values_in_another_way_is_not_passed_over() {
    let project = project();
    let project = project.path();
    let _socket = UnixListener::bind(project.join(".env")).unwrap();
    let (code, said) = validate(project);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("`.env` cannot be read: it is not a file"), "{said}");
    assert!(said.contains("COMPOSE_DISABLE_ENV_FILE=1"), "{said}");
}

#[test]
fn a_folder_of_that_name_is_no_dotenv() {
    let project = project();
    let project = project.path();
    fs::create_dir(project.join(".env")).unwrap();
    let (code, said) = validate(project);
    assert_eq!(code, Some(0), "{said}");
}
