//! Exports and imports of the memory driver. No IO.

use super::owner::{self, holder};
use super::state::{Memory, Operation, State, Stored};
use super::{archive, disks, snapshots, volumes};
use crate::limit;
use async_trait::async_trait;
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use kompox_model::port::{
    AppScope, Call, DiskExport, DiskExported, DiskImport, DiskStreams, ErrorKind, ExportOf, ExportProgress,
    PortError,
};
use kompox_model::{Disk, DiskState, VolumeName};
use kompox_node_protocol::{EXPORT_FORMAT, ExportManifest, Identity};
use std::collections::BTreeSet;

fn target(scope: AppScope<'_>, volume: &VolumeName, name: &str) -> String {
    format!("{}/{volume}/{name}", scope.identity)
}

/// The archive of a disk or snapshot.
fn pack(
    state: &State,
    scope: AppScope<'_>,
    volume: &VolumeName,
    options: &DiskExport,
    error: impl Fn(ErrorKind) -> PortError,
) -> Result<(DiskExported, String), PortError> {
    owner::check_holder(state, scope, volume, &holder(scope))
        .map_err(|text| error(ErrorKind::Conflict).detail(text))?;
    let fenced = state.fenced.contains(&(scope.identity.app_hash(), volume.clone()));
    let (name, snapshot, found) = match &options.of {
        ExportOf::Disk(name) => {
            let disk = disks::find(state, scope, volume, name).ok_or_else(|| error(ErrorKind::NotFound))?;
            if !options.at_rest && !fenced {
                return Err(error(ErrorKind::Conflict).detail("the disk may be in use"));
            }
            let found = (&disk.handle, disk.size, disk.created_at, disk.state, disk.source.to_string());
            (name.to_string(), None, found)
        }
        ExportOf::Snapshot(name) => {
            let found =
                snapshots::find(state, scope, volume, name).ok_or_else(|| error(ErrorKind::NotFound))?;
            let source = format!("disk:{}", found.disk);
            let seen = (&found.handle, found.size, found.created_at, found.state, source);
            (found.disk.to_string(), Some(name.to_string()), seen)
        }
    };
    let (handle, size, created_at, what_state, source) = found;
    if what_state != DiskState::Ready {
        return Err(error(ErrorKind::Conflict).detail(format!("it is {what_state}")));
    }
    if options.resume.is_some() {
        return Err(error(ErrorKind::Unsupported).detail("an archive in memory is never cut"));
    }
    let identity = Identity {
        workspace: scope.identity.workspace.to_string(),
        provider: scope.identity.provider.to_string(),
        app: scope.identity.app.to_string(),
    };
    let manifest = ExportManifest {
        format: EXPORT_FORMAT,
        identity,
        volume: volume.to_string(),
        disk: name,
        snapshot,
        source,
        size_bytes: size.0,
        created_at: created_at.to_string(),
        exported_at: options.exported_at.to_string(),
        atomic: true,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let manifest = manifest.encode().map_err(|why| error(ErrorKind::Internal).because(why))?;
    let content = state.contents.get(handle).cloned().unwrap_or_default();
    let text = archive::write(&manifest, &content);
    let exported = DiskExported {
        manifest: manifest.trim_end().to_owned(),
        entries: content.len() as u64 + 1,
        bytes: text.len() as u64,
        left_out: 0,
        first_left_out: Vec::new(),
    };
    Ok((exported, text))
}

/// What there is already of the disk; none when it is to be made.
fn known(
    state: &State,
    scope: AppScope<'_>,
    volume: &VolumeName,
    options: &DiskImport,
    error: impl Fn(ErrorKind) -> PortError,
) -> Result<Option<Disk>, PortError> {
    owner::check(state, scope, volume).map_err(|text| error(ErrorKind::Conflict).detail(text))?;
    if options.size.0 == 0 {
        return Err(error(ErrorKind::Invalid).detail("its size is 0"));
    }
    match disks::find(state, scope, volume, &options.name) {
        None => Ok(None),
        Some(disk) if disk.state == DiskState::Deleting => {
            Err(error(ErrorKind::Conflict).detail("it is being deleted"))
        }
        Some(disk) if disk.source != options.source => {
            Err(error(ErrorKind::AlreadyExists).detail(format!("it was made from {}", disk.source)))
        }
        Some(disk) if disk.state == DiskState::Ready && !options.if_not_exists => {
            Err(error(ErrorKind::AlreadyExists))
        }
        Some(disk) => Ok(Some(disk.clone())),
    }
}

/// The content of an archive that the disk can take.
fn unpack(
    options: &DiskImport,
    text: &[u8],
    error: impl Fn(ErrorKind) -> PortError,
) -> Result<BTreeSet<String>, PortError> {
    let invalid = |why: String| error(ErrorKind::Invalid).detail(why);
    let (manifest, content) = archive::read(text).map_err(invalid)?;
    if options.manifest.as_ref().is_some_and(|wanted| wanted.trim_end() != manifest) {
        return Err(invalid("it is another archive than the one that was expected".to_owned()));
    }
    let read = ExportManifest::decode(manifest.as_bytes()).map_err(|why| invalid(why.to_string()))?;
    if options.size.0 < read.size_bytes {
        return Err(invalid(format!("the disk in the archive has size {}", read.size_bytes)));
    }
    Ok(content)
}

/// Makes the disk, in the two steps between which a fault may strike.
fn make(
    state: &mut State,
    scope: AppScope<'_>,
    volume: &VolumeName,
    options: &DiskImport,
    known: Option<&Disk>,
    content: BTreeSet<String>,
) -> Result<(), PortError> {
    let hash = scope.identity.app_hash();
    let handle = known.map_or_else(|| format!("memory-{}", state.made + 1), |disk| disk.handle.clone());
    let new = known.is_none().then(|| Disk {
        name: options.name.clone(),
        volume: volume.clone(),
        size: options.size,
        size_enforced: true,
        atomic_snapshots: state.atomic_snapshots,
        handle: handle.clone(),
        assigned: !state.disks.iter().any(|s| s.app_hash == hash && s.disk.volume == *volume),
        created_at: options.created_at,
        node: None,
        zone: None,
        source: options.source.clone(),
        state: DiskState::Creating,
        holder: holder(scope),
    });
    let begin = |state: &mut State| {
        if let Some(disk) = new {
            state.made += 1;
            volumes::begun(state, scope, &disk);
            state.disks.push(Stored { app_hash: hash, identity: scope.identity.clone(), disk });
        }
    };
    let target = target(scope, volume, options.name.as_str());
    state.write_twice(Operation::Import, &target, begin, |state| {
        if let Some(stored) = state.disks.iter_mut().find(|stored| stored.disk.handle == handle) {
            stored.disk.size = options.size;
            stored.disk.state = DiskState::Ready;
        }
        state.contents.insert(handle, content);
    })
}

#[async_trait]
impl DiskStreams for Memory {
    async fn export(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskExport,
        archive: &mut (dyn AsyncWrite + Send + Unpin),
        progress: ExportProgress<'_>,
    ) -> Result<DiskExported, PortError> {
        let name = match &options.of {
            ExportOf::Disk(name) => name.to_string(),
            ExportOf::Snapshot(name) => name.to_string(),
        };
        let target = target(scope, volume, &name);
        let error = |kind| Operation::Export.error(kind, &target);
        let packed = self.run(call, Operation::Export, &target, |state| {
            let packed = pack(state, scope, volume, options, error)?;
            state.strike_in(Operation::Export, &target)?;
            Ok(packed)
        });
        let (exported, text) = packed.await?;
        limit::within(call, None, error, async {
            let total = text.len() as u64;
            let half = text.len() / 2;
            let write = async {
                archive.write_all(&text.as_bytes()[..half]).await?;
                progress(half as u64, total);
                archive.write_all(&text.as_bytes()[half..]).await?;
                archive.flush().await
            };
            write.await.map_err(|why| error(ErrorKind::Internal).because(why))
        })
        .await?;
        Ok(exported)
    }

    async fn import(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskImport,
        archive: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Disk, PortError> {
        let operation = Operation::Import;
        let target = target(scope, volume, options.name.as_str());
        let error = |kind| operation.error(kind, &target);
        let before = self.run(call, operation, &target, |state| known(state, scope, volume, options, error));
        if let Some(disk) = before.await?.filter(|disk| disk.state == DiskState::Ready) {
            return Ok(disk);
        }
        let mut text = Vec::new();
        limit::within(call, None, error, async {
            let read = archive.read_to_end(&mut text).await;
            read.map_err(|why| error(ErrorKind::Internal).because(why))
        })
        .await?;
        let content = unpack(options, &text, error)?;
        self.run_on(call, operation, &target, |state| {
            let known = known(state, scope, volume, options, error)?;
            make(state, scope, volume, options, known.as_ref(), content)?;
            let made = disks::find(state, scope, volume, &options.name);
            made.cloned().ok_or_else(|| error(ErrorKind::Internal))
        })
        .await
    }
}
