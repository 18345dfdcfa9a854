//! `app clone`.

use super::MODULE;
use crate::arguments::CloneArguments;
use crate::command::disk;
use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::{self, Session, Use};
use kompox_engine::Scope;
use kompox_engine::app::{self, CloneOptions, Cloned};
use kompox_model::Disk;
use serde::Serialize;

/// Answer of `app clone`.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    /// The other app's disks; of a dry run, those that would be copied.
    disks: Vec<Disk>,
    /// For how many seconds no Pod of the cloned app was Ready.
    outage_seconds: Option<f64>,
}

pub(super) fn run(session: &Session<'_>, arguments: &CloneArguments) -> Result<(), Failure> {
    let everything = session.everything()?;
    let (here, other) = everything.two_apps(session.global.wanted(), &arguments.name, session.screen)?;
    let CloneArguments { name, stop, dry_run } = arguments;
    let options = CloneOptions { stop: *stop, dry_run: *dry_run, now: jiff::Timestamp::now() };
    let cloned = session.on_cluster(&here, MODULE, Use::Transfer, async |connected| {
        let scope = connected.app()?;
        let to = Scope { app: other.app()?, ..scope };
        Ok(app::clone(&scope, &to, options, &session::holder()).await?)
    })?;
    let Cloned { disks, outage_seconds } = cloned;
    disk::dry(session, *dry_run);
    super::outage(session, outage_seconds);
    if !dry_run {
        session.screen.note(&format!("deploy it on them: kompoxops app deploy --app {name}"));
    }
    output::print(&Answer { dry_run: *dry_run, disks, outage_seconds }, session.global.output)
}

impl Data for Answer {
    fn table(&self) -> String {
        disk::table(&self.disks)
    }

    fn names(&self) -> Vec<String> {
        self.disks.iter().map(|disk| disk.name.to_string()).collect()
    }
}
