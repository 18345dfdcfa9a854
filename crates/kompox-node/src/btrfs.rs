//! btrfs: subvolumes, their snapshots and quotas, as the kernel's own calls. IO.
//!
//! The only place of the project with unsafe code, in one function: no crate has a safe form of these calls. Numbers
//! and structures are those of `linux/btrfs.h`, which never change.

#![allow(unsafe_code, reason = "the kernel's calls for btrfs have no safe form")]

use crate::failure::{Result, cannot};
use crate::folder::{Folder, change};
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::FsWord;
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What `statfs` says of this file system.
const MAGIC: FsWord = 0x9123_683e;
const GROUP: u8 = 0x94;
/// The inode number of the top folder of every subvolume.
const TOP: u64 = 256;
const READ_ONLY: u64 = 1 << 1;
const QUOTA_TREE: u64 = 8;
const QUOTA_FULL: u64 = 1;
const QUOTA_SIMPLE: u64 = 4;
const LIMIT_REFERENCED: u64 = 1;
/// As a limit: none.
const UNLIMITED: u64 = u64::MAX;

/// A structure of numbers alone without gaps between them: any bytes that the kernel writes there are a value of it.
trait Plain {}

#[repr(C)]
struct Named {
    fd: i64,
    name: [u8; 4088],
}

#[repr(C)]
struct NamedWithFlags {
    fd: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

#[repr(C)]
struct QuotaControl {
    command: u64,
    status: u64,
}

#[repr(C)]
struct QuotaLimit {
    group: u64,
    flags: u64,
    referenced: u64,
    exclusive: u64,
    reserved: [u64; 2],
}

/// What of a tree to show.
#[repr(C)]
struct Search {
    tree: u64,
    /// Lowest and highest object, offset and transaction.
    bounds: [u64; 6],
    /// Lowest and highest type.
    types: [u32; 2],
    items: u32,
    unused: u32,
    more_unused: [u64; 4],
    found: [u8; 3992],
}

#[repr(C)]
struct Children {
    from: u64,
    /// Numbers of a subvolume and of the folder that it is in.
    found: [[u64; 2]; 255],
    count: u8,
    unused: [u8; 7],
}

#[repr(C)]
struct Lookup {
    folder: u64,
    subvolume: u64,
    name: [u8; 256],
    path: [u8; 3824],
}

impl Plain for u64 {}
impl Plain for Named {}
impl Plain for NamedWithFlags {}
impl Plain for QuotaControl {}
impl Plain for QuotaLimit {}
impl Plain for Search {}
impl Plain for Children {}
impl Plain for Lookup {}

const CREATE: Opcode = opcode::write::<Named>(GROUP, 14);
const DESTROY: Opcode = opcode::write::<Named>(GROUP, 15);
const SEARCH: Opcode = opcode::read_write::<Search>(GROUP, 17);
const WAIT_SYNC: Opcode = opcode::write::<u64>(GROUP, 22);
const SNAPSHOT: Opcode = opcode::write::<NamedWithFlags>(GROUP, 23);
const START_SYNC: Opcode = opcode::read::<u64>(GROUP, 24);
const GET_FLAGS: Opcode = opcode::read::<u64>(GROUP, 25);
const SET_FLAGS: Opcode = opcode::write::<u64>(GROUP, 26);
const QUOTA: Opcode = opcode::read_write::<QuotaControl>(GROUP, 40);
const LIMIT: Opcode = opcode::read::<QuotaLimit>(GROUP, 43);
const CHILDREN: Opcode = opcode::read_write::<Children>(GROUP, 61);
const LOOKUP: Opcode = opcode::read_write::<Lookup>(GROUP, 62);

fn call<const OPCODE: Opcode, T: Plain>(fd: impl AsFd, argument: &mut T) -> rustix::io::Result<()> {
    // The number of every such call has the size of its structure in it.
    const { assert!((OPCODE as usize >> 16) & 0x3fff == size_of::<T>()) };
    // SAFETY: the kernel reads and writes as many bytes as the number of the call says, all of them in `argument`,
    // which is borrowed alone until the call returns, and takes any bytes for a value.
    unsafe { ioctl(fd, Updater::<OPCODE, T>::new(argument)) }
}

/// Whether `folder` is on btrfs.
pub(crate) fn is_here(folder: &Folder) -> Result<bool> {
    let found = rustix::fs::fstatfs(folder.fd())
        .map_err(|error| cannot("look at the file system of", folder.path().display(), error))?;
    Ok(found.f_type == MAGIC)
}

/// Whether `folder` is the top of a subvolume.
pub(crate) fn is_subvolume(folder: &Folder) -> Result<bool> {
    Ok(folder.stat()?.st_ino == TOP && is_here(folder)?)
}

/// Makes the empty subvolume `name` in `parent`.
pub(crate) fn create(parent: &Folder, name: &str) -> Result<()> {
    let mut named = Named { fd: 0, name: [0; 4088] };
    put(&mut named.name, name.as_ref())
        .map_err(std::io::Error::from)
        .and_then(|()| change(|| call::<CREATE, _>(parent.fd(), &mut named)))
        .map_err(|error| failed("make the subvolume", parent.shown(name), error))
}

/// Makes `name` in `parent` a snapshot of the subvolume `source`: all that was written to it before, and nothing of
/// what comes later.
pub(crate) fn snapshot(source: &Folder, parent: &Folder, name: &str, read_only: bool) -> Result<()> {
    use std::os::fd::AsRawFd;
    let mut named = NamedWithFlags {
        fd: source.fd().as_raw_fd().into(),
        transaction: 0,
        flags: if read_only { READ_ONLY } else { 0 },
        unused: [0; 4],
        name: [0; 4040],
    };
    put(&mut named.name, name.as_ref())
        .map_err(std::io::Error::from)
        .and_then(|()| change(|| call::<SNAPSHOT, _>(parent.fd(), &mut named)))
        .map_err(|error| failed("make a snapshot of", source.path().display(), error))
}

/// Removes the subvolume `name` of `parent` with its content; one that has others in it is not removed. False when this
/// process may not: then it can be emptied and removed like a folder.
pub(crate) fn destroy(parent: &Folder, name: &OsStr) -> Result<bool> {
    let mut named = Named { fd: 0, name: [0; 4088] };
    let done = put(&mut named.name, name)
        .map_err(std::io::Error::from)
        .and_then(|()| change(|| call::<DESTROY, _>(parent.fd(), &mut named)));
    match done {
        Ok(()) => Ok(true),
        Err(error) if is(&error, &[Errno::PERM]) => Ok(false),
        Err(error) if is(&error, &[Errno::NOENT]) => Ok(true),
        Err(error) => Err(failed("remove the subvolume", parent.shown(name), error)),
    }
}

/// Whether nothing in the subvolume can be changed.
pub(crate) fn is_read_only(subvolume: &Folder) -> Result<bool> {
    flags(subvolume).map(|flags| flags & READ_ONLY != 0)
}

/// Makes the content of a subvolume unchangeable, or changeable again; no change when it is so.
pub(crate) fn set_read_only(subvolume: &Folder, read_only: bool) -> Result<()> {
    let flags = flags(subvolume)?;
    let mut wanted = if read_only { flags | READ_ONLY } else { flags & !READ_ONLY };
    if flags == wanted {
        return Ok(());
    }
    change(|| call::<SET_FLAGS, _>(subvolume.fd(), &mut wanted))
        .map_err(|error| failed("set read-only or not", subvolume.path().display(), error))
}

fn flags(subvolume: &Folder) -> Result<u64> {
    let mut flags = 0;
    call::<GET_FLAGS, _>(subvolume.fd(), &mut flags)
        .map_err(|error| failed("look at", subvolume.path().display(), error))?;
    Ok(flags)
}

/// Whether this file system counts what subvolumes use, as far as this process may know.
pub(crate) fn has_quota(folder: &Folder) -> bool {
    let mut search = Search {
        tree: QUOTA_TREE,
        bounds: [0, u64::MAX, 0, u64::MAX, 0, u64::MAX],
        types: [0, u32::MAX],
        items: 1,
        unused: 0,
        more_unused: [0; 4],
        found: [0; 3992],
    };
    // The tree is there exactly while quotas are on.
    call::<SEARCH, _>(folder.fd(), &mut search).is_ok()
}

/// Has this file system count what subvolumes use; false when it cannot, or this process may not.
pub(crate) fn enable_quota(folder: &Folder) -> Result<bool> {
    if has_quota(folder) {
        return Ok(true);
    }
    // Simple quotas charge a disk with what only its snapshots still hold, so they are the second choice.
    for command in [QUOTA_FULL, QUOTA_SIMPLE] {
        let mut control = QuotaControl { command, status: 0 };
        let done = change(|| call::<QUOTA, _>(folder.fd(), &mut control));
        if allowed("switch on quotas for", folder, done)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Limits what a subvolume refers to, or sets it free; false when there are no quotas here.
pub(crate) fn limit(subvolume: &Folder, bytes: Option<u64>) -> Result<bool> {
    let mut limit = QuotaLimit {
        group: 0,
        flags: LIMIT_REFERENCED,
        referenced: bytes.unwrap_or(UNLIMITED),
        exclusive: 0,
        reserved: [0; 2],
    };
    let done = change(|| call::<LIMIT, _>(subvolume.fd(), &mut limit));
    allowed("limit the size of", subvolume, done)
}

/// Writes what was changed of the file system itself through to the device, such as limits, without everybody's
/// content.
pub(crate) fn commit(folder: &Folder) -> Result<()> {
    let mut transaction = 0;
    change(|| {
        call::<START_SYNC, _>(folder.fd(), &mut transaction)?;
        call::<WAIT_SYNC, _>(folder.fd(), &mut transaction)
    })
    .map_err(|error| failed("sync", folder.path().display(), error))
}

/// A subvolume somewhere beneath a folder.
#[derive(Debug)]
pub(crate) struct Nested {
    /// The folder that it is in, relative to the one looked at; empty for that one itself.
    pub(crate) parent: PathBuf,
    /// Its name there.
    pub(crate) name: OsString,
}

/// The first subvolume beneath `folder` with no other one between, found in the tables of the file system and not by a
/// walk. One that is too deep to be named is Unsupported.
pub(crate) fn first_nested(folder: &Folder) -> Result<Option<Nested>> {
    let mut children = Children { from: 0, found: [[0; 2]; 255], count: 0, unused: [0; 7] };
    loop {
        let more = match call::<CHILDREN, _>(folder.fd(), &mut children) {
            Ok(()) => false,
            Err(Errno::OVERFLOW) => true,
            Err(error) => return Err(failed("list the subvolumes in", folder.path().display(), error)),
        };
        for [subvolume, parent] in &children.found[..usize::from(children.count)] {
            let mut lookup =
                Lookup { folder: *parent, subvolume: *subvolume, name: [0; 256], path: [0; 3824] };
            match call::<LOOKUP, _>(folder.fd(), &mut lookup) {
                Ok(()) => {
                    let (parent, name) = (PathBuf::from(text(&lookup.path)), text(&lookup.name));
                    return Ok(Some(Nested { parent, name }));
                }
                // In this subvolume, but not beneath the folder, or gone by now.
                Err(Errno::ACCESS | Errno::NOENT) => {}
                Err(Errno::NAMETOOLONG) => {
                    let message = format!("{} has a subvolume that is too deep", folder.path().display());
                    return Err(Failure::new(Kind::Unsupported, message));
                }
                Err(error) => return Err(failed("find a subvolume in", folder.path().display(), error)),
            }
        }
        if !more {
            return Ok(None);
        }
    }
}

fn put(field: &mut [u8], name: &OsStr) -> rustix::io::Result<()> {
    let name = name.as_bytes();
    // The last byte ends the text.
    if name.is_empty() || name.contains(&b'/') || name.len() >= field.len() {
        return Err(Errno::INVAL);
    }
    field[..name.len()].copy_from_slice(name);
    Ok(())
}

fn text(field: &[u8]) -> OsString {
    OsString::from_vec(field.iter().copied().take_while(|byte| *byte != 0).collect())
}

fn is(error: &std::io::Error, wanted: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|number| wanted.contains(&Errno::from_raw_os_error(number)))
}

/// False when the file system has no quotas or this process may not set them; anything else went wrong.
fn allowed(doing: &str, folder: &Folder, done: std::io::Result<()>) -> Result<bool> {
    let refusals = [
        Errno::PERM,
        Errno::ACCESS,
        Errno::NOTTY,
        Errno::NOTSUP,
        Errno::INVAL,
        Errno::NOSYS,
        Errno::NOTCONN,
        Errno::NOENT,
    ];
    match done {
        Ok(()) => Ok(true),
        Err(error) if is(&error, &refusals) => Ok(false),
        Err(error) => Err(cannot(doing, folder.path().display(), error)),
    }
}

fn failed(doing: &str, what: impl std::fmt::Display, error: impl Into<std::io::Error>) -> Failure {
    let error = error.into();
    let other = is(&error, &[Errno::NOTTY, Errno::XDEV]);
    let failure = cannot(doing, what, error);
    if other {
        return Failure { kind: Kind::Unsupported, ..failure }
            .hint("the data must be on the btrfs file system of the disk store");
    }
    failure
}

/// How a nested subvolume is called in messages.
impl std::fmt::Display for Nested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.parent.join(Path::new(&self.name)).display())
    }
}
