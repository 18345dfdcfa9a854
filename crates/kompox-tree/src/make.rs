//! Making links and special files in an open folder, and what belongs to something that cannot be opened. IO.

use crate::archive::PATH_LIMIT;
use crate::failure::{Result, cannot, invalid};
use crate::folder::{Folder, change, group, owner};
use rustix::fs::{AtFlags, Dev, FileType, Mode, Timespec, Timestamps};
use std::ffi::OsStr;

impl Folder {
    /// Makes the link `name` as it is, wherever it points: nothing here ever follows it.
    pub(crate) fn symlink(&self, name: &OsStr, points_to: &[u8]) -> Result<()> {
        if points_to.is_empty() || points_to.len() > PATH_LIMIT || points_to.contains(&0) {
            return Err(invalid("it is a link to nothing"));
        }
        change(|| rustix::fs::symlinkat(points_to, self.fd(), name))
            .map_err(|error| cannot("make the link", self.shown(name), error))
    }

    /// Gives what is `first` in the folder `there` one more name.
    pub(crate) fn hard_link(&self, name: &OsStr, there: &Self, first: &OsStr) -> Result<()> {
        change(|| rustix::fs::linkat(there.fd(), first, self.fd(), name, AtFlags::empty()))
            .map_err(|error| cannot("make the link", self.shown(name), error))
    }

    /// Makes a pipe or device with this mode and, for a device, this number.
    pub(crate) fn special(&self, name: &OsStr, kind: FileType, number: Dev) -> Result<()> {
        change(|| rustix::fs::mknodat(self.fd(), name, kind, Mode::RUSR | Mode::WUSR, number))
            .map_err(|error| cannot("make", self.shown(name), error))
    }

    /// Sets the owner of `name` itself, not of what it points to.
    pub(crate) fn set_owner_of(&self, name: &OsStr, uid: u32, gid: u32) -> Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        change(|| rustix::fs::chownat(self.fd(), name, Some(owner(uid)?), Some(group(gid)?), flags))
            .map_err(|error| cannot("set the owner of", self.shown(name), error))
    }

    /// Sets the mode of `name`, which must be no link: there is no call that would not follow it.
    pub(crate) fn set_mode_of(&self, name: &OsStr, mode: Mode) -> Result<()> {
        change(|| rustix::fs::chmodat(self.fd(), name, mode, AtFlags::empty()))
            .map_err(|error| cannot("set the mode of", self.shown(name), error))
    }

    /// Sets the times of `name` itself.
    pub(crate) fn set_time_of(&self, name: &OsStr, time: Timespec) -> Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        change(|| rustix::fs::utimensat(self.fd(), name, &times(time), flags))
            .map_err(|error| cannot("set the time of", self.shown(name), error))
    }
}

/// One time for both: when something was last read is not kept.
pub(crate) fn times(time: Timespec) -> Timestamps {
    Timestamps { last_access: time, last_modification: time }
}
