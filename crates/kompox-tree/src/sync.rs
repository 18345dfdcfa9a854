//! Getting written content onto the device before it is renamed into place. IO.

use crate::failure::{Result, cannot};
use crate::folder::{Folder, change};
use std::fs::File;

/// From this many files on, one flush of the whole file system is cheaper than one per file.
const MANY: usize = 64;

/// Syncs files one by one while they are few, and otherwise everything at the end.
#[derive(Debug, Default)]
pub struct Syncer {
    seen: usize,
}

impl Syncer {
    /// A file whose content and owner are complete.
    pub fn file(&mut self, file: &File, shown: impl Fn() -> String) -> Result<()> {
        self.seen += 1;
        if self.seen > MANY {
            return Ok(());
        }
        change(|| rustix::fs::fsync(file)).map_err(|error| cannot("sync", shown(), error))
    }

    /// A folder whose entries are complete.
    pub fn folder(&mut self, folder: &Folder) -> Result<()> {
        self.seen += 1;
        if self.seen > MANY { Ok(()) } else { folder.sync() }
    }

    /// Everything beneath `top` is complete.
    pub fn finish(&self, top: &Folder) -> Result<()> {
        if self.seen <= MANY {
            return Ok(());
        }
        change(|| rustix::fs::syncfs(top.fd())).map_err(|error| cannot("sync", top.path().display(), error))
    }
}
