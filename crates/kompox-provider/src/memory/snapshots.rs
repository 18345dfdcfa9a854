//! The snapshots of the memory driver. No IO.

use super::owner::{self, holder};
use super::state::{Memory, Operation, State, StoredSnapshot};
use crate::gaps;
use async_trait::async_trait;
use kompox_model::port::{
    AppScope, Call, ErrorKind, PortError, SnapshotCreate, SnapshotDelete, SnapshotInventory, VolumeSnapshots,
};
use kompox_model::{Disk, DiskName, DiskState, Snapshot, SnapshotName, VolumeName, snapshot};

/// Who asks, what for, and how its errors look.
struct Request<'a> {
    operation: Operation,
    scope: AppScope<'a>,
    volume: &'a VolumeName,
    snapshot: &'a SnapshotName,
    target: String,
}

impl<'a> Request<'a> {
    fn new(
        operation: Operation,
        scope: AppScope<'a>,
        volume: &'a VolumeName,
        snapshot: &'a SnapshotName,
    ) -> Self {
        let target = format!("{}/{volume}/{snapshot}", scope.identity);
        Self { operation, scope, volume, snapshot, target }
    }

    fn error(&self, kind: ErrorKind) -> PortError {
        self.operation.error(kind, &self.target)
    }

    /// The snapshot, after making sure that the volume is ours to change.
    fn find(&self, state: &State) -> Result<Option<Snapshot>, PortError> {
        owner::check(state, self.scope, self.volume)
            .map_err(|text| self.error(ErrorKind::Conflict).detail(text))?;
        match find(state, self.scope, self.volume, self.snapshot).cloned() {
            None => gaps::forbid(&state.gaps, |kind| self.error(kind)).map_or(Ok(None), Err),
            found => Ok(found),
        }
    }

    fn disk(&self, state: &State, name: &DiskName) -> Result<Disk, PortError> {
        let hash = self.scope.identity.app_hash();
        let found = state.disks.iter().find(|stored| {
            stored.app_hash == hash && stored.disk.volume == *self.volume && stored.disk.name == *name
        });
        let disk = found.map(|stored| stored.disk.clone()).ok_or_else(|| {
            self.error(ErrorKind::NotFound).detail(format!("volume {} has no disk {name}", self.volume))
        })?;
        match disk.state {
            DiskState::Ready => Ok(disk),
            state => Err(self.error(ErrorKind::Conflict).detail(format!("disk {name} is {state}"))),
        }
    }

    fn change(&self, state: &mut State, change: impl Fn(&mut Snapshot)) {
        let hash = self.scope.identity.app_hash();
        for stored in &mut state.snapshots {
            let Snapshot { volume, name, .. } = &stored.snapshot;
            if stored.app_hash == hash && volume == self.volume && name == self.snapshot {
                change(&mut stored.snapshot);
            }
        }
    }

    fn make_ready(&self, state: &mut State, disk: &Disk) {
        let Some(handle) =
            find(state, self.scope, self.volume, self.snapshot).map(|found| found.handle.clone())
        else {
            return;
        };
        let content = state.contents.get(&disk.handle).cloned().unwrap_or_default();
        state.contents.insert(handle, content);
        self.change(state, |snapshot| snapshot.state = DiskState::Ready);
    }
}

/// A snapshot of an app's volume.
pub(super) fn find<'s>(
    state: &'s State,
    scope: AppScope<'_>,
    volume: &VolumeName,
    name: &SnapshotName,
) -> Option<&'s Snapshot> {
    let hash = scope.identity.app_hash();
    let ours = state.snapshots.iter().filter(|stored| stored.app_hash == hash);
    ours.map(|stored| &stored.snapshot).find(|found| found.volume == *volume && found.name == *name)
}

fn create(state: &mut State, request: &Request<'_>, options: &SnapshotCreate) -> Result<Snapshot, PortError> {
    let refuse = |kind, detail: String| Err(request.error(kind).detail(detail));
    let known = request.find(state)?;
    match &known {
        Some(found) if found.state == DiskState::Deleting => {
            return refuse(ErrorKind::Conflict, "it is being deleted".to_owned());
        }
        Some(found) if found.disk != options.disk => {
            return refuse(ErrorKind::AlreadyExists, format!("it is one of disk {}", found.disk));
        }
        Some(found) if found.state == DiskState::Ready => {
            return if options.if_not_exists {
                Ok(found.clone())
            } else {
                Err(request.error(ErrorKind::AlreadyExists))
            };
        }
        Some(_) | None => {}
    }
    let disk = request.disk(state, &options.disk)?;
    if !state.atomic_snapshots && !options.at_rest {
        return refuse(ErrorKind::Conflict, format!("disk {} may be in use", disk.name));
    }
    if known.is_some() {
        state.write(request.operation, &request.target, |state| request.make_ready(state, &disk))?;
    } else {
        let snapshot = Snapshot {
            name: request.snapshot.clone(),
            volume: request.volume.clone(),
            disk: disk.name.clone(),
            size: disk.size,
            handle: format!("memory-{}", state.made + 1),
            created_at: options.created_at,
            node: None,
            zone: None,
            state: DiskState::Creating,
            atomic: state.atomic_snapshots,
            holder: holder(request.scope),
        };
        let stored = StoredSnapshot {
            app_hash: request.scope.identity.app_hash(),
            identity: request.scope.identity.clone(),
            snapshot,
        };
        let begin = |state: &mut State| {
            state.made += 1;
            state.snapshots.push(stored);
        };
        state.write_twice(request.operation, &request.target, begin, |state| {
            request.make_ready(state, &disk);
        })?;
    }
    request.find(state)?.ok_or_else(|| request.error(ErrorKind::Internal))
}

fn delete(state: &mut State, request: &Request<'_>, options: SnapshotDelete) -> Result<bool, PortError> {
    let Some(found) = request.find(state)? else { return Ok(false) };
    if !options.dry_run {
        let begin = |state: &mut State| request.change(state, |found| found.state = DiskState::Deleting);
        state.write_twice(request.operation, &request.target, begin, |state| {
            state.snapshots.retain(|stored| stored.snapshot.handle != found.handle);
            state.contents.remove(&found.handle);
        })?;
    }
    Ok(true)
}

#[async_trait]
impl VolumeSnapshots for Memory {
    async fn list(&self, call: &Call<'_>, scope: AppScope<'_>) -> Result<SnapshotInventory, PortError> {
        let target = scope.identity.to_string();
        self.run(call, Operation::ListSnapshots, &target, |state| {
            owner::check_identity(state, scope)
                .map_err(|text| Operation::ListSnapshots.error(ErrorKind::Conflict, &target).detail(text))?;
            let hash = scope.identity.app_hash();
            let ours = state.snapshots.iter().filter(|stored| stored.app_hash == hash);
            let mut snapshots: Vec<_> = ours.map(|stored| stored.snapshot.clone()).collect();
            snapshot::sort(&mut snapshots);
            Ok(SnapshotInventory { snapshots, gaps: state.look() })
        })
        .await
    }

    async fn create(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Snapshot, PortError> {
        let request = Request::new(Operation::CreateSnapshot, scope, volume, &options.name);
        self.run(call, request.operation, &request.target, |state| create(state, &request, options)).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        snapshot: &SnapshotName,
        options: SnapshotDelete,
    ) -> Result<bool, PortError> {
        let request = Request::new(Operation::DeleteSnapshot, scope, volume, snapshot);
        self.run(call, request.operation, &request.target, |state| delete(state, &request, options)).await
    }
}
