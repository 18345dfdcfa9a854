//! Fences of volumes. IO through the cluster port.

use crate::driver::K3s;
use crate::error::Doing;
use crate::place;
use crate::survey::Survey;
use crate::translate;
use crate::work::{Decision, Work};
use async_trait::async_trait;
use jiff::Timestamp;
use kompox_model::port::{AppScope, Call, ErrorKind, PortError, VolumeFences};
use kompox_model::{Holder, VolumeName, VolumeState};
use kompox_node_protocol::{Fence, Operation, SetHolder, Success};

#[async_trait]
impl VolumeFences for K3s {
    async fn fence(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        holder: &Holder,
        fenced: bool,
        at: Timestamp,
    ) -> Result<VolumeState, PortError> {
        let verb = if fenced { "fence" } else { "open" };
        let work = Work::new(&self.ways, Doing::to_volume(verb, scope, volume), call, scope, volume)?;
        let operation = |generation| {
            Operation::Fence(Fence {
                volume: translate::volume_of(scope, volume, holder),
                generation,
                fenced,
                at: Some(at.to_string()),
            })
        };
        let done = work.change(
            |survey| decide(&work, survey, operation),
            |survey, node, success| done(&work, survey, node, success),
        );
        work.within(done).await
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
        let work = Work::new(&self.ways, Doing::to_volume("give away", scope, volume), call, scope, volume)?;
        let operation = |generation| {
            Operation::SetHolder(SetHolder {
                volume: translate::volume_of(scope, volume, to),
                generation,
                from: translate::record_holder(from),
                at: Some(at.to_string()),
            })
        };
        let done = work.change(
            |survey| decide(&work, survey, operation),
            |survey, node, success| done(&work, survey, node, success),
        );
        work.within(done).await
    }
}

fn decide<'s>(
    work: &Work<'_>,
    survey: &'s Survey,
    operation: impl Fn(u64) -> Operation,
) -> Result<Decision<'s, VolumeState>, PortError> {
    let seen = place::of_record(survey, work.volume, &work.reach.doing)?
        .ok_or_else(|| work.error(ErrorKind::NotFound).detail("there is no such volume"))?;
    let generation = work.generation(survey, &seen.node.name);
    Ok(Decision::Send { seen, generation, operation: Box::new(operation(generation)) })
}

fn done(work: &Work<'_>, survey: &Survey, node: &str, success: Success) -> Result<VolumeState, PortError> {
    let Success::Fenced(answer) = success else { return Err(work.unexpected(node, &success)) };
    let store =
        survey.nodes.iter().find(|seen| seen.node.name == node).and_then(|seen| seen.store.as_deref());
    translate::volume_state(&answer.volume, store).map_err(|why| work.error(ErrorKind::Internal).detail(why))
}
