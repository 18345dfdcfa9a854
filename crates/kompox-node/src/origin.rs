//! What a disk or snapshot is copied from: found, checked and kept from changing meanwhile. IO.

use crate::disk::{self, Disk};
use crate::failure::{Result, cannot, conflict};
use crate::folder::Folder;
use crate::lock::{self, Lock};
use crate::snapshot::{self, Snapshot};
use crate::volume::Volume;
use crate::{btrfs, data};
use kompox_node_protocol::{Backend, DiskState, Failure, Kind, Source, VolumeRef};
use std::time::Duration;

/// A source that is ready to be read.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The folder of its record; its lock keeps a deletion away.
    owner: Folder,
    /// All its data; its lock keeps those away who fill it.
    data: Folder,
    /// What of it is copied.
    pub(crate) content: Folder,
    /// Where that goes in the copy: a part of a disk stays where it is, for the app looks for it there.
    at: String,
    pub(crate) handle: String,
    backend: Backend,
    /// The least size of a disk that is made from it.
    pub(crate) size_bytes: u64,
    kind: Origins,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origins {
    Snapshot,
    Disk,
    Part,
}

impl Origin {
    /// Finds what `source` means for a disk of the volume `wanted`; none for an empty disk.
    pub(crate) fn find(root: &Folder, wanted: &VolumeRef, source: &Source) -> Result<Option<Self>> {
        match source {
            // The content of an import comes from outside.
            Source::Empty | Source::Import(_) => Ok(None),
            Source::Disk(name) => {
                let unknown = || disk::unknown(wanted, name);
                let volume = Volume::find_checked(root, wanted)?.ok_or_else(unknown)?;
                Self::of_disk(Disk::find(&volume, name)?.ok_or_else(unknown)?, None).map(Some)
            }
            Source::SubPath { volume: name, path } => {
                let wanted = VolumeRef { volume: name.clone(), ..wanted.clone() };
                let none = || {
                    let message =
                        format!("volume `{name}` of app {} has no assigned disk", wanted.app.identity);
                    Failure::new(Kind::NotFound, message)
                        .hint("list the disks, and assign one of this volume")
                };
                let volume = Volume::find_checked(root, &wanted)?.ok_or_else(none)?;
                let assigned = volume.record.assigned.clone().ok_or_else(none)?;
                let disk =
                    Disk::find(&volume, &assigned)?.ok_or_else(|| disk::unknown(&wanted, &assigned))?;
                Self::of_disk(disk, Some(path)).map(Some)
            }
            Source::Snapshot(name) => {
                let unknown = || snapshot::unknown(wanted, name);
                let volume = Volume::find_checked(root, wanted)?.ok_or_else(unknown)?;
                let Snapshot { folder: owner, record } =
                    Snapshot::find(&volume, name)?.ok_or_else(unknown)?;
                check_state("snapshot", name, record.state)?;
                let data = data_at(&owner, data::DATA)?;
                Ok(Some(Self {
                    owner,
                    content: data.again()?,
                    at: String::new(),
                    data,
                    handle: record.handle,
                    backend: record.backend,
                    size_bytes: record.size_bytes,
                    kind: Origins::Snapshot,
                }))
            }
        }
    }

    fn of_disk(Disk { folder: owner, record }: Disk, path: Option<&str>) -> Result<Self> {
        check_state("disk", &record.name, record.state)?;
        let data = data_at(&owner, data::DATA)?;
        let (content, kind, size_bytes) = match path {
            // As large as the caller says: the folder shares its disk with others.
            Some(path) => (data.folder(path)?, Origins::Part, 0),
            None => (data.again()?, Origins::Disk, record.size_bytes),
        };
        let (handle, backend) = (record.handle, record.backend);
        let at = path.unwrap_or_default().to_owned();
        Ok(Self { owner, data, content, at, handle, backend, size_bytes, kind })
    }

    /// The back end of a copy of this, where `present` is that of new disks: a subvolume stays one.
    pub(crate) fn backend_of_snapshot(&self, present: Backend) -> Backend {
        if self.backend == Backend::Btrfs { Backend::Btrfs } else { present }
    }

    /// Whether a copy for `backend` is made in one moment.
    pub(crate) fn is_atomic(&self, backend: Backend) -> Result<bool> {
        let whole = self.kind != Origins::Part;
        let both = self.backend == Backend::Btrfs && backend == Backend::Btrfs;
        Ok(whole && both && btrfs::is_subvolume(&self.data)?)
    }

    /// Refuses a copy that would not be what the source was at one time.
    pub(crate) fn check_rest(&self, backend: Backend, at_rest: bool, copy: &str) -> Result<()> {
        if self.is_atomic(backend)? {
            return self.check_nested();
        }
        if at_rest || self.kind == Origins::Snapshot {
            return Ok(());
        }
        let what = if self.kind == Origins::Part { "a copy of a folder of" } else { copy };
        Err(conflict(format!("{what} a disk in use is not consistent on this file system"))
            .hint("stop the app first, or let the command do it with `--stop`"))
    }

    /// Refuses a subvolume with others in it, which a snapshot would leave out without a word.
    pub(crate) fn check_nested(&self) -> Result<()> {
        let Some(nested) = btrfs::first_nested(&self.data)? else { return Ok(()) };
        let message = format!("the disk has a subvolume of its own at {nested}, which would not be copied");
        Err(conflict(message).hint("replace it by a folder with the same content"))
    }

    /// Copies it into the folder `owner` of another record; whether the size is enforced.
    pub(crate) fn copy(&self, owner: &Folder, wanted: data::Wanted) -> Result<bool> {
        if !self.is_atomic(wanted.backend)? {
            return data::copy(&self.content, owner, &self.at, wanted);
        }
        let enforced = data::snapshot(&self.data, owner, wanted.size)?;
        // Again, because the app may have made one after the first look.
        self.check_nested()?;
        Ok(enforced)
    }

    /// Keeps those away who delete or fill it; `wait` is how long the caller waits, for the message.
    pub(crate) fn lock(&self, wait: Duration) -> Result<[Lock; 2]> {
        keep(&self.owner, &self.data, wait)
    }
}

/// Keeps those away who delete or fill what is in `owner`; Timeout when one is at it.
pub(crate) fn keep(owner: &Folder, data: &Folder, wait: Duration) -> Result<[Lock; 2]> {
    let lock = |folder| lock::try_shared(folder)?.ok_or_else(|| lock::in_use(folder, wait));
    Ok([lock(owner)?, lock(data)?])
}

pub(crate) fn check_state(what: &str, name: &str, state: DiskState) -> Result<()> {
    match state {
        DiskState::Ready => Ok(()),
        DiskState::Creating => Err(conflict(format!("{what} `{name}` is not ready yet"))
            .hint("repeat the command that makes it, then copy it")),
        DiskState::Deleting => Err(conflict(format!("{what} `{name}` is being deleted"))),
    }
}

/// The data of something that is ready; without it that is a Conflict.
pub(crate) fn data_at(owner: &Folder, name: &str) -> Result<Folder> {
    let shown = owner.shown(name);
    owner
        .find_folder(name)?
        .ok_or_else(|| cannot("open", shown, std::io::Error::from(rustix::io::Errno::NOENT)))
        .map_err(|failure| Failure { kind: Kind::Conflict, ..failure })
}
