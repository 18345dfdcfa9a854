//! Disks of apps. IO through the cluster port.

use crate::class::class;
use crate::disk_work::DiskWork;
use crate::driver::K3s;
use crate::error::Doing;
use crate::settings::K3sSettings;
use crate::survey::Reach;
use crate::translate;
use async_trait::async_trait;
use kompox_model::port::{
    AppScope, Call, DiskAssign, DiskCreate, DiskDelete, DiskInventory, Disks, ErrorKind, PortError,
};
use kompox_model::{App, Cluster, Disk, DiskName, Volume, VolumeClass, VolumeName, disk};
use kompox_node_protocol::FillHeader;
use kompox_provider::limit;

/// Archives up to this size, in bytes, are sent without asking whether they are wanted.
const SMALL: usize = 64 * 1024;

#[async_trait]
impl Disks for K3s {
    fn class(&self, cluster: &Cluster, _app: &App, _volume: &Volume) -> Result<VolumeClass, PortError> {
        K3sSettings::read(cluster)?;
        Ok(class())
    }

    async fn list(&self, call: &Call<'_>, scope: AppScope<'_>) -> Result<DiskInventory, PortError> {
        let reach = Reach::new(&self.ways, call, scope.cluster, Doing::to_app("list disks of", scope))?;
        let app = translate::app(scope);
        let frame = |kind| reach.doing.error(kind);
        let survey = limit::within(call, None, frame, reach.survey(&app)).await?;
        let wrong = |why| reach.doing.error(ErrorKind::Internal).detail(why);
        let (mut disks, mut volumes) = (Vec::new(), Vec::new());
        for seen in &survey.nodes {
            for volume in &seen.volumes {
                volumes.push(translate::volume_state(&volume.record, seen.store.as_deref()).map_err(wrong)?);
                for entry in &volume.disks {
                    let disk = translate::disk(entry, &volume.record, &seen.node.name, &reach.settings.store);
                    disks.push(disk.map_err(wrong)?);
                }
            }
        }
        disk::sort(&mut disks);
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(DiskInventory { disks, volumes, gaps: survey.gaps })
    }

    async fn create(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Disk, PortError> {
        let work = DiskWork::new(&self.ways, "create", call, scope, volume, &options.name)?;
        let made = work.on.change(
            |survey| work.decide_create(survey, options),
            |_, node, success| work.created(node, success),
        );
        work.on.within(made).await
    }

    async fn assign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskAssign,
    ) -> Result<Disk, PortError> {
        let work = DiskWork::new(&self.ways, "assign", call, scope, volume, disk)?;
        let assigned = work.on.change(
            |survey| work.decide_assign(survey, options),
            |survey, node, success| work.assigned(survey, node, success),
        );
        work.on.within(assigned).await
    }

    async fn unassign(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskAssign,
    ) -> Result<Disk, PortError> {
        let work = DiskWork::new(&self.ways, "unassign", call, scope, volume, disk)?;
        let unassigned = work.on.change(
            |survey| work.decide_unassign(survey, options),
            |survey, node, success| work.unassigned(survey, node, success),
        );
        work.on.within(unassigned).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        options: DiskDelete,
    ) -> Result<bool, PortError> {
        let work = DiskWork::new(&self.ways, "delete", call, scope, volume, disk)?;
        let deleted = work.on.change(
            |survey| work.decide_delete(survey, options),
            |_, node, success| work.on.deleted(node, disk.as_str(), success),
        );
        work.on.within(deleted).await
    }

    async fn occupied(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        paths: &[String],
    ) -> Result<Vec<String>, PortError> {
        let work = DiskWork::new(&self.ways, "look into", call, scope, volume, disk)?;
        let look = async {
            let survey = work.on.survey().await?;
            work.occupied(work.find_or_fail(&survey)?.seen, paths).await
        };
        work.on.within(look).await
    }

    async fn fill(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        disk: &DiskName,
        path: &str,
        archive: &[u8],
    ) -> Result<bool, PortError> {
        let work = DiskWork::new(&self.ways, "fill", call, scope, volume, disk)?;
        let fill = async {
            let survey = work.on.survey().await?;
            let seen = work.find_or_fail(&survey)?.seen;
            // A question is cheaper than an upload that nobody wants; a small one goes with its question.
            if archive.len() > SMALL && !work.occupied(seen, &[path.to_owned()]).await?.is_empty() {
                return Ok(false);
            }
            let header = FillHeader::new(translate::volume(scope, volume), disk.as_str(), path);
            let header = FillHeader { store: seen.store.clone(), ..header };
            let store = work.on.reach.store(&seen.node.name, &seen.channel);
            Ok(store.fill(&header, archive).await?.filled)
        };
        work.on.within(fill).await
    }
}
