//! The first filling of volumes from an image, as container engines do it for empty volumes. IO.
//!
//! Runs in an init container of the image with the whole disk mounted: a volume that is absent or empty gets the
//! image's folder with exact owners and modes, once and whole.

use crate::content::How;
use crate::failure::{Result, cannot, conflict, invalid};
use crate::folder::{Folder, PRIVATE, PUBLIC};
use crate::target::Target;
use crate::{copy, lock, tree};
use kompox_node_protocol::{CopyUp, CopyUpPlan, FILL_PREFIX, FillTarget, Owner};
use std::path::Path;
use std::time::Duration;

/// Unfinished content of a mount, and content that only has to be moved into place.
const HALF: &str = "new";
const WHOLE: &str = "whole";

/// Carries out the plan; tells `said` one line per volume.
pub(crate) fn run(plan: &CopyUpPlan, wait: Duration, mut said: impl FnMut(String)) -> Result<()> {
    for fill in &plan.fills {
        let (shown, filled) = match &fill.target {
            FillTarget::Disk { root, sub_path } => {
                (sub_path, on_disk(fill, absolute(root)?, sub_path, wait)?)
            }
            FillTarget::Mount { path } => (path, in_place(fill, absolute(path)?)?),
        };
        said(match filled {
            Filled::Kept => format!("{shown}: kept, it has content"),
            Filled::Empty => format!("{shown}: made empty"),
            Filled::Copied => format!("{shown}: filled from {}", fill.source.as_deref().unwrap_or_default()),
        });
    }
    Ok(())
}

enum Filled {
    Kept,
    Empty,
    Copied,
}

fn absolute(path: &str) -> Result<&Path> {
    let path = Path::new(path);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(invalid(format!("`{}` is not an absolute path", path.display())))
    }
}

/// The image's folder; none when there is nothing to copy. Links in the image are followed, as the container's own
/// program would.
fn source(fill: &CopyUp) -> Result<Option<Folder>> {
    let Some(path) = &fill.source else { return Ok(None) };
    let path = absolute(path)?;
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Folder::root(path).map(Some),
        Ok(_) => Err(conflict(format!("{} is not a folder in this image", path.display()))
            .hint("mount the volume on a folder")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("look at", path.display(), error)),
    }
}

fn on_disk(fill: &CopyUp, root: &Path, sub_path: &str, wait: Duration) -> Result<Filled> {
    let disk = Folder::root(root)?;
    let _guard = lock::exclusive(&disk, wait)?;
    let Some(target) = Target::find(&disk, sub_path)? else { return Ok(Filled::Kept) };
    let source = source(fill)?;
    let result = fill_target(fill, &target, source.as_ref());
    if result.is_err() {
        target.give_up();
    }
    result
}

fn fill_target(fill: &CopyUp, target: &Target, source: Option<&Folder>) -> Result<Filled> {
    let nothing = source.map_or(Ok(true), Folder::is_empty)?;
    if let Some(empty) = &target.empty
        && nothing
    {
        // In place: a container that has this folder mounted already must not lose it.
        match (source, fill.owner) {
            (Some(source), _) => copy::own_state(source, empty)?,
            (None, Some(Owner { uid, gid })) => empty.set_owner(uid, gid)?,
            // It is what an image or a container made of it, for another service that uses it.
            (None, None) => {}
        }
        empty.sync()?;
        return Ok(Filled::Empty);
    }
    let aside = target.start()?;
    match source {
        Some(source) if !nothing => {
            copy::contents(source, &aside, How::InFull)?;
        }
        _ => {
            own(fill, &aside, source)?;
            aside.sync()?;
        }
    }
    target.finish()?;
    Ok(if nothing { Filled::Empty } else { Filled::Copied })
}

/// Owner and mode of a new folder without content: those of the image's folder, else the plan's.
fn own(fill: &CopyUp, folder: &Folder, source: Option<&Folder>) -> Result<()> {
    if let Some(source) = source {
        return copy::own_state(source, folder);
    }
    let Owner { uid, gid } = fill.owner.unwrap_or(Owner { uid: 0, gid: 0 });
    folder.set_owner(uid, gid)?;
    folder.set_mode(PUBLIC)
}

/// Fills a mount, which cannot be renamed: the content is written aside in it, marked as whole by a rename, and
/// moved up entry by entry. A run that ended early is completed by the next one.
fn in_place(fill: &CopyUp, path: &Path) -> Result<Filled> {
    let mount = Folder::root(path)?;
    let (half, whole) = (format!("{FILL_PREFIX}{HALF}"), format!("{FILL_PREFIX}{WHOLE}"));
    tree::remove(&mount, &half)?;
    let source = source(fill)?;
    if mount.find_folder(&whole)?.is_none() {
        if !mount.is_empty()? {
            return Ok(Filled::Kept);
        }
        let Some(source) = source.as_ref() else {
            own(fill, &mount, None)?;
            return Ok(Filled::Empty);
        };
        copy::contents(source, &mount.new_folder(&half, PRIVATE)?, How::InFull)?;
        mount.rename(&half, &mount, &whole)?;
    }
    let content = mount.folder(&whole)?;
    for entry in content.entries()? {
        content.rename(&entry.name, &mount, &entry.name)?;
    }
    own(fill, &mount, source.as_ref())?;
    mount.remove_empty(&whole)?;
    Ok(Filled::Copied)
}
