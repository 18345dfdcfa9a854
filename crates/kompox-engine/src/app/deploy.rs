//! `app deploy`: makes the cluster run the app as configured. IO through the ports.

use crate::app::remove::{self, Found, Pod, Rank};
use crate::app::see::{self, Seen, Wish};
use crate::app::volumes::Choice;
use crate::app::wait::{self, Expectation};
use crate::app::{Action, Loaded, Plan, act, pair};
use crate::progress::{Step, objects};
use crate::{Error, Event, Scope, disk, refusal};
use futures::future::try_join_all;
use kompox_convert::{Host, HostClaim, Role};
use kompox_model::port::{DiskCreate, ErrorKind, Lock};
use kompox_model::{DiskName, DiskSource, Object, ObjectRef};
use kompox_yaml::Diagnostics;
use std::collections::BTreeSet;
use std::time::Instant;

/// Options of a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployOptions {
    /// Only plan.
    pub dry_run: bool,
    /// Do not wait for the Pod.
    pub no_wait: bool,
    /// Compose volumes, or volumes of their own, that may begin with nothing although there are data of them.
    pub start_empty: BTreeSet<String>,
    /// The time to record for new disks.
    pub now: jiff::Timestamp,
    /// For names of new disks.
    pub random: u64,
}

/// What a deploy did, or would do.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Every object and what happened to it.
    pub plan: Plan,
    /// The app's Namespace.
    pub namespace: String,
    /// The Pod, once it was seen to be Ready.
    pub pod: Option<String>,
    /// When that was; none when nothing was changed.
    pub ready: Option<Instant>,
    /// The app was stopped by `app stop` and stays so.
    pub stopped: bool,
    /// Hosts that lead to the app.
    pub hosts: Vec<Host>,
    /// What convert said.
    pub notes: Diagnostics,
    /// The objects as they are, or would be, applied, the Namespace first.
    pub objects: Vec<Object>,
}

/// Deploys the app. With nothing to do it takes no Lease and writes nothing.
///
/// # Errors
/// Invalid with all diagnostics, the refusals of disks, hosts and owners, Failed or NotReady with the reason; those of
/// the ports.
pub async fn deploy(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &DeployOptions,
    holder: &str,
) -> Result<Deployed, Error> {
    let step = Step::start(scope.progress, "looking at the cluster");
    let wish = Wish { start_empty: options.start_empty.clone(), ..Wish::default() };
    let seen = see::see(scope, loaded, &wish).await;
    let seen = act::or_interrupted(seen, "nothing was changed")?;
    step.done("cluster compared with the configuration");
    if let Some(warning) = seen.enforcement.warning() {
        scope.progress.event(Event::Warning(warning));
    }
    for dropped in &seen.dropped {
        scope.progress.event(Event::Note(dropped.clone()));
    }
    if options.dry_run {
        return Ok(deployed(scope, seen, None));
    }
    if seen.plan.is_empty() {
        scope.progress.event(Event::Note("nothing to change".to_owned()));
        let pod = ready(scope, options, &seen, false).await?;
        return Ok(deployed(scope, seen, pod));
    }
    let lock = act::lock(scope, holder).await;
    let lock = act::or_interrupted(lock, "nothing of the app was changed")?;
    let result = write(scope, loaded, options, &wish, lock.as_ref()).await;
    act::release(scope, lock, result).await
}

pub(crate) fn deployed(scope: &Scope<'_>, seen: Seen, pod: Option<String>) -> Deployed {
    let objects = [seen.namespace].into_iter().chain(seen.objects.iter().cloned()).collect();
    Deployed {
        plan: seen.plan,
        namespace: scope.namespace(),
        pod,
        ready: None,
        stopped: seen.stopped,
        hosts: seen.summary.hosts,
        notes: seen.notes,
        objects,
    }
}

/// Everything that needs the Lease.
pub(crate) async fn write(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &DeployOptions,
    wish: &Wish,
    lock: &dyn Lock,
) -> Result<Deployed, Error> {
    let looked = with_disks(scope, loaded, options, wish, lock).await;
    let (seen, disks) = act::or_interrupted(looked, "disks may have been made; a repeat uses them")?;
    let applied = apply(scope, loaded, lock, &seen).await;
    act::or_interrupted(applied, "some objects were applied; a repeat continues")?;
    let pod = ready(scope, options, &seen, true).await?;
    let since = pod.as_ref().map(|_| Instant::now());
    if seen.stopped {
        act::pods_gone(scope).await?;
    }
    if pod.is_some() || seen.stopped {
        let rest = deletions(scope, &seen, |rank| rank > Rank::Host);
        let removed = remove::remove(scope, lock, rest, Pod::Stays).await;
        act::or_interrupted(removed, "the app runs; a repeat deletes what it no longer needs")?;
    }
    let mut done = deployed(scope, seen, pod);
    done.plan.disks = disks;
    done.ready = since;
    Ok(done)
}

/// Waits for the Pod, unless nobody wants to or there shall be none.
async fn ready(
    scope: &Scope<'_>,
    options: &DeployOptions,
    seen: &Seen,
    fresh: bool,
) -> Result<Option<String>, Error> {
    if seen.stopped {
        scope
            .progress
            .event(Event::Note("the app is stopped; start it with: kompoxops app start".to_owned()));
    }
    if options.no_wait || seen.stopped {
        return Ok(None);
    }
    wait::ready(scope, &expectation(seen, fresh)).await.map(Some)
}

/// What is there, once every volume has its disk; and the disks that were made, in words.
async fn with_disks(
    scope: &Scope<'_>,
    loaded: &Loaded,
    options: &DeployOptions,
    wish: &Wish,
    lock: &dyn Lock,
) -> Result<(Seen, Vec<String>), Error> {
    let mut seen = see::see(scope, loaded, wish).await?;
    let disks = seen.plan.disks.clone();
    if !disks.is_empty() {
        // Only then can disks be seen for sure.
        seen = disk::prepared(scope, lock, async || {
            let seen = see::see(scope, loaded, wish).await?;
            create_disks(scope, lock, &seen, options).await?;
            let seen = see::see(scope, loaded, wish).await?;
            all_disks_are_there(&seen)?;
            Ok(seen)
        })
        .await?;
    }
    act::interrupted(scope, "disks were made; a repeat uses them")?;
    Ok((seen, disks))
}

/// A disk that was made and is not seen must not be planned for once more.
fn all_disks_are_there(seen: &Seen) -> Result<(), Error> {
    let Some((volume, _)) = seen.choices.iter().find(|(_, choice)| !matches!(choice, Choice::Existing(_)))
    else {
        return Ok(());
    };
    disk::believed(&seen.inventory)?;
    Err(Error::refused(
        refusal::DEFECT,
        format!("the disk of volume {} was made but is not there", volume.name),
        "this is a defect",
    ))
}

/// Brings the cluster into the planned state, except for what the former Pod may still need.
async fn apply(scope: &Scope<'_>, loaded: &Loaded, lock: &dyn Lock, seen: &Seen) -> Result<(), Error> {
    fill(scope, loaded, lock, seen).await?;
    let step = Step::start(scope.progress, "applying the app's objects");
    claim_hosts(scope, lock, seen).await?;
    // A host that was removed must stop serving at once, and is given up when it does.
    let routes = deletions(scope, seen, |rank| rank == Rank::Route);
    remove::remove(scope, lock, routes, Pod::Stays).await?;
    replace(scope, lock, seen).await?;
    free_volumes(scope, lock, seen).await?;
    let written = |object: &&Object| seen.plan.writes(&object.reference);
    let mut steps: Vec<Vec<&Object>> =
        seen.objects.steps().into_iter().map(|step| step.iter().filter(written).collect()).collect();
    // First the Namespace, which remembers the disks: from now on the Pod may write to them.
    steps.insert(0, [&seen.namespace].into_iter().filter(written).collect());
    act::apply(scope, lock, &steps).await?;
    let hosts = deletions(scope, seen, |rank| rank == Rank::Host);
    remove::remove(scope, lock, hosts, Pod::Stays).await?;
    step.done(format!("{} applied", objects(steps.iter().map(Vec::len).sum())));
    Ok(())
}

/// Removes claims and volumes that cannot be changed any more, after the Pod that uses them; they are applied anew.
async fn replace(scope: &Scope<'_>, lock: &dyn Lock, seen: &Seen) -> Result<(), Error> {
    let replaced: Vec<_> = found(seen, seen.plan.replacements()).collect();
    if replaced.is_empty() {
        return Ok(());
    }
    scope.progress.event(Event::Note("the Pod stops first: its volume must be bound anew".to_owned()));
    remove::remove(scope, lock, replaced, Pod::Goes).await
}

fn expectation(seen: &Seen, fresh: bool) -> Expectation {
    let containers = &seen.summary.containers;
    let deployment = seen.objects.iter().find(|object| object.reference.gvk.kind == "Deployment");
    Expectation {
        revision: deployment.and_then(Expectation::revision_of),
        restarted: None,
        one_shots: containers
            .iter()
            .filter(|c| matches!(c.role, Role::OneShot | Role::Setup))
            .map(|c| c.name.clone())
            .collect(),
        fresh,
        unhealthy_after: containers.iter().filter_map(|c| Some((c.name.clone(), c.verdict?))).collect(),
    }
}

async fn create_disks(
    scope: &Scope<'_>,
    lock: &dyn Lock,
    seen: &Seen,
    options: &DeployOptions,
) -> Result<(), Error> {
    if seen.choices.iter().any(|(_, choice)| *choice == Choice::New) {
        disk::believed(&seen.inventory)?;
    }
    let identity = scope.identity();
    let seconds = u64::try_from(options.now.as_second()).unwrap_or_default();
    for (index, (volume, choice)) in seen.choices.iter().enumerate() {
        let create = match choice {
            Choice::Existing(_) => continue,
            Choice::Continue(disk) => DiskCreate {
                name: disk.name.clone(),
                size: disk.size,
                source: disk.source.clone(),
                created_at: disk.created_at,
                at_rest: disk::is_at_rest(scope, &seen.inventory, &volume.name, &disk.source).await?,
                if_not_exists: true,
            },
            Choice::New => DiskCreate {
                name: DiskName::generated(seconds, options.random.wrapping_add(index as u64)),
                size: volume.size,
                source: DiskSource::Empty,
                created_at: options.now,
                at_rest: true,
                if_not_exists: false,
            },
        };
        let step =
            Step::start(scope.progress, format!("creating disk {} for volume {}", create.name, volume.name));
        lock.check()?;
        let scoped = scope.disks(&identity, &seen.cluster_uid);
        disk::disks(scope)?.create(&scope.call(), scoped, &volume.name, &create).await?;
        step.done(format!("disk {} of {} created", create.name, create.size));
    }
    Ok(())
}

/// Brings the content of bind mounts to the disks, where it is not there yet.
async fn fill(scope: &Scope<'_>, loaded: &Loaded, lock: &dyn Lock, seen: &Seen) -> Result<(), Error> {
    let identity = scope.identity();
    for upload in &seen.summary.uploads {
        let disk = seen.choices.iter().find_map(|(volume, choice)| match choice {
            Choice::Existing(disk) if volume.name == upload.volume => Some(disk),
            _ => None,
        });
        let Some(disk) = disk else {
            return Err(Error::refused(
                refusal::DEFECT,
                format!("volume {} has no disk to fill", upload.volume),
                "this is a defect",
            ));
        };
        let name = upload.sub_path.rsplit('/').next().unwrap_or_default();
        let archive = loaded.archive(upload, name)?;
        lock.check()?;
        let scoped = scope.disks(&identity, &seen.cluster_uid);
        let filled = disk::disks(scope)?
            .fill(&scope.call(), scoped, &upload.volume, &disk.name, &upload.sub_path, &archive)
            .await?;
        if filled {
            scope.progress.event(Event::Note(format!(
                "{} uploaded to {} of disk {}",
                upload.source, upload.sub_path, disk.name
            )));
        }
    }
    Ok(())
}

/// Creates the claims of new hosts; whoever creates a claim first owns the host.
async fn claim_hosts(scope: &Scope<'_>, lock: &dyn Lock, seen: &Seen) -> Result<(), Error> {
    try_join_all(seen.claims.iter().map(|claim| claim_host(scope, lock, seen, claim))).await?;
    Ok(())
}

async fn claim_host(scope: &Scope<'_>, lock: &dyn Lock, seen: &Seen, claim: &HostClaim) -> Result<(), Error> {
    let object = claim.object();
    if seen.live.contains_key(&object.reference) {
        return Ok(());
    }
    lock.check()?;
    match scope.kubernetes.create(&scope.call(), &object).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            let found = scope.kubernetes.get(&scope.call(), &object.reference).await?;
            match found {
                Some(body) => see::check_claim(claim, &body),
                None => Err(Error::refused(
                    refusal::app::HOST_CONTENDED,
                    format!(
                        "the claim of host {} was made and removed by somebody else just now",
                        claim.host
                    ),
                    "repeat the command",
                )),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn found<'a>(
    seen: &'a Seen,
    references: impl Iterator<Item = &'a ObjectRef>,
) -> impl Iterator<Item = Found<'a>> {
    references.filter_map(|reference| seen.live.get_key_value(reference))
}

/// What is no longer part of the app, of these ranks.
fn deletions<'a>(scope: &Scope<'_>, seen: &'a Seen, wanted: impl Fn(Rank) -> bool) -> Vec<Found<'a>> {
    found(seen, seen.plan.deletions())
        .filter(|(reference, _)| wanted(remove::rank(scope, reference)))
        .collect()
}

/// Frees PersistentVolumes whose former claim is gone.
async fn free_volumes(scope: &Scope<'_>, lock: &dyn Lock, seen: &Seen) -> Result<(), Error> {
    for object in seen.objects.iter().filter(|object| object.reference.gvk.kind == "PersistentVolume") {
        let replaced = matches!(seen.plan.action(&object.reference), Some(Action::Replace { .. }));
        let Some(body) = seen.live.get(&object.reference).filter(|_| !replaced) else { continue };
        if let Some(former) = pair::former_claim(object, &seen.live) {
            act::free_released(scope, lock, &object.reference, body, former).await?;
        }
    }
    Ok(())
}
