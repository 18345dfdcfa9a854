//! `disk import`: a new disk with the content of an archive. IO through the ports.

use super::export::streams;
use super::{CreateOptions, find_volume, look_for, planned, under_lock};
use crate::progress::Step;
use crate::{Error, Scope, refusal};
use futures::AsyncRead;
use kompox_model::port::{DiskImport, Lock};
use kompox_model::quantity::Bytes;
use kompox_model::{AppIdentity, Disk, DiskName, DiskSource, VolumeName, hash};

/// Options of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// The volume; none means the app's first.
    pub volume: Option<VolumeName>,
    /// Name of the new disk; none means a generated one.
    pub name: Option<DiskName>,
    /// Its size; none means that of the volume, or of the disk in the archive if that is larger.
    pub size: Option<Bytes>,
    /// What is taken in.
    pub from: ImportFrom,
    /// A disk of that name made of the same archive is success.
    pub if_not_exists: bool,
    /// Only say what would be made.
    pub dry_run: bool,
    /// The time to record.
    pub now: jiff::Timestamp,
    /// For a generated name.
    pub random: u64,
}

/// What an archive is known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportFrom {
    /// An export with this manifest, as JSON text, of a disk of this size.
    Export {
        /// The manifest.
        manifest: String,
        /// Declared size of the disk in it.
        size: Bytes,
    },
    /// A tar archive from elsewhere.
    Archive,
    /// A folder, as the archive that it is sent as.
    Directory,
}

impl ImportFrom {
    /// The source of a disk made of it.
    #[must_use]
    pub fn source(&self) -> DiskSource {
        DiskSource::Provider(match self {
            Self::Export { manifest, .. } => {
                format!("import:{}", hash::hex(manifest.trim_end().as_bytes(), 16))
            }
            Self::Archive => "import:archive".to_owned(),
            Self::Directory => "import:directory".to_owned(),
        })
    }
}

/// Makes a disk of `archive`. It is not assigned, unless it is the first one of its volume.
///
/// # Errors
/// Invalid for an archive that is broken or cut, or larger than the size allows; AlreadyExists for a name that is taken;
/// Unsupported when the driver reads no archives; those of the ports. No disk is left of an archive that is refused.
pub async fn import(
    scope: &Scope<'_>,
    options: &ImportOptions,
    archive: &mut (dyn AsyncRead + Send + Unpin),
    holder: &str,
) -> Result<Disk, Error> {
    let volume = find_volume(scope, options.volume.as_ref())?;
    let streams = streams(scope)?;
    let seconds = u64::try_from(options.now.as_second()).unwrap_or_default();
    let manifest = match &options.from {
        ImportFrom::Export { manifest, .. } => Some(manifest.clone()),
        ImportFrom::Archive | ImportFrom::Directory => None,
    };
    let import = DiskImport {
        name: options.name.clone().unwrap_or_else(|| DiskName::generated(seconds, options.random)),
        size: size(options, volume.size)?,
        source: options.from.source(),
        created_at: options.now,
        if_not_exists: options.if_not_exists,
        manifest,
    };
    if options.dry_run {
        let create = CreateOptions {
            volume: Some(volume.name.clone()),
            name: Some(import.name.clone()),
            size: Some(import.size),
            source: import.source.clone(),
            if_not_exists: import.if_not_exists,
            dry_run: true,
            now: options.now,
            random: options.random,
        };
        return planned(scope, volume, &create.request(volume)).await;
    }
    if import.if_not_exists
        && let Some(disk) = look_for(scope, &volume.name, &import.name).await?.own_ready()
        && disk.source == import.source
    {
        return Ok(disk);
    }
    under_lock(scope, holder, async |identity: &AppIdentity, uid: &str, lock: &dyn Lock| {
        let step = Step::start(scope.progress, format!("making disk {} of the archive", import.name));
        lock.check()?;
        let scoped = scope.disks(identity, uid);
        let disk = streams.import(&scope.call(), scoped, &volume.name, &import, archive).await?;
        step.done(format!("disk {} made of the archive", disk.name));
        Ok(disk)
    })
    .await
}

fn size(options: &ImportOptions, of_volume: Bytes) -> Result<Bytes, Error> {
    let least = match &options.from {
        ImportFrom::Export { size, .. } => *size,
        ImportFrom::Archive | ImportFrom::Directory => Bytes(0),
    };
    match options.size {
        Some(size) if size < least => Err(Error::refused(
            refusal::disk::IMPORT_TOO_LARGE,
            format!("the archive is of a disk of {least}, which does not fit into {size}"),
            "leave --size out, or give at least the size of that disk",
        )),
        Some(size) => Ok(size),
        None => Ok(of_volume.max(least)),
    }
}
