//! Locks on folders between processes, with a bounded wait. IO.

use crate::failure::{Result, cannot};
use crate::folder::Folder;
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long to wait for another process, unless the caller says otherwise.
pub const WAIT: Duration = Duration::from_secs(20);

/// A held lock; released when dropped, and by the system when the process ends in any way.
#[derive(Debug)]
pub struct Lock(OwnedFd);

/// Nobody writes while this is held; others may read too.
pub fn shared(folder: &Folder, wait: Duration) -> Result<Lock> {
    take(folder, FlockOperation::NonBlockingLockShared, wait)
}

/// Nobody else reads or writes while this is held.
pub fn exclusive(folder: &Folder, wait: Duration) -> Result<Lock> {
    take(folder, FlockOperation::NonBlockingLockExclusive, wait)
}

/// The same as [`shared`] without any wait: none when another process holds it exclusively.
pub fn try_shared(folder: &Folder) -> Result<Option<Lock>> {
    attempt(folder, FlockOperation::NonBlockingLockShared)
}

/// The same as [`exclusive`] without any wait: none when another process holds it.
pub fn try_exclusive(folder: &Folder) -> Result<Option<Lock>> {
    attempt(folder, FlockOperation::NonBlockingLockExclusive)
}

/// The failure of one who waited that long for another process.
pub fn in_use(folder: &Folder, wait: Duration) -> Failure {
    let path = folder.path().display();
    let message = format!("{path} is still in use by another process after {} s", wait.as_secs());
    Failure::new(Kind::Timeout, message).hint("wait for it to end and repeat the command")
}

fn take(folder: &Folder, operation: FlockOperation, wait: Duration) -> Result<Lock> {
    let started = Instant::now();
    loop {
        if let Some(lock) = attempt(folder, operation)? {
            return Ok(lock);
        }
        if started.elapsed() >= wait {
            return Err(in_use(folder, wait));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn attempt(folder: &Folder, operation: FlockOperation) -> Result<Option<Lock>> {
    match flock(folder.fd(), operation) {
        Ok(()) => {
            // The same open folder under a second number: the guard borrows nothing.
            let again = folder.fd().try_clone_to_owned();
            again.map(Lock).map(Some).map_err(|error| cannot("lock", folder.path().display(), error))
        }
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        Err(error) => Err(cannot("lock", folder.path().display(), error)),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Cannot fail for a lock that is held; closing the folder would release it too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_exclude_each_other_and_readers_do_not() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = [(); 2].map(|()| Folder::root(root.path()).unwrap());
        let none = Duration::ZERO;
        let reader = shared(&a, none).unwrap();
        drop(shared(&b, none).unwrap());
        assert_eq!(exclusive(&b, none).unwrap_err().kind, Kind::Timeout);
        assert!(try_exclusive(&b).unwrap().is_none());
        assert!(try_shared(&b).unwrap().is_some());
        drop(reader);
        let writer = exclusive(&b, none).unwrap();
        assert_eq!(shared(&a, Duration::from_millis(30)).unwrap_err().kind, Kind::Timeout);
        drop(writer);
        drop(exclusive(&a, none).unwrap());
    }
}
