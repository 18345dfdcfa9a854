//! The table of tiers and the closing line. Prints; everything else is pure.

use super::libtest::Counts;
use crate::Outcome;
use kompox_testbed::SuiteCounts;
use std::fmt::Write;
use std::time::Duration;

/// One tier or step.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    counts: Counts,
    duration: Duration,
    /// Why it was not run at all.
    left_out: Option<String>,
}

impl Row {
    /// Tests that were run. A command that failed without a failed test did not build or crashed: one failure.
    pub(super) fn tests(name: &str, mut counts: Counts, success: bool, duration: Duration) -> Self {
        if !success && counts.failed == 0 {
            counts.failed = 1;
            counts.failures.push("the command itself: it did not build or it crashed".to_owned());
        }
        Self { name: name.to_owned(), counts, duration, left_out: None }
    }

    /// Counts of a suite that is not ours and must have so many specs.
    pub(crate) fn upstream(name: &str, counts: SuiteCounts, specs: u64) -> Self {
        let SuiteCounts { passed, mut failed, mut failures, duration } = counts;
        if passed + failed != specs {
            failures.push(format!("{} of {specs} specs were run", passed + failed));
            failed = failed.max(1);
        }
        let counts = Counts { passed, failed, skipped: 0, failures };
        Self { name: name.to_owned(), counts, duration, left_out: None }
    }

    /// A step that is no test: one passed, or one failed for a reason.
    pub(crate) fn step(name: &str, failure: Option<String>, duration: Duration) -> Self {
        let failed = u64::from(failure.is_some());
        let counts =
            Counts { passed: 1 - failed, failed, skipped: 0, failures: failure.into_iter().collect() };
        Self { name: name.to_owned(), counts, duration, left_out: None }
    }

    /// A tier that is not run.
    pub(crate) fn left_out(name: &str, reason: &str) -> Self {
        let counts = Counts::default();
        Self { name: name.to_owned(), counts, duration: Duration::ZERO, left_out: Some(reason.to_owned()) }
    }
}

/// All rows.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a row.
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Prints everything and fails if anything failed.
    pub(crate) fn close(&self) -> Outcome {
        print!("\n{}", self.text());
        let failed: u64 = self.rows.iter().map(|row| row.counts.failed).sum();
        if failed == 0 { Ok(()) } else { Err(format!("{failed} failed").into()) }
    }

    /// The table, the failures by name, what was left out, and the counts alone on the last line.
    fn text(&self) -> String {
        let mut out = String::new();
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default().max("tier".len());
        let mut line = |text: std::fmt::Arguments<'_>| {
            writeln!(out, "{text}").unwrap_or_else(|_| unreachable!("a String takes all text"));
        };
        line(format_args!("{:width$}  passed  failed  skipped  seconds", "tier"));
        for Row { name, counts, duration, left_out } in &self.rows {
            match left_out {
                Some(reason) => line(format_args!("{name:width$}  NOT RUN: {reason}")),
                None => line(format_args!(
                    "{name:width$}  {:>6}  {:>6}  {:>7}  {:>7.1}",
                    counts.passed,
                    counts.failed,
                    counts.skipped,
                    duration.as_secs_f64()
                )),
            }
        }
        for row in &self.rows {
            for failure in &row.counts.failures {
                line(format_args!("FAILED {}: {failure}", row.name));
            }
        }
        let left_out = self.rows.iter().filter(|row| row.left_out.is_some()).count();
        if left_out > 0 {
            line(format_args!("!!! {left_out} tiers were NOT RUN: this is not the whole proof"));
        }
        let sum = |number: fn(&Counts) -> u64| self.rows.iter().map(|row| number(&row.counts)).sum::<u64>();
        let skipped = sum(|counts| counts.skipped);
        if skipped > 0 {
            line(format_args!("!!! {skipped} tests were SKIPPED"));
        }
        line(format_args!("{} passed, {} failed", sum(|counts| counts.passed), sum(|counts| counts.failed)));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_everything_and_closes_with_the_counts() {
        let failures = vec!["a::b".to_owned()];
        let counts = |passed, failed, failures| Counts { passed, failed, skipped: 1, failures };
        let second = Duration::from_millis(1250);
        let mut table = Table::default();
        table.add(Row::tests("unit", counts(12, 1, failures), false, second));
        table.add(Row::tests("golden", Counts::default(), false, second));
        table.add(Row::step("fmt", None, second));
        table.add(Row::left_out("real cluster", "--without-cluster"));
        let suite = |passed| SuiteCounts { passed, ..SuiteCounts::default() };
        assert_eq!(Row::upstream("suite", suite(42), 42).counts.failed, 0);
        assert_eq!(Row::upstream("suite", suite(0), 42).counts.failures, ["0 of 42 specs were run"]);
        assert_eq!(
            table.text(),
            "\
tier          passed  failed  skipped  seconds
unit              12       1        1      1.2
golden             0       1        0      1.2
fmt                1       0        0      1.2
real cluster  NOT RUN: --without-cluster
FAILED unit: a::b
FAILED golden: the command itself: it did not build or it crashed
!!! 1 tiers were NOT RUN: this is not the whole proof
!!! 1 tests were SKIPPED
13 passed, 2 failed
"
        );
        assert!(table.close().is_err());
    }
}
