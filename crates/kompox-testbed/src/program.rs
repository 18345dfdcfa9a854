//! Running other programs to their end, with errors that show what they wrote. Starts processes.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};

/// Lines of a failed program's output worth showing.
const SHOWN_LINES: usize = 20;

/// A program with its arguments.
#[derive(Debug)]
pub struct Program {
    command: Command,
    input: Option<Vec<u8>>,
}

impl Program {
    /// A program found on PATH (or by path), with messages in English.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.env("LC_ALL", "C.UTF-8");
        Self { command, input: None }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn without_env(mut self, key: &str) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Runs in a folder.
    #[must_use]
    pub fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives the program something to read on its standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Runs to the end and returns what was written, whatever the exit status.
    ///
    /// # Errors
    /// [`Error::Start`] when the program does not exist or its input cannot be written.
    pub fn output(mut self) -> Result<Output> {
        let program = self.command.get_program().to_string_lossy().into_owned();
        let start = |source| Error::Start { program, source };
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let child = self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(source) => return Err(start(source)),
        };
        let writer = self.input.take().zip(child.stdin.take()).map(|(bytes, mut stdin)| {
            // A program that does not read its input to the end says so by its own exit status.
            std::thread::spawn(move || stdin.write_all(&bytes).ok())
        });
        let output = child.wait_with_output().map_err(start)?;
        if let Some(writer) = writer {
            writer.join().ok();
        }
        Ok(output)
    }

    /// Runs to the end and returns what was written to standard output.
    ///
    /// # Errors
    /// As [`Program::output`], and [`Error::Program`] for an exit status other than 0.
    pub fn run(self) -> Result<String> {
        let command = self.line();
        let output = self.output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let shown = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        Err(Error::Program {
            command,
            status: output.status.to_string(),
            output: last_lines(&String::from_utf8_lossy(shown), SHOWN_LINES),
        })
    }

    /// Whether it ran and ended with exit status 0.
    pub fn succeeds(self) -> bool {
        self.output().is_ok_and(|output| output.status.success())
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }
}

/// The end of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The folder lists where system programs live, for processes that must not depend on the caller's.
pub(crate) const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether a program is on the system's own path.
pub(crate) fn on_system_path(name: &str) -> bool {
    std::env::split_paths(&OsString::from(SYSTEM_PATH)).any(|folder| folder.join(name).is_file())
}
