//! Taking a cluster down, whatever state it is in. Ends processes, deletes data when asked to.

use std::fs;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::layout::slot_lock;
use crate::lock::Lock;
use crate::machine::{self, Record};
use crate::process::wait_until;
use crate::steps::Steps;

/// How long killed processes may take to end.
const END_LIMIT: Duration = Duration::from_secs(60);

/// What `down` deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wipe {
    /// The cluster's data: its objects, images and keys.
    Cluster,
    /// Its disks too.
    Everything,
}

impl Cluster {
    /// Takes it down and undoes everything outside its own folder, whatever state it is in.
    pub(crate) fn down(&self, wipe: Option<Wipe>) -> Result<()> {
        let name = self.name();
        let steps = Steps::new(&name);
        machine::check()?;
        let _lock = Lock::take(&slot_lock(self.slot), &format!("cluster {name}"))?;
        self.check_owner()?;
        steps.step("down", || {
            if let Some(record) = Record::read(self.slot)? {
                record.holder.kill();
                wait_until(END_LIMIT, "the end of the cluster's processes", || !record.holder.alive())?;
            }
            machine::clean(self.slot)?;
            machine::restore_if_unused()
        })?;
        match wipe {
            None => Ok(()),
            Some(wipe) => steps.step("wiping data", || self.wipe(wipe)),
        }
    }

    fn wipe(&self, wipe: Wipe) -> Result<()> {
        let folder = self.folder();
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        for entry in entries.flatten().map(|entry| entry.path()) {
            if wipe == Wipe::Everything || entry != self.disk_store() {
                fs::remove_dir_all(&entry).map_err(Error::file("remove", entry))?;
            }
        }
        match wipe {
            Wipe::Cluster => Ok(()),
            Wipe::Everything => fs::remove_dir(&folder).map_err(Error::file("remove", folder)),
        }
    }
}
