//! `disk log`: where a disk comes from and what became of it. IO through the ports.

use super::{believed, find_volume, inventory, missing};
use crate::{Error, Scope, snapshot};
use kompox_model::{
    Disk, DiskName, DiskSource, Snapshot, SnapshotName, VolumeChange, VolumeEvent, VolumeName,
};
use std::collections::BTreeSet;

/// What is known of a disk.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DiskLog {
    /// The disk.
    pub disk: Disk,
    /// What it was made from, and that from what, as far as it is still there.
    pub lineage: Vec<Ancestor>,
    /// The changes of its volume that concern it, oldest first, as far back as is remembered.
    pub events: Vec<VolumeEvent>,
    /// The snapshots that were made of it, newest first.
    pub snapshots: Vec<SnapshotName>,
}

/// One step back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Ancestor {
    /// What the one before was made from, as it is recorded.
    pub source: String,
    /// When that was made; none when it is not there any more or never was.
    pub created_at: Option<jiff::Timestamp>,
}

/// Looks up what is known of a disk; writes nothing.
///
/// # Errors
/// NotFound without such a disk; those of the driver.
pub async fn log(scope: &Scope<'_>, volume: Option<&VolumeName>, name: &DiskName) -> Result<DiskLog, Error> {
    let volume = &find_volume(scope, volume)?.name;
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let found = inventory(scope, &cluster.uid).await?;
    let of_volume: Vec<Disk> = found.disks.iter().filter(|disk| disk.volume == *volume).cloned().collect();
    let Some(disk) = of_volume.iter().find(|disk| disk.name == *name).cloned() else {
        believed(&found)?;
        return Err(missing(scope, name));
    };
    let snapshots = match scope.driver.snapshots() {
        Some(_) => snapshot::list(scope).await?.snapshots,
        None => Vec::new(),
    };
    let snapshots: Vec<Snapshot> = snapshots.into_iter().filter(|found| found.volume == *volume).collect();
    let history = found.volumes.into_iter().find(|state| state.name == *volume).map(|state| state.history);
    let events = history.unwrap_or_default().into_iter().filter(|event| concerns(&event.change, name));
    Ok(DiskLog {
        lineage: lineage(&disk, &of_volume, &snapshots),
        events: events.collect(),
        snapshots: snapshots
            .iter()
            .filter(|found| found.disk == *name)
            .map(|found| found.name.clone())
            .collect(),
        disk,
    })
}

/// Whether a change of the volume is one of this disk: those without a disk are of all.
fn concerns(change: &VolumeChange, name: &DiskName) -> bool {
    match change {
        VolumeChange::Created { disk } | VolumeChange::Unassigned { disk } => disk == name,
        VolumeChange::Assigned { disk, previous } => disk == name || previous.as_ref() == Some(name),
        VolumeChange::Fenced | VolumeChange::Opened | VolumeChange::Held { .. } => true,
    }
}

/// Step by step what a disk was made from. Names may have been used again: no step is taken twice.
fn lineage(disk: &Disk, disks: &[Disk], snapshots: &[Snapshot]) -> Vec<Ancestor> {
    let (mut steps, mut seen) = (Vec::new(), BTreeSet::new());
    let mut source = disk.source.clone();
    while source != DiskSource::Empty && seen.insert(source.to_string()) {
        let (created_at, next) = match &source {
            DiskSource::Disk(name) => {
                let found = disks.iter().find(|disk| disk.name == *name);
                (found.map(|disk| disk.created_at), found.map(|disk| disk.source.clone()))
            }
            DiskSource::Snapshot(name) => {
                let found = snapshots.iter().find(|snapshot| snapshot.name == *name);
                let of = found.map(|snapshot| DiskSource::Disk(snapshot.disk.clone()));
                (found.map(|snapshot| snapshot.created_at), of)
            }
            DiskSource::Empty | DiskSource::Provider(_) => (None, None),
        };
        steps.push(Ancestor { source: source.to_string(), created_at });
        source = next.unwrap_or(DiskSource::Empty);
    }
    steps
}
