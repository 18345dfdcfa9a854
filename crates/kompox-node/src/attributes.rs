//! Extended attributes of files and folders. IO.

use crate::failure::{Result, cannot};
use crate::folder::change;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::path::Path;

/// The system's own limit for the names of one file and for one value.
const LIMIT: usize = 64 * 1024;

/// Copies what belongs to the content: `user.*`, access control lists and file capabilities. Labels of security
/// modules belong to the machine. What the target cannot keep is said on standard error.
pub(crate) fn copy(from: impl AsFd, to: impl AsFd, shown: &Path) -> Result<()> {
    let mut names = vec![0_u8; LIMIT];
    let length = match flistxattr(&from, &mut names[..]) {
        Ok(0) | Err(Errno::NOTSUP) => return Ok(()),
        other => other.map_err(|error| cannot("read the attributes of", shown.display(), error))?,
    };
    for name in names[..length].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let text = name.to_string_lossy();
        if !(text.starts_with("user.")
            || text.starts_with("system.posix_acl_")
            || text == "security.capability")
        {
            continue;
        }
        let mut value = vec![0_u8; LIMIT];
        let length = fgetxattr(&from, name, &mut value[..])
            .map_err(|error| cannot("read an attribute of", shown.display(), error))?;
        match change(|| fsetxattr(&to, name, &value[..length], XattrFlags::empty())) {
            Err(error) if is_refusal(&error) => {
                eprintln!("kompox-node: attribute {text} of {} is left out: {error}", shown.display());
            }
            other => other.map_err(|error| cannot("set an attribute of", shown.display(), error))?,
        }
    }
    Ok(())
}

fn is_refusal(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::NOTSUP | Errno::PERM))
}
