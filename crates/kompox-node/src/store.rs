//! A disk store: its root folder, its id and its lock. IO.

use crate::failure::{Result, cannot, conflict};
use crate::folder::Folder;
use crate::lock::Lock;
use crate::{fault, lock, random, record, trash};
use kompox_node_protocol::{Backend, Failure, Kind, RECORD_FORMAT, StoreRecord, check_app_hash};
use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, Instant};

const RECORD: &str = "store.json";

/// A store that this process has locked.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) root: Folder,
    /// None as long as nothing was made in it.
    pub(crate) id: Option<String>,
    lock: Lock,
}

/// Where a store is and how to come to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The store's root.
    pub(crate) path: &'a Path,
    /// The id it must have, if known.
    pub(crate) expected: Option<&'a str>,
    /// How long to wait for other processes.
    pub(crate) wait: Duration,
    /// How new disks are kept; none leaves it to the file system.
    pub(crate) backend: Option<Backend>,
}

/// How long until an attempt is repeated that met another process.
const PAUSE: Duration = Duration::from_millis(20);

impl Place<'_> {
    /// Repeats what fails because another process has something locked, as long as this place says. Each attempt must
    /// let go of the store before it fails: who has the other lock may need it to come to an end.
    pub(crate) fn patiently<T>(self, mut attempt: impl FnMut(Self) -> Result<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            let wait = self.wait.saturating_sub(started.elapsed());
            match attempt(Self { wait, ..self }) {
                Err(failure) if failure.kind == Kind::Timeout && !wait.is_zero() => {
                    std::thread::sleep(PAUSE.min(wait));
                }
                other => return other,
            }
        }
    }
}

impl Store {
    /// Opens and locks the store; none when there is no folder at its place.
    ///
    /// The id must be the expected one: an empty folder where a store was means a lost or unmounted file system,
    /// not a store without disks.
    pub(crate) fn find(
        Place { path, expected, wait, .. }: Place<'_>,
        lock: fn(&Folder, Duration) -> Result<Lock>,
    ) -> Result<Option<Self>> {
        if !path.try_exists().map_err(|error| cannot("look at", path.display(), error))? {
            return expected.map_or(Ok(None), |id| Err(lost(path, id)));
        }
        let root = Folder::root(path)?;
        let lock = lock(&root, wait)?;
        let record: Option<StoreRecord> = record::read(&root, RECORD)?;
        let store = Self { root, id: record.map(|record| record.id), lock };
        match (&store.id, expected) {
            (Some(id), Some(expected)) if id != expected => {
                Err(conflict(format!("{} is the disk store {id}, not {expected}", path.display())).hint(
                    "another file system is mounted there, or the node was exchanged; bring the old one back",
                ))
            }
            (None, Some(expected)) => Err(lost(path, expected)),
            (None, None) if store.has_apps()? => {
                Err(conflict(format!("{} has content but no {RECORD}", path.display()))
                    .hint("restore the file with the id in the Node's annotation kompox.dev/disk-store"))
            }
            (Some(_), _) | (None, None) => Ok(Some(store)),
        }
    }

    fn has_apps(&self) -> Result<bool> {
        let is_app = |name: &OsString| name.to_str().is_some_and(|name| check_app_hash(name).is_ok());
        Ok(self.root.entries()?.iter().any(|entry| is_app(&entry.name)))
    }

    /// Lets other processes go on.
    pub(crate) fn unlock(self) -> Folder {
        drop(self.lock);
        self.root
    }

    /// Ends a changing request: what an earlier delete could not erase is tried again. A failure of that is for the
    /// delete to report; this request has done its work.
    pub(crate) fn leave(self) {
        let _ = trash::purge(&self.unlock());
    }
}

fn lost(path: &Path, id: &str) -> Failure {
    conflict(format!("the disk store {id} is not at {}", path.display()))
        .hint("its file system may not be mounted; nothing was changed")
}

/// Opens and locks the store for changes; its folder and id are made when there are none.
pub(crate) fn make(place: Place<'_>) -> Result<Store> {
    loop {
        if let Some(mut store) = Store::find(place, lock::exclusive)? {
            if store.id.is_none() {
                let id = random::hex(16)?;
                record::write(&store.root, RECORD, &StoreRecord { format: RECORD_FORMAT, id: id.clone() })?;
                store.id = Some(id);
            }
            return Ok(store);
        }
        fault::point()
            .and_then(|()| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(place.path))
            .map_err(|error| cannot("make", place.path.display(), error))?;
    }
}
