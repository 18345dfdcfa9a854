//! `app move`: an app with all its disks from one cluster to another. IO through the ports of both.
//!
//! The source is stopped and fenced before anything is copied, so that at no time two clusters can write, and what is copied
//! is what there is. Who holds the disks is rewritten last. Every step can be the last one of a command: the repeat finds out
//! from records and marks what is left to do.

mod abort;
mod carry;
mod look;
mod mark;

pub use abort::{Aborted, abort};
pub(crate) use mark::{Mark, forget, other_end, refuse_moved, refuse_moving};

use crate::app::see::{self, Wish};
use crate::app::{DeployOptions, Deployed, Loaded, act, deploy, destroy, power, workload};
use crate::progress::Step;
use crate::{Error, Event, Scope, disk, refusal, snapshot};
use kompox_model::port::{Cancel, ErrorKind, Lock, PortError, VolumeFences};
use kompox_model::quantity::Bytes;
use kompox_model::{DiskName, Holder, VolumeName};
use look::{Look, Where, look};
use std::time::{Duration, Instant};

/// Options of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveOptions {
    /// Delete the fenced copies that an earlier move left on the target.
    pub delete_old_copies: bool,
    /// How the app is deployed on the target; a dry run of that is one of the whole.
    pub deploy: DeployOptions,
}

/// What a move did, or would do.
#[derive(Debug)]
pub struct Moved {
    /// The disks that were moved, or will be.
    pub disks: Vec<MovedDisk>,
    /// For how many seconds no Pod was Ready; none unless one was before.
    pub outage_seconds: Option<f64>,
    /// The deploy on the target; none of a move that was finished before.
    pub deployed: Option<Deployed>,
}

/// One disk of a move.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MovedDisk {
    /// Its volume.
    pub volume: VolumeName,
    /// Its name, the same on both clusters.
    pub disk: DiskName,
    /// Its size.
    pub size: Bytes,
    /// True when it stays where it is and only changes its holder; otherwise it is copied.
    pub handed_over: bool,
}

/// Both ends, with what the move holds of them.
struct Ends<'a> {
    from: &'a Scope<'a>,
    to: &'a Scope<'a>,
    source: &'a dyn Lock,
    target: &'a dyn Lock,
}

/// Moves the app of `from` to the cluster of `to`. A repeat finishes what was begun.
///
/// # Errors
/// NotFound when the app is not on `from`; Conflict when the target has disks of the app already, a host is taken there, or
/// somebody else uses or holds a disk; Unsupported when a driver has no fences or archives; the errors of a deploy; those of
/// the ports. When it fails before the target has the disks, the app is started again where it was.
pub async fn relocate(
    from: &Scope<'_>,
    to: &Scope<'_>,
    loaded: &Loaded,
    options: &MoveOptions,
    holder: &str,
) -> Result<Moved, Error> {
    let step = Step::start(from.progress, "looking at both clusters");
    let looked = look(from, to, options, true).await;
    let look = act::or_interrupted(looked, "nothing was changed")?;
    step.done("both clusters compared");
    if look.is_done() {
        let text = format!("app {} is on cluster {} already", from.app.name, to.cluster.name);
        from.progress.event(Event::Note(text));
        return Ok(Moved { disks: Vec::new(), outage_seconds: None, deployed: None });
    }
    look.refuse_undecided(from)?;
    if look.is_fresh() {
        // What the target would refuse is known before anything is stopped.
        let coming = Wish { coming: Some(look.source.clone()), ..wish(options, &look) };
        let seen = see::see(to, loaded, &coming).await;
        act::or_interrupted(seen, "nothing was changed")?;
    }
    tell_snapshots(from, &look).await?;
    if options.deploy.dry_run {
        return Ok(Moved { disks: look.planned(), outage_seconds: None, deployed: None });
    }
    let source = act::or_interrupted(act::lock_moving(from, holder).await, "nothing was changed")?;
    let result = async {
        let target = act::or_interrupted(act::lock_moving(to, holder).await, "nothing was changed")?;
        let ends = Ends { from, to, source: source.as_ref(), target: target.as_ref() };
        let moved = locked(&ends, loaded, options).await;
        let moved = act::or_interrupted(moved, "a repeat finishes the move");
        act::release(to, target, moved).await
    }
    .await;
    act::release(from, source, result).await
}

/// Says which snapshots stay behind.
async fn tell_snapshots(from: &Scope<'_>, look: &Look) -> Result<(), Error> {
    if from.driver.snapshots().is_none() {
        return Ok(());
    }
    let stays = |volume: &VolumeName| look.volumes.iter().any(|found| found.name == *volume && !found.shared);
    let snapshots = snapshot::list(from).await?.snapshots;
    let left = snapshots.iter().filter(|snapshot| stays(&snapshot.volume)).count();
    if left > 0 {
        from.progress.event(Event::Warning(format!(
            "{left} snapshots stay on cluster {}, where they can be used again only after a move back: write out those that \
             are needed: kompoxops snapshot export NAME FILE",
            from.cluster.name
        )));
    }
    Ok(())
}

fn wish(options: &MoveOptions, look: &Look) -> Wish {
    Wish {
        start_empty: options.deploy.start_empty.clone(),
        moving: true,
        stopped: look.stopped,
        ..Wish::default()
    }
}

/// Everything that needs both Leases.
async fn locked(ends: &Ends<'_>, loaded: &Loaded, options: &MoveOptions) -> Result<Moved, Error> {
    let Ends { from, to, source, target } = *ends;
    disk::prepare(from, source).await?;
    let look = disk::prepared(to, target, async || look(from, to, options, false).await).await?;
    let moved = Moved { disks: look.planned(), outage_seconds: None, deployed: None };
    if look.is_done() {
        return Ok(moved);
    }
    look.refuse_undecided(from)?;
    mark::set(to, target, Mark::From(from.cluster.name.clone())).await?;
    mark::set(from, source, Mark::To(to.cluster.name.clone())).await?;
    let begun = Instant::now();
    let carried = async {
        stop(ends, &look).await?;
        carry::carry(ends, &look, options).await
    };
    if let Err(error) = carried.await {
        recover(ends, &look).await;
        return Err(error);
    }
    let wish = wish(options, &look);
    // Copying takes as long as it takes, starting does not.
    let limited = Scope { deadline: to.deadline.or(Some(Instant::now() + START)), ..*to };
    let deployed = deploy::write(&limited, loaded, &options.deploy, &wish, target).await?;
    give_away(ends, &look, options).await?;
    let step = Step::start(from.progress, format!("removing the app from cluster {}", from.cluster.name));
    destroy::remove_all(from, source, destroy::DestroyOptions::default()).await?;
    mark::set(from, source, Mark::Moved(to.cluster.name.clone())).await?;
    mark::set(to, target, Mark::None).await?;
    step.done(format!("app {} moved to cluster {}", from.app.name, to.cluster.name));
    let outage_seconds =
        deployed.ready.filter(|_| look.was_running).map(|ready| power::seconds(ready.duration_since(begun)));
    Ok(Moved { outage_seconds, deployed: Some(deployed), ..moved })
}

/// Stops the app at the source, and makes sure that nobody else uses its disks there.
async fn stop(ends: &Ends<'_>, look: &Look) -> Result<(), Error> {
    let Ends { from, source, .. } = *ends;
    if let Some(deployment) = &look.deployment {
        workload::stop(from, source, deployment, false).await?;
    }
    for disk in look.volumes.iter().flat_map(|volume| &volume.disks) {
        if let Some(user) = disk::used_by(from, &disk.handle).await? {
            return Err(Error::refused(
                refusal::disk::USED,
                format!("{user} still uses disk {} of volume {}", disk.name, disk.volume),
                "nothing was moved; remove that first if nobody needs it",
            ));
        }
    }
    Ok(())
}

/// Rewrites who holds what was copied; the copies at the source stay fenced.
async fn give_away(ends: &Ends<'_>, look: &Look, options: &MoveOptions) -> Result<(), Error> {
    let Ends { from, source, .. } = *ends;
    let identity = from.identity();
    for volume in look.volumes.iter().filter(|volume| volume.place == Where::Source) {
        if volume.shared {
            continue;
        }
        source.check()?;
        let scoped = from.disks(&identity, &look.source.uid);
        let (of, to) = (&look.source, &look.target);
        fences(from)?.set_holder(&from.call(), scoped, &volume.name, of, to, options.deploy.now).await?;
    }
    Ok(())
}

/// The driver's fences.
pub(crate) fn fences<'a>(scope: &Scope<'a>) -> Result<&'a dyn VolumeFences, Error> {
    scope.driver.fences().ok_or_else(|| {
        PortError::new(ErrorKind::Unsupported, scope.driver.id(), "use", "fences of volumes")
            .detail("this driver cannot take a volume away from a cluster: not supported")
            .into()
    })
}

/// How long the app may take to start on the target, where the command has no limit.
const START: Duration = Duration::from_secs(600);
/// How long bringing the app back may take after a failure.
const RECOVERY: Duration = Duration::from_secs(60);

/// After a failure before the target had everything: opens the source again and starts the app there, unless it may run at
/// the target already. What it does is told, the failure stays the command's.
async fn recover(ends: &Ends<'_>, look: &Look) {
    if look.arrived {
        let text = format!(
            "the move failed; the app has come to cluster {} before and stays there: repeat the command to finish it, or \
             give it up with --abort",
            ends.to.cluster.name
        );
        ends.from.progress.event(Event::Warning(text));
        return;
    }
    // The command's own time may be over, or the user may have stopped it.
    let cancel = Cancel::new();
    let base = *ends.from;
    let from = Scope { cancel: &cancel, deadline: Some(Instant::now() + RECOVERY), ..base };
    let text = match abort::reopen(&from, ends.source, look, look.now).await {
        Ok(true) => format!(
            "the move failed; the app starts again on cluster {}. What was copied is not used; a repeat copies anew",
            from.cluster.name
        ),
        Ok(false) => format!("the move failed; the app is on cluster {} as before", from.cluster.name),
        Err(error) => format!(
            "the move failed half-way and the app is stopped; it could not be started again ({error}): repeat the \
             command to finish it, or give it up with --abort"
        ),
    };
    from.progress.event(Event::Warning(text));
}

/// The cluster of a scope as a holder.
async fn holder_of(scope: &Scope<'_>) -> Result<Holder, Error> {
    let cluster = scope.kubernetes.facts(&scope.call()).await?;
    Ok(Holder { cluster: scope.cluster.name.clone(), uid: cluster.uid })
}
