//! Trees to export, and everything that must be the same afterwards.

use crate::export::attributes::{Attribute, Reader, Setter};
use crate::export::sparse::{Extent, Sparse};
use crate::folder::Folder;
use rustix::fs::{FileType, Mode, Timespec};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What is known of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) time: (i64, i64),
    pub(super) device: u64,
    /// Of a file, or where a link points.
    pub(super) content: Vec<u8>,
    pub(super) holes: Option<Vec<Extent>>,
    /// The first path of the same file.
    pub(super) first: PathBuf,
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(super) type Facts = BTreeMap<PathBuf, Fact>;

pub(super) fn facts(root: &Path) -> Facts {
    let mut found = Facts::new();
    let mut paths = vec![PathBuf::new()];
    while let Some(path) = paths.pop() {
        let full = if path == Path::new("") { root.to_owned() } else { root.join(&path) };
        let meta = fs::symlink_metadata(&full).unwrap();
        let mut fact = Fact {
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
            time: (meta.mtime(), meta.mtime_nsec()),
            device: 0,
            content: Vec::new(),
            holes: None,
            first: PathBuf::new(),
            attributes: attributes(&full),
        };
        match FileType::from_raw_mode(meta.mode()) {
            FileType::Directory => {
                paths.extend(fs::read_dir(&full).unwrap().map(|entry| path.join(entry.unwrap().file_name())));
            }
            FileType::Symlink => {
                fact.content = fs::read_link(&full).unwrap().as_os_str().as_bytes().to_vec();
            }
            FileType::RegularFile => {
                let file = File::open(&full).unwrap();
                // What reading leaves in memory counts as data to some file systems.
                fact.holes = Sparse::find(&file, meta.size()).unwrap().map(|sparse| sparse.extents);
                if meta.size() < 1 << 24 {
                    fact.content = fs::read(&full).unwrap();
                }
            }
            FileType::CharacterDevice | FileType::BlockDevice => fact.device = meta.rdev(),
            _ => {}
        }
        found.insert(path, fact);
    }
    let mut first = BTreeMap::new();
    for (path, fact) in &mut found {
        let meta = fs::symlink_metadata(root.join(path)).unwrap();
        fact.first = first.entry(meta.ino()).or_insert_with(|| path.clone()).clone();
    }
    found
}

fn attributes(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let found = Reader::new().of_name(&Folder::root(parent).unwrap(), name).unwrap();
    found.into_iter().map(|attribute| (attribute.name, attribute.value)).collect()
}

pub(super) fn set_attribute(path: &Path, name: &[u8], value: &[u8]) {
    let folder = Folder::root(path.parent().unwrap()).unwrap();
    let mut setter = Setter::default();
    let attribute = Attribute { name: name.to_vec(), value: value.to_vec() };
    setter.set_name(&folder, path.file_name().unwrap(), &attribute).unwrap();
    assert_eq!(setter.left_out, 0, "{name:?}");
}

pub(super) fn set_time(path: &Path, tv_sec: i64, tv_nsec: i64) {
    let folder = Folder::root(path.parent().unwrap()).unwrap();
    folder.set_time_of(path.file_name().unwrap(), Timespec { tv_sec, tv_nsec }).unwrap();
}

/// A list of rights: the user 1000 may do what `bits` say.
pub(super) fn rights(bits: u16) -> Vec<u8> {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in
        [(1, 6, u32::MAX), (2, bits, 1000), (4, 4, u32::MAX), (16, 7, u32::MAX), (32, 4, u32::MAX)]
    {
        list.extend_from_slice(&u16::to_le_bytes(tag));
        list.extend_from_slice(&u16::to_le_bytes(bits));
        list.extend_from_slice(&u32::to_le_bytes(id));
    }
    list
}

/// Bytes that do not compress.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A small tree with a bit of everything that needs no rights.
pub(super) fn plain(root: &Path) {
    fs::create_dir_all(root.join("a/deep/closed")).unwrap();
    fs::create_dir(root.join("a.b")).unwrap();
    fs::write(root.join("a/file"), "content").unwrap();
    fs::write(root.join("a/empty"), "").unwrap();
    fs::write(root.join("a/deep/noise"), noise(5000)).unwrap();
    fs::hard_link(root.join("a/deep/noise"), root.join("z-again")).unwrap();
    symlink("/nowhere/at all", root.join("link")).unwrap();
    fs::hard_link(root.join("link"), root.join("link-again")).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"\xff\xfe = \n%")), "odd").unwrap();
    fs::write(root.join(".kompox-copy-0"), "an app may use any name").unwrap();
    fs::set_permissions(root.join("a/file"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(root.join("a/deep/closed"), fs::Permissions::from_mode(0o1500)).unwrap();
    set_time(&root.join("a/file"), 1_000_000_000, 123_456_789);
    set_time(&root.join("link"), 77, 5);
    set_time(&root.join("a/deep"), 12, 0);
    set_time(root, 1_500_000_000, 1);
}

/// What only root can make, and what needs a good file system.
pub(super) fn special(root: &Path) {
    plain(root);
    let folder = Folder::root(root).unwrap();
    for (name, kind, number) in [
        ("pipe", FileType::Fifo, 0),
        ("null", FileType::CharacterDevice, rustix::fs::makedev(1, 3)),
        ("disk", FileType::BlockDevice, rustix::fs::makedev(4095, 0xF_FFFF)),
    ] {
        folder.special(OsStr::new(name), kind, number).unwrap();
        folder.set_mode_of(OsStr::new(name), Mode::from_raw_mode(0o620)).unwrap();
        folder.set_owner_of(OsStr::new(name), 5, 6).unwrap();
    }
    fs::hard_link(root.join("pipe"), root.join("pipe-again")).unwrap();
    fs::set_permissions(root.join("a/empty"), fs::Permissions::from_mode(0o6755)).unwrap();
    for (name, uid, gid) in [("a", 1000, 1001), ("a/empty", 4_000_000_000, 3_000_000), ("link", 33, 33)] {
        let path = root.join(name);
        let parent = Folder::root(path.parent().unwrap()).unwrap();
        parent.set_owner_of(path.file_name().unwrap(), uid, gid).unwrap();
    }
    // A change of owner cleared the bits.
    fs::set_permissions(root.join("a/empty"), fs::Permissions::from_mode(0o6755)).unwrap();
    let capability = [&0x0200_0000_u32.to_le_bytes()[..], &[0, 4, 0, 0], &[0; 12]].concat();
    set_attribute(&root.join("a/deep/noise"), b"security.capability", &capability);
    set_attribute(&root.join("a/file"), b"user.odd=%3D name", b"with\nlines\0and\xff");
    set_attribute(&root.join("a/file"), b"user.empty", b"");
    set_attribute(&root.join("a/file"), b"system.posix_acl_access", &rights(7));
    set_attribute(&root.join("pipe"), b"system.posix_acl_access", &rights(6));
    set_attribute(&root.join("a"), b"user.folder", &noise(3000));
    // Set last: what is made in the folder afterwards would take it over, and the import must not let it.
    set_attribute(&root.join("a"), b"system.posix_acl_default", &rights(7));
    set_attribute(root, b"system.posix_acl_default", &rights(5));
    sparse(&root.join("a/sparse"), 3 << 30, &[(1 << 20, b"one"), (2 << 30, b"two")]);
    sparse(&root.join("hole"), 1 << 40, &[]);
    set_time(&root.join("hole"), -1_000_000_001, 999_999_999);
    set_time(&root.join("a/file"), 20_000_000_000, 0);
    set_time(&root.join("a"), 1, 2);
    set_time(root, 1_500_000_000, 1);
}

/// A file of this size with little in it.
pub(super) fn sparse(path: &Path, size: u64, parts: &[(u64, &[u8])]) {
    let file = File::create(path).unwrap();
    file.set_len(size).unwrap();
    for (offset, bytes) in parts {
        file.write_all_at(bytes, *offset).unwrap();
    }
    file.sync_all().unwrap();
}
