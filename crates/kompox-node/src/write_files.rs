//! Secret and config files with exact owner and mode in a memory folder. IO.
//!
//! Mounted Secrets belong to root, and a file of mode 0400 is then unreadable to the user it is for.

use crate::failure::{Result, cannot, invalid};
use crate::folder::{Folder, PUBLIC, set_mode, set_owner};
use kompox_node_protocol::{FILL_PREFIX, FileToWrite, WriteFilesPlan, check_sub_path};
use rustix::fs::Mode;
use std::io::Write;
use std::path::Path;

/// Writes every file of the plan, replacing those of an earlier run.
pub(crate) fn run(plan: &WriteFilesPlan) -> Result<()> {
    let root = Path::new(&plan.root);
    if !root.is_absolute() {
        return Err(invalid(format!("`{}` is not an absolute path", plan.root)));
    }
    let root = Folder::root(root)?;
    plan.files.iter().try_for_each(|file| write(&root, file))
}

fn write(root: &Folder, file: &FileToWrite) -> Result<()> {
    let FileToWrite { source, path, uid, gid, mode } = file;
    check_sub_path(path).map_err(invalid)?;
    if *mode > 0o7777 {
        return Err(invalid(format!("{mode:o} is not the mode of a file")));
    }
    let content = std::fs::read(source).map_err(|error| cannot("read", source, error))?;
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut parent = root.again()?;
    for part in parents.split('/').filter(|part| !part.is_empty()) {
        let next = parent.make_folder(part, PUBLIC)?;
        parent = next;
    }
    let aside = format!("{FILL_PREFIX}{name}");
    parent.unlink(&aside)?;
    // Private until the owner is set, so that nobody else can open it in between.
    let mut made = parent.create_file(&aside, Mode::RUSR | Mode::WUSR)?;
    made.write_all(&content)
        .and_then(|()| set_owner(&made, *uid, *gid))
        .and_then(|()| set_mode(&made, Mode::from_raw_mode(*mode)))
        .map_err(|error| cannot("write", parent.shown(path), error))?;
    parent.rename(&aside, &parent, name)
}
