//! A copy or an import that may take long. The folders of both ends are locked for it, the store is not, so that other
//! apps go on. IO.

use crate::data::{self, Wanted};
use crate::failure::{Result, conflict};
use crate::folder::Folder;
use crate::lock::{self, Lock};
use crate::origin::Origin;
use kompox_node_protocol::{Source, VolumeRef};
use kompox_tree::Imported;
use std::io::Read;
use std::time::Duration;

/// Work that was prepared while the store was locked.
#[derive(Debug)]
pub(crate) struct Job {
    /// None when the content comes from outside.
    origin: Option<Origin>,
    target: Folder,
    /// The handle of the record in `target`.
    pub(crate) handle: String,
    /// Whether that record was made by this run.
    pub(crate) fresh: bool,
    wanted: Wanted,
    locks: Vec<Lock>,
}

/// Content that has come to its end, aside.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Whether its size is enforced.
    pub(crate) enforced: bool,
    /// What the archive was that it came in, if it came in one.
    pub(crate) imported: Option<Imported>,
}

impl Job {
    /// Locks both ends. Timeout when another process has one of them: the caller has the store locked and must not
    /// wait here, because the other process may need the store in order to end.
    pub(crate) fn new(
        origin: Option<Origin>,
        target: &Folder,
        handle: &str,
        wanted: Wanted,
        wait: Duration,
    ) -> Result<Self> {
        let target = target.again()?;
        let mut locks = vec![lock::try_exclusive(&target)?.ok_or_else(|| lock::in_use(&target, wait))?];
        if let Some(origin) = &origin {
            locks.extend(origin.lock(wait)?);
        }
        Ok(Self { origin, target, handle: handle.to_owned(), fresh: false, wanted, locks })
    }

    /// Makes the content aside: a copy of the origin, or what is in `stream`.
    pub(crate) fn run(&self, stream: impl Read + Send) -> Result<Whole> {
        match &self.origin {
            Some(origin) => {
                let enforced = origin.copy(&self.target, self.wanted)?;
                Ok(Whole { enforced, imported: None })
            }
            None => {
                let (enforced, imported) = data::take_in(&self.target, self.wanted, stream)?;
                Ok(Whole { enforced, imported: Some(imported) })
            }
        }
    }

    /// Puts the content in place, with the store locked, if the source is still the one that was copied.
    pub(crate) fn publish(&self, root: &Folder, volume: &VolumeRef, source: &Source) -> Result<()> {
        if let Some(origin) = &self.origin {
            let now = Origin::find(root, volume, source)?;
            if now.is_none_or(|now| now.handle != origin.handle) {
                return Err(conflict(format!("`{source}` was made anew or switched while it was copied"))
                    .hint("repeat the command"));
            }
        }
        data::publish(&self.target)
    }

    /// Gives the room back.
    pub(crate) fn give_up(self) {
        data::give_up(&self.target);
        drop(self.locks);
    }
}
