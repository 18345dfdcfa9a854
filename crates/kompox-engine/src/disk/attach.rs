//! `disk attach`: stops the Pod, sees it gone, assigns the other disk, deploys on it, and remembers the former one. IO
//! through the ports.

use super::{believed, disks, find_volume, inventory, missing, prepared, refuse_elsewhere};
use crate::app::record::Memory;
use crate::app::see::{self, Seen, Wish};
use crate::app::{DeployOptions, Deployed, Loaded, act, deploy, live, power, workload};
use crate::progress::Step;
use crate::{Error, Event, Refusal, Scope, refusal};
use kompox_model::port::{ApplyOptions, Cancel, DiskAssign, DiskInventory, Lock};
use kompox_model::{Disk, DiskName, DiskState, Object, VolumeName, label, object};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Which disk the app shall use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Named(DiskName),
    /// The one before the last switch (STA-05).
    Previous,
}

/// Options of an attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachOptions {
    /// The volume; none means the app's first.
    pub volume: Option<VolumeName>,
    /// The disk.
    pub target: Target,
    /// How the app is deployed on it; a dry run of that is one of the whole.
    pub deploy: DeployOptions,
}

/// What an attach did, or would do.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The disk that is used now.
    pub disk: Disk,
    /// The disk that was assigned before, unless it was this one.
    pub former: Option<DiskName>,
    /// For how many seconds no Pod was Ready; none unless a running one was replaced.
    pub outage_seconds: Option<f64>,
    /// The deploy on the disk.
    pub deployed: Deployed,
}

/// Switches a volume of the app to another disk. A repeat finishes what was begun.
///
/// # Errors
/// NotFound without such a disk; Conflict when it is not ready, used by somebody else or held by another cluster, or the
/// volume has no or several assigned disks; the errors of a deploy. When the switch fails before the disk is assigned,
/// the app is started again on its former one.
pub async fn attach(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &AttachOptions,
    holder: &str,
) -> Result<Attached, Error> {
    let step = Step::start(scope.progress, "looking at the cluster and the disks");
    let looked = look(scope, loaded, options, true).await;
    let (switch, seen) = act::or_interrupted(looked, "nothing was changed")?;
    step.done("cluster compared with the configuration");
    if options.deploy.dry_run {
        let former = switch.former().map(|disk| disk.name.clone());
        let deployed = deploy::deployed(scope, seen, None);
        return Ok(Attached { disk: switch.to, former, outage_seconds: None, deployed });
    }
    let lock = act::lock(scope, holder).await;
    let lock = act::or_interrupted(lock, "nothing of the app was changed")?;
    let result = switched(scope, loaded, options, lock.as_ref()).await;
    let result = act::or_interrupted(result, "a repeat finishes the switch");
    act::release(scope, lock, result).await
}

/// A switch that may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Switch {
    to: Disk,
    /// The assigned disks.
    from: Vec<Disk>,
}

impl Switch {
    /// True when the disk is assigned and no other is.
    fn is_assigned(&self) -> bool {
        matches!(self.from.as_slice(), [only] if only.name == self.to.name)
    }

    fn former(&self) -> Option<&Disk> {
        self.from.iter().find(|disk| disk.name != self.to.name)
    }
}

/// Looks, decides, and makes sure that the app can be deployed on the disk, before anything is stopped for it.
async fn look(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &AttachOptions,
    before_installation: bool,
) -> Result<(Switch, Seen), Error> {
    let volume = &find_volume(scope, options.volume.as_ref())?.name;
    let (cluster, namespace) = live::facts_and_namespace(scope).await?;
    live::refuse_going(scope, namespace.as_ref())?;
    let inventory = inventory(scope, &cluster.uid).await?;
    if !before_installation {
        believed(&inventory)?;
    }
    let remembered = Memory::read(namespace.as_ref(), &inventory.disks)?;
    let begun = namespace.as_ref().and_then(|found| object::annotation(found, label::DISK_SWITCHING));
    let handle = match options.target {
        Target::Named(_) => None,
        // A switch back that was cut off is finished, not turned round.
        Target::Previous => begun.or_else(|| remembered.previous(volume)),
    };
    let known =
        Known { volume, inventory: &inventory, current: remembered.current(volume), previous: handle };
    let switch = decide(scope, &known, &options.target)?;
    refuse_elsewhere(scope, &switch.to.handle).await?;
    let seen = see::see(scope, loaded, &wish(volume, options, &switch)).await?;
    Ok((switch, seen))
}

fn wish(volume: &VolumeName, options: &AttachOptions, switch: &Switch) -> Wish {
    Wish {
        start_empty: options.deploy.start_empty.clone(),
        assigned: vec![(volume.clone(), switch.to.name.clone())],
        switching: (options.target == Target::Previous).then(|| switch.to.handle.clone()),
        ..Wish::default()
    }
}

/// What is known when a switch is decided.
struct Known<'a> {
    volume: &'a VolumeName,
    inventory: &'a DiskInventory,
    /// Handle of the disk that the Pod was last deployed on.
    current: Option<&'a str>,
    /// Handle of the one before, if that is asked for.
    previous: Option<&'a str>,
}

/// The disk that is meant, if the volume may be switched to it.
fn decide(scope: &Scope<'_>, known: &Known<'_>, target: &Target) -> Result<Switch, Error> {
    let Known { volume, inventory, current, previous } = known;
    let of_volume = || inventory.disks.iter().filter(|disk| disk.volume == **volume);
    let conflict = |row: Refusal, message: String, hint: &str| Err(Error::refused(row, message, hint));
    let (found, absent) = match target {
        Target::Named(name) => (of_volume().find(|disk| disk.name == *name), missing(scope, name)),
        Target::Previous => {
            let handle = previous.ok_or_else(|| {
                Error::refused(
                    refusal::disk::NO_PREVIOUS,
                    format!("no disk of volume {volume} is remembered from before"),
                    "name the disk: kompoxops disk attach NAME",
                )
            })?;
            let absent = Error::refused(
                refusal::disk::PREVIOUS_GONE,
                format!("the previous disk of volume {volume} ({handle}) is not there any more"),
                "see which there are: kompoxops disk list",
            );
            (of_volume().find(|disk| disk.handle == handle), absent)
        }
    };
    let Some(to) = found else {
        believed(inventory)?;
        return Err(absent);
    };
    if to.state != DiskState::Ready {
        return conflict(
            refusal::disk::NOT_READY,
            format!("disk {} of volume {volume} is {}, not ready", to.name, to.state),
            "repeat the command that makes it, or choose another disk",
        );
    }
    let from: Vec<Disk> = of_volume().filter(|disk| disk.assigned).cloned().collect();
    let cut_off = |disk: &Disk| disk.name == to.name || Some(disk.handle.as_str()) == *current;
    match from.as_slice() {
        [_] => {}
        [] => {
            return conflict(
                refusal::disk::NONE_ASSIGNED,
                format!("volume {volume} has no assigned disk, so there is none to switch from"),
                "assign the disk, then deploy: kompoxops disk assign NAME, kompoxops app deploy",
            );
        }
        // A driver that needs two writes was cut off between them, on the way to this very disk.
        several if to.assigned && several.iter().all(cut_off) => {}
        several => {
            let names: Vec<_> = several.iter().map(|disk| disk.name.as_str()).collect();
            return conflict(
                refusal::app::DISK_SEVERAL_ASSIGNED,
                format!("volume {volume} has several assigned disks: {}", names.join(", ")),
                "choose one: kompoxops disk assign NAME",
            );
        }
    }
    Ok(Switch { to: to.clone(), from })
}

/// Everything that needs the Lease.
async fn switched(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &AttachOptions,
    lock: &dyn Lock,
) -> Result<Attached, Error> {
    let (switch, seen) = prepared(scope, lock, async || look(scope, loaded, options, false).await).await?;
    let volume = &find_volume(scope, options.volume.as_ref())?.name;
    let wish = wish(volume, options, &switch);
    let deployment = workload::find(scope).await?;
    let runs = deployment.as_ref().is_some_and(workload::wants_pod);
    let begun = Instant::now();
    if !switch.is_assigned() {
        if wish.switching.is_some() {
            announce(scope, loaded, options, &switch, lock).await?;
        }
        let assigned = async {
            if let Some(deployment) = &deployment {
                workload::stop(scope, lock, deployment, false).await?;
            }
            assign(scope, volume, &switch.to, (&seen.cluster_uid, options.deploy.now), lock).await
        };
        if let Err(error) = assigned.await {
            recover(scope, lock, deployment.as_ref().filter(|_| runs), &switch, &seen.cluster_uid).await;
            return Err(error);
        }
    }
    let wanted = Wish { assigned: Vec::new(), ..wish };
    let deployed = deploy::write(scope, loaded, &options.deploy, &wanted, lock).await?;
    if wanted.switching.is_some() {
        forget(scope, lock, &deployed).await?;
    }
    // Until the Pod was Ready: that the former claim and volume are removed afterwards disturbs nobody.
    let ready = deployed.ready.filter(|_| runs && !deployed.plan.is_empty());
    let outage_seconds = ready.map(|ready| power::seconds(ready.duration_since(begun)));
    let former = switch.former().map(|disk| disk.name.clone());
    Ok(Attached { disk: Disk { assigned: true, ..switch.to }, former, outage_seconds, deployed })
}

async fn assign(
    scope: &Scope<'_>,
    volume: &VolumeName,
    to: &Disk,
    (cluster_uid, now): (&str, jiff::Timestamp),
    lock: &dyn Lock,
) -> Result<(), Error> {
    let step = Step::start(scope.progress, format!("assigning disk {}", to.name));
    act::interrupted(scope, "the Pod was stopped")?;
    lock.check()?;
    let identity = scope.identity();
    let scoped = scope.disks(&identity, cluster_uid);
    let options = DiskAssign { dry_run: false, at: Some(now) };
    disks(scope)?.assign(&scope.call(), scoped, volume, &to.name, options).await?;
    step.done(format!("disk {} assigned", to.name));
    Ok(())
}

/// Records where a switch back goes, before it begins: once it is done, "previous" means the other one.
async fn announce(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &AttachOptions,
    switch: &Switch,
    lock: &dyn Lock,
) -> Result<(), Error> {
    let unchanged = Wish {
        start_empty: options.deploy.start_empty.clone(),
        assigned: Vec::new(),
        switching: Some(switch.to.handle.clone()),
        ..Wish::default()
    };
    // Of several assigned disks nothing can be recorded; the first attempt did it.
    if switch.from.len() > 1 {
        return Ok(());
    }
    let seen = see::see(scope, loaded, &unchanged).await?;
    if seen.plan.writes(&seen.namespace.reference) {
        record(scope, lock, &seen.namespace).await?;
    }
    Ok(())
}

/// Removes the record of a finished switch.
async fn forget(scope: &Scope<'_>, lock: &dyn Lock, deployed: &Deployed) -> Result<(), Error> {
    let Some(namespace) = deployed.objects.first() else { return Ok(()) };
    let mut namespace = namespace.clone();
    if let Some(annotations) =
        namespace.body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
    {
        annotations.remove(label::DISK_SWITCHING);
    }
    record(scope, lock, &namespace).await
}

async fn record(scope: &Scope<'_>, lock: &dyn Lock, namespace: &Object) -> Result<(), Error> {
    lock.check()?;
    scope.kubernetes.apply(&scope.call(), namespace, ApplyOptions { dry_run: false, force: true }).await?;
    Ok(())
}

/// How long the app's start on its former disk may take to be ordered.
const RECOVERY: Duration = Duration::from_secs(30);

/// After a switch that failed: starts the app again if its former disk is still the assigned one. What it does is told,
/// the error of the switch stays the command's.
async fn recover(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    deployment: Option<&Value>,
    switch: &Switch,
    cluster_uid: &str,
) {
    let Some(deployment) = deployment else { return };
    // The command's own time may be over, or the user may have stopped it.
    let cancel = Cancel::new();
    let base = *scope;
    let scope = Scope { cancel: &cancel, deadline: Some(Instant::now() + RECOVERY), ..base };
    let again = async {
        let now = inventory(&scope, cluster_uid).await?;
        believed(&now)?;
        let assigned = |name: &DiskName| {
            now.disks
                .iter()
                .any(|disk| disk.name == *name && disk.volume == switch.to.volume && disk.assigned)
        };
        match switch.from.as_slice() {
            [former] if assigned(&former.name) && !assigned(&switch.to.name) => {
                let change = serde_json::json!({"metadata": {}, "spec": {"replicas": 1}});
                workload::change(&scope, lock, deployment, change).await?;
                Ok(Some(former.name.clone()))
            }
            _ => Ok::<_, Error>(None),
        }
    };
    let text = match again.await {
        Ok(Some(former)) => format!("the switch failed; the app starts again on disk {former}"),
        Ok(None) => {
            "the switch failed half-way and the app is stopped; repeat the command to finish it".to_owned()
        }
        Err(error) => format!(
            "the switch failed and the app is stopped; it could not be started again ({error}): repeat the \
             command, or start it on its assigned disk with: kompoxops app deploy"
        ),
    };
    scope.progress.event(Event::Warning(text));
}
