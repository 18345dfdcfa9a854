//! The fences of the memory driver. No IO.

use super::owner;
use super::state::{Memory, Operation, State};
use super::volumes;
use async_trait::async_trait;
use jiff::Timestamp;
use kompox_model::port::{AppScope, Call, ErrorKind, PortError, VolumeFences};
use kompox_model::{Holder, VolumeChange, VolumeName, VolumeState};

fn find(
    state: &State,
    operation: Operation,
    scope: AppScope<'_>,
    volume: &VolumeName,
) -> Result<VolumeState, PortError> {
    let found = volumes::of(state, scope).into_iter().find(|found| found.name == *volume);
    found.ok_or_else(|| operation.error(ErrorKind::NotFound, &target(scope, volume)))
}

fn target(scope: AppScope<'_>, volume: &VolumeName) -> String {
    format!("{}/{volume}", scope.identity)
}

fn refuse(
    operation: Operation,
    scope: AppScope<'_>,
    volume: &VolumeName,
) -> impl FnOnce(String) -> PortError {
    let error = operation.error(ErrorKind::Conflict, &target(scope, volume));
    |text| error.detail(text)
}

#[async_trait]
impl VolumeFences for Memory {
    async fn fence(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        holder: &Holder,
        fenced: bool,
        at: Timestamp,
    ) -> Result<VolumeState, PortError> {
        let operation = Operation::Fence;
        self.run(call, operation, &target(scope, volume), |state| {
            let found = find(state, operation, scope, volume)?;
            owner::check_holder(state, scope, volume, holder).map_err(refuse(operation, scope, volume))?;
            if found.fenced != fenced {
                let key = (scope.identity.app_hash(), volume.clone());
                let change = if fenced { VolumeChange::Fenced } else { VolumeChange::Opened };
                // One write: copies are told apart by the fences that are remembered.
                state.write(operation, &target(scope, volume), |state| {
                    if fenced {
                        state.fenced.insert(key)
                    } else {
                        state.fenced.remove(&key)
                    };
                    volumes::remember(state, scope, volume, Some(at), change);
                })?;
            }
            find(state, operation, scope, volume)
        })
        .await
    }

    async fn set_holder(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        from: &Holder,
        to: &Holder,
        at: Timestamp,
    ) -> Result<VolumeState, PortError> {
        let operation = Operation::SetHolder;
        self.run(call, operation, &target(scope, volume), |state| {
            let found = find(state, operation, scope, volume)?;
            if found.holder == *to {
                return Ok(found);
            }
            owner::check_holder(state, scope, volume, from).map_err(refuse(operation, scope, volume))?;
            if !found.fenced {
                return Err(refuse(operation, scope, volume)("it is not fenced".to_owned()));
            }
            let hash = scope.identity.app_hash();
            state.write(operation, &target(scope, volume), |state| {
                for stored in &mut state.disks {
                    if stored.app_hash == hash && stored.disk.volume == *volume {
                        stored.disk.holder = to.clone();
                    }
                }
                for stored in &mut state.snapshots {
                    if stored.app_hash == hash && stored.snapshot.volume == *volume {
                        stored.snapshot.holder = to.clone();
                    }
                }
                let change = VolumeChange::Held { from: from.cluster.clone() };
                volumes::remember(state, scope, volume, Some(at), change);
            })?;
            find(state, operation, scope, volume)
        })
        .await
    }
}
