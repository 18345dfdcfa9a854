//! Whether a compose volume would begin with nothing although there are data of it: under another name, or on the disk of
//! another volume. IO through the ports; writes nothing.

use crate::app::lived::Lived;
use crate::app::record::Memory;
use crate::app::volumes::Choice;
use crate::{Error, Scope, disk, refusal};
use kompox_convert::Folder;
use kompox_model::port::DiskInventory;
use kompox_model::{Disk, DiskState, Volume, VolumeName};
use std::collections::BTreeSet;

/// What is known when a deploy decides.
pub(crate) struct Known<'a> {
    /// UID of the cluster.
    pub(crate) cluster_uid: &'a str,
    /// The disks.
    pub(crate) inventory: &'a DiskInventory,
    /// The disks that the Namespace remembers.
    pub(crate) remembered: &'a Memory,
    /// The compose volumes that it remembers.
    pub(crate) lived: &'a Lived,
    /// Where the compose volumes lie now.
    pub(crate) folders: &'a [Folder],
    /// Keys that the compose file declares, used or not.
    pub(crate) declared: &'a BTreeSet<String>,
    /// The disk of each volume in use.
    pub(crate) choices: &'a [(Volume, Choice)],
    /// Compose volumes, or volumes of their own, that may begin with nothing.
    pub(crate) accepted: &'a BTreeSet<String>,
}

/// Refuses what would seem to have lost its data. Disks are looked into only where something has changed.
///
/// # Errors
/// Conflict, with the way to take the data along and the way to begin without them; those of the driver.
pub(crate) async fn refuse(scope: &Scope<'_>, known: &Known<'_>) -> Result<(), Error> {
    for folder in known.folders {
        let Some((volume, choice)) = known.choices.iter().find(|(volume, _)| volume.name == folder.volume)
        else {
            continue;
        };
        let own = volume.compose.is_some();
        if known.accepted.contains(&folder.key) || own && known.accepted.contains(folder.volume.as_str()) {
            continue;
        }
        let origins = known.origins(scope, folder, choice, own);
        if origins.is_empty() {
            continue;
        }
        if let Choice::Existing(disk) = choice
            && known.is_occupied(scope, disk, folder).await?
        {
            continue;
        }
        for (disk, origin) in &origins {
            if known.is_occupied(scope, disk, origin).await? {
                return Err(refusal(scope, folder, disk, origin));
            }
        }
    }
    Ok(())
}

impl<'a> Known<'a> {
    /// Where data of the compose volume may be instead: disks, and the folder on each.
    fn origins(
        &self,
        scope: &Scope<'_>,
        folder: &Folder,
        choice: &Choice,
        own: bool,
    ) -> Vec<(&'a Disk, Folder)> {
        let lived_on = self.lived.volume_of(&folder.key);
        if lived_on == Some(folder.volume.as_str()) {
            // The app has run on it: what is there, or not, is the app's doing.
            return Vec::new();
        }
        let remembered = self.remembered.current(&folder.volume);
        let ran_on_it = matches!(choice, Choice::Existing(disk) if remembered == Some(disk.handle.as_str()));
        let mut origins = Vec::new();
        if own && !ran_on_it {
            let is_own = |name: &VolumeName| {
                scope.app.volumes.iter().any(|volume| volume.name == *name && volume.compose.is_some())
            };
            let shared = self.in_use().filter(|disk| !is_own(&disk.volume));
            origins.extend(shared.map(|disk| (disk, Folder::of(&folder.key, &disk.volume))));
        }
        let former = lived_on.map(|volume| (volume, folder.key.clone()));
        let dropped = match former {
            Some(_) => Vec::new(),
            None => self.lived.dropped(self.declared),
        };
        let dropped = dropped.iter().map(|gone| (gone.volume.as_str(), gone.key.clone()));
        for (volume, key) in former.into_iter().chain(dropped) {
            let there = self.in_use().filter(|disk| disk.volume.as_str() == volume);
            origins.extend(there.map(|disk| (disk, Folder::of(&key, &disk.volume))));
        }
        origins
    }

    fn in_use(&self) -> impl Iterator<Item = &'a Disk> {
        self.inventory.disks.iter().filter(|disk| disk.assigned && disk.state == DiskState::Ready)
    }

    /// True when a disk has data of a compose volume.
    async fn is_occupied(&self, scope: &Scope<'_>, on: &Disk, folder: &Folder) -> Result<bool, Error> {
        let identity = scope.identity();
        let scoped = scope.disks(&identity, self.cluster_uid);
        let paths = [folder.sub_path.clone()];
        let found = disk::disks(scope)?.occupied(&scope.call(), scoped, &on.volume, &on.name, &paths).await?;
        Ok(!found.is_empty())
    }
}

fn refusal(scope: &Scope<'_>, folder: &Folder, disk: &Disk, origin: &Folder) -> Error {
    let Folder { key, volume, .. } = folder;
    let without = format!("kompoxops app deploy --start-empty {key} (the old data stay where they are)");
    if origin.key != *key {
        return Error::refused(
            refusal::app::VOLUME_RENAMED,
            format!(
                "compose volume `{key}` would start empty, while `{}`, which the compose file has no more, has data \
                 in {} of disk {}",
                origin.key, origin.sub_path, disk.name
            ),
            format!(
                "if it only got another name, call it `{}` again, or mount both in a service that copies; if it is \
                 another volume: {without}",
                origin.key
            ),
        );
    }
    let is_configured = scope.app.volumes.iter().any(|volume| volume.name == disk.volume);
    if !is_configured {
        return Error::refused(
            refusal::app::VOLUME_VANISHED,
            format!(
                "compose volume `{key}` has its data on disk {} of volume {1}, but app.volumes no longer names {1}",
                disk.name, disk.volume
            ),
            format!(
                "add `- name: {}` with `compose: {key}` to app.volumes again; or start without the data: {without}",
                disk.volume
            ),
        );
    }
    Error::refused(
        refusal::app::VOLUME_WOULD_START_EMPTY,
        format!(
            "compose volume `{key}` would move to an empty disk of volume {volume}, but its data is on disk {}",
            disk.name
        ),
        format!(
            "copy the data: kompoxops disk create --volume {volume} --source sub-path:{}/{}; or start without it: \
             {without}",
            disk.volume, origin.sub_path
        ),
    )
}
