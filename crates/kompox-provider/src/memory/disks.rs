//! The disks of the memory driver. No IO.

use super::owner::{self, check_identity, holder};
use super::state::{Memory, Operation, State, Stored};
use super::{snapshots, volumes};
use crate::gaps;
use async_trait::async_trait;
use kompox_model::port::{
    AppScope, Call, DiskAssign, DiskCreate, DiskDelete, DiskInventory, Disks, ErrorKind, PortError,
};
use kompox_model::{
    App, Cluster, Disk, DiskName, DiskSource, DiskState, Volume, VolumeChange, VolumeClass, VolumeKind,
    VolumeName, disk,
};
use kompox_node_protocol::check_sub_path;
use std::collections::{BTreeMap, BTreeSet};

/// Who asks, what for, and how its errors look.
struct Request<'a> {
    operation: Operation,
    scope: AppScope<'a>,
    volume: &'a VolumeName,
    disk: &'a DiskName,
    target: String,
}

impl<'a> Request<'a> {
    fn new(operation: Operation, scope: AppScope<'a>, volume: &'a VolumeName, disk: &'a DiskName) -> Self {
        Self { operation, scope, volume, disk, target: format!("{}/{volume}/{disk}", scope.identity) }
    }

    fn error(&self, kind: ErrorKind) -> PortError {
        self.operation.error(kind, &self.target)
    }

    /// The disk, whoever holds the volume.
    fn look(&self, state: &State) -> Result<Disk, PortError> {
        check_identity(state, self.scope).map_err(|text| self.error(ErrorKind::Conflict).detail(text))?;
        let found = self.volume_disks(state).find(|disk| disk.name == *self.disk).cloned();
        found.ok_or_else(|| self.error(ErrorKind::NotFound))
    }

    /// The disk, after making sure that the volume is ours to change.
    fn find(&self, state: &State) -> Result<Option<Disk>, PortError> {
        owner::check(state, self.scope, self.volume)
            .map_err(|text| self.error(ErrorKind::Conflict).detail(text))?;
        let found = self.volume_disks(state).find(|disk| disk.name == *self.disk).cloned();
        match found {
            None => gaps::forbid(&state.gaps, |kind| self.error(kind)).map_or(Ok(None), Err),
            found => Ok(found),
        }
    }

    fn volume_disks<'s>(&'s self, state: &'s State) -> impl Iterator<Item = &'s Disk> {
        let hash = self.scope.identity.app_hash();
        let ours = move |stored: &&Stored| stored.app_hash == hash && stored.disk.volume == *self.volume;
        state.disks.iter().filter(ours).map(|stored| &stored.disk)
    }

    /// The disk, which must be there and ready.
    fn find_ready(&self, state: &State) -> Result<Disk, PortError> {
        let disk = self.find(state)?.ok_or_else(|| self.error(ErrorKind::NotFound))?;
        match disk.state {
            DiskState::Ready => Ok(disk),
            state => Err(self.error(ErrorKind::Conflict).detail(format!("it is {state}"))),
        }
    }

    fn make_ready(&self, state: &mut State, options: &DiskCreate, content: BTreeSet<String>) {
        let made = self.volume_disks(state).find(|disk| disk.name == *self.disk);
        if let Some(handle) = made.map(|disk| disk.handle.clone()) {
            state.contents.insert(handle, content);
        }
        self.change(state, |named, disk| {
            if named {
                disk.size = options.size;
                disk.state = DiskState::Ready;
            }
        });
    }

    /// Changes the disks of the volume; the flag tells which is the named one.
    fn change(&self, state: &mut State, change: impl Fn(bool, &mut Disk)) {
        let hash = self.scope.identity.app_hash();
        for stored in &mut state.disks {
            if stored.app_hash == hash && stored.disk.volume == *self.volume {
                change(stored.disk.name == *self.disk, &mut stored.disk);
            }
        }
    }
}

/// A disk of an app's volume.
pub(super) fn find<'s>(
    state: &'s State,
    scope: AppScope<'_>,
    volume: &VolumeName,
    name: &DiskName,
) -> Option<&'s Disk> {
    let hash = scope.identity.app_hash();
    let ours = state.disks.iter().filter(|stored| stored.app_hash == hash);
    ours.map(|stored| &stored.disk).find(|found| found.volume == *volume && found.name == *name)
}

/// What the source of a new disk holds.
fn content(
    state: &State,
    request: &Request<'_>,
    options: &DiskCreate,
) -> Result<BTreeSet<String>, PortError> {
    let refuse = |kind, detail: String| Err(request.error(kind).detail(detail));
    let missing = || {
        let detail = format!("volume {} has no {}", request.volume, options.source);
        request.error(ErrorKind::NotFound).detail(detail)
    };
    let (handle, size, source_state) = match &options.source {
        DiskSource::Empty => return Ok(BTreeSet::new()),
        DiskSource::Provider(id) if id.starts_with("import:") => {
            return refuse(ErrorKind::Invalid, format!("{id} is taken in, not made"));
        }
        DiskSource::Provider(id) => {
            return refuse(ErrorKind::Unsupported, format!("disks cannot be made from {id}"));
        }
        DiskSource::Snapshot(name) => {
            let found = snapshots::find(state, request.scope, request.volume, name).ok_or_else(missing)?;
            (&found.handle, found.size, found.state)
        }
        DiskSource::Disk(name) => {
            let found = request.volume_disks(state).find(|disk| disk.name == *name).ok_or_else(missing)?;
            if !state.atomic_snapshots && !options.at_rest {
                return refuse(ErrorKind::Conflict, format!("disk {name} may be in use"));
            }
            (&found.handle, found.size, found.state)
        }
    };
    if source_state != DiskState::Ready {
        return refuse(ErrorKind::Conflict, format!("{} is {source_state}", options.source));
    }
    if options.size < size {
        return refuse(
            ErrorKind::Invalid,
            format!("it is smaller than {}, which has {size}", options.source),
        );
    }
    Ok(state.contents.get(handle).cloned().unwrap_or_default())
}

fn create(state: &mut State, request: &Request<'_>, options: &DiskCreate) -> Result<Disk, PortError> {
    let refuse = |kind, detail: String| Err(request.error(kind).detail(detail));
    if options.size.0 == 0 {
        return refuse(ErrorKind::Invalid, "its size is 0".to_owned());
    }
    match request.find(state)? {
        Some(disk) if disk.state == DiskState::Ready => {
            return if options.if_not_exists {
                Ok(disk)
            } else {
                Err(request.error(ErrorKind::AlreadyExists))
            };
        }
        Some(disk) if disk.state == DiskState::Deleting => {
            return refuse(ErrorKind::Conflict, "it is being deleted".to_owned());
        }
        Some(disk) if disk.source != options.source => {
            return refuse(ErrorKind::AlreadyExists, format!("it is being made from {}", disk.source));
        }
        Some(_) => {
            let content = content(state, request, options)?;
            state.write(request.operation, &request.target, |state| {
                request.make_ready(state, options, content);
            })?;
        }
        None => {
            let content = content(state, request, options)?;
            let new = Disk {
                name: request.disk.clone(),
                volume: request.volume.clone(),
                size: options.size,
                size_enforced: true,
                atomic_snapshots: state.atomic_snapshots,
                handle: format!("memory-{}", state.made + 1),
                assigned: request.volume_disks(state).next().is_none(),
                created_at: options.created_at,
                node: None,
                zone: None,
                source: options.source.clone(),
                state: DiskState::Creating,
                holder: holder(request.scope),
            };
            let stored = Stored {
                app_hash: request.scope.identity.app_hash(),
                identity: request.scope.identity.clone(),
                disk: new,
            };
            let begin = |state: &mut State| {
                state.made += 1;
                volumes::begun(state, request.scope, &stored.disk);
                state.disks.push(stored);
            };
            state.write_twice(request.operation, &request.target, begin, |state| {
                request.make_ready(state, options, content);
            })?;
        }
    }
    request.find(state)?.ok_or_else(|| request.error(ErrorKind::Internal))
}

fn assign(state: &mut State, request: &Request<'_>, options: DiskAssign) -> Result<Disk, PortError> {
    let mut disk = request.find_ready(state)?;
    let previous = request.volume_disks(state).find(|disk| disk.assigned).map(|disk| disk.name.clone());
    let right = request.volume_disks(state).all(|other| other.assigned == (other.name == *request.disk));
    if !right && !options.dry_run {
        state.write_twice(
            request.operation,
            &request.target,
            |state| request.change(state, |named, disk| disk.assigned |= named),
            |state| request.change(state, |named, disk| disk.assigned = named),
        )?;
        let change = VolumeChange::Assigned { disk: disk.name.clone(), previous };
        volumes::remember(state, request.scope, request.volume, options.at, change);
    }
    disk.assigned = true;
    Ok(disk)
}

fn unassign(state: &mut State, request: &Request<'_>, options: DiskAssign) -> Result<Disk, PortError> {
    let mut disk = request.find(state)?.ok_or_else(|| request.error(ErrorKind::NotFound))?;
    if disk.assigned && !options.dry_run {
        state.write(request.operation, &request.target, |state| {
            request.change(state, |named, disk| disk.assigned &= !named);
        })?;
        let change = VolumeChange::Unassigned { disk: disk.name.clone() };
        volumes::remember(state, request.scope, request.volume, options.at, change);
    }
    disk.assigned = false;
    Ok(disk)
}

fn delete(state: &mut State, request: &Request<'_>, options: DiskDelete) -> Result<bool, PortError> {
    let Some(disk) = request.find(state)? else {
        return Ok(false);
    };
    if disk.assigned {
        return Err(request.error(ErrorKind::Conflict).detail("it is assigned"));
    }
    if !options.dry_run {
        let begin = |state: &mut State| {
            request.change(state, |named, disk| {
                if named {
                    disk.state = DiskState::Deleting;
                }
            });
        };
        state.write_twice(request.operation, &request.target, begin, |state| {
            state.disks.retain(|stored| stored.disk.handle != disk.handle);
            state.contents.remove(&disk.handle);
        })?;
    }
    Ok(true)
}

/// True when something was unpacked at `path` or beneath it.
fn is_occupied(state: &State, disk: &Disk, path: &str) -> bool {
    let beneath = |filled: &String| {
        filled.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    state.contents.get(&disk.handle).is_some_and(|filled| filled.iter().any(beneath))
}

fn check_path(request: &Request<'_>, path: &str) -> Result<(), PortError> {
    check_sub_path(path).map_err(|text| request.error(ErrorKind::Invalid).detail(text))
}

fn fill(state: &mut State, request: &Request<'_>, path: &str, archive: &[u8]) -> Result<bool, PortError> {
    check_path(request, path)?;
    let disk = request.find_ready(state)?;
    if is_occupied(state, &disk, path) {
        return Ok(false);
    }
    // An archive that holds nothing is a run of zeros.
    let holds_something = archive.iter().any(|byte| *byte != 0);
    state.write(request.operation, &request.target, |state| {
        if holds_something {
            state.contents.entry(disk.handle).or_default().insert(path.to_owned());
        }
    })?;
    Ok(true)
}

#[async_trait]
impl Disks for Memory {
    fn class(&self, _cluster: &Cluster, _app: &App, _volume: &Volume) -> Result<VolumeClass, PortError> {
        Ok(VolumeClass {
            kind: VolumeKind::Csi {
                driver: "memory.kompox.dev".to_owned(),
                fs_type: None,
                attributes: BTreeMap::new(),
            },
            storage_class: None,
            access_modes: vec!["ReadWriteOncePod".to_owned()],
            mount_options: Vec::new(),
        })
    }

    async fn list(&self, call: &Call<'_>, scope: AppScope<'_>) -> Result<DiskInventory, PortError> {
        let target = scope.identity.to_string();
        self.run(call, Operation::List, &target, |state| {
            check_identity(state, scope)
                .map_err(|text| Operation::List.error(ErrorKind::Conflict, &target).detail(text))?;
            let hash = scope.identity.app_hash();
            let ours = state.disks.iter().filter(|stored| stored.app_hash == hash);
            let mut disks: Vec<_> = ours.map(|stored| stored.disk.clone()).collect();
            disk::sort(&mut disks);
            Ok(DiskInventory { disks, volumes: volumes::of(state, scope), gaps: state.look() })
        })
        .await
    }

    async fn create(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Disk, PortError> {
        let request = Request::new(Operation::Create, scope, volume, &options.name);
        self.run(call, request.operation, &request.target, |state| create(state, &request, options)).await
    }

    async fn assign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskAssign,
    ) -> Result<Disk, PortError> {
        let request = Request::new(Operation::Assign, scope, volume, disk);
        self.run(call, request.operation, &request.target, |state| assign(state, &request, options)).await
    }

    async fn unassign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskAssign,
    ) -> Result<Disk, PortError> {
        let request = Request::new(Operation::Unassign, scope, volume, disk);
        self.run(call, request.operation, &request.target, |state| unassign(state, &request, options)).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskDelete,
    ) -> Result<bool, PortError> {
        let request = Request::new(Operation::Delete, scope, volume, disk);
        self.run(call, request.operation, &request.target, |state| delete(state, &request, options)).await
    }

    async fn occupied(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        paths: &[String],
    ) -> Result<Vec<String>, PortError> {
        let request = Request::new(Operation::LookInto, scope, volume, disk);
        self.run(call, request.operation, &request.target, |state| {
            paths.iter().try_for_each(|path| check_path(&request, path))?;
            let disk = request.look(state)?;
            Ok(paths.iter().filter(|path| is_occupied(state, &disk, path)).cloned().collect())
        })
        .await
    }

    async fn fill(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        path: &str,
        archive: &[u8],
    ) -> Result<bool, PortError> {
        let request = Request::new(Operation::Fill, scope, volume, disk);
        self.run(call, request.operation, &request.target, |state| fill(state, &request, path, archive)).await
    }
}
