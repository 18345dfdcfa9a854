//! Putting this program where the containers of a Pod find it. IO.

use crate::failure::{Result, cannot};
use crate::folder::{Folder, PUBLIC, set_mode};
use rustix::fs::Mode;
use std::io::{Read, Write};
use std::path::Path;

/// The name of the program in the folder it is installed to.
pub(crate) const NAME: &str = "kompox-node";

/// Copies this program into `folder`; nothing to do when the same one is there.
pub(crate) fn run(folder: &Path) -> Result<()> {
    let path = std::env::current_exe().map_err(|error| cannot("find", "this program", error))?;
    let program = std::fs::read(&path).map_err(|error| cannot("read", path.display(), error))?;
    let folder = Folder::root(folder)?;
    if is_there(&folder, &program)? {
        return Ok(());
    }
    let aside = format!(".{NAME}.new");
    folder.unlink(&aside)?;
    let mut file = folder.create_file(&aside, Mode::RUSR | Mode::WUSR)?;
    file.write_all(&program)
        .and_then(|()| set_mode(&file, PUBLIC))
        .map_err(|error| cannot("write", folder.shown(&aside), error))?;
    drop(file);
    folder.rename(&aside, &folder, NAME)
}

fn is_there(folder: &Folder, program: &[u8]) -> Result<bool> {
    let Some(mut file) = folder.find_file(NAME)? else { return Ok(false) };
    let failed = |error| cannot("read", folder.shown(NAME), error);
    let found = file.metadata().map_err(failed)?;
    let executable = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o7777 == 0o755;
    if !executable || found.len() != program.len() as u64 {
        return Ok(false);
    }
    let mut content = Vec::with_capacity(program.len());
    file.read_to_end(&mut content).map_err(failed)?;
    Ok(content == program)
}
