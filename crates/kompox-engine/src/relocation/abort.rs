//! `app move --abort`: a move that was begun is given up, and the app runs again where it was. IO through the ports.

use super::carry::{fence, remove};
use super::look::{Look, Where, look};
use super::{Ends, Mark, MoveOptions, mark};
use crate::app::{act, destroy, workload};
use crate::progress::Step;
use crate::{Error, Scope, disk, refusal};
use kompox_model::port::Lock;
use serde_json::json;

/// What giving up a move did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Aborted {
    /// False when no move was under way.
    pub aborted: bool,
    /// The app was started again.
    pub started: bool,
}

/// Gives up a move of the app of `from` to the cluster of `to`: what the target has of it is deleted, the source is opened and
/// the app started there. What the app wrote at the target meanwhile is lost.
///
/// # Errors
/// Conflict when the target holds the disks already: then the move is finished by repeating it, and the app moved back.
pub async fn abort(
    from: &Scope<'_>,
    to: &Scope<'_>,
    options: &MoveOptions,
    holder: &str,
) -> Result<Aborted, Error> {
    // Old copies that the move has not come to are in nobody's way: they stay.
    let options = &MoveOptions { delete_old_copies: true, ..options.clone() };
    let looked = look(from, to, options, true).await;
    let found = act::or_interrupted(looked, "nothing was changed")?;
    if !is_begun(&found) {
        return Ok(Aborted { aborted: false, started: false });
    }
    refuse_given(from, to, &found)?;
    let source = act::or_interrupted(act::lock_moving(from, holder).await, "nothing was changed")?;
    let result = async {
        let target = act::or_interrupted(act::lock_moving(to, holder).await, "nothing was changed")?;
        let ends = Ends { from, to, source: source.as_ref(), target: target.as_ref() };
        let aborted = locked(&ends, options).await;
        let aborted = act::or_interrupted(aborted, "a repeat goes on giving up the move");
        act::release(to, target, aborted).await
    }
    .await;
    act::release(from, source, result).await
}

fn is_begun(look: &Look) -> bool {
    look.source_mark == Mark::To(look.target.cluster.clone())
        || look.target_mark == Mark::From(look.source.cluster.clone())
}

fn refuse_given(from: &Scope<'_>, to: &Scope<'_>, look: &Look) -> Result<(), Error> {
    match look.volumes.iter().find(|volume| volume.place == Where::Target) {
        None => Ok(()),
        Some(volume) => Err(Error::refused(
            refusal::app::MOVE_GIVEN,
            format!(
                "cluster {} holds volume {} of app {} already",
                to.cluster.name, volume.name, from.app.name
            ),
            "finish the move by repeating it without --abort; then move the app back",
        )),
    }
}

async fn locked(ends: &Ends<'_>, options: &MoveOptions) -> Result<Aborted, Error> {
    let Ends { from, to, source, target } = *ends;
    disk::prepare(from, source).await?;
    let found = disk::prepared(to, target, async || look(from, to, options, false).await).await?;
    refuse_given(from, to, &found)?;
    let step = Step::start(to.progress, format!("removing the app from cluster {}", to.cluster.name));
    if found.target_mark == Mark::From(found.source.cluster.clone()) {
        destroy::remove_all(to, target, destroy::DestroyOptions::default()).await?;
        for volume in &found.volumes {
            let own = volume.target_state.as_ref().filter(|state| state.holder == found.target);
            let Some(state) = own else { continue };
            if state.fenced {
                fence(to, target, &volume.name, &found.target, false, found.now).await?;
            }
            for disk in &volume.target_disks {
                remove(to, target, &found, disk).await?;
            }
        }
    }
    step.done(format!("nothing of the move is left on cluster {}", to.cluster.name));
    let started = reopen(from, source, &found, options.deploy.now).await?;
    mark::set(to, target, Mark::None).await?;
    Ok(Aborted { aborted: true, started })
}

/// Opens the volumes at the source, starts the app if it ran, and takes the mark away. True when it was started.
///
/// # Errors
/// Conflict when a volume belongs to the target already.
pub(super) async fn reopen(
    from: &Scope<'_>,
    lock: &dyn Lock,
    look: &Look,
    now: jiff::Timestamp,
) -> Result<bool, Error> {
    let here = disk::inventory(from, &look.source.uid).await?;
    disk::believed(&here)?;
    if let Some(given) = here.volumes.iter().find(|volume| volume.holder != look.source) {
        return Err(Error::refused(
            refusal::app::MOVE_GIVEN,
            format!("cluster {} holds volume {} already", given.holder.cluster, given.name),
            "finish the move by repeating it",
        ));
    }
    for volume in here.volumes.iter().filter(|volume| volume.fenced) {
        fence(from, lock, &volume.name, &look.source, false, now).await?;
    }
    let deployment = workload::find(from).await?;
    let started = match deployment.filter(|found| !workload::is_stopped(found) && !workload::wants_pod(found))
    {
        Some(deployment) => {
            let change = json!({"metadata": {}, "spec": {"replicas": 1}});
            workload::change(from, lock, &deployment, change).await?;
            true
        }
        None => false,
    };
    mark::set(from, lock, Mark::None).await?;
    Ok(started)
}
