//! The way from a request to an answer: what is checked first, what is locked meanwhile, what is tidied up after. IO.

use crate::create::{self, Wish};
use crate::delete::{self, Gone};
use crate::failure::{Result, invalid};
use crate::job::Job;
use crate::steps::in_steps;
use crate::store::{Place, Store, make};
use crate::{backend, btrfs, disk, fence, listing, lock, occupied, snapshot, trash, volume};
use kompox_node_protocol::{
    AppRef, Backend, CreateDisk, CreateSnapshot, Created, Deleted, Failure, Fenced, Kind, Listing, Operation,
    SnapshotCreated, Source, SourceError, Status, Success, VolumeRef,
};

/// Carries out one request on the store at `place`.
pub(crate) fn answer(place: Place<'_>, operation: &Operation) -> Result<Success> {
    match operation {
        Operation::Status {} => status(place).map(Success::Status),
        Operation::Init {} => init(place).map(Success::Status),
        Operation::List { app } => list(place, app.as_ref()).map(Success::Listing),
        Operation::Create(request) => {
            create(place, request).map(|created| Success::Created(Box::new(created)))
        }
        Operation::Assign(request) => {
            request.check().map_err(invalid)?;
            let unknown = || disk::unknown(&request.volume, &request.disk);
            change(place, unknown, |store| volume::assign(&store.root, request)).map(Success::Assigned)
        }
        Operation::Unassign(request) => {
            request.check().map_err(invalid)?;
            let unknown = || disk::unknown(&request.volume, &request.disk);
            change(place, unknown, |store| volume::unassign(&store.root, request)).map(Success::Assigned)
        }
        Operation::Delete(request) => {
            disk::check_names(&request.volume, &request.disk)?;
            delete(place, |store| delete::disk(&store.root, request, place.wait)).map(Success::Deleted)
        }
        Operation::FindOccupied(request) => occupied::find(place, request).map(Success::Occupied),
        Operation::CreateSnapshot(request) => {
            create_snapshot(place, request).map(|created| Success::SnapshotCreated(Box::new(created)))
        }
        Operation::DeleteSnapshot(request) => {
            request.check().map_err(invalid)?;
            delete(place, |store| delete::snapshot(&store.root, request, place.wait)).map(Success::Deleted)
        }
        Operation::Fence(request) => {
            request.check().map_err(invalid)?;
            fenced(place, &request.volume, |store| fence::set(&store.root, request, place.wait))
        }
        Operation::SetHolder(request) => {
            request.check().map_err(invalid)?;
            fenced(place, &request.volume, |store| fence::set_holder(&store.root, request))
        }
    }
}

/// A change of what must be there.
fn change<T>(
    place: Place<'_>,
    unknown: impl FnOnce() -> Failure,
    change: impl FnOnce(&Store) -> Result<T>,
) -> Result<T> {
    let store = Store::find(place, lock::exclusive)?.ok_or_else(unknown)?;
    let changed = change(&store)?;
    store.leave();
    Ok(changed)
}

fn fenced(place: Place<'_>, volume: &VolumeRef, set: impl Fn(&Store) -> Result<Fenced>) -> Result<Success> {
    place.patiently(|place| change(place, || fence::unknown(volume), &set)).map(Success::Fenced)
}

fn delete(place: Place<'_>, delete: impl Fn(&Store) -> Result<Gone>) -> Result<Deleted> {
    place.patiently(|place| {
        let Some(store) = Store::find(place, lock::exclusive)? else {
            return Ok(Deleted { existed: false, leftover: None });
        };
        let Gone { existed, leftover } = delete(&store)?;
        Ok(Deleted { existed, leftover: leftover.or(trash::leftover(&store.unlock())) })
    })
}

fn parse_source(text: &str) -> Result<Source> {
    Source::parse(text).map_err(|error| match &error {
        SourceError::Unsupported(_) => Failure::new(Kind::Unsupported, error.to_string())
            .hint("use `empty`, `snapshot:NAME`, `disk:NAME` or `sub-path:VOLUME/PATH`"),
        SourceError::Name(_) | SourceError::Path(_) => invalid(error),
    })
}

fn create(place: Place<'_>, request: &CreateDisk) -> Result<Created> {
    request.check().map_err(invalid)?;
    let source = &parse_source(&request.source)?;
    if let Source::Import(_) = source {
        return Err(invalid(format!(
            "`{source}` is not in the store: a request alone does not make such a disk"
        ))
        .hint("its content comes in by `kompox-node import`"));
    }
    let wish = Wish { request, source, backend: backend::choose(place.path, place.backend)? };
    in_steps(
        place,
        make,
        |store| create::begin(&store.root, wish, place.wait),
        std::io::empty(),
        |store, job, whole| create::finish(&store.root, wish, job, whole),
        Job::give_up,
    )
}

fn create_snapshot(place: Place<'_>, request: &CreateSnapshot) -> Result<SnapshotCreated> {
    request.check().map_err(invalid)?;
    let backend = backend::choose(place.path, place.backend)?;
    let open = |place: Place<'_>| {
        let store = Store::find(place, lock::exclusive)?;
        store.ok_or_else(|| disk::unknown(&request.volume, &request.disk))
    };
    in_steps(
        place,
        open,
        |store| snapshot::begin(&store.root, request, backend, place.wait),
        std::io::empty(),
        |store, job, whole| snapshot::finish(&store.root, request, job, whole),
        Job::give_up,
    )
}

fn init(place: Place<'_>) -> Result<Status> {
    let backend = backend::choose(place.path, place.backend)?;
    let store = make(place)?;
    if backend == Backend::Btrfs {
        // Whether it can be done shows in the status.
        btrfs::enable_quota(&store.root)?;
    }
    drop(store);
    status(place)
}

fn status(place: Place<'_>) -> Result<Status> {
    let backend = backend::choose(place.path, place.backend)?;
    let mut status = Status {
        store: None,
        path: place.path.display().to_string(),
        backend,
        size_enforced: false,
        atomic_snapshots: backend == Backend::Btrfs,
        capacity_bytes: 0,
        free_bytes: 0,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Some(store) = Store::find(place, lock::shared)? {
        (status.capacity_bytes, status.free_bytes) = backend::space(&store.root)?;
        status.size_enforced = backend == Backend::Btrfs && btrfs::has_quota(&store.root);
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
