//! `app move`.

use super::MODULE;
use crate::arguments::MoveArguments;
use crate::command::disk::dry;
use crate::compose;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::app::DeployOptions;
use kompox_engine::relocation::{self, Aborted, MoveOptions, Moved, MovedDisk};
use serde::Serialize;

/// Answer of `app move`.
#[derive(Serialize)]
struct Answer {
    app: String,
    from: String,
    to: String,
    dry_run: bool,
    disks: Vec<MovedDisk>,
    /// For how many seconds no Pod was Ready.
    outage_seconds: Option<f64>,
    /// The Pod that was seen to be Ready on the other cluster.
    pod: Option<String>,
}

pub(super) fn run(session: &Session<'_>, arguments: MoveArguments) -> Result<(), Failure> {
    let everything = session.everything()?;
    let (mut here, there) =
        everything.app_and_cluster(session.global.wanted(), &arguments.to, session.screen)?;
    let loaded = compose::load(&mut here, &arguments.compose, session.screen)?;
    let dry_run = arguments.dry_run;
    let options = MoveOptions {
        delete_old_copies: arguments.delete_old_copies,
        deploy: DeployOptions {
            dry_run,
            no_wait: false,
            start_empty: std::collections::BTreeSet::new(),
            now: jiff::Timestamp::now(),
            random: session::random(),
        },
    };
    let (app, from, to) = (
        here.app()?.name.to_string(),
        here.configuration.cluster.name.to_string(),
        there.configuration.cluster.name.to_string(),
    );
    let holder = session::holder();
    if arguments.abort {
        let aborted = session.on_clusters((&here, &there), MODULE, Use::Transfer, async |near, far| {
            Ok(relocation::abort(&near.app()?, &far.app()?, &options, &holder).await?)
        })?;
        session.screen.note(&match aborted {
            Aborted { aborted: false, .. } => "no move was under way".to_owned(),
            Aborted { started: true, .. } => format!("the move is given up; the app starts again on {from}"),
            Aborted { started: false, .. } => format!("the move is given up; the app is on {from} as before"),
        });
        return output::print(&AbortAnswer { app, aborted }, session.global.output);
    }
    let moved = session.on_clusters((&here, &there), MODULE, Use::Transfer, async |near, far| {
        Ok(relocation::relocate(&near.app()?, &far.app()?, &loaded, &options, &holder).await?)
    })?;
    let Moved { disks, outage_seconds, deployed } = moved;
    if let Some(deployed) = &deployed {
        session.screen.diagnostics(&deployed.notes, &here.sources);
    }
    dry(session, dry_run);
    super::outage(session, outage_seconds);
    if !dry_run {
        let file = here.app_file().display();
        session.screen.note(&format!("from now on, the app's cluster is {to}: set it in {file}"));
    }
    let pod = deployed.and_then(|deployed| deployed.pod);
    let answer = Answer { app, from, to, dry_run, disks, outage_seconds, pod };
    output::print(&answer, session.global.output)
}

/// Answer of `app move --abort`.
#[derive(Serialize)]
struct AbortAnswer {
    app: String,
    #[serde(flatten)]
    aborted: Aborted,
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["DISK", "VOLUME", "SIZE", "FROM", "TO", "HOW"]);
        for MovedDisk { volume, disk, size, handed_over } in &self.disks {
            table.row([
                disk.to_string(),
                volume.to_string(),
                size.to_string(),
                self.from.clone(),
                self.to.clone(),
                if *handed_over { "handed over" } else { "copied" }.to_owned(),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.disks.iter().map(|moved| moved.disk.to_string()).collect()
    }
}

impl Data for AbortAnswer {
    fn table(&self) -> String {
        let yes = |flag| if flag { "yes" } else { "no" }.to_owned();
        let mut table = Table::new(["APP", "GIVEN UP", "STARTED"]);
        table.row([self.app.clone(), yes(self.aborted.aborted), yes(self.aborted.started)]);
        table.text()
    }

    fn names(&self) -> Vec<String> {
        vec![self.app.clone()]
    }
}
