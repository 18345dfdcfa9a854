//! `snapshot …`.

use super::app::outage;
use super::disk;
use crate::arguments::{
    AttachArguments, ComposeArguments, CreateSnapshotArguments, DeleteSnapshotArguments,
    ExportSnapshotArguments, ListSnapshotsArguments, RestoreArguments, SnapshotCommand,
};
use crate::compose;
use crate::configuration::Opened;
use crate::consent;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::app::DeployOptions;
use kompox_engine::disk::{AttachedSet, Exportee};
use kompox_engine::snapshot::{self, CreateOptions, Created, RestoreOptions, Which};
use kompox_model::port::SnapshotDelete;
use kompox_model::{Snapshot, SnapshotName, VolumeName};
use serde::Serialize;

/// What the API server's audit log shows.
const MODULE: &str = "snapshot";

pub(super) fn run(session: &Session<'_>, command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::List(arguments) => list(session, &arguments),
        SnapshotCommand::Create(arguments) => create(session, arguments),
        SnapshotCommand::Restore(arguments) => restore(session, arguments),
        SnapshotCommand::Export(ExportSnapshotArguments { name, to, volume }) => {
            super::export::run(session, MODULE, &to, volume, Exportee::Snapshot(name))
        }
        SnapshotCommand::Delete(arguments) => delete(session, &arguments),
    }
}

/// Snapshots, and why there may be others.
#[derive(Serialize)]
struct Snapshots {
    snapshots: Vec<Snapshot>,
    /// Places that could not be looked into.
    unknown: Vec<String>,
}

fn list(session: &Session<'_>, arguments: &ListSnapshotsArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let inventory = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let (scope, wanted) = (connected.app()?, &arguments.volume);
        let found = snapshot::list(&scope).await?;
        // A volume with snapshots that is configured no more is shown; a slip of the pen must not look like one without.
        let seen = |volume: &VolumeName| found.snapshots.iter().any(|kept| kept.volume == *volume);
        if wanted.as_ref().is_some_and(|volume| found.gaps.is_empty() && !seen(volume)) {
            kompox_engine::disk::find_volume(&scope, wanted.as_ref())?;
        }
        Ok(found)
    })?;
    let mut snapshots = inventory.snapshots;
    snapshots.retain(|found| arguments.volume.as_ref().is_none_or(|volume| found.volume == *volume));
    let unknown: Vec<_> = inventory.gaps.into_iter().map(|gap| gap.message).collect();
    for place in &unknown {
        session.screen.warning(&format!("snapshots unknown: {place}"));
    }
    output::print(&Snapshots { snapshots, unknown }, session.global.output)
}

/// Answer of `snapshot create`.
#[derive(Serialize)]
struct CreateAnswer {
    dry_run: bool,
    snapshots: Vec<Snapshot>,
    /// Whether the app was stopped for it.
    stopped: bool,
    /// For how many seconds no Pod was Ready.
    outage_seconds: Option<f64>,
}

fn create(session: &Session<'_>, arguments: CreateSnapshotArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let CreateSnapshotArguments { name, volume, all, disk, stop, if_not_exists, dry_run, no_wait } =
        arguments;
    let options = CreateOptions {
        volumes: if all { Which::All } else { Which::One(volume) },
        disk,
        name,
        stop,
        no_wait,
        if_not_exists,
        dry_run,
        now: jiff::Timestamp::now(),
        random: session::random(),
    };
    let created = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(snapshot::create(&connected.app()?, &options, &session::holder()).await?)
    })?;
    let Created { snapshots, stopped, outage_seconds } = created;
    if dry_run && stopped {
        session.screen.note("would stop the app for the copy and start it again");
    }
    disk::dry(session, dry_run);
    outage(session, outage_seconds);
    let answer = CreateAnswer { dry_run, snapshots, stopped, outage_seconds };
    output::print(&answer, session.global.output)
}

fn restore(session: &Session<'_>, arguments: RestoreArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let RestoreArguments { name, volume, all, disk, size, if_not_exists, attach, compose, dry_run, no_wait } =
        arguments;
    let options = RestoreOptions {
        volume: volume.clone(),
        snapshot: name,
        disk,
        size,
        if_not_exists,
        dry_run,
        now: jiff::Timestamp::now(),
        random: session::random(),
    };
    if all {
        return restore_set(session, opened, &options, attach.then_some(&compose), no_wait);
    }
    let made = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(snapshot::restore(&connected.app()?, &options, &session::holder()).await?)
    })?;
    disk::dry(session, dry_run);
    if !attach {
        if !dry_run && !made.assigned {
            session.screen.note(&format!("switch the app to it: kompoxops disk attach {}", made.name));
        }
        return disk::one(session, made);
    }
    session.screen.note(&format!("disk {} made from snapshot {}", made.name, options.snapshot));
    let name = Some(made.name);
    disk::attach(session, AttachArguments { name, previous: false, volume, compose, dry_run, no_wait })
}

/// Restores all volumes, and switches the app to them if the compose file is to be read for that.
fn restore_set(
    session: &Session<'_>,
    mut opened: Opened,
    options: &RestoreOptions,
    attach: Option<&ComposeArguments>,
    no_wait: bool,
) -> Result<(), Failure> {
    let loaded = attach.map(|arguments| compose::load(&mut opened, arguments, session.screen)).transpose()?;
    let RestoreOptions { dry_run, now, random, .. } = *options;
    let deploy =
        DeployOptions { dry_run, no_wait, start_empty: std::collections::BTreeSet::new(), now, random };
    let (mut made, attached) = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let (scope, holder) = (connected.app()?, session::holder());
        let made = snapshot::restore_set(&scope, options, &holder).await?;
        let Some(loaded) = &loaded else { return Ok((made, None)) };
        let wanted: Vec<_> = made.iter().map(|disk| (disk.volume.clone(), disk.name.clone())).collect();
        let attached = kompox_engine::disk::attach_set(&scope, loaded, &wanted, &deploy, &holder).await?;
        Ok((made, Some(attached)))
    })?;
    disk::dry(session, dry_run);
    if let Some(AttachedSet { former, outage_seconds, deployed }) = attached {
        session.screen.diagnostics(&deployed.notes, &opened.sources);
        outage(session, outage_seconds);
        for (volume, name) in former {
            let back = format!(
                "volume {volume} was on disk {name}; back again: kompoxops disk attach {name} --volume {volume}"
            );
            session.screen.note(&back);
        }
        made.iter_mut().for_each(|disk| disk.assigned = true);
    }
    disk::all(session, made)
}

/// Answer of `snapshot delete`.
#[derive(Serialize)]
struct Deleted<'a> {
    snapshot: &'a SnapshotName,
    /// False when there was no such snapshot.
    deleted: bool,
}

fn delete(session: &Session<'_>, arguments: &DeleteSnapshotArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let DeleteSnapshotArguments { name, volume, dry_run } = arguments;
    let app = &opened.app()?.name;
    if !dry_run {
        let question = format!("Delete snapshot {name} of app {app} for good?");
        consent::ask(session, &question, "add --yes if you are sure")?;
    }
    let options = SnapshotDelete { dry_run: *dry_run };
    let deleted = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(snapshot::delete(&connected.app()?, volume.as_ref(), name, options, &session::holder()).await?)
    })?;
    disk::dry(session, *dry_run);
    if !deleted {
        session.screen.note(&format!("there is no snapshot {name}"));
    }
    output::print(&Deleted { snapshot: name, deleted }, session.global.output)
}

/// Snapshots as a table, newest first.
fn table(snapshots: &[Snapshot]) -> String {
    let mut table =
        Table::new(["SNAPSHOT", "VOLUME", "DISK", "SIZE", "STATE", "CREATED", "PLACE", "TAKEN FROM"]);
    for snapshot in snapshots {
        let created_at = snapshot.created_at;
        table.row([
            snapshot.name.to_string(),
            snapshot.volume.to_string(),
            snapshot.disk.to_string(),
            snapshot.size.to_string(),
            snapshot.state.to_string(),
            created_at.round(jiff::Unit::Second).unwrap_or(created_at).to_string(),
            snapshot.node.clone().or_else(|| snapshot.zone.clone()).unwrap_or_default(),
            if snapshot.atomic { "one moment" } else { "a disk at rest" }.to_owned(),
        ]);
    }
    table.text()
}

fn names(snapshots: &[Snapshot]) -> Vec<String> {
    snapshots.iter().map(|snapshot| snapshot.name.to_string()).collect()
}

impl Data for Snapshots {
    fn table(&self) -> String {
        table(&self.snapshots)
    }

    fn names(&self) -> Vec<String> {
        names(&self.snapshots)
    }
}

impl Data for CreateAnswer {
    fn table(&self) -> String {
        table(&self.snapshots)
    }

    fn names(&self) -> Vec<String> {
        names(&self.snapshots)
    }
}

impl Data for Deleted<'_> {
    fn table(&self) -> String {
        let mut table = Table::new(["SNAPSHOT", "DELETED"]);
        table.row([self.snapshot.to_string(), if self.deleted { "yes" } else { "no" }.to_owned()]);
        table.text()
    }

    fn names(&self) -> Vec<String> {
        vec![self.snapshot.to_string()]
    }
}
