//! Requests and what is expected of their answers.

use crate::program::ask;
use kompox_node_protocol::{
    AppRef, AssignDisk, Assigned, CreateDisk, CreateSnapshot, Created, DeleteDisk, DeleteSnapshot, Deleted,
    Failure, Fence, Fenced, Holder, Identity, Listing, Operation, Request, SetHolder, SnapshotCreated,
    Status, Success, UnassignDisk, VolumeRef,
};
use std::path::Path;

pub(crate) fn app(name: &str, app_hash: &str) -> AppRef {
    let identity = Identity { workspace: "ws1".into(), provider: "prv1".into(), app: name.into() };
    AppRef { identity, app_hash: app_hash.into() }
}

pub(crate) fn volume(name: &str) -> VolumeRef {
    let holder = Holder { cluster: "cls1".into(), cluster_uid: "uid-1".into() };
    VolumeRef { app: app("app1", "k9x84f"), holder, volume: name.into() }
}

pub(crate) fn create_request(volume: VolumeRef, disk: &str, generation: u64) -> CreateDisk {
    CreateDisk {
        volume,
        generation,
        disk: disk.into(),
        size_bytes: 1 << 30,
        created_at: "2026-01-31T08:15:00Z".into(),
        source: "empty".into(),
        if_not_exists: false,
        at_rest: false,
    }
}

pub(crate) fn create(root: &Path, request: CreateDisk) -> Result<Created, Failure> {
    ask(root, &Request::new(Operation::Create(request))).map(|success| match success {
        Success::Created(created) => *created,
        other => panic!("{other:?}"),
    })
}

/// Makes a disk of volume `db` and expects success.
pub(crate) fn made(root: &Path, disk: &str, generation: u64) -> Created {
    create(root, create_request(volume("db"), disk, generation)).unwrap()
}

pub(crate) fn assign(root: &Path, disk: &str, generation: u64) -> Result<Assigned, Failure> {
    let request = AssignDisk { volume: volume("db"), generation, disk: disk.into(), at: None };
    ask(root, &Request::new(Operation::Assign(request))).map(|success| match success {
        Success::Assigned(assigned) => assigned,
        other => panic!("{other:?}"),
    })
}

pub(crate) fn unassign(root: &Path, disk: &str, generation: u64) -> Result<Assigned, Failure> {
    let request = UnassignDisk { volume: volume("db"), generation, disk: disk.into(), at: None };
    ask(root, &Request::new(Operation::Unassign(request))).map(|success| match success {
        Success::Assigned(assigned) => assigned,
        other => panic!("{other:?}"),
    })
}

pub(crate) fn delete(root: &Path, disk: &str, generation: u64) -> Result<Deleted, Failure> {
    let request = DeleteDisk { volume: volume("db"), generation, disk: disk.into() };
    ask(root, &Request::new(Operation::Delete(request))).map(|success| match success {
        Success::Deleted(deleted) => deleted,
        other => panic!("{other:?}"),
    })
}

pub(crate) fn list(root: &Path, app: Option<AppRef>) -> Result<Listing, Failure> {
    ask(root, &Request::new(Operation::List { app })).map(listing)
}

pub(crate) fn listing(success: Success) -> Listing {
    match success {
        Success::Listing(listing) => listing,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn status(success: Success) -> Status {
    match success {
        Success::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn snapshot_request(disk: &str, snapshot: &str) -> CreateSnapshot {
    CreateSnapshot {
        volume: volume("db"),
        disk: disk.into(),
        snapshot: snapshot.into(),
        created_at: "2026-01-31T09:00:00Z".into(),
        at_rest: true,
        if_not_exists: false,
    }
}

pub(crate) fn snapshot(root: &Path, request: CreateSnapshot) -> Result<SnapshotCreated, Failure> {
    ask(root, &Request::new(Operation::CreateSnapshot(request))).map(|success| match success {
        Success::SnapshotCreated(created) => *created,
        other => panic!("{other:?}"),
    })
}

pub(crate) fn delete_snapshot(root: &Path, snapshot: &str) -> Result<Deleted, Failure> {
    let request = DeleteSnapshot { volume: volume("db"), snapshot: snapshot.into() };
    ask(root, &Request::new(Operation::DeleteSnapshot(request))).map(|success| match success {
        Success::Deleted(deleted) => deleted,
        other => panic!("{other:?}"),
    })
}

/// A request for a disk of volume `db` with this source, which is at rest.
pub(crate) fn copy_request(disk: &str, source: &str, generation: u64) -> CreateDisk {
    let request = create_request(volume("db"), disk, generation);
    CreateDisk { source: source.into(), at_rest: true, ..request }
}

pub(crate) fn fence(
    root: &Path,
    volume: VolumeRef,
    generation: u64,
    fenced: bool,
) -> Result<Fenced, Failure> {
    ask(root, &Request::new(Operation::Fence(Fence { volume, generation, fenced, at: None }))).map(is_fenced)
}

pub(crate) fn set_holder(
    root: &Path,
    volume: VolumeRef,
    generation: u64,
    from: Holder,
) -> Result<Fenced, Failure> {
    ask(root, &Request::new(Operation::SetHolder(SetHolder { volume, generation, from, at: None })))
        .map(is_fenced)
}

fn is_fenced(success: Success) -> Fenced {
    match success {
        Success::Fenced(fenced) => fenced,
        other => panic!("{other:?}"),
    }
}

/// The names of the snapshots of the only volume in order.
pub(crate) fn snapshots(root: &Path) -> Vec<String> {
    let listing = list(root, None).unwrap();
    assert_eq!(listing.problems, []);
    listing.volumes.into_iter().flat_map(|v| v.snapshots).map(|s| s.record.name).collect()
}

/// The names of the disks of the only volume in order, `*` after the assigned one.
pub(crate) fn disks(root: &Path) -> Vec<String> {
    let listing = list(root, None).unwrap();
    assert_eq!(listing.problems, []);
    let star = |assigned| if assigned { "*" } else { "" };
    let volumes = listing.volumes.into_iter();
    volumes.flat_map(|v| v.disks).map(|d| format!("{}{}", d.record.name, star(d.assigned))).collect()
}
