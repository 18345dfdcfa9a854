//! `doctor`.

use crate::exit::Failure;
use crate::output::{self, Data, Table, printable};
use crate::session::{Session, Use};
use kompox_engine::doctor::{self, Examination, Outcome};
use serde::Serialize;
use std::fmt::Write;

/// What the API server's audit log shows.
const MODULE: &str = "doctor";

/// Answer of `doctor`.
#[derive(Serialize)]
#[serde(transparent)]
struct Answer(Examination);

pub(super) fn run(session: &Session<'_>) -> Result<(), Failure> {
    let opened = session.open()?;
    let examination = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(doctor::examine(&connected.cluster()).await?)
    })?;
    let answer = Answer(examination);
    output::print(&answer, session.global.output)?;
    Ok(answer.0.verdict()?)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Warn => "warn",
        Outcome::Fail => "FAIL",
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["CHECK", "RESULT", "FOUND"]);
        for check in &self.0.checks {
            table.row([check.name.to_owned(), word(check.outcome).to_owned(), check.finding.clone()]);
        }
        let mut text = table.text();
        let mut remedies =
            self.0.checks.iter().filter_map(|check| Some((check.name, check.remedy.as_deref()?))).peekable();
        if remedies.peek().is_some() {
            text.push_str("\nWhat helps:\n");
        }
        for (name, remedy) in remedies {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name}: {}", printable(remedy));
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.0.checks.iter().map(|check| check.name.to_owned()).collect()
    }
}
