//! Snapshots of disks. IO through the cluster port.

use crate::driver::K3s;
use crate::error::Doing;
use crate::place::{self, FoundSnapshot};
use crate::survey::{Reach, Survey};
use crate::translate;
use crate::work::{Decision, Work};
use async_trait::async_trait;
use kompox_model::port::{
    AppScope, Call, ErrorKind, PortError, SnapshotCreate, SnapshotDelete, SnapshotInventory, VolumeSnapshots,
};
use kompox_model::{Snapshot, SnapshotName, VolumeName, snapshot};
use kompox_node_protocol::{CreateSnapshot, DeleteSnapshot, Operation, Success};
use kompox_provider::limit;

#[async_trait]
impl VolumeSnapshots for K3s {
    async fn list(&self, call: &Call<'_>, scope: AppScope<'_>) -> Result<SnapshotInventory, PortError> {
        let reach = Reach::new(&self.ways, call, scope.cluster, Doing::to_app("list snapshots of", scope))?;
        let app = translate::app(scope);
        let frame = |kind| reach.doing.error(kind);
        let survey = limit::within(call, None, frame, reach.survey(&app)).await?;
        let mut snapshots = Vec::new();
        for seen in &survey.nodes {
            for volume in &seen.volumes {
                for entry in &volume.snapshots {
                    let (record, root) = (&volume.record, &reach.settings.store);
                    let found = translate::snapshot(entry, record, &seen.node.name, root);
                    snapshots.push(found.map_err(|why| reach.doing.error(ErrorKind::Internal).detail(why))?);
                }
            }
        }
        snapshot::sort(&mut snapshots);
        Ok(SnapshotInventory { snapshots, gaps: survey.gaps })
    }

    async fn create(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Snapshot, PortError> {
        let doing = Doing::to_snapshot("create", scope, volume, &options.name);
        let work = Work::new(&self.ways, doing, call, scope, volume)?;
        let made = work.change(
            |survey| decide_create(&work, survey, options),
            |survey, node, success| created(&work, survey, node, success),
        );
        work.within(made).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        snapshot: &SnapshotName,
        options: SnapshotDelete,
    ) -> Result<bool, PortError> {
        let work = Work::new(
            &self.ways,
            Doing::to_snapshot("delete", scope, volume, snapshot),
            call,
            scope,
            volume,
        )?;
        let deleted = work.change(
            |survey| decide_delete(&work, survey, snapshot, options),
            |_, node, success| work.deleted(node, snapshot.as_str(), success),
        );
        work.within(deleted).await
    }
}

fn decide_create<'s>(
    work: &Work<'_>,
    survey: &'s Survey,
    options: &SnapshotCreate,
) -> Result<Decision<'s, Snapshot>, PortError> {
    let doing = &work.reach.doing;
    // A name that is taken is the node's to judge, also when the disk is gone.
    let known = place::find_snapshot(survey, work.volume, &options.name, doing)?.map(|found| found.seen);
    let disk = || place::find(survey, work.volume, &options.disk, doing);
    let seen = match known {
        Some(seen) => seen,
        None => disk()?.map(|found| found.seen).ok_or_else(|| {
            let why = format!("volume {} has no disk {}", work.volume, options.disk);
            work.error(ErrorKind::NotFound).detail(why).hint("list the disks to see their names")
        })?,
    };
    let operation = Operation::CreateSnapshot(CreateSnapshot {
        volume: translate::volume(work.scope, work.volume),
        disk: options.disk.to_string(),
        snapshot: options.name.to_string(),
        created_at: options.created_at.to_string(),
        at_rest: options.at_rest,
        if_not_exists: options.if_not_exists,
    });
    let generation = work.generation(survey, &seen.node.name);
    Ok(Decision::Send { seen, generation, operation: Box::new(operation) })
}

fn decide_delete<'s>(
    work: &Work<'_>,
    survey: &'s Survey,
    name: &SnapshotName,
    options: SnapshotDelete,
) -> Result<Decision<'s, bool>, PortError> {
    let found = place::find_snapshot(survey, work.volume, name, &work.reach.doing)?;
    let Some(FoundSnapshot { seen, volume }) = found else { return Ok(Decision::Done(false)) };
    if options.dry_run {
        work.check_holder(&volume.record)?;
        return Ok(Decision::Done(true));
    }
    let operation = Operation::DeleteSnapshot(DeleteSnapshot {
        volume: translate::volume(work.scope, work.volume),
        snapshot: name.to_string(),
    });
    let generation = work.generation(survey, &seen.node.name);
    Ok(Decision::Send { seen, generation, operation: Box::new(operation) })
}

fn created(work: &Work<'_>, survey: &Survey, node: &str, success: Success) -> Result<Snapshot, PortError> {
    match (success, work.record(survey, node)) {
        (Success::SnapshotCreated(made), Some(volume)) => {
            translate::snapshot(&made.snapshot, volume, node, &work.reach.settings.store)
                .map_err(|why| work.error(ErrorKind::Internal).detail(why))
        }
        (other, _) => Err(work.unexpected(node, &other)),
    }
}
