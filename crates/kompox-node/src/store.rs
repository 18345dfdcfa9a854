//! A disk store: its root folder, its id, and the way from a request to an answer. IO.

use crate::failure::{Result, cannot, conflict, invalid};
use crate::folder::Folder;
use crate::lock::Lock;
use crate::{backend, disk, fault, listing, lock, occupied, random, record, trash, volume};
use kompox_node_protocol::{
    AppRef, Deleted, Failure, Listing, Operation, RECORD_FORMAT, Request, Status, StoreRecord, Success,
    check_app_hash,
};
use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

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
}

/// Carries out one request on the store at `path`, waiting at most `wait` for other processes.
pub(crate) fn answer(path: &Path, wait: Duration, request: &Request) -> Result<Success> {
    let place = Place { path, expected: request.store.as_deref(), wait };
    match &request.operation {
        Operation::Status {} => status(place).map(Success::Status),
        Operation::Init {} => {
            drop(make(place)?);
            status(place).map(Success::Status)
        }
        Operation::List { app } => list(place, app.as_ref()).map(Success::Listing),
        Operation::Create(create) => {
            create.check().map_err(invalid)?;
            backend::check_source(&create.source)?;
            let store = make(place)?;
            let created = disk::create(&store.root, create)?;
            store.leave();
            Ok(Success::Created(Box::new(created)))
        }
        Operation::Assign(assign) => {
            disk::check_names(&assign.volume, &assign.disk)?;
            let store = Store::find(place, lock::exclusive)?;
            let store = store.ok_or_else(|| disk::unknown(&assign.volume, &assign.disk))?;
            let assigned = volume::assign(&store.root, assign)?;
            store.leave();
            Ok(Success::Assigned(assigned))
        }
        Operation::Unassign(unassign) => {
            disk::check_names(&unassign.volume, &unassign.disk)?;
            let store = Store::find(place, lock::exclusive)?;
            let store = store.ok_or_else(|| disk::unknown(&unassign.volume, &unassign.disk))?;
            let unassigned = volume::unassign(&store.root, unassign)?;
            store.leave();
            Ok(Success::Assigned(unassigned))
        }
        Operation::Delete(delete) => {
            disk::check_names(&delete.volume, &delete.disk)?;
            let Some(store) = Store::find(place, lock::exclusive)? else {
                return Ok(Success::Deleted(Deleted { existed: false, leftover: None }));
            };
            let existed = disk::delete(&store.root, delete)?;
            let leftover = trash::leftover(&store.unlock());
            Ok(Success::Deleted(Deleted { existed, leftover }))
        }
        Operation::FindOccupied(request) => occupied::find(place, request).map(Success::Occupied),
    }
}

impl Store {
    /// Opens and locks the store; none when there is no folder at its place.
    ///
    /// The id must be the expected one: an empty folder where a store was means a lost or unmounted file system,
    /// not a store without disks.
    pub(crate) fn find(
        Place { path, expected, wait }: Place<'_>,
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
    fn unlock(self) -> Folder {
        drop(self.lock);
        self.root
    }

    /// Ends a changing request: what an earlier delete could not erase is tried again. A failure of that is for the
    /// delete to report; this request has done its work.
    fn leave(self) {
        let _ = trash::purge(&self.unlock());
    }
}

fn lost(path: &Path, id: &str) -> Failure {
    conflict(format!("the disk store {id} is not at {}", path.display()))
        .hint("its file system may not be mounted; nothing was changed")
}

/// Opens and locks the store for changes; its folder and id are made when there are none.
fn make(place: Place<'_>) -> Result<Store> {
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

fn status(place: Place<'_>) -> Result<Status> {
    let mut status = Status {
        store: None,
        path: place.path.display().to_string(),
        backend: backend::KIND,
        capacity_bytes: 0,
        free_bytes: 0,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Some(store) = Store::find(place, lock::shared)? {
        (status.capacity_bytes, status.free_bytes) = backend::space(&store.root)?;
        status.store = store.id;
    }
    Ok(status)
}

fn list(place: Place<'_>, app: Option<&AppRef>) -> Result<Listing> {
    if let Some(app) = app {
        app.check().map_err(invalid)?;
    }
    let Some(store) = Store::find(place, lock::shared)? else {
        return Ok(Listing { store: None, volumes: Vec::new(), problems: Vec::new() });
    };
    let (volumes, problems) = match app {
        Some(app) => (listing::of_app(&store.root, app)?, Vec::new()),
        None => listing::of_all(&store.root)?,
    };
    Ok(Listing { store: store.id, volumes, problems })
}
