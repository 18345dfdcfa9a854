//! `app stop`, `app start`, `app restart`.

use super::MODULE;
use crate::arguments::StartArguments;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::Scope;
use kompox_engine::app::{self, Powered};
use serde::Serialize;

pub(super) fn stop(session: &Session<'_>) -> Result<(), Failure> {
    run(session, "stopped", async |scope| Ok(app::stop(scope, &session::holder()).await?))
}

pub(super) fn start(session: &Session<'_>, arguments: &StartArguments) -> Result<(), Failure> {
    run(session, "started", async |scope| Ok(app::start(scope, arguments.no_wait, &session::holder()).await?))
}

pub(super) fn restart(session: &Session<'_>, arguments: &StartArguments) -> Result<(), Failure> {
    let now = jiff::Timestamp::now();
    let holder = session::holder();
    run(session, "restarted", async |scope| Ok(app::restart(scope, arguments.no_wait, now, &holder).await?))
}

fn run(
    session: &Session<'_>,
    done: &'static str,
    work: impl AsyncFnOnce(&Scope<'_>) -> Result<Powered, Failure>,
) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let powered = session
        .on_cluster(&opened, MODULE, Use::Operation, async |connected| work(&connected.app()?).await)?;
    outage(session, powered.outage_seconds);
    let app = opened.configuration.app_identity().map(|identity| identity.to_string()).unwrap_or_default();
    output::print(&Answer { app, done, powered }, session.global.output)
}

/// Says for how long the app was not ready.
pub(in crate::command) fn outage(session: &Session<'_>, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        session.screen.note(&format!("the app was not ready for {seconds:.1} s"));
    }
}

/// Answer of these commands.
#[derive(Serialize)]
struct Answer {
    app: String,
    /// What it is now: stopped, started or restarted.
    done: &'static str,
    #[serde(flatten)]
    powered: Powered,
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["APP", "DONE", "POD"]);
        let done = if self.powered.changed { self.done.to_owned() } else { format!("{} before", self.done) };
        table.row([self.app.clone(), done, self.powered.pod.clone().unwrap_or_default()]);
        table.text()
    }

    fn names(&self) -> Vec<String> {
        vec![self.app.clone()]
    }
}
