//! `disk repair`.

use super::MODULE;
use crate::arguments::RepairArguments;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::disk::{self, Repair, RepairOptions};
use serde::Serialize;

/// Answer of `disk repair`.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    repairs: Vec<Repair>,
}

pub(super) fn run(session: &Session<'_>, arguments: RepairArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let RepairArguments { volume, keep, dry_run } = arguments;
    let options = RepairOptions { volume, keep, dry_run };
    let repaired = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(disk::repair(&connected.app()?, &options, &session::holder()).await?)
    })?;
    super::dry(session, dry_run);
    if repaired.repairs.is_empty() {
        session.screen.note("nothing to repair");
    }
    let answer = Answer { dry_run, repairs: repaired.repairs.clone() };
    output::print(&answer, session.global.output)?;
    Ok(repaired.verdict()?)
}

impl Answer {
    fn outcome(&self, repair: &Repair) -> String {
        match (&repair.mended, &repair.choose) {
            (Some(mended), _) if self.dry_run => format!("would mend it: {mended}"),
            (Some(mended), _) => format!("mended: {mended}"),
            (None, choose) => format!("your choice: {}", choose.as_deref().unwrap_or_default()),
        }
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["VOLUME", "DISK", "PROBLEM", "OUTCOME"]);
        for repair in &self.repairs {
            table.row([
                repair.volume.to_string(),
                repair.disk.as_ref().map(ToString::to_string).unwrap_or_default(),
                repair.problem.clone(),
                self.outcome(repair),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.repairs.iter().filter_map(|repair| Some(repair.disk.as_ref()?.to_string())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_has_its_outcome() {
        let repair = |disk: Option<&str>, mended: Option<&str>, choose: Option<&str>| Repair {
            volume: "default".parse().unwrap(),
            disk: disk.map(|name| name.parse().unwrap()),
            problem: "it is broken".into(),
            mended: mended.map(Into::into),
            choose: choose.map(Into::into),
        };
        let repairs = vec![
            repair(Some("a"), Some("disk a is the assigned one"), None),
            repair(None, None, Some("kompoxops disk assign b")),
        ];
        let mut answer = Answer { dry_run: false, repairs };
        let expected = "\
VOLUME   DISK  PROBLEM       OUTCOME
default  a     it is broken  mended: disk a is the assigned one
default  -     it is broken  your choice: kompoxops disk assign b
";
        assert_eq!(answer.table(), expected);
        answer.dry_run = true;
        assert!(answer.table().contains("would mend it: disk a is the assigned one"));
        assert_eq!(answer.names(), ["a"]);
    }
}
