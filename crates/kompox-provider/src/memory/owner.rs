//! Whose disks and snapshots are found, before anything is changed. Pure.

use super::state::State;
use kompox_model::port::AppScope;
use kompox_model::{Holder, VolumeName};

/// The cluster that asks.
pub(super) fn holder(scope: AppScope<'_>) -> Holder {
    Holder { cluster: scope.cluster.name.clone(), uid: scope.cluster_uid.to_owned() }
}

/// Says so when what is found under the app's hash belongs to another app.
pub(super) fn check_identity(state: &State, scope: AppScope<'_>) -> Result<(), String> {
    let hash = scope.identity.app_hash();
    let disks = state.disks.iter().map(|stored| (&stored.app_hash, &stored.identity));
    let snapshots = state.snapshots.iter().map(|stored| (&stored.app_hash, &stored.identity));
    match disks.chain(snapshots).find(|(found, identity)| **found == hash && *identity != scope.identity) {
        None => Ok(()),
        Some((_, other)) => {
            Err(format!("disks found as {hash} belong to {other}, not to {}", scope.identity))
        }
    }
}

/// Says so when the app is another one, another cluster holds the volume, or it is fenced.
pub(super) fn check(state: &State, scope: AppScope<'_>, volume: &VolumeName) -> Result<(), String> {
    check_holder(state, scope, volume, &holder(scope))?;
    if state.fenced.contains(&(scope.identity.app_hash(), volume.clone())) {
        return Err(format!("volume {volume} is fenced for a move"));
    }
    Ok(())
}

/// Says so when the app is another one, or somebody else than `asks` holds the volume.
pub(super) fn check_holder(
    state: &State,
    scope: AppScope<'_>,
    volume: &VolumeName,
    asks: &Holder,
) -> Result<(), String> {
    check_identity(state, scope)?;
    let hash = scope.identity.app_hash();
    let mut ours = holders(state).filter(|(found, name, _)| **found == hash && *name == volume);
    match ours.find(|(_, _, holder)| *holder != asks) {
        None => Ok(()),
        Some((_, _, Holder { cluster, uid })) => {
            Err(format!("cluster {cluster} ({uid}) holds the volume, not {} ({})", asks.cluster, asks.uid))
        }
    }
}

/// Every disk and snapshot with its volume and who holds it.
pub(super) fn holders(state: &State) -> impl Iterator<Item = (&String, &VolumeName, &Holder)> {
    let disks = state.disks.iter().map(|s| (&s.app_hash, &s.disk.volume, &s.disk.holder));
    let snapshots = state.snapshots.iter().map(|s| (&s.app_hash, &s.snapshot.volume, &s.snapshot.holder));
    disks.chain(snapshots)
}
