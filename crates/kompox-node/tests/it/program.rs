//! Running the program: arguments and standard input in, output and exit code out.

use kompox_node_protocol::{Answer, Failure, Request, Success};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kompox-node"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_remove("KOMPOX_NODE_FAULT");
    command
}

/// Writes `input` and waits for the end. The program may stop reading early.
pub(crate) fn finish(mut child: Child, input: &[u8]) -> Output {
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    finish(command().args(arguments).spawn().unwrap(), input)
}

/// The same with a fault; the variable is the program's own for tests.
pub(crate) fn run_with_fault(arguments: &[&str], input: &[u8], fault: &str) -> Output {
    finish(command().args(arguments).env("KOMPOX_NODE_FAULT", fault).spawn().unwrap(), input)
}

/// Runs the program and expects success; returns its standard output.
pub(crate) fn run_well(arguments: &[&str]) -> String {
    let output = run(arguments, b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program, expects failure and returns its standard error.
pub(crate) fn run_badly(arguments: &[&str]) -> String {
    let output = run(arguments, b"");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

pub(crate) fn answer(output: &Output) -> Result<Success, Failure> {
    assert!(output.status.success(), "no answer: {}", String::from_utf8_lossy(&output.stderr));
    Answer::decode(&output.stdout).unwrap().into_result()
}

pub(crate) fn store_arguments(root: &Path) -> [&str; 3] {
    ["store", "--root", root.to_str().unwrap()]
}

/// One request to the store at `root`.
pub(crate) fn ask(root: &Path, request: &Request) -> Result<Success, Failure> {
    answer(&run(&store_arguments(root), request.encode().as_bytes()))
}

/// True when the tests may set owners; says so when not.
pub(crate) fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("{test}: skipped, needs root");
    }
    root
}
