//! File locks, so that two commands at once take turns. Blocks, saying what it waits for.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, Result};

/// An exclusive lock, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting for its holder if there is one.
    pub(crate) fn take(path: &Path, purpose: &str) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(Error::file("open", path))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            eprintln!("[lock] waiting: another process is busy with {purpose}");
            flock(&file, FlockOperation::LockExclusive)
                .map_err(|errno| Error::file("lock", path)(errno.into()))?;
        }
        Ok(Self { _file: file })
    }
}
