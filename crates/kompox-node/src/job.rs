//! A copy that may take long. The folders of both ends are locked for it, the store is not, so that other apps go on. IO.

use crate::data::{self, Wanted};
use crate::failure::{Result, conflict};
use crate::folder::Folder;
use crate::lock::{self, Lock};
use crate::origin::Origin;
use kompox_node_protocol::{Source, VolumeRef};
use std::time::Duration;

/// A copy that was prepared while the store was locked.
#[derive(Debug)]
pub(crate) struct Job {
    origin: Origin,
    target: Folder,
    /// The handle of the record in `target`.
    pub(crate) handle: String,
    wanted: Wanted,
    locks: [Lock; 3],
}

impl Job {
    /// Locks both ends. Timeout when another process has one of them: the caller has the store locked and must not
    /// wait here, because the other process may need the store in order to end.
    pub(crate) fn new(
        origin: Origin,
        target: &Folder,
        handle: &str,
        wanted: Wanted,
        wait: Duration,
    ) -> Result<Self> {
        let target = target.again()?;
        let mine = lock::try_exclusive(&target)?.ok_or_else(|| lock::in_use(&target, wait))?;
        let [owner, data] = origin.lock(wait)?;
        Ok(Self { origin, target, handle: handle.to_owned(), wanted, locks: [mine, owner, data] })
    }

    /// Makes the copy, aside; whether its size is enforced.
    pub(crate) fn run(&self) -> Result<bool> {
        self.origin.copy(&self.target, self.wanted)
    }

    /// Puts the copy in place, with the store locked, if the source is still the one that was copied.
    pub(crate) fn publish(&self, root: &Folder, volume: &VolumeRef, source: &Source) -> Result<()> {
        let now = Origin::find(root, volume, source)?;
        if now.is_none_or(|now| now.handle != self.origin.handle) {
            return Err(conflict(format!("`{source}` was made anew or switched while it was copied"))
                .hint("repeat the command"));
        }
        data::publish(&self.target)
    }

    /// Gives the room back.
    pub(crate) fn give_up(self) {
        data::give_up(&self.target);
        drop(self.locks);
    }
}
