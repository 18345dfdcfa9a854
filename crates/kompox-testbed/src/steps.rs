//! Progress: one plain line per step on standard error, with its duration.

use std::time::Instant;

/// A sequence of steps under one heading, such as a cluster's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps<'a> {
    heading: &'a str,
    started: Instant,
}

impl<'a> Steps<'a> {
    /// Starts the clock.
    #[must_use]
    pub(crate) fn new(heading: &'a str) -> Self {
        Self { heading, started: Instant::now() }
    }

    /// Runs a short step and says how long it took.
    ///
    /// # Errors
    /// Those of the step.
    pub(crate) fn step<T, E>(&self, what: &str, run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let start = Instant::now();
        let result = run();
        let outcome = if result.is_ok() { "" } else { " FAILED" };
        self.say(&format!("{what}{outcome} ({:.1} s)", start.elapsed().as_secs_f64()));
        result
    }

    /// Runs a step that may take minutes: it is announced before it starts too.
    ///
    /// # Errors
    /// Those of the step.
    pub(crate) fn long_step<T, E>(&self, what: &str, run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.say(&format!("{what} …"));
        self.step(what, run)
    }

    /// Says something without a duration.
    pub(crate) fn say(&self, line: &str) {
        eprintln!("[{}] {line}", self.heading);
    }

    /// Says something with the time since the first step.
    pub(crate) fn total(&self, line: &str) {
        self.say(&format!("{line} ({:.1} s in all)", self.started.elapsed().as_secs_f64()));
    }
}
