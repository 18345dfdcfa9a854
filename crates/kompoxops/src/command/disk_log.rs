//! `disk log`.

use crate::arguments::LogDiskArguments;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{Session, Use};
use kompox_engine::disk::{self, DiskLog};
use serde::Serialize;

/// Answer of `disk log`.
#[derive(Serialize)]
#[serde(transparent)]
struct Answer(DiskLog);

pub(super) fn run(session: &Session<'_>, module: &str, arguments: &LogDiskArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let log = session.on_cluster(&opened, module, Use::Operation, async |connected| {
        Ok(disk::log(&connected.app()?, arguments.volume.as_ref(), &arguments.name).await?)
    })?;
    output::print(&Answer(log), session.global.output)
}

fn time(at: jiff::Timestamp) -> String {
    at.round(jiff::Unit::Second).unwrap_or(at).to_string()
}

impl Data for Answer {
    fn table(&self) -> String {
        let DiskLog { disk, lineage, events, snapshots } = &self.0;
        let mut table = Table::new(["WHEN", "WHAT", "CLUSTER"]);
        for ancestor in lineage.iter().rev() {
            let when = ancestor.created_at.map_or_else(|| "-".to_owned(), time);
            table.row([when, format!("{} was made", ancestor.source), String::new()]);
        }
        let made = format!("disk {} of volume {} made from {}", disk.name, disk.volume, disk.source);
        table.row([time(disk.created_at), made, disk.holder.cluster.to_string()]);
        for event in events {
            table.row([time(event.at), event.change.to_string(), event.cluster.to_string()]);
        }
        let names: Vec<_> = snapshots.iter().map(ToString::to_string).collect();
        let kept =
            if names.is_empty() { String::new() } else { format!("\nSNAPSHOTS  {}\n", names.join(", ")) };
        table.text() + &kept
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.disk.name.to_string()]
    }
}
