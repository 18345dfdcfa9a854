//! `app takeover`.

use super::MODULE;
use crate::arguments::TakeoverArguments;
use crate::command::disk::dry;
use crate::compose;
use crate::configuration::{Everything, Opened};
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::app::DeployOptions;
use kompox_engine::takeover::{self, TakenOver, TakenVolume};
use kompox_engine::{Error, refusal};
use kompox_model::port::{Call, Cancel, Cluster as _};
use kompox_model::{ClusterName, Holder};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long a cluster that should be gone is given to answer.
const KNOCK: Duration = Duration::from_secs(5);

/// Answer of `app takeover`.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    volumes: Vec<TakenVolume>,
    /// How many seconds it took until the Pod was Ready.
    seconds: Option<f64>,
    pod: Option<String>,
}

pub(super) fn run(session: &Session<'_>, arguments: TakeoverArguments) -> Result<(), Failure> {
    let mut opened = session.open_app()?;
    let everything = session.everything()?;
    let loaded = compose::load(&mut opened, &arguments.compose, session.screen)?;
    let TakeoverArguments { fenced: _, compose: _, dry_run } = arguments;
    let options = DeployOptions {
        dry_run,
        no_wait: false,
        start_empty: std::collections::BTreeSet::new(),
        now: jiff::Timestamp::now(),
        random: session::random(),
    };
    let taken = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let scope = connected.app()?;
        for Holder { cluster, uid } in takeover::holders(&scope).await? {
            refuse_alive(session, &everything, &opened, &cluster, Some(&uid)).await?;
        }
        if let Some(cluster) = takeover::other_end(&scope).await? {
            refuse_alive(session, &everything, &opened, &cluster, None).await?;
        }
        Ok(takeover::take_over(&scope, &loaded, &options, &session::holder()).await?)
    })?;
    let TakenOver { volumes, seconds, deployed } = taken;
    if let Some(deployed) = &deployed {
        session.screen.diagnostics(&deployed.notes, &opened.sources);
    }
    dry(session, dry_run);
    if let Some(seconds) = seconds {
        session.screen.note(&format!("the app is ready here, {seconds} s after this command began"));
    }
    let pod = deployed.and_then(|deployed| deployed.pod);
    output::print(&Answer { dry_run, volumes, seconds, pod }, session.global.output)
}

/// Conflict when a cluster that must be gone is configured and answers: the one with this UID that holds the disks, or
/// whichever is at the other end of a move.
async fn refuse_alive(
    session: &Session<'_>,
    everything: &Everything,
    opened: &Opened,
    name: &ClusterName,
    uid: Option<&str>,
) -> Result<(), Failure> {
    let Some(other) = everything.sibling(opened, name.as_str()) else { return Ok(()) };
    let driver = session.driver(&other)?;
    let cancel = Cancel::new();
    let call = Call::new(&cancel).with_deadline(Instant::now() + KNOCK);
    // Whatever keeps it from answering is what is hoped for.
    let Ok(client) = crate::connect::connect(&other, driver.as_ref(), &call, MODULE).await else {
        return Ok(());
    };
    match client.facts(&call).await {
        Ok(_) if uid.is_none() => Err(Error::refused(
            refusal::app::TAKEOVER_ALIVE,
            format!("cluster {name}, at the other end of a move, answers at {}", client.server()),
            "nothing was changed; finish the move by repeating it, or give it up: add --abort",
        )
        .into()),
        Ok(facts) if uid == Some(&facts.uid) => Err(Error::refused(
            refusal::app::TAKEOVER_ALIVE,
            format!("cluster {name} holds the app's disks and answers at {}", client.server()),
            format!(
                "nothing was changed; move the app instead: set its cluster to {name} in the configuration, then \
                 kompoxops app move --to {}",
                opened.configuration.cluster.name
            ),
        )
        .into()),
        _ => Ok(()),
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["VOLUME", "FROM", "ID"]);
        for TakenVolume { volume, from } in &self.volumes {
            table.row([volume.to_string(), from.cluster.to_string(), from.uid.clone()]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.volumes.iter().map(|taken| taken.volume.to_string()).collect()
    }
}
