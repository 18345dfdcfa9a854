//! Extended attributes that belong to the content: of users, access control lists, file capabilities. IO.
//!
//! Labels of security modules and everything else belong to the machine.

use crate::failure::{Result, cannot};
use crate::folder::{Folder, change};
use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr, lsetxattr,
};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;

/// The system's own limit for the names of one file and for one value, in bytes.
const LIMIT: usize = 64 * 1024;
/// What new entries of a folder inherit.
pub(super) const INHERITED: &[u8] = b"system.posix_acl_default";

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
}

fn belongs_to_content(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_") || name == b"security.capability"
}

/// Reads attributes, always with the same memory.
pub(super) struct Reader {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { names: vec![0; LIMIT], value: vec![0; LIMIT] }
    }

    /// Those of an open file or folder, by name.
    pub(super) fn of(&mut self, file: impl AsFd, shown: impl Fn() -> String) -> Result<Vec<Attribute>> {
        let length = flistxattr(&file, &mut self.names[..]);
        self.read(length, |name, value| fgetxattr(&file, name, value), shown)
    }

    /// Those of something that cannot be opened.
    pub(super) fn of_name(&mut self, folder: &Folder, name: &OsStr) -> Result<Vec<Attribute>> {
        let path = path(folder, name);
        let length = llistxattr(&path[..], &mut self.names[..]);
        self.read(length, |key, value| lgetxattr(&path[..], key, value), || folder.shown(name))
    }

    fn read(
        &mut self,
        length: rustix::io::Result<usize>,
        get: impl Fn(&CStr, &mut [u8]) -> rustix::io::Result<usize>,
        shown: impl Fn() -> String,
    ) -> Result<Vec<Attribute>> {
        let length = match length {
            Ok(0) | Err(Errno::NOTSUP) => return Ok(Vec::new()),
            other => other.map_err(|error| cannot("read the attributes of", shown(), error))?,
        };
        let mut found = Vec::new();
        for name in self.names[..length].split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            if !belongs_to_content(name.to_bytes()) {
                continue;
            }
            match get(name, &mut self.value[..]) {
                Ok(length) => {
                    let value = self.value[..length].to_vec();
                    found.push(Attribute { name: name.to_bytes().to_vec(), value });
                }
                // It went away meanwhile.
                Err(Errno::NODATA) => {}
                Err(error) => return Err(cannot("read an attribute of", shown(), error)),
            }
        }
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

/// Sets attributes, and remembers those that the file system does not take.
#[derive(Debug, Default)]
pub(super) struct Setter {
    /// How many.
    pub(super) left_out: u64,
    /// The first of them, with the file.
    pub(super) first: Vec<String>,
}

/// So many of those that were left out are named.
const NAMED: usize = 5;

impl Setter {
    /// Gives an attribute to an open file or folder.
    pub(super) fn set(
        &mut self,
        file: impl AsFd,
        attribute: &Attribute,
        shown: impl Fn() -> String,
    ) -> Result<()> {
        self.give(attribute, |name| fsetxattr(&file, name, &attribute.value, XattrFlags::empty()), shown)
    }

    /// Gives an attribute to something that cannot be opened.
    pub(super) fn set_name(&mut self, folder: &Folder, name: &OsStr, attribute: &Attribute) -> Result<()> {
        let path = path(folder, name);
        let set = |key: &CStr| lsetxattr(&path[..], key, &attribute.value, XattrFlags::empty());
        self.give(attribute, set, || folder.shown(name))
    }

    fn give(
        &mut self,
        attribute: &Attribute,
        set: impl FnOnce(&CStr) -> rustix::io::Result<()>,
        shown: impl Fn() -> String,
    ) -> Result<()> {
        // An archive from elsewhere may have others, or ones without a name.
        let Ok(name) = CString::new(attribute.name.clone()) else { return Ok(()) };
        if !belongs_to_content(&attribute.name) {
            return Ok(());
        }
        match change(|| set(&name)) {
            Err(error) if is_refusal(&error) => {
                self.left_out += 1;
                if self.first.len() < NAMED {
                    self.first.push(format!("{} of {}", name.to_string_lossy(), shown()));
                }
                Ok(())
            }
            other => other.map_err(|error| cannot("set an attribute of", shown(), error)),
        }
    }
}

/// Takes away what new entries of the folder would inherit, if anything.
pub(super) fn stop_inheriting(folder: &Folder) -> Result<()> {
    let name = OsStr::from_bytes(INHERITED);
    match change(|| fremovexattr(folder.fd(), name)) {
        Err(error) if is_refusal(&error) => Ok(()),
        Err(error) if error.raw_os_error() == Some(Errno::NODATA.raw_os_error()) => Ok(()),
        other => other.map_err(|error| cannot("change an attribute of", folder.path().display(), error)),
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::NOTSUP | Errno::PERM))
}

/// The path that leads through an open folder, as the calls for attributes take no folder.
fn path(folder: &Folder, name: &OsStr) -> Vec<u8> {
    let mut path = format!("/proc/self/fd/{}/", folder.fd().as_raw_fd()).into_bytes();
    path.extend_from_slice(name.as_bytes());
    path
}
