//! The steps of rules that are about snapshots. No IO of its own.

use super::run::{Asker, Run, Stop, Trouble, join, parsed, time};
use super::script::Step;
use kompox_model::port::{Call, SnapshotCreate, SnapshotDelete, SnapshotInventory, VolumeSnapshots};
use kompox_model::{DiskState, Snapshot, SnapshotName, VolumeName, snapshot};
use std::collections::BTreeSet;

impl Run<'_> {
    pub(super) fn snapshots(&self) -> Result<&dyn VolumeSnapshots, Stop> {
        self.subject.snapshots().ok_or_else(|| Stop::Skipped("this driver has no snapshots".to_owned()))
    }

    /// A new snapshot, a second younger than what was made before unless the step says when.
    pub(super) fn snapshot_options(&mut self, step: &Step<'_>) -> Result<SnapshotCreate, Stop> {
        self.made += 1;
        Ok(SnapshotCreate {
            name: parsed(step.names[1])?,
            disk: parsed(step.names[2])?,
            created_at: time(step, self.made)?,
            at_rest: step.has("at-rest"),
            if_not_exists: step.has("if-not-exists"),
        })
    }

    pub(super) async fn snapshot_operation(
        &mut self,
        step: &Step<'_>,
        asker: &Asker,
        call: &Call<'_>,
    ) -> Result<String, Trouble> {
        let scope = asker.scope();
        if step.action == "snapshots" {
            return Ok(listing(&self.snapshots()?.list(call, scope).await?)?);
        }
        let volume: VolumeName = parsed(step.names[0])?;
        if step.action == "snapshot" {
            let options = self.snapshot_options(step)?;
            let made = self.snapshots()?.create(call, scope, &volume, &options).await?;
            check_made(&made, &options, asker)?;
            return Ok(show(&made));
        }
        let name: SnapshotName = parsed(step.names[1])?;
        let options = SnapshotDelete { dry_run: step.has("dry-run") };
        Ok(self.snapshots()?.delete(call, scope, &volume, &name, options).await?.to_string())
    }
}

fn show(snapshot: &Snapshot) -> String {
    let state = match snapshot.state {
        DiskState::Creating => "~",
        DiskState::Ready => "",
        DiskState::Deleting => "-",
    };
    format!("{}/{}@{}{state}", snapshot.volume, snapshot.name, snapshot.disk)
}

fn listing(SnapshotInventory { snapshots, gaps }: &SnapshotInventory) -> Result<String, Stop> {
    if let Some(gap) = gaps.first() {
        return Err(Stop::Failed(format!("a place could not be looked into: {}", gap.message)));
    }
    let mut sorted = snapshots.clone();
    snapshot::sort(&mut sorted);
    if sorted != *snapshots {
        return Err(Stop::Failed("the list is not newest first, equal times by name (VOL-17)".to_owned()));
    }
    let handles: BTreeSet<_> = snapshots.iter().map(|snapshot| &snapshot.handle).collect();
    let names: BTreeSet<_> = snapshots.iter().map(|snapshot| (&snapshot.volume, &snapshot.name)).collect();
    if handles.len() != snapshots.len() || names.len() != snapshots.len() {
        return Err(Stop::Failed(
            "two snapshots of the list have one name or one handle (VOL-21)".to_owned(),
        ));
    }
    Ok(join(&snapshots.iter().map(show).collect::<Vec<_>>()))
}

fn check_made(made: &Snapshot, options: &SnapshotCreate, asker: &Asker) -> Result<(), Stop> {
    let holder = (&made.holder.cluster, made.holder.uid.as_str());
    let wrong = if made.name != options.name {
        "name"
    } else if made.state != DiskState::Ready {
        "state"
    } else if made.disk != options.disk {
        "disk"
    } else if made.size != super::run::SIZE {
        "size"
    } else if holder != (&asker.cluster.name, asker.uid.as_str()) {
        "holder"
    } else if made.handle.is_empty() {
        "handle"
    } else if made.created_at > options.created_at {
        "time"
    } else if !made.atomic && !options.at_rest {
        "consistency"
    } else {
        return Ok(());
    };
    Err(Stop::Failed(format!("the {wrong} of the new snapshot is not what was asked for: {made:?}")))
}
