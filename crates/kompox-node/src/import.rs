//! A disk from an archive: made like any other, with content from a stream. IO.
//!
//! A run that was killed leaves a disk in state `creating`, which the same import completes from the beginning. One
//! that fails takes away what it had made: a broken archive leaves no half-made disk.

use crate::create::{self, Wish};
use crate::failure::{Result, invalid};
use crate::folder::Folder;
use crate::job::{Job, Whole};
use crate::steps::in_steps;
use crate::store::{Place, Store, make};
use crate::volume::{self, Volume};
use crate::{backend, delete, lock, trash};
use kompox_node_protocol::{
    CreateDisk, Created, DeleteDisk, ExportManifest, Failure, ImportHeader, Kind, Source,
};
use kompox_tree::Imported;
use std::io::Read;

/// Makes the disk that `header` names from `archive`, which is not read when the disk is there already.
/// `warn` gets what could not be kept.
pub(crate) fn run(
    place: Place<'_>,
    header: &ImportHeader,
    archive: impl Read + Send,
    warn: impl FnMut(String),
) -> Result<Created> {
    header.check().map_err(invalid)?;
    let ImportHeader { create: request, expected, .. } = header;
    let source = &Source::parse(&request.source).map_err(invalid)?;
    if let Some(expected) = expected {
        check_size(request, expected)?;
    }
    let wish = Wish { request, source, backend: backend::choose(place.path, place.backend)? };
    let created = in_steps(
        place,
        make,
        |store| create::begin(&store.root, wish, place.wait),
        archive,
        |store, job, whole| {
            let whole = whole.and_then(|whole| check_archive(header, &whole).map(|()| whole));
            let missing = whole.as_ref().ok().and_then(left_out);
            let made = create::finish(&store.root, wish, job, whole)?;
            missing.into_iter().for_each(warn);
            Ok(made)
        },
        |job| give_up(place, request, job),
    )?;
    let found = &created.disk.record.imported;
    if !created.created && expected.is_some() && found != expected {
        let message = format!(
            "disk `{}` of volume `{}` was made from another archive",
            request.disk, request.volume.volume
        );
        return Err(Failure::new(Kind::AlreadyExists, message).hint("choose another name"));
    }
    Ok(created)
}

/// Refuses a disk that the exported one might outgrow.
fn check_size(request: &CreateDisk, manifest: &ExportManifest) -> Result<()> {
    let (wanted, least) = (request.size_bytes, manifest.size_bytes);
    if wanted >= least {
        return Ok(());
    }
    let message = format!("disk `{}` has size {wanted}, but the exported one has size {least}", request.disk);
    Err(invalid(message).hint("give it at least the size of the exported disk"))
}

/// Refuses another archive than the expected one.
fn check_archive(header: &ImportHeader, whole: &Whole) -> Result<()> {
    let manifest = whole.imported.as_ref().and_then(|imported| imported.manifest.as_ref());
    if let Some(manifest) = manifest {
        check_size(&header.create, manifest)?;
    }
    match (&header.expected, manifest) {
        (Some(expected), Some(found)) if expected != found => {
            Err(invalid("the archive is another export than the expected one"))
        }
        (Some(_), None) => Err(invalid("the archive is no export, though one was expected")),
        (Some(_) | None, _) => Ok(()),
    }
}

/// What is missing although the import succeeds.
fn left_out(whole: &Whole) -> Option<String> {
    let Imported { attributes_left_out: count, first_left_out, .. } = whole.imported.as_ref()?;
    let first = first_left_out.join(", ");
    (*count > 0)
        .then(|| format!("extended attributes that the file system does not take: {count}, first {first}"))
}

/// Gives the room back, and the name too if this run took it.
fn give_up(place: Place<'_>, request: &CreateDisk, job: Job) {
    let (fresh, handle) = (job.fresh, job.handle.clone());
    // With its locks, which a deletion needs.
    job.give_up();
    if fresh {
        // The failure that led here is the one to report; what is left is a disk that can be deleted.
        let _ = withdraw(place, request, &handle);
    }
}

/// Deletes the disk that this run began, unless somebody else goes on with it.
fn withdraw(place: Place<'_>, request: &CreateDisk, handle: &str) -> Result<()> {
    let Some(store) = Store::find(place, lock::exclusive)? else { return Ok(()) };
    let root = &store.root;
    let (mut volume, disk) = create::find_creating(root, request)?;
    if disk.record.handle != handle {
        return Ok(());
    }
    if is_all(&volume, &request.disk)? {
        // The volume came with this disk; it goes with it, by one rename.
        let _kept =
            lock::try_exclusive(&disk.folder)?.ok_or_else(|| lock::in_use(&disk.folder, place.wait))?;
        let app = root.folder(&request.volume.app.app_hash)?;
        trash::discard(root, &app, &request.volume.volume)?;
        app.sync()?;
    } else {
        if volume.record.assigned.as_deref() == Some(&request.disk) {
            volume.unassign(&request.disk, Some(&request.created_at))?;
        }
        let request = DeleteDisk {
            volume: request.volume.clone(),
            generation: volume.record.generation,
            disk: request.disk.clone(),
        };
        delete::disk(root, &request, place.wait)?;
    }
    store.leave();
    Ok(())
}

/// Whether the volume was made with this disk, and nothing came to it since.
fn is_all(volume: &Volume, disk: &str) -> Result<bool> {
    let names = |folder: Option<Folder>| folder.map_or(Ok(Vec::new()), |folder| volume::names(&folder));
    let record = &volume.record;
    Ok(record.generation == 1
        && record.assigned.as_deref() == Some(disk)
        && names(volume.disks()?)? == [disk]
        && names(volume.snapshots()?)?.is_empty())
}
