//! Holding data still: what was held is let go whatever happens.

use crate::program::{command, finish, run};
use kompox_node_protocol::{Answer, Failure, Kind, QUIESCE_VERSION, QuiesceHook, QuiescePlan, Success};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout};
use std::time::{Duration, Instant};
use tempfile::tempdir;

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn plan(freeze: &str, thaw: Option<&str>, seconds: u64) -> String {
    let hook = QuiesceHook { freeze: shell(freeze), thaw: thaw.map(shell), seconds };
    QuiescePlan { version: QUIESCE_VERSION, hook }.encode()
}

/// A hook that keeps the file `held` while it holds.
fn holding(folder: &Path, seconds: u64) -> String {
    let held = folder.join("held").display().to_string();
    plan(&format!("echo noise; touch {held}"), Some(&format!("rm {held}")), seconds)
}

fn start(plan: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = command().args(["quiesce", "--plan", plan]).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn answer(output: &mut impl BufRead) -> Result<Success, Failure> {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    Answer::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}")).into_result()
}

fn in_time(success: Success) -> bool {
    match success {
        Success::Released(released) => released.in_time,
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_are_held_until_the_other_side_says_so() {
    let temp = tempdir().unwrap();
    let (mut child, mut output) = start(&holding(temp.path(), 60));
    assert!(matches!(answer(&mut output), Ok(Success::Quiesced(_))));
    assert!(temp.path().join("held").exists());
    child.stdin.as_mut().unwrap().write_all(b"release\n").unwrap();
    assert!(in_time(answer(&mut output).unwrap()));
    assert!(!temp.path().join("held").exists());
    assert!(finish(child, b"").status.success());
}

#[test]
fn they_are_let_go_when_nobody_waits_any_more() {
    for how in ["the input ends", "a signal", "the time is over"] {
        let temp = tempdir().unwrap();
        let seconds = if how == "the time is over" { 1 } else { 60 };
        let (mut child, mut output) = start(&holding(temp.path(), seconds));
        assert!(matches!(answer(&mut output), Ok(Success::Quiesced(_))));
        match how {
            "the input ends" => drop(child.stdin.take()),
            "a signal" => kill_process(Pid::from_child(&child), Signal::TERM).unwrap(),
            _ => {}
        }
        assert!(!in_time(answer(&mut output).unwrap()), "{how}");
        assert!(!temp.path().join("held").exists(), "{how}");
        assert!(child.wait().unwrap().success(), "{how}");
    }
}

#[test]
fn they_are_let_go_though_nobody_takes_the_answer() {
    let temp = tempdir().unwrap();
    let (mut child, output) = start(&holding(temp.path(), 60));
    drop(output);
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(!temp.path().join("held").exists());
}

#[test]
fn a_freeze_that_fails_is_told_and_undone() {
    let temp = tempdir().unwrap();
    let held = temp.path().join("held").display().to_string();
    let thaw = format!("rm {held}");
    for (freeze, seconds, kind, expected) in [
        (format!("touch {held}; exit 3"), 60, Kind::Conflict, "sh failed: exit status: 3"),
        (format!("touch {held}; sleep 60"), 1, Kind::Timeout, "sh did not end within 1 s"),
    ] {
        let begun = Instant::now();
        let (mut child, mut output) = start(&plan(&freeze, Some(&thaw), seconds));
        let failure = answer(&mut output).unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (kind, expected));
        assert!(!temp.path().join("held").exists());
        assert!(child.wait().unwrap().success() && begun.elapsed() < Duration::from_secs(50));
    }
}

#[test]
fn a_copy_needs_no_holding() {
    let temp = tempdir().unwrap();
    let dump = temp.path().join("dump").display().to_string();
    let (mut child, mut output) = start(&plan(&format!("echo all > {dump}"), None, 60));
    assert!(matches!(answer(&mut output), Ok(Success::Quiesced(_))));
    assert!(in_time(answer(&mut output).unwrap()));
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(dump).unwrap(), "all\n");
}

#[test]
fn a_thaw_is_tried_again_and_its_failure_is_told() {
    let temp = tempdir().unwrap();
    let tries = temp.path().join("tries").display().to_string();
    let (mut child, mut output) = start(&plan("true", Some(&format!("echo x >> {tries}; exit 1")), 60));
    assert!(answer(&mut output).is_ok());
    child.stdin.as_mut().unwrap().write_all(b"release\n").unwrap();
    let failure = answer(&mut output).unwrap_err();
    assert!(failure.hint.unwrap().contains("by hand"));
    assert_eq!(std::fs::read_to_string(&tries).unwrap().lines().count(), 3);
    child.wait().unwrap();
}

#[test]
fn wrong_plans_start_nothing() {
    for text in ["{}", r#"{"version":9}"#, r#"{"version":1,"hook":{"freeze":[],"seconds":1}}"#] {
        let output = run(&["quiesce", "--plan", text], b"");
        assert!(answer(&mut output.stdout.as_slice()).is_err(), "{text}");
    }
    let missing = QuiesceHook { freeze: vec!["/no/such/program".to_owned()], thaw: None, seconds: 1 };
    let text = QuiescePlan { version: QUIESCE_VERSION, hook: missing }.encode();
    let output = run(&["quiesce", "--plan", &text], b"");
    let failure = answer(&mut output.stdout.as_slice()).unwrap_err();
    assert!(failure.message.contains("cannot start /no/such/program"), "{}", failure.message);
}
