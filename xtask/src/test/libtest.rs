//! Counting what libtest prints. [`run`] and [`run_named`] start a program and pass its output on.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What a run of test binaries said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Tests that exist and were not run.
    pub(crate) skipped: u64,
    /// The failed tests by name.
    pub(crate) failures: Vec<String>,
}

impl Counts {
    /// Takes one line of output into account.
    fn line(&mut self, line: &str) {
        if let Some(summary) = line.strip_prefix("test result: ") {
            for part in summary.split([';', '.']) {
                let mut words = part.split_whitespace();
                let (number, word) = (words.next().and_then(|word| word.parse::<u64>().ok()), words.next());
                match (number, word) {
                    (Some(number), Some("passed")) => self.passed += number,
                    (Some(number), Some("failed")) => self.failed += number,
                    (Some(number), Some("ignored")) => self.skipped += number,
                    _ => {}
                }
            }
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
    }
}

/// How long output is awaited after the program itself has ended: something a test left behind may hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs a command, shows its output, and returns the counts and whether it ended well.
pub(super) fn run(command: &mut Command) -> io::Result<(Counts, bool)> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    follow(child, |child| child.stdout.take(), "")
}

/// The same for one of several commands at once: each line, of both outputs, begins with a name.
pub(super) fn run_named(command: &mut Command, name: &str) -> io::Result<(Counts, bool)> {
    let (output, input) = io::pipe()?;
    let child = command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).spawn()?;
    // Our own ends of the pipe close with the command; otherwise its end would never be seen.
    *command = Command::new("");
    follow(child, |_| Some(output), &format!("[{name}] "))
}

fn follow<R: io::Read + Send + 'static>(
    mut child: Child,
    output: impl FnOnce(&mut Child) -> Option<R>,
    prefix: &str,
) -> io::Result<(Counts, bool)> {
    let (send, lines) = mpsc::channel();
    if let Some(output) = output(&mut child) {
        let prefix = prefix.to_owned();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                println!("{prefix}{line}");
                if send.send(line).is_err() {
                    break;
                }
            }
        });
    }
    let status = child.wait()?;
    let mut counts = Counts::default();
    while let Ok(line) = lines.recv_timeout(LAST_WORDS) {
        counts.line(&line);
    }
    Ok((counts, status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_added_up() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 22 filtered out; finished in 0.08s",
            "test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.18s",
            "a test printed: 7 passed",
        ] {
            counts.line(line);
        }
        let failures = vec!["a::c".to_owned()];
        assert_eq!(counts, Counts { passed: 12, failed: 1, skipped: 4, failures });
    }

    #[test]
    fn both_outputs_of_a_named_command_are_read_to_their_end() {
        let script =
            "echo 'test result: ok. 1 passed; 0 failed; 0 ignored'; echo 'test result: ok. 2 passed' >&2";
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let started = std::time::Instant::now();
        let (counts, success) = run_named(&mut command, "both").unwrap();
        assert_eq!((counts.passed, success), (3, true));
        assert!(started.elapsed() < LAST_WORDS, "the end of the output was not seen");
    }

    #[test]
    fn output_that_a_leftover_process_holds_open_does_not_block() {
        let script = "sleep 20 & echo 'test result: ok. 1 passed; 0 failed; 0 ignored'; exit 3";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stderr(Stdio::null());
        let started = std::time::Instant::now();
        let (counts, success) = run(&mut command).unwrap();
        assert_eq!((counts.passed, success), (1, false));
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
