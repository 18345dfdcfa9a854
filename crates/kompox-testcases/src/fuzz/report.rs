//! What a run found, and its numbers. Writes findings.

use super::target::Target;
use crate::Project;
use crate::case::tests;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// An input that must not be as it is.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its number in the run.
    pub number: u64,
    /// What is wrong.
    pub what: String,
    /// Where it is written.
    pub path: PathBuf,
}

/// The numbers of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Inputs that were run.
    pub executions: u64,
    /// How long all of it took.
    pub took: Duration,
    /// The largest resident set, in MiB.
    pub peak: f64,
    /// The slowest input: how long, its kind, its size and its number.
    pub slowest: Option<Slowest>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// One input and how long it took.
#[derive(Clone, Debug)]
pub struct Slowest {
    pub(super) took: Duration,
    pub(super) target: Target,
    pub(super) size: usize,
    pub(super) number: u64,
}

impl Finding {
    /// Writes the input where the loader's own tests read it again.
    pub(super) fn write(seed: u64, number: u64, project: &Project, what: &str) -> std::io::Result<Self> {
        let target = Target::of(number).name();
        let path = tests().join("regressions").join(format!("{target}-{seed:x}-{number}.case"));
        let first = what.lines().next().unwrap_or_default();
        std::fs::write(&path, format!("# {first}\n{}", project.text()))?;
        Ok(Self { number, what: what.to_owned(), path })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "test fuzz::input_{} ... FAILED", finding.number)?;
            writeln!(f, "{}: {}", finding.path.display(), finding.what)?;
        }
        let seconds = self.took.as_secs_f64();
        let rate = self.executions as f64 / seconds.max(0.001);
        write!(f, "{} executions in {seconds:.0} s, {rate:.0} a second", self.executions)?;
        write!(f, "; largest resident set {:.1} MiB", self.peak)?;
        if let Some(Slowest { took, target, size, number }) = &self.slowest {
            let milliseconds = took.as_secs_f64() * 1000.0;
            write!(f, "; slowest input {number} ({}, {size} bytes) {milliseconds:.1} ms", target.name())?;
        }
        Ok(())
    }
}
