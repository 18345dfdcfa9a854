//! The records of volumes of the memory driver. No IO.

use super::owner::{self, holder};
use super::state::State;
use jiff::Timestamp;
use kompox_model::port::AppScope;
use kompox_model::{Disk, VolumeChange, VolumeEvent, VolumeName, VolumeState};
use std::collections::BTreeMap;

/// The volumes of the app, by name.
pub(super) fn of(state: &State, scope: AppScope<'_>) -> Vec<VolumeState> {
    let hash = scope.identity.app_hash();
    let ours = owner::holders(state).filter(|(found, _, _)| **found == hash);
    let by_name: BTreeMap<_, _> = ours.map(|(_, name, holder)| (name.clone(), holder.clone())).collect();
    let state_of = |(name, holder)| {
        let key = (hash.clone(), name);
        VolumeState {
            store: state.store.clone(),
            holder,
            fenced: state.fenced.contains(&key),
            history: state.history.get(&key).cloned().unwrap_or_default(),
            name: key.1,
        }
    };
    by_name.into_iter().map(state_of).collect()
}

/// Remembers the first disk of a volume.
pub(super) fn begun(state: &mut State, scope: AppScope<'_>, disk: &Disk) {
    let change = VolumeChange::Created { disk: disk.name.clone() };
    if disk.assigned {
        remember(state, scope, &disk.volume, Some(disk.created_at), change);
    }
}

/// Adds to the history of a volume, if the caller said when.
pub(super) fn remember(
    state: &mut State,
    scope: AppScope<'_>,
    volume: &VolumeName,
    at: Option<Timestamp>,
    change: VolumeChange,
) {
    let Some(at) = at else { return };
    let event = VolumeEvent { at, change, cluster: holder(scope).cluster };
    state.history.entry((scope.identity.app_hash(), volume.clone())).or_default().push(event);
}
