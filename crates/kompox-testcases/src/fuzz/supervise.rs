//! A run in a process of its own, so that an input that ends the whole process is a finding too. Starts this program;
//! keeps a journal in a temporary file.

use super::corpus::Corpus;
use super::report::Finding;
use super::run::input;
use super::{check, kernel};
use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

/// The command for the threads of a run, and the one that runs a single input.
pub const THREADS: &str = "fuzz-threads";
/// The command that runs one input.
pub const ONE: &str = "fuzz-one";

/// The number of the input that each thread is at.
pub(super) struct Journal(File);

impl Journal {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self(File::options().write(true).open(path)?))
    }

    pub(super) fn write(&self, thread: u64, number: u64) -> std::io::Result<()> {
        self.0.write_all_at(&number.to_le_bytes(), thread * 8)
    }
}

/// Runs inputs until the time or the number is reached; whether nothing was found. The process that does it prints its
/// numbers.
///
/// # Errors
/// When that process cannot be started, or a finding cannot be written.
pub fn run(seed: u64, seconds: u64, executions: u64) -> Result<bool, Box<dyn Error>> {
    let journal = tempfile::NamedTempFile::new()?;
    let numbers = [seed, seconds, executions].map(|number| number.to_string());
    let status = itself(THREADS).args(numbers).arg(journal.path()).status()?;
    if status.code().is_some() {
        return Ok(status.success());
    }
    let corpus = Corpus::read()?;
    let bytes = std::fs::read(journal.path())?;
    for number in
        bytes.chunks_exact(8).map(|bytes| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    {
        if alone(seed, number)?.is_none() {
            let finding = Finding::write(seed, number, &input(&corpus, seed, number), &format!("{status}"))?;
            println!("test fuzz::input_{number} ... FAILED\n{}: {status}", finding.path.display());
        }
    }
    println!("test result: FAILED. 0 passed; 1 failed; 0 ignored");
    Ok(false)
}

/// The largest resident set of a process that runs only one input, in MiB; none if it died of it.
pub(super) fn alone(seed: u64, number: u64) -> Result<Option<f64>, Box<dyn Error>> {
    let output = itself(ONE).args([seed.to_string(), number.to_string()]).output()?;
    if !output.status.success() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8(output.stdout)?.trim().parse()?))
}

/// Runs one input in this process and prints the largest resident set.
///
/// # Errors
/// When the corpus cannot be read, and what is wrong with the input.
pub fn one(seed: u64, number: u64) -> Result<(), Box<dyn Error>> {
    // On a thread of its own, with as much of a stack as in a run.
    let checked = std::thread::spawn(move || {
        let corpus = Corpus::read().map_err(|error| error.to_string())?;
        check(&input(&corpus, seed, number))
    });
    checked.join().map_err(|_| "it panics")??;
    println!("{}", kernel::peak());
    Ok(())
}

/// The text of one input.
///
/// # Errors
/// When the corpus cannot be read.
pub fn show(seed: u64, number: u64) -> Result<String, Box<dyn Error>> {
    Ok(input(&Corpus::read()?, seed, number).text())
}

fn itself(command: &str) -> Command {
    let mut itself = Command::new(std::env::current_exe().unwrap_or_default());
    itself.arg(command);
    itself
}
