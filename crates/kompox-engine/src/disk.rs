//! Use cases of disks: list, create, assign, attach, detach, delete, repair, export, import, log. IO through the ports.

mod attach;
mod attach_set;
mod detach;
mod export;
mod health;
mod import;
mod log;
mod pipe;
mod repair;
mod source;
mod survey;
mod usage;

pub use attach::{AttachOptions, Attached, Target, attach};
pub use attach_set::{AttachedSet, attach_set};
pub use detach::detach;
pub(crate) use export::streams;
pub use export::{ExportOptions, Exportee, export};
pub use import::{ImportFrom, ImportOptions, import};
pub use log::{Ancestor, DiskLog, log};
pub(crate) use pipe::pipe;
pub use repair::{Repair, RepairOptions, Repaired, repair};
pub(crate) use source::is_at_rest;
pub(crate) use survey::{Survey, survey};
pub(crate) use usage::{handle_of, mounted_by_pod, used_by};

use crate::app::record::Memory;
use crate::app::{act, live};
use crate::progress::Step;
use crate::{Error, Event, Scope, refusal};
use kompox_model::port::{
    ApplyOptions, DiskAssign, DiskCreate, DiskDelete, DiskInventory, Disks, ErrorKind, GapKind, Lock, Patch,
    PortError,
};
use kompox_model::quantity::Bytes;
use kompox_model::{
    AppIdentity, Disk, DiskName, DiskSource, DiskState, Holder, ObjectRef, Volume, VolumeName, label,
    resource_name,
};
use serde_json::{Value, json};
use usage::{refuse_elsewhere, refuse_used};

/// What a new disk shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// The volume; none means the app's first.
    pub volume: Option<VolumeName>,
    /// Its name; none means a generated one.
    pub name: Option<DiskName>,
    /// Its size; none means that of the volume.
    pub size: Option<Bytes>,
    /// What it is made from.
    pub source: DiskSource,
    /// An existing disk of that name is success.
    pub if_not_exists: bool,
    /// Only say what would be made.
    pub dry_run: bool,
    /// The time to record.
    pub now: jiff::Timestamp,
    /// For a generated name.
    pub random: u64,
}

impl CreateOptions {
    /// What the driver is asked for.
    fn request(&self, volume: &Volume) -> DiskCreate {
        let seconds = u64::try_from(self.now.as_second()).unwrap_or_default();
        DiskCreate {
            name: self.name.clone().unwrap_or_else(|| DiskName::generated(seconds, self.random)),
            size: self.size.unwrap_or(volume.size),
            source: self.source.clone(),
            created_at: self.now,
            at_rest: false,
            if_not_exists: self.if_not_exists,
        }
    }
}

/// The app's disks on this cluster, and what could not be looked into.
///
/// # Errors
/// Unsupported when the driver has no disks; those of the driver.
pub async fn list(scope: &Scope<'_>) -> Result<DiskInventory, Error> {
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    inventory(scope, &cluster.uid).await
}

/// Makes a disk. The first of a volume is assigned.
///
/// # Errors
/// AlreadyExists for a finished disk of that name, NotFound for an unknown volume; those of the driver.
pub async fn create(scope: &Scope<'_>, options: &CreateOptions, holder: &str) -> Result<Disk, Error> {
    let volume = find_volume(scope, options.volume.as_ref())?;
    let create = options.request(volume);
    if options.dry_run {
        return planned(scope, volume, &create).await;
    }
    if create.if_not_exists
        && let Some(disk) = look_for(scope, &volume.name, &create.name).await?.own_ready()
    {
        return Ok(disk);
    }
    under_lock(scope, holder, async |identity: &AppIdentity, uid: &str, lock: &dyn Lock| {
        let known = inventory(scope, uid).await?;
        let at_rest = is_at_rest(scope, &known, &volume.name, &create.source).await?;
        let create = DiskCreate { at_rest, ..create };
        let step = Step::start(scope.progress, format!("creating disk {}", create.name));
        lock.check()?;
        let disk =
            disks(scope)?.create(&scope.call(), scope.disks(identity, uid), &volume.name, &create).await?;
        step.done(format!("disk {} created", disk.name));
        Ok(disk)
    })
    .await
}

/// The disk that a create would make.
async fn planned(scope: &Scope<'_>, volume: &Volume, create: &DiskCreate) -> Result<Disk, Error> {
    let looked = look_for(scope, &volume.name, &create.name).await?;
    if looked.inventory.gaps.iter().any(|gap| gap.kind != GapKind::NotInstalled) {
        believed(&looked.inventory)?;
    }
    let first = !looked.inventory.disks.iter().any(|disk| disk.volume == volume.name);
    match looked.disk {
        Some(disk) if create.if_not_exists || disk.state == DiskState::Creating => Ok(disk),
        Some(disk) => Err(Error::refused(
            refusal::disk::EXISTS,
            format!("disk {} of volume {} exists already", disk.name, volume.name),
            "choose another name, or accept it with --if-not-exists",
        )),
        None => Ok(Disk {
            name: create.name.clone(),
            volume: volume.name.clone(),
            size: create.size,
            size_enforced: false,
            atomic_snapshots: false,
            handle: resource_name::unresolved_handle(&volume.name),
            assigned: first,
            created_at: create.created_at,
            node: None,
            zone: None,
            source: create.source.clone(),
            state: DiskState::Creating,
            holder: looked.holder,
        }),
    }
}

/// Assigns a disk, in its record only; the next deploy uses it.
///
/// # Errors
/// NotFound without such a disk; those of the driver.
pub async fn assign(
    scope: &Scope<'_>,
    volume: Option<&VolumeName>,
    name: &DiskName,
    options: DiskAssign,
    holder: &str,
) -> Result<Disk, Error> {
    let volume = find_volume(scope, volume)?;
    let looked = look_for(scope, &volume.name, name).await?;
    if looked.is_known_missing() {
        return Err(missing(scope, name));
    }
    if options.dry_run {
        let identity = scope.identity();
        let scoped = scope.disks(&identity, &looked.holder.uid);
        return Ok(disks(scope)?.assign(&scope.call(), scoped, &volume.name, name, options).await?);
    }
    let is_only = looked.assigned == 1;
    if let Some(disk) = looked.own_ready().filter(|disk| disk.assigned && is_only) {
        return Ok(disk);
    }
    under_lock(scope, holder, async |identity: &AppIdentity, uid: &str, lock: &dyn Lock| {
        lock.check()?;
        let scoped = scope.disks(identity, uid);
        Ok(disks(scope)?.assign(&scope.call(), scoped, &volume.name, name, options).await?)
    })
    .await
}

/// Deletes a disk that is not assigned and that no PersistentVolume refers to, and lets the Namespace forget that a volume
/// used it: the next deploy may begin with a new disk if there is no other. False when there was none.
///
/// # Errors
/// Conflict while the disk is assigned or in use; those of the driver and the cluster.
pub async fn delete(
    scope: &Scope<'_>,
    volume: Option<&VolumeName>,
    name: &DiskName,
    options: DiskDelete,
    holder: &str,
) -> Result<bool, Error> {
    let volume = find_volume(scope, volume)?.name.clone();
    let looked = look_for(scope, &volume, name).await?;
    believed(&looked.inventory)?;
    let Some(disk) = looked.disk else { return Ok(false) };
    refuse_assigned(&disk)?;
    refuse_used(scope, &disk.handle).await?;
    if options.dry_run {
        let identity = scope.identity();
        let scoped = scope.disks(&identity, &looked.holder.uid);
        return Ok(disks(scope)?.delete(&scope.call(), scoped, &volume, name, options).await?);
    }
    under_lock(scope, holder, async |identity: &AppIdentity, uid: &str, lock: &dyn Lock| {
        // Somebody may have assigned or used it until we got the Lease.
        if let Some(disk) = look_for(scope, &volume, name).await?.disk {
            refuse_assigned(&disk)?;
            refuse_used(scope, &disk.handle).await?;
        }
        // First: a disk that is remembered and gone counts as lost, one that is there and forgotten is refused as not assigned.
        forget(scope, lock, &disk.handle).await?;
        let step = Step::start(scope.progress, format!("deleting disk {name}"));
        lock.check()?;
        let scoped = scope.disks(identity, uid);
        let deleted = disks(scope)?.delete(&scope.call(), scoped, &volume, name, options).await?;
        step.done(format!("disk {name} deleted"));
        Ok(deleted)
    })
    .await
}

/// Takes the disk from what the Namespace remembers of disks in use.
async fn forget(scope: &Scope<'_>, lock: &dyn Lock, handle: &str) -> Result<(), Error> {
    let Some(namespace) = live::namespace(scope).await? else { return Ok(()) };
    let Some(annotations) = Memory::read(Some(&namespace), &[])?.without(handle) else { return Ok(()) };
    lock.check()?;
    let version = &namespace["metadata"]["resourceVersion"];
    let change = json!({"metadata": {"resourceVersion": version, "annotations": annotations}});
    let reference = live::namespace_reference(scope);
    scope.kubernetes.patch(&scope.call(), &reference, &Patch::Merge(change)).await?;
    Ok(())
}

/// One disk as it was found.
struct Looked {
    inventory: DiskInventory,
    disk: Option<Disk>,
    /// How many disks of its volume are assigned.
    assigned: usize,
    holder: Holder,
}

impl Looked {
    /// The disk, if it is ready and held by this cluster.
    fn own_ready(self) -> Option<Disk> {
        let holder = self.holder;
        self.disk.filter(|disk| disk.state == DiskState::Ready && disk.holder == holder)
    }

    /// True when every place that may have it was looked into.
    fn is_known_missing(&self) -> bool {
        self.disk.is_none() && self.inventory.gaps.is_empty()
    }
}

async fn look_for(scope: &Scope<'_>, volume: &VolumeName, name: &DiskName) -> Result<Looked, Error> {
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let inventory = inventory(scope, &cluster.uid).await?;
    let of_volume = || inventory.disks.iter().filter(|disk| disk.volume == *volume);
    Ok(Looked {
        disk: of_volume().find(|disk| disk.name == *name).cloned(),
        assigned: of_volume().filter(|disk| disk.assigned).count(),
        holder: Holder { cluster: scope.cluster.name.clone(), uid: cluster.uid },
        inventory,
    })
}

pub(crate) fn missing(scope: &Scope<'_>, name: &DiskName) -> Error {
    Error::refused(
        refusal::disk::UNKNOWN,
        format!("app {} has no disk {name}", scope.app.name),
        "see which there are: kompoxops disk list",
    )
}

fn refuse_assigned(disk: &Disk) -> Result<(), Error> {
    if disk.assigned {
        return Err(Error::refused(
            refusal::disk::ASSIGNED,
            format!("disk {} is the assigned disk of volume {}", disk.name, disk.volume),
            "assign another disk first: kompoxops disk assign NAME",
        ));
    }
    Ok(())
}

/// The driver's disks.
pub(crate) fn disks<'a>(scope: &Scope<'a>) -> Result<&'a dyn Disks, Error> {
    scope.driver.disks().ok_or_else(|| {
        PortError::new(ErrorKind::Unsupported, scope.driver.id(), "use", "disks")
            .detail("this driver has no disks: not supported")
            .into()
    })
}

pub(crate) async fn inventory(scope: &Scope<'_>, cluster_uid: &str) -> Result<DiskInventory, Error> {
    let identity = scope.identity();
    Ok(disks(scope)?.list(&scope.call(), scope.disks(&identity, cluster_uid)).await?)
}

/// Refuses to believe an inventory with gaps.
pub(crate) fn believed(inventory: &DiskInventory) -> Result<(), Error> {
    let Some(gap) = inventory.gaps.first() else { return Ok(()) };
    let (refusal, hint) = match gap.kind {
        GapKind::NotInstalled => {
            let hint = "repeat the command in a moment if it is starting; one that makes a disk installs it";
            (refusal::disk::UNSEEN_NOT_INSTALLED, hint)
        }
        GapKind::Unreachable => (
            refusal::disk::UNSEEN_UNREACHABLE,
            "nothing was changed; repeat the command once it answers again",
        ),
        GapKind::Foreign => (
            refusal::disk::UNSEEN_FOREIGN,
            "nothing was changed; mount the right disk store on that node first",
        ),
    };
    Err(Error::refused(refusal, format!("not all disks can be seen: {}", gap.message), hint))
}

/// Applies what the driver needs in the cluster, if it differs from what is there, and waits for it.
pub(crate) async fn prepare(scope: &Scope<'_>, lock: &dyn Lock) -> Result<(), Error> {
    let plan = scope.driver.install_plan(scope.cluster)?;
    let call = scope.call();
    let mut written = 0;
    for object in plan.iter() {
        let live = scope.kubernetes.get(&call, &object.reference).await?;
        let force = ApplyOptions { dry_run: false, force: true };
        if let Some(live) = &live {
            refuse_foreign(&object.reference, live)?;
            let after =
                scope.kubernetes.apply(&call, object, ApplyOptions { dry_run: true, ..force }).await?;
            if crate::app::plan::differences(live, &after).is_empty() {
                continue;
            }
        }
        if written == 0 {
            scope.progress.event(Event::Started("installing kompox-node".to_owned()));
        }
        lock.check()?;
        scope.kubernetes.apply(&call, object, force).await?;
        written += 1;
    }
    let step = (written > 0).then(|| Step::start(scope.progress, "waiting for kompox-node"));
    scope.driver.after_install(&call, scope.cluster).await?;
    if let Some(step) = step {
        step.done("kompox-node installed");
    }
    Ok(())
}

/// How often a look is taken, at most, before "not ready" is believed.
const LOOKS: usize = 4;

/// Prepares, then looks; while what looks after the disks is not ready once more, waits for it and looks again. A node that
/// comes back counts as ready by what was known before, then not, then again.
pub(crate) async fn prepared<T>(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    look: impl AsyncFn() -> Result<T, Error>,
) -> Result<T, Error> {
    for _ in 1..LOOKS {
        prepare(scope, lock).await?;
        match look().await {
            Err(Error::Refused { code, .. }) if code == refusal::disk::UNSEEN_NOT_INSTALLED.code => {}
            result => return result,
        }
    }
    prepare(scope, lock).await?;
    look().await
}

/// What the driver needs has fixed names; an object of such a name that is not Kompox's is left alone.
fn refuse_foreign(reference: &ObjectRef, live: &Value) -> Result<(), Error> {
    let label = live.pointer("/metadata/labels").and_then(|labels| labels.get(label::MANAGED_BY)?.as_str());
    if label == Some(label::MANAGER) {
        return Ok(());
    }
    Err(Error::refused(
        refusal::cluster::OBJECT_FOREIGN,
        format!("{reference} exists already and is not managed by Kompox"),
        "nothing was changed; remove or rename that object if nobody needs it",
    ))
}

/// Takes the Lease, makes sure of what the driver needs, does `work`, and gives the Lease back.
pub(crate) async fn under_lock<T>(
    scope: &Scope<'_>,
    holder: &str,
    work: impl AsyncFnOnce(&AppIdentity, &str, &dyn Lock) -> Result<T, Error>,
) -> Result<T, Error> {
    let identity = scope.identity();
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    let lock = act::lock(scope, holder).await?;
    let result = async {
        prepare(scope, lock.as_ref()).await?;
        work(&identity, &cluster.uid, lock.as_ref()).await
    }
    .await;
    act::release(scope, lock, result).await
}

/// The volume that is meant: by name, or the app's first.
///
/// # Errors
/// NotFound when `app.volumes` has none of that name.
pub fn find_volume<'a>(scope: &Scope<'a>, name: Option<&VolumeName>) -> Result<&'a Volume, Error> {
    let volumes = &scope.app.volumes;
    match name {
        None => volumes.first(),
        Some(name) => volumes.iter().find(|volume| volume.name == *name),
    }
    .ok_or_else(|| {
        let known: Vec<_> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        Error::refused(
            refusal::disk::VOLUME_UNKNOWN,
            format!("app {} has no volume `{}`", scope.app.name, name.map_or("default", VolumeName::as_str)),
            format!("it has: {}", known.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_model::Gvk;
    use kompox_model::port::DiskGap;

    #[test]
    fn an_object_of_the_drivers_name_that_is_not_ours_is_refused() {
        let reference = ObjectRef::new(Gvk::core("ServiceAccount"), Some("kompox-system"), "kompox-node");
        let error = refuse_foreign(&reference, &json!({"metadata": {"name": "kompox-node"}})).unwrap_err();
        assert_eq!(error.code(), "cluster.object.foreign", "{error}");
    }

    #[test]
    fn a_gap_is_never_an_empty_list() {
        let gap = DiskGap { kind: GapKind::NotInstalled, message: "node n9".to_owned() };
        let error = believed(&DiskInventory { gaps: vec![gap], ..DiskInventory::default() }).unwrap_err();
        assert_eq!(error.code(), "disk.unseen.not-installed", "{error}");
    }
}
