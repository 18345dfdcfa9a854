//! Archives of disks and snapshots. IO through the cluster port.

use crate::disk_work::DiskWork;
use crate::driver::K3s;
use crate::error::Doing;
use crate::place;
use crate::survey::{Seen, Survey};
use crate::translate;
use crate::work::Work;
use async_trait::async_trait;
use futures::{AsyncRead, AsyncWrite};
use kompox_model::port::{
    AppScope, Call, DiskCreate, DiskExport, DiskExported, DiskImport, DiskStreams, ErrorKind, ExportOf,
    ExportProgress, PortError,
};
use kompox_model::{Disk, VolumeName};
use kompox_node_protocol::{self as protocol, ExportHeader, ExportManifest, ExportSource, ImportHeader};

#[async_trait]
impl DiskStreams for K3s {
    async fn export(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskExport,
        archive: &mut (dyn AsyncWrite + Send + Unpin),
        progress: ExportProgress<'_>,
    ) -> Result<DiskExported, PortError> {
        let doing = match &options.of {
            ExportOf::Disk(disk) => Doing::to_disk("export", scope, volume, disk),
            ExportOf::Snapshot(snapshot) => Doing::to_snapshot("export", scope, volume, snapshot),
        };
        let work = Work::new(&self.ways, doing, call, scope, volume)?;
        let export = async {
            let survey = work.survey().await?;
            let seen = find(&work, &survey, &options.of)?;
            let header = header(&work, seen, options)?;
            let store = work.reach.store(&seen.node.name, &seen.channel);
            let exported = store.export(&header, archive, progress).await?;
            let manifest = exported.manifest.encode();
            Ok(DiskExported {
                manifest: manifest.map_err(|why| work.error(ErrorKind::Internal).because(why))?,
                entries: exported.trailer.entries,
                bytes: exported.trailer.bytes,
                left_out: exported.trailer.left_out,
                first_left_out: exported.first_left_out,
            })
        };
        work.within(export).await
    }

    async fn import(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskImport,
        archive: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Disk, PortError> {
        let work = DiskWork::new(&self.ways, "import", call, scope, volume, &options.name)?;
        let import = async {
            let expected = options.manifest.as_deref().map(|text| manifest(&work.on, text)).transpose()?;
            let survey = work.on.survey().await?;
            let seen = place::for_new(&survey, volume, &work.on.reach.doing)?;
            let (node, channel) = (&seen.node, &seen.channel);
            let create = DiskCreate {
                name: options.name.clone(),
                size: options.size,
                source: options.source.clone(),
                created_at: options.created_at,
                at_rest: false,
                if_not_exists: options.if_not_exists,
            };
            let generation = work.on.generation(&survey, &node.name);
            // Not decided anew when the record changes meanwhile: the archive can be read only once.
            let header = ImportHeader {
                store: Some(work.on.reach.adopt(node, channel).await?),
                expected,
                ..ImportHeader::new(translate::create(scope, volume, generation, &create))
            };
            let answer = work.on.reach.store(&node.name, channel).import(&header, archive).await?;
            work.created(&node.name, answer)
        };
        work.on.within(import).await
    }
}

/// The node that has what is exported.
fn find<'s>(work: &Work<'_>, survey: &'s Survey, of: &ExportOf) -> Result<&'s Seen, PortError> {
    let doing = &work.reach.doing;
    let found = match of {
        ExportOf::Disk(disk) => place::find(survey, work.volume, disk, doing)?.map(|found| found.seen),
        ExportOf::Snapshot(snapshot) => {
            place::find_snapshot(survey, work.volume, snapshot, doing)?.map(|found| found.seen)
        }
    };
    found.ok_or_else(|| {
        let what = match of {
            ExportOf::Disk(disk) => format!("disk {disk}"),
            ExportOf::Snapshot(snapshot) => format!("snapshot {snapshot}"),
        };
        work.error(ErrorKind::NotFound).detail(format!("volume {} has no {what}", work.volume))
    })
}

fn header(work: &Work<'_>, seen: &Seen, options: &DiskExport) -> Result<ExportHeader, PortError> {
    let from = match &options.of {
        ExportOf::Disk(disk) => ExportSource::Disk(disk.to_string()),
        ExportOf::Snapshot(snapshot) => ExportSource::Snapshot(snapshot.to_string()),
    };
    let resume = match &options.resume {
        None => None,
        Some(kept) => Some(protocol::ExportResume {
            manifest: manifest(work, &kept.manifest)?,
            frames: kept.frames.clone(),
            sha256: kept.sha256.clone(),
        }),
    };
    let volume = translate::volume(work.scope, work.volume);
    Ok(ExportHeader {
        store: seen.store.clone(),
        at_rest: options.at_rest,
        attended: true,
        resume,
        ..ExportHeader::new(volume, from, options.exported_at.to_string())
    })
}

fn manifest(work: &Work<'_>, text: &str) -> Result<ExportManifest, PortError> {
    ExportManifest::decode(text.as_bytes())
        .map_err(|why| work.error(ErrorKind::Invalid).detail("the manifest is wrong").because(why))
}
