//! Which node a disk is on, or goes to. Pure.

use crate::error::Doing;
use crate::survey::{Seen, Survey};
use kompox_model::port::{ErrorKind, PortError};
use kompox_model::{DiskName, SnapshotName, VolumeName, label};
use kompox_node_protocol::{DiskEntry, VolumeEntry};
use kompox_provider::gaps;

/// A disk that was found.
#[derive(Clone, Copy)]
pub(crate) struct Found<'s> {
    pub(crate) seen: &'s Seen,
    pub(crate) volume: &'s VolumeEntry,
    pub(crate) disk: &'s DiskEntry,
}

/// Where a snapshot was found.
#[derive(Clone, Copy)]
pub(crate) struct FoundSnapshot<'s> {
    pub(crate) seen: &'s Seen,
    pub(crate) volume: &'s VolumeEntry,
}

fn has_any(volume: &VolumeEntry) -> bool {
    !volume.disks.is_empty() || !volume.snapshots.is_empty()
}

/// The node that has disks or snapshots of the volume; none when no node has.
///
/// # Errors
/// Conflict when several have: a Pod could not mount them all, and which record counts is not known.
fn home<'s>(survey: &'s Survey, volume: &VolumeName, doing: &Doing) -> Result<Option<&'s Seen>, PortError> {
    let has = |seen: &&Seen| {
        seen.volumes.iter().any(|entry| entry.record.volume == volume.as_str() && has_any(entry))
    };
    let homes: Vec<_> = survey.nodes.iter().filter(has).collect();
    match homes.as_slice() {
        [] => Ok(None),
        [home] => Ok(Some(home)),
        several => Err(doing
            .error(ErrorKind::Conflict)
            .detail(format!("volume {volume} has disks on several nodes: {}", names(several)))
            .hint("all disks of a volume must be on one node; take the node with the wrong ones out of the cluster")),
    }
}

/// The node that has the record of the volume, with disks or without; none when no node has.
///
/// # Errors
/// Conflict when several nodes have it; Unavailable or Conflict when it may be where nobody could look.
pub(crate) fn of_record<'s>(
    survey: &'s Survey,
    volume: &VolumeName,
    doing: &Doing,
) -> Result<Option<&'s Seen>, PortError> {
    if let Some(home) = home(survey, volume, doing)? {
        return Ok(Some(home));
    }
    let has = |seen: &&Seen| seen.volumes.iter().any(|entry| entry.record.volume == volume.as_str());
    match survey.nodes.iter().find(has) {
        Some(seen) => Ok(Some(seen)),
        None => gaps::forbid(&survey.gaps, |kind| doing.error(kind)).map_or(Ok(None), Err),
    }
}

/// A disk, if it is there.
///
/// # Errors
/// Conflict when several nodes have disks of the volume; Unavailable or Conflict when it may be where nobody could look.
pub(crate) fn find<'s>(
    survey: &'s Survey,
    volume: &VolumeName,
    disk: &DiskName,
    doing: &Doing,
) -> Result<Option<Found<'s>>, PortError> {
    let found = home(survey, volume, doing)?.and_then(|seen| {
        let volume = seen.volumes.iter().find(|entry| entry.record.volume == volume.as_str())?;
        let disk = volume.disks.iter().find(|entry| entry.record.name == disk.as_str())?;
        Some(Found { seen, volume, disk })
    });
    match found {
        Some(found) => Ok(Some(found)),
        None => gaps::forbid(&survey.gaps, |kind| doing.error(kind)).map_or(Ok(None), Err),
    }
}

/// A snapshot, if it is there.
///
/// # Errors
/// Those of [`find`].
pub(crate) fn find_snapshot<'s>(
    survey: &'s Survey,
    volume: &VolumeName,
    snapshot: &SnapshotName,
    doing: &Doing,
) -> Result<Option<FoundSnapshot<'s>>, PortError> {
    let found = home(survey, volume, doing)?.and_then(|seen| {
        let volume = seen.volumes.iter().find(|entry| entry.record.volume == volume.as_str())?;
        let is_there = volume.snapshots.iter().any(|entry| entry.record.name == snapshot.as_str());
        is_there.then_some(FoundSnapshot { seen, volume })
    });
    match found {
        Some(found) => Ok(Some(found)),
        None => gaps::forbid(&survey.gaps, |kind| doing.error(kind)).map_or(Ok(None), Err),
    }
}

/// The node for a new disk of the volume: the one with its other disks, else the one with the app's other disks (a Pod
/// mounts them all), else the one that the administrator chose, else the only one.
///
/// # Errors
/// Conflict when no rule decides; Unavailable or Conflict when disks of the volume may be where nobody could look.
pub(crate) fn for_new<'s>(
    survey: &'s Survey,
    volume: &VolumeName,
    doing: &Doing,
) -> Result<&'s Seen, PortError> {
    if let Some(home) = home(survey, volume, doing)? {
        return Ok(home);
    }
    if let Some(error) = gaps::forbid(&survey.gaps, |kind| doing.error(kind)) {
        return Err(error);
    }
    let those = |rule: fn(&Seen) -> bool| survey.nodes.iter().filter(|seen| rule(seen)).collect::<Vec<_>>();
    let with_app = those(|seen| seen.volumes.iter().any(has_any));
    let chosen = those(|seen| seen.node.chosen);
    let schedulable = those(|seen| seen.node.schedulable);
    let remedy = format!("choose the node for new disks: label exactly one with {}=true", label::DISK_NODE);
    let refuse = |why: String| Err(doing.error(ErrorKind::Conflict).detail(why).hint(remedy));
    match (with_app.as_slice(), chosen.as_slice(), schedulable.as_slice()) {
        ([one], _, _) | (_, [one], _) | (_, [], [one]) => Ok(one),
        (_, [], []) => refuse("no node takes Pods of apps, so that none is right for a new disk".to_owned()),
        (_, [], several) => refuse(format!("several nodes could have the new disk: {}", names(several))),
        (_, several, _) => {
            refuse(format!("several nodes are labelled {}=true: {}", label::DISK_NODE, names(several)))
        }
    }
}

fn names(nodes: &[&Seen]) -> String {
    nodes.iter().map(|seen| seen.node.name.as_str()).collect::<Vec<_>>().join(", ")
}
