//! `disk …`.

mod repair;

use super::app::{deploy, outage};
use crate::arguments::{
    AttachArguments, CreateArguments, DiskCommand, ExportArguments, ListArguments, OneDiskArguments,
};
use crate::compose;
use crate::consent;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::app::DeployOptions;
use kompox_engine::disk::{self, AttachOptions, Attached, CreateOptions, Target};
use kompox_model::port::{DiskAssign, DiskDelete};
use kompox_model::{Disk, DiskName, VolumeName};
use serde::Serialize;

/// What the API server's audit log shows.
const MODULE: &str = "disk";

pub(super) fn run(session: &Session<'_>, command: DiskCommand) -> Result<(), Failure> {
    match command {
        DiskCommand::List(arguments) => list(session, &arguments),
        DiskCommand::Create(arguments) => create(session, arguments),
        DiskCommand::Assign(arguments) => assign(session, &arguments),
        DiskCommand::Attach(arguments) => attach(session, arguments),
        DiskCommand::Detach(arguments) => detach(session, &arguments),
        DiskCommand::Export(ExportArguments { name, to, volume }) => {
            super::export::run(session, MODULE, &to, volume, disk::Exportee::Disk(name))
        }
        DiskCommand::Import(arguments) => super::import::run(session, MODULE, arguments),
        DiskCommand::Log(arguments) => super::disk_log::run(session, MODULE, &arguments),
        DiskCommand::Repair(arguments) => repair::run(session, arguments),
        DiskCommand::Delete(arguments) => delete(session, &arguments),
    }
}

/// Disks, and why there may be others.
#[derive(Serialize)]
struct Disks {
    disks: Vec<Disk>,
    /// Places that could not be looked into.
    unknown: Vec<String>,
}

fn list(session: &Session<'_>, arguments: &ListArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let inventory = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let (scope, wanted) = (connected.app()?, &arguments.volume);
        let found = disk::list(&scope).await?;
        // A volume with disks that is configured no more is shown; a slip of the pen must not look like one without.
        let seen = |volume: &VolumeName| found.disks.iter().any(|disk| disk.volume == *volume);
        if wanted.as_ref().is_some_and(|volume| found.gaps.is_empty() && !seen(volume)) {
            disk::find_volume(&scope, wanted.as_ref())?;
        }
        Ok(found)
    })?;
    let mut disks = inventory.disks;
    disks.retain(|disk| arguments.volume.as_ref().is_none_or(|volume| disk.volume == *volume));
    let unknown: Vec<_> = inventory.gaps.into_iter().map(|gap| gap.message).collect();
    for place in &unknown {
        session.screen.warning(&format!("disks unknown: {place}"));
    }
    output::print(&Disks { disks, unknown }, session.global.output)
}

fn create(session: &Session<'_>, arguments: CreateArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let CreateArguments { name, volume, size, source, if_not_exists, dry_run } = arguments;
    let options = CreateOptions {
        volume,
        name,
        size,
        source,
        if_not_exists,
        dry_run,
        now: jiff::Timestamp::now(),
        random: session::random(),
    };
    let disk = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(disk::create(&connected.app()?, &options, &session::holder()).await?)
    })?;
    dry(session, dry_run);
    one(session, disk)
}

fn assign(session: &Session<'_>, arguments: &OneDiskArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let disk = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let scope = connected.app()?;
        let options = DiskAssign { dry_run: arguments.dry_run, at: Some(jiff::Timestamp::now()) };
        let (volume, name) = (arguments.volume.as_ref(), &arguments.name);
        Ok(disk::assign(&scope, volume, name, options, &session::holder()).await?)
    })?;
    dry(session, arguments.dry_run);
    session.screen.note("a running app keeps its disk until it is deployed again: kompoxops app deploy");
    one(session, disk)
}

/// Answer of `disk attach`.
#[derive(Serialize)]
struct AttachAnswer {
    dry_run: bool,
    /// The disk that is used now.
    disk: Disk,
    /// The disk that was assigned before.
    former: Option<DiskName>,
    /// For how many seconds no Pod was Ready.
    outage_seconds: Option<f64>,
    /// The Pod that was seen to be Ready on the disk.
    pod: Option<String>,
    plan: deploy::PlanLines,
}

impl Data for AttachAnswer {
    fn table(&self) -> String {
        let changes =
            if self.dry_run { format!("\n{}", deploy::DryRun(&self.plan).table()) } else { String::new() };
        table(std::slice::from_ref(&self.disk)) + &changes
    }

    fn names(&self) -> Vec<String> {
        vec![self.disk.name.to_string()]
    }
}

pub(super) fn attach(session: &Session<'_>, arguments: AttachArguments) -> Result<(), Failure> {
    let mut opened = session.open_app()?;
    let loaded = compose::load(&mut opened, &arguments.compose, session.screen)?;
    let AttachArguments { name, previous: _, volume, compose: _, dry_run, no_wait } = arguments;
    let options = AttachOptions {
        volume,
        target: name.map_or(Target::Previous, Target::Named),
        deploy: DeployOptions {
            dry_run,
            no_wait,
            start_empty: std::collections::BTreeSet::new(),
            now: jiff::Timestamp::now(),
            random: session::random(),
        },
    };
    let attached = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(disk::attach(&connected.app()?, &loaded, &options, &session::holder()).await?)
    })?;
    let Attached { disk, former, outage_seconds, deployed } = attached;
    session.screen.diagnostics(&deployed.notes, &opened.sources);
    match &former {
        Some(former) => {
            let switch = format!("from disk {former} to disk {}", disk.name);
            let back = format!("switched {switch}; back again: kompoxops disk attach --previous");
            session.screen.note(&if dry_run {
                format!("would stop the Pod and switch {switch}")
            } else {
                back
            });
        }
        None => session.screen.note(&format!("disk {} was assigned already", disk.name)),
    }
    dry(session, dry_run);
    outage(session, outage_seconds);
    let plan = deploy::PlanLines::new(dry_run, &deployed.plan);
    let answer = AttachAnswer { dry_run, disk, former, outage_seconds, pod: deployed.pod, plan };
    output::print(&answer, session.global.output)
}

fn detach(session: &Session<'_>, arguments: &OneDiskArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let disk = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let (volume, name) = (arguments.volume.as_ref(), &arguments.name);
        let options = DiskAssign { dry_run: arguments.dry_run, at: Some(jiff::Timestamp::now()) };
        Ok(disk::detach(&connected.app()?, volume, name, options, &session::holder()).await?)
    })?;
    dry(session, arguments.dry_run);
    one(session, disk)
}

/// Says that nothing happened, if so.
pub(super) fn dry(session: &Session<'_>, dry_run: bool) {
    if dry_run {
        session.screen.note("dry run, nothing was changed");
    }
}

/// Shows the disk that a command made or changed.
pub(super) fn one(session: &Session<'_>, disk: Disk) -> Result<(), Failure> {
    all(session, vec![disk])
}

/// Shows the disks that a command made or changed.
pub(super) fn all(session: &Session<'_>, disks: Vec<Disk>) -> Result<(), Failure> {
    output::print(&Disks { disks, unknown: Vec::new() }, session.global.output)
}

/// Answer of `disk delete`.
#[derive(Serialize)]
struct Deleted<'a> {
    disk: &'a DiskName,
    /// False when there was no such disk.
    deleted: bool,
}

fn delete(session: &Session<'_>, arguments: &OneDiskArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let OneDiskArguments { name, volume, dry_run } = arguments;
    let app = &opened.app()?.name;
    if !dry_run {
        let question = format!("Delete disk {name} of app {app} and all its data for good?");
        consent::ask(session, &question, "add --yes if you are sure")?;
    }
    let options = DiskDelete { dry_run: *dry_run };
    let deleted = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(disk::delete(&connected.app()?, volume.as_ref(), name, options, &session::holder()).await?)
    })?;
    dry(session, *dry_run);
    if !deleted {
        session.screen.note(&format!("there is no disk {name}"));
    }
    output::print(&Deleted { disk: name, deleted }, session.global.output)
}

/// Disks as a table, newest first.
pub(super) fn table(disks: &[Disk]) -> String {
    let mut table = Table::new(["DISK", "VOLUME", "SIZE", "ASSIGNED", "STATE", "CREATED", "PLACE", "SOURCE"]);
    for disk in disks {
        table.row([
            disk.name.to_string(),
            disk.volume.to_string(),
            disk.size.to_string(),
            if disk.assigned { "yes" } else { "no" }.to_owned(),
            disk.state.to_string(),
            created(disk),
            disk.node.clone().or_else(|| disk.zone.clone()).unwrap_or_default(),
            disk.source.to_string(),
        ]);
    }
    table.text()
}

/// When a disk was made, to the second.
fn created(disk: &Disk) -> String {
    disk.created_at.round(jiff::Unit::Second).unwrap_or(disk.created_at).to_string()
}

impl Data for Disks {
    fn table(&self) -> String {
        table(&self.disks)
    }

    fn names(&self) -> Vec<String> {
        self.disks.iter().map(|disk| disk.name.to_string()).collect()
    }
}

impl Data for Deleted<'_> {
    fn table(&self) -> String {
        let mut table = Table::new(["DISK", "DELETED"]);
        table.row([self.disk.to_string(), if self.deleted { "yes" } else { "no" }.to_owned()]);
        table.text()
    }

    fn names(&self) -> Vec<String> {
        vec![self.disk.to_string()]
    }
}
