//! `app volumes`: each volume with its disks, its compose volumes and what is wrong with it. IO through the ports; writes
//! nothing.

use crate::app::Loaded;
use crate::disk::{self, Survey};
use crate::{Error, Scope};
use kompox_convert::Folder;
use kompox_model::quantity::Bytes;
use kompox_model::{Disk, DiskName, DiskState, Volume, VolumeName};

/// What there is to say about the volumes of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volumes {
    /// Those of the configuration in its order, then those that only have disks.
    pub volumes: Vec<VolumeLine>,
    /// Places that could not be looked into.
    pub unknown: Vec<String>,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VolumeLine {
    /// Its name.
    pub volume: VolumeName,
    /// False when it has disks and is not in `app.volumes` any more.
    pub configured: bool,
    /// True when its disks hold one compose volume only.
    pub own: bool,
    /// The compose volumes that live on it, with their folder on the disk.
    pub compose: Vec<ComposeVolume>,
    /// Compose volumes that the compose file has no more, whose folders stay.
    pub left: Vec<ComposeVolume>,
    /// Size of the assigned disk, or of the one that a deploy would make.
    pub size: Option<Bytes>,
    /// The assigned disks: one when all is well.
    pub assigned: Vec<DiskName>,
    /// How many disks it has.
    pub disks: usize,
    /// How many snapshots it has; none when the driver has none or not all could be seen.
    pub snapshots: Option<usize>,
    /// Node or zone of the assigned disk.
    pub place: Option<String>,
    /// How it does.
    pub state: VolumeState,
    /// What is wrong, each with what mends it.
    pub problems: Vec<String>,
    /// The Pods that mount disks of it.
    pub mounted_by: Vec<String>,
}

/// A compose volume on the disk of a volume.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ComposeVolume {
    /// Its key in the compose file.
    pub key: String,
    /// Its folder on the disk.
    pub sub_path: String,
}

impl ComposeVolume {
    fn of(folder: &Folder) -> Self {
        Self { key: folder.key.clone(), sub_path: folder.sub_path.clone() }
    }
}

/// How a volume does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeState {
    /// It has one assigned disk, which is ready.
    Ready,
    /// It has no disk yet; a deploy makes one if it is needed.
    New,
    /// Its disks could not be seen.
    Unknown,
    /// Something is wrong.
    Unhealthy,
    /// It is not configured any more; its disks stay.
    Left,
}

/// Looks at every volume.
///
/// # Errors
/// Unsupported when the driver has no disks; those of the ports.
pub async fn volumes(scope: &Scope<'_>, loaded: &Loaded) -> Result<Volumes, Error> {
    let survey = disk::survey(scope).await?;
    let folders = kompox_convert::folders(scope.app, &loaded.project);
    let declared = loaded.project.volumes.keys().cloned().collect();
    let gaps = survey.gaps();
    let mut volumes = Vec::new();
    for name in survey.volumes(scope) {
        let configured = scope.app.volumes.iter().find(|volume| volume.name == name);
        let mut line = line(scope, &survey, &name, configured);
        line.compose = folders.iter().filter(|folder| folder.volume == name).map(ComposeVolume::of).collect();
        line.left = survey.lived.left_on(&name, &declared).iter().map(ComposeVolume::of).collect();
        for disk in survey.disks_of(&name) {
            line.mounted_by.extend(disk::mounted_by_pod(scope, &disk.handle).await?);
        }
        if line.state == VolumeState::New && !gaps.is_empty() {
            line.state = VolumeState::Unknown;
        }
        if !gaps.is_empty() {
            line.snapshots = None;
        }
        volumes.push(line);
    }
    Ok(Volumes { volumes, unknown: gaps.into_iter().map(|gap| gap.message).collect() })
}

/// What the records say about a volume.
fn line(scope: &Scope<'_>, survey: &Survey, name: &VolumeName, configured: Option<&Volume>) -> VolumeLine {
    let disks: Vec<&Disk> = survey.disks_of(name).collect();
    let assigned: Vec<&&Disk> = disks.iter().filter(|disk| disk.assigned).collect();
    let in_use = match assigned.as_slice() {
        [disk] => Some(disk),
        _ => None,
    };
    let problems: Vec<_> = survey
        .findings(scope, name, None)
        .iter()
        .map(|finding| finding.in_words("kompoxops disk repair"))
        .collect();
    let state = match in_use {
        _ if configured.is_none() => VolumeState::Left,
        _ if !problems.is_empty() => VolumeState::Unhealthy,
        Some(disk) if disk.state == DiskState::Ready => VolumeState::Ready,
        _ => VolumeState::New,
    };
    let of_volume = |found: &kompox_model::port::SnapshotInventory| {
        found.snapshots.iter().filter(|snapshot| snapshot.volume == *name).count()
    };
    VolumeLine {
        volume: name.clone(),
        configured: configured.is_some(),
        own: configured.is_some_and(|volume| volume.compose.is_some()),
        compose: Vec::new(),
        left: Vec::new(),
        size: in_use.map(|disk| disk.size).or_else(|| configured.map(|volume| volume.size)),
        assigned: assigned.iter().map(|disk| disk.name.clone()).collect(),
        disks: disks.len(),
        snapshots: survey.snapshots.as_ref().map(of_volume),
        place: in_use.and_then(|disk| disk.node.clone().or_else(|| disk.zone.clone())),
        state,
        problems,
        mounted_by: Vec::new(),
    }
}
