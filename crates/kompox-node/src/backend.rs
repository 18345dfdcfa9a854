//! How a disk's data is kept: the one place that knows the kind of file system. IO.
//!
//! Plain folders only: a size is declared and not enforced, every source but "empty" is refused.

use crate::failure::{Result, cannot};
use crate::folder::{Folder, PUBLIC};
use kompox_node_protocol::{Backend, Failure, Kind, SOURCE_EMPTY};

/// The kind this program makes.
pub(crate) const KIND: Backend = Backend::Directory;

/// The folder of a disk's record that holds its data.
pub(crate) const DATA: &str = "data";

/// Refuses sources that this kind cannot make a disk from, before anything is written.
pub(crate) fn check_source(source: &str) -> Result<()> {
    if source == SOURCE_EMPTY {
        return Ok(());
    }
    Err(Failure::new(Kind::Unsupported, format!("this disk store cannot make a disk from `{source}`"))
        .hint("this version makes empty disks only"))
}

/// Makes the data of a disk, or goes on making it.
pub(crate) fn make_data(disk: &Folder) -> Result<()> {
    let data = disk.make_folder(DATA, PUBLIC)?;
    // Again, because a run may have ended between the making of the folder and its mode.
    data.set_owner(0, 0)?;
    data.set_mode(PUBLIC)?;
    data.sync()?;
    disk.sync()
}

/// Size and free space of the store's file system, in bytes.
pub(crate) fn space(root: &Folder) -> Result<(u64, u64)> {
    let found = rustix::fs::fstatvfs(root.fd()).map_err(|e| cannot("measure", root.path().display(), e))?;
    Ok((found.f_blocks.saturating_mul(found.f_frsize), found.f_bavail.saturating_mul(found.f_frsize)))
}
