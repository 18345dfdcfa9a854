//! Which back end new data gets: what the file system of a store can do, and what was asked for. IO.

use crate::btrfs;
use crate::failure::{Result, cannot};
use crate::folder::Folder;
use kompox_node_protocol::{Backend, Failure, Kind};
use rustix::fs::{Mode, OFlags};
use std::path::Path;

/// The back end for what is made in the store at `path`, which need not exist yet: the wanted one, or else the best
/// that its file system can do. Writes nothing.
///
/// # Errors
/// Unsupported when the file system cannot do the wanted one.
pub(crate) fn choose(path: &Path, wanted: Option<Backend>) -> Result<Backend> {
    let there = path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
    let folder = Folder::root(there)?;
    let refuse = |why: &str| {
        let wanted = wanted.map_or("auto", Backend::name);
        Err(Failure::new(Kind::Unsupported, format!("`--backend {wanted}`: {} {why}", path.display()))
            .hint("put the disk store on another file system, or leave the choice to kompox-node"))
    };
    match wanted {
        None if btrfs::is_here(&folder)? => Ok(Backend::Btrfs),
        None if can_share(&folder) => Ok(Backend::Reflink),
        None | Some(Backend::Directory) => Ok(Backend::Directory),
        Some(Backend::Btrfs) if !btrfs::is_here(&folder)? => refuse("is not on a btrfs file system"),
        Some(Backend::Reflink) if !can_share(&folder) => {
            refuse("is on a file system whose files cannot share blocks")
        }
        Some(wanted) => Ok(wanted),
    }
}

/// Whether two files without a name can share blocks here. Whatever refuses the trial, such as a file system that has
/// no such files, is read-only or full, cannot be relied on for it.
fn can_share(folder: &Folder) -> bool {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = || rustix::fs::openat(folder.fd(), ".", flags, Mode::RUSR | Mode::WUSR);
    file().and_then(|from| rustix::fs::ioctl_ficlone(file()?, from)).is_ok()
}

/// Size and free space of the store's file system, in bytes.
pub(crate) fn space(root: &Folder) -> Result<(u64, u64)> {
    let found = rustix::fs::fstatvfs(root.fd()).map_err(|e| cannot("measure", root.path().display(), e))?;
    Ok((found.f_blocks.saturating_mul(found.f_frsize), found.f_bavail.saturating_mul(found.f_frsize)))
}
