//! `app status`.

use super::MODULE;
use crate::command::disk;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{Session, Use};
use kompox_engine::app::{self, AppStatus, State};
use serde::Serialize;

pub(super) fn run(session: &Session<'_>) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let status = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(app::status(&connected.app()?).await?)
    })?;
    for place in &status.disks_unknown {
        session.screen.warning(&format!("disks unknown: {place}"));
    }
    output::print(&Answer(status), session.global.output)
}

/// Answer of `app status`.
#[derive(Serialize)]
#[serde(transparent)]
struct Answer(AppStatus);

pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Absent => "absent",
        State::Stopped => "stopped",
        State::Starting => "starting",
        State::Ready => "ready",
        State::Failed => "failed",
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let AppStatus {
            app,
            namespace,
            state,
            reason,
            pod,
            containers,
            hosts,
            disks,
            disks_unknown: _,
            events,
        } = &self.0;
        let mut facts = Table::new(["APP", app]);
        let state =
            reason.as_ref().map_or(word(*state).to_owned(), |reason| format!("{}: {reason}", word(*state)));
        for (fact, value) in
            [("NAMESPACE", namespace.clone()), ("STATE", state), ("POD", pod.clone().unwrap_or_default())]
        {
            facts.row([fact.to_owned(), value]);
        }
        for (index, host) in hosts.iter().enumerate() {
            facts.row([if index == 0 { "HOSTS" } else { " " }.to_owned(), format!("https://{host}")]);
        }
        let mut text = facts.text();
        if !containers.is_empty() {
            let mut table = Table::new(["CONTAINER", "STATE", "READY", "RESTARTS"]);
            for container in containers {
                table.row([
                    container.name.clone(),
                    container.state.clone(),
                    if container.ready { "yes" } else { "no" }.to_owned(),
                    container.restarts.to_string(),
                ]);
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        if !disks.is_empty() {
            text.push('\n');
            text.push_str(&disk::table(disks));
        }
        if !events.is_empty() {
            let mut table = Table::new(["EVENTS"]);
            for event in events {
                table.row([event.clone()]);
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.app.clone()]
    }
}
