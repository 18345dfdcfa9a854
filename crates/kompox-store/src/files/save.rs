//! Saving nouns as KOM documents. IO: writes files.
//!
//! First everything is decided and every new text is written aside, then the files are renamed one by one, parents
//! before children: whatever a crash leaves is a valid, older state of some nouns, and the same save finishes it.

use super::read::{Reading, io_error};
use super::{ADAPTER, Files};
use kompox_manifest::{Detail, kom_document};
use kompox_model::port::{Change, ErrorKind, PortError, apply};
use kompox_model::{Inventory, Noun, NounKey};
use kompox_yaml::write_documents;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What becomes of a file.
enum Plan {
    /// It holds these nouns, in this order.
    Write(Vec<NounKey>),
    /// Its last noun is gone.
    Delete,
}

pub(super) fn save(files: &Files, changes: &[Change]) -> Result<Inventory, PortError> {
    let folder = files.folder();
    // Two programs that save at the same time would each undo the other's change.
    let _lock = folder.filter(|folder| folder.is_dir()).map(lock).transpose()?;
    let (before, reading) = files_now(files)?;
    let mut after = before.clone();
    apply(ADAPTER, &mut after, changes)?;
    let plans = plan(&before, &after, &reading, folder)?;
    for path in plans.keys() {
        refuse_hand_written(path, &before, &reading)?;
    }
    act(&plans, &after, folder)?;
    Ok(after)
}

/// What is kept now; a folder that is not there yet keeps nothing.
fn files_now(files: &Files) -> Result<(Inventory, Reading), PortError> {
    let there = files.kom.iter().filter(|path| path.exists()).cloned().collect();
    Files::new(files.configuration.clone(), there).load_now()
}

fn lock(folder: &Path) -> Result<File, PortError> {
    let failed = |error| io_error("lock", folder, error);
    let handle = File::open(folder).map_err(failed)?;
    handle.lock().map_err(failed)?;
    Ok(handle)
}

/// The file of each noun that is read.
fn file_of<'a>(key: &NounKey, reading: &'a Reading) -> Option<&'a Path> {
    let place = reading.loaded.as_ref()?.places.get(key)?;
    reading.file(place.source)
}

/// Decides which files change.
fn plan(
    before: &Inventory,
    after: &Inventory,
    reading: &Reading,
    folder: Option<&Path>,
) -> Result<BTreeMap<PathBuf, Plan>, PortError> {
    let keys: BTreeSet<_> = before.iter().chain(after.iter()).map(|(key, _)| key).collect();
    let changed = keys.into_iter().filter(|key| before.get(key) != after.get(key));
    let mut plans = BTreeMap::new();
    for key in changed {
        let path = match file_of(key, reading) {
            Some(path) => path.to_owned(),
            None => new_file(key, folder)?,
        };
        let mut kept: Vec<_> = after
            .iter()
            .filter(|(other, _)| file_of(other, reading) == Some(&path))
            .map(|(other, _)| other.clone())
            .collect();
        if !before.iter().any(|(other, _)| other == key) {
            kept.push(key.clone());
        }
        plans.insert(path, if kept.is_empty() { Plan::Delete } else { Plan::Write(kept) });
    }
    Ok(plans)
}

/// A file of its own for a new noun, named by all its names so that no two nouns have one file.
fn new_file(key: &NounKey, folder: Option<&Path>) -> Result<PathBuf, PortError> {
    let Some(folder) = folder else {
        return Err(PortError::new(ErrorKind::Unsupported, ADAPTER, "save", key.to_string())
            .detail("new nouns are written into a folder of KOM documents, and there is none")
            .hint("name a folder for KOM documents"));
    };
    // Names have no dots, so the text is another one for each noun.
    let name = format!("{}.{}.yml", key.kind().to_lowercase(), key.path().replace('/', "."));
    Ok(folder.join(name))
}

/// The text of a file with these nouns.
fn text(keys: &[NounKey], inventory: &Inventory) -> String {
    let nouns = keys.iter().filter_map(|key| inventory.get(key));
    let documents: Vec<_> = nouns.map(|noun: &Noun| kom_document(noun, inventory, Detail::EXACT)).collect();
    write_documents(&documents)
}

/// A file that is not exactly what this program writes has something that would be lost.
fn refuse_hand_written(path: &Path, before: &Inventory, reading: &Reading) -> Result<(), PortError> {
    let Some((source, _)) = reading.files.iter().find(|(_, file)| file == path) else {
        return Ok(());
    };
    let keys: Vec<_> = before
        .iter()
        .filter(|(key, _)| file_of(key, reading) == Some(path))
        .map(|(key, _)| key.clone())
        .collect();
    if reading.sources.text(*source) == text(&keys, before) {
        return Ok(());
    }
    Err(PortError::new(ErrorKind::Unsupported, ADAPTER, "save", path.display().to_string())
        .detail("the file was written by hand; its comments and layout would be lost")
        .hint("change the file itself"))
}

/// Writes everything aside, then renames and deletes.
fn act(plans: &BTreeMap<PathBuf, Plan>, after: &Inventory, folder: Option<&Path>) -> Result<(), PortError> {
    if let Some(folder) = folder.filter(|_| !plans.is_empty()) {
        fs::create_dir_all(folder).map_err(|error| io_error("create", folder, error))?;
    }
    let mut written = Vec::new();
    for (path, plan) in plans {
        let failed = |error| io_error("save", path, error);
        let Plan::Write(keys) = plan else { continue };
        let parent = parent(path);
        let mut aside = NamedTempFile::new_in(parent).map_err(failed)?;
        aside.write_all(text(keys, after).as_bytes()).map_err(failed)?;
        // Others may read what they could read before; a new file is for its owner, since settings may be secrets.
        if let Ok(metadata) = fs::metadata(path) {
            aside.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
        }
        aside.as_file().sync_all().map_err(failed)?;
        let first = keys.first().cloned();
        written.push((first, path, aside));
    }
    // Parents first, and nothing is deleted before what shall be there is there.
    written.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    for (_, path, aside) in written {
        // A file that appeared meanwhile is somebody's.
        let persisted = if path.exists() { aside.persist(path) } else { aside.persist_noclobber(path) };
        persisted.map_err(|error| io_error("save", path, error.error))?;
        sync(parent(path))?;
    }
    let gone = plans.iter().filter(|(_, plan)| matches!(plan, Plan::Delete));
    // Children first.
    for (path, _) in gone.rev() {
        fs::remove_file(path).map_err(|error| io_error("delete", path, error))?;
        sync(parent(path))?;
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes renames and deletions last.
fn sync(folder: &Path) -> Result<(), PortError> {
    let failed = |error| io_error("sync", folder, error);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
