//! A disk or a snapshot of a store as an export. IO: the store, which is only read, and the stream.
//!
//! The store is locked only to find it; while it is read, its own locks keep away who would delete it, fill it or open
//! its fence.

use crate::disk::{self, Disk};
use crate::failure::{Result, conflict, invalid};
use crate::folder::Folder;
use crate::lock::{self, Lock};
use crate::snapshot::{self, Snapshot};
use crate::store::{Place, Store};
use crate::volume::Volume;
use crate::{data, fault, origin};
use kompox_node_protocol::{
    EXPORT_FORMAT, ExportHeader, ExportManifest, ExportResume, ExportSource, Exported, Progress,
};
use kompox_tree::{Options, Resume};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Progress is told at most so often, and of what is done sooner not at all.
const PACE: Duration = Duration::from_secs(1);

/// Writes the export that `header` asks for to `output`; `tell` gets the progress.
pub(crate) fn run(
    place: Place<'_>,
    header: &ExportHeader,
    output: impl Write,
    mut tell: impl FnMut(Progress),
) -> Result<Exported> {
    header.check().map_err(invalid)?;
    let (subject, _locks) = place.patiently(|now| {
        let (subject, _store) = Subject::open(now, header)?;
        let locks = subject.lock(place.wait)?;
        Ok((subject, locks))
    })?;
    let (manifest, resume) = match &header.resume {
        None => (subject.manifest, None),
        Some(kept) => (continued(&subject.manifest, &kept.manifest)?, Some(frames(kept)?)),
    };
    let mut told = Instant::now();
    let mut progress = |done_bytes, total_bytes| {
        if told.elapsed() >= PACE {
            told = Instant::now();
            tell(Progress { done_bytes, total_bytes });
        }
    };
    let options = Options { level: header.level, resume, progress: Some(&mut progress) };
    let written = kompox_tree::export(&subject.data, &manifest, options, Steps(output));
    // First this: what vanished or changed meanwhile failed because of that.
    let (now, _store) = Subject::open(place, header)?;
    if now.handle != subject.handle {
        return Err(
            conflict(format!("{} was made anew meanwhile", shown(&manifest))).hint("begin a new export")
        );
    }
    let kompox_tree::Exported { trailer, first_left_out, written: written_bytes } = written?;
    Ok(Exported { manifest, trailer, first_left_out, written_bytes })
}

/// What is exported.
struct Subject {
    /// The folder of its record.
    owner: Folder,
    data: Folder,
    handle: String,
    /// As a new export would have it.
    manifest: ExportManifest,
}

impl Subject {
    /// Finds it, with the store locked as long as the second part is kept.
    fn open(place: Place<'_>, header: &ExportHeader) -> Result<(Self, Store)> {
        let unknown = || match &header.from {
            ExportSource::Disk(name) => disk::unknown(&header.volume, name),
            ExportSource::Snapshot(name) => snapshot::unknown(&header.volume, name),
        };
        let store = Store::find(place, lock::shared)?.ok_or_else(unknown)?;
        let volume = Volume::find_owned(&store.root, &header.volume)?.ok_or_else(unknown)?;
        volume.check_holder(&header.volume)?;
        let subject = match &header.from {
            ExportSource::Disk(name) => {
                let disk = Disk::find(&volume, name)?.ok_or_else(unknown)?;
                Self::of_disk(&volume, disk, header)
            }
            ExportSource::Snapshot(name) => {
                Self::of_snapshot(Snapshot::find(&volume, name)?.ok_or_else(unknown)?, header)
            }
        };
        Ok((subject?, store))
    }

    fn of_disk(volume: &Volume, Disk { folder: owner, record }: Disk, header: &ExportHeader) -> Result<Self> {
        origin::check_state("disk", &record.name, record.state)?;
        let fenced = volume.record.fenced;
        if !header.at_rest && !fenced {
            return Err(conflict(format!(
                "disk `{}` may be in use, so an export would not be consistent",
                record.name
            ))
            .hint("make a snapshot and export that, or stop the app first"));
        }
        let data = if fenced {
            // While it is still at its old path, somebody may write to it.
            origin::data_at(&owner, data::FENCED)
                .map_err(|failure| failure.hint("repeat the command that fenced the volume"))?
        } else {
            origin::data_at(&owner, data::DATA)?
        };
        let manifest = ExportManifest {
            format: EXPORT_FORMAT,
            identity: record.identity,
            volume: record.volume,
            disk: record.name,
            snapshot: None,
            source: record.source,
            size_bytes: record.size_bytes,
            created_at: record.created_at,
            exported_at: header.exported_at.clone(),
            atomic: true,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Ok(Self { owner, data, handle: record.handle, manifest })
    }

    fn of_snapshot(Snapshot { folder: owner, record }: Snapshot, header: &ExportHeader) -> Result<Self> {
        origin::check_state("snapshot", &record.name, record.state)?;
        let data = origin::data_at(&owner, data::DATA)?;
        let manifest = ExportManifest {
            format: EXPORT_FORMAT,
            identity: record.identity,
            volume: record.volume,
            source: format!("disk:{}", record.disk),
            disk: record.disk,
            snapshot: Some(record.name),
            size_bytes: record.size_bytes,
            created_at: record.created_at,
            exported_at: header.exported_at.clone(),
            // Made in one moment, or copied while nothing ran: others are not made.
            atomic: true,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Ok(Self { owner, data, handle: record.handle, manifest })
    }

    fn lock(&self, wait: Duration) -> Result<[Lock; 2]> {
        origin::keep(&self.owner, &self.data, wait)
    }
}

/// The manifest of an export that goes on, if it is one of the same thing.
fn continued(now: &ExportManifest, kept: &ExportManifest) -> Result<ExportManifest> {
    let same = ExportManifest {
        exported_at: kept.exported_at.clone(),
        atomic: kept.atomic,
        program: kept.program.clone(),
        ..now.clone()
    };
    if same == *kept {
        return Ok(same);
    }
    let other = if shown(kept) == shown(now) { "an earlier one".to_owned() } else { shown(now) };
    Err(conflict(format!("the file holds an export of {}, not of {other}", shown(kept)))
        .hint("begin a new file"))
}

fn shown(manifest: &ExportManifest) -> String {
    let ExportManifest { identity, volume, disk, snapshot, .. } = manifest;
    match snapshot {
        Some(snapshot) => format!("snapshot `{snapshot}` of volume `{volume}` of app {identity}"),
        None => format!("disk `{disk}` of volume `{volume}` of app {identity}"),
    }
}

fn frames(kept: &ExportResume) -> Result<Resume> {
    let none = || invalid(format!("`{}` is no SHA-256", kept.sha256));
    Ok(Resume { frames: kept.frames.clone(), sha256: kept.sum().ok_or_else(none)? })
}

/// A stream whose every write counts as a step: an export may end before any of them.
struct Steps<W>(W);

impl<W: Write> Write for Steps<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        fault::point()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
