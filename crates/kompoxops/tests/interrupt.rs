//! Ctrl-C, SIGTERM and time limits, against an API server that takes connections and never answers.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Long for anything that shall happen at once, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running command and the server it waits for.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    connected: Receiver<()>,
    started: Instant,
    _project: tempfile::TempDir,
}

/// Starts the program on an app whose cluster never answers.
fn start(arguments: &[&str]) -> Running {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let (tell, connected) = channel();
    // Ends with the process: the connections are kept open until then.
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in server.incoming() {
            open.push(stream);
            if tell.send(()).is_err() {
                return;
            }
        }
    });
    let project = tempfile::tempdir().unwrap();
    let sessions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sessions/unreachable");
    for file in ["kompoxops.yml", "compose.yml", "kubeconfig"] {
        let text = fs::read_to_string(format!("{sessions}/{file}")).unwrap();
        let text = text.replace("127.0.0.1:1\"", &format!("{address}\""));
        fs::write(project.path().join(file), text).unwrap();
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_kompoxops"))
        .current_dir(project.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    Running { child, stderr, connected, started: Instant::now(), _project: project }
}

impl Running {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code and what was left to read on stderr.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

#[test]
fn the_first_line_comes_within_a_second() {
    let mut running = start(&["app", "deploy"]);
    let line = running.line();
    let took = running.started.elapsed();
    assert!(line.starts_with("asking cluster local at http://127.0.0.1:"), "{line}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    running.connected.recv_timeout(PATIENCE).unwrap();
    running.signal(Signal::KILL);
    running.end();
}

#[test]
fn a_signal_stops_a_command_that_waits() {
    for signal in [Signal::INT, Signal::TERM] {
        for arguments in [
            &["app", "status"][..],
            &["app", "deploy"],
            &["--yes", "app", "destroy"],
            &["disk", "create"],
            &["app", "logs", "-f"],
            &["app", "exec", "true"],
            &["cluster", "status"],
        ] {
            let running = start(arguments);
            running.connected.recv_timeout(PATIENCE).unwrap();
            let sent = Instant::now();
            running.signal(signal);
            let (code, stderr) = running.end();
            assert_eq!(code, Some(130), "{arguments:?}: {stderr}");
            assert!(stderr.contains("stopping; once more to quit at once\n"), "{arguments:?}: {stderr}");
            assert!(sent.elapsed() < PATIENCE, "{arguments:?}: {:?}", sent.elapsed());
        }
    }
}

#[test]
fn a_time_limit_ends_a_command_that_waits() {
    for arguments in [&["--timeout", "1s", "app", "status"][..], &["--timeout", "1s", "app", "logs", "-f"]] {
        let running = start(arguments);
        let started = running.started;
        let (code, stderr) = running.end();
        assert_eq!(code, Some(8), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error[") && stderr.contains("--timeout"), "{arguments:?}: {stderr}");
        assert!(started.elapsed() < PATIENCE, "{arguments:?}: {:?}", started.elapsed());
    }
}
