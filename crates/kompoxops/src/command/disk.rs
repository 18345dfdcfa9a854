//! `disk …`.

use crate::arguments::{CreateArguments, DiskCommand, ListArguments, OneDiskArguments};
use crate::consent;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::disk::{self, CreateOptions};
use kompox_model::{Disk, DiskName};
use serde::Serialize;

/// What the API server's audit log shows.
const MODULE: &str = "disk";

pub(super) fn run(session: &Session<'_>, command: DiskCommand) -> Result<(), Failure> {
    match command {
        DiskCommand::List(arguments) => list(session, &arguments),
        DiskCommand::Create(arguments) => create(session, arguments),
        DiskCommand::Assign(arguments) => assign(session, &arguments),
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
        Ok(disk::list(&connected.app()?).await?)
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
    let CreateArguments { name, volume, size, source, if_not_exists } = arguments;
    let options = CreateOptions {
        volume,
        name,
        size,
        source,
        if_not_exists,
        now: jiff::Timestamp::now(),
        random: session::random(),
    };
    let disk = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(disk::create(&connected.app()?, &options, &session::holder()).await?)
    })?;
    one(session, disk)
}

fn assign(session: &Session<'_>, arguments: &OneDiskArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let disk = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let scope = connected.app()?;
        Ok(disk::assign(&scope, arguments.volume.as_ref(), &arguments.name, &session::holder()).await?)
    })?;
    session.screen.note("a running app keeps its disk until it is deployed again: kompoxops app deploy");
    one(session, disk)
}

/// Shows the disk that a command made or changed.
fn one(session: &Session<'_>, disk: Disk) -> Result<(), Failure> {
    output::print(&Disks { disks: vec![disk], unknown: Vec::new() }, session.global.output)
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
    let OneDiskArguments { name, volume } = arguments;
    let app = &opened.app()?.name;
    let question = format!("Delete disk {name} of app {app} and all its data for good?");
    consent::ask(session, &question, "add --yes if you are sure")?;
    let deleted = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(disk::delete(&connected.app()?, volume.as_ref(), name, &session::holder()).await?)
    })?;
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
