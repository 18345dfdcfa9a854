//! What the program does as a process: holding, signalling, installing itself.

use crate::program::{command, is_root, run, run_well};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::process::Child;

/// Starts `hold` and returns when it is ready for signals.
fn holding() -> Child {
    let mut child = command().arg("hold").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "holding until SIGTERM\n");
    child
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[test]
fn hold_ends_well_at_the_first_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut child = holding();
        assert!(child.try_wait().unwrap().is_none());
        kill_process(pid(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn hold_ends_as_the_first_process_too() {
    if !is_root("hold_ends_as_the_first_process_too") {
        return;
    }
    // A first process gets only the signals that it asks for; the shell is outside and signals as the kubelet does.
    let mut child = std::process::Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", env!("CARGO_BIN_EXE_kompox-node"), "hold"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let first = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(first).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn signal_waits_for_the_end() {
    let mut child = holding();
    let number = child.id().to_string();
    assert!(run(&["signal", "SIGWINCH", "--pid", &number], b"").status.success());
    assert!(child.try_wait().unwrap().is_none());
    let mut waiting = command().args(["signal", "winch", "--wait", "--pid", &number]).spawn().unwrap();
    assert!(waiting.try_wait().unwrap().is_none());
    let output = run(&["signal", "KILL", "--wait", "--pid", &number], b"");
    assert!(output.status.success());
    // It has ended, also for the one that waited with another signal.
    assert!(waiting.wait().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let output = run(&["signal", "TERM", "--pid", &number], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No such process"));
}

#[test]
fn the_first_process_is_signalled_from_beside_it() {
    if !is_root("the_first_process_is_signalled_from_beside_it") {
        return;
    }
    // As a preStop hook does: the shell is process 1 and ends in its own way, which ends the waiting one too.
    let script = "trap 'exit 3' USR1; \"$0\" signal USR1 --wait & while :; do wait; done";
    let status = std::process::Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "sh", "-c", script, env!("CARGO_BIN_EXE_kompox-node")])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn install_is_repeatable() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("kompox-node");
    let install = || run_well(&["install", "--to", temp.path().to_str().unwrap()]);
    install();
    let first = std::fs::metadata(&path).unwrap();
    assert_eq!(first.permissions().mode() & 0o7777, 0o755);
    install();
    assert_eq!(std::fs::metadata(&path).unwrap().ino(), first.ino());
    let version = std::process::Command::new(&path).arg("version").output().unwrap();
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        format!("kompox-node {} protocol 5\n", env!("CARGO_PKG_VERSION"))
    );
    std::fs::write(&path, "other").unwrap();
    install();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), first.len());
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn wrong_usage_is_two_and_help_is_none() {
    let output = run(&["restore"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "kompox-node: `restore` is not a command; see kompox-node --help\n"
    );
    let mut help = String::new();
    run_well(&["--help"]).as_bytes().read_to_string(&mut help).unwrap();
    for word in [
        "store",
        "fill",
        "export --root",
        "import --root",
        "copy-up",
        "write-files",
        "install",
        "hold",
        "signal",
        "version",
    ] {
        assert!(help.contains(word), "{word}");
    }
}
