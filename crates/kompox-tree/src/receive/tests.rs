//! Copies that arrive, good ones and hostile ones.

use super::*;
use crate::{name_of, pack};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use tar::{Builder, Header};
use tempfile::TempDir;

fn taken(to: &Path, name: Option<&str>, foreign: bool, archive: &[u8]) -> Result<(u64, u64)> {
    let name = name.map(OsStr::new);
    receive(&Arrival { path: to, name, foreign, owners: Owners::Ours }, archive)
}

/// Copies as the command line does.
fn copy(from: &str, to: &str) -> Result<(u64, u64)> {
    let mut archive = Vec::new();
    pack(Path::new(from), false, &mut archive)?;
    let name = name_of(Path::new(from))?.map(|name| name.to_str().unwrap());
    taken(Path::new(to), name, false, &archive)
}

/// Every path beneath a folder: mode, then content or where a link points.
fn tree(root: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if meta.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name, (meta.mode() & 0o7777, content));
        }
    }
    found
}

fn names(root: &Path) -> Vec<String> {
    tree(root).into_keys().collect()
}

/// A folder with a source `s` (a folder with files, a link, and a folder that keeps its owner out) and a file `f`.
fn sources() -> (TempDir, impl Fn(&str) -> String) {
    let root = tempfile::tempdir().unwrap();
    let at = root.path().to_owned();
    fs::create_dir_all(at.join("s/deep/closed")).unwrap();
    fs::write(at.join("s/a"), "a").unwrap();
    fs::write(at.join("s/deep/closed/b"), [0, 255, 10, 13]).unwrap();
    fs::set_permissions(at.join("s/a"), fs::Permissions::from_mode(0o4750)).unwrap();
    fs::set_permissions(at.join("s/deep/closed"), fs::Permissions::from_mode(0o550)).unwrap();
    symlink("/nowhere", at.join("s/link")).unwrap();
    fs::write(at.join("f"), "file").unwrap();
    (root, move |path: &str| format!("{}/{path}", at.display()))
}

#[test]
fn a_copy_lands_where_docker_puts_it() {
    let (_root, at) = sources();
    fs::create_dir(at("there")).unwrap();
    copy(&at("f"), &at("new")).unwrap();
    copy(&at("f"), &at("there")).unwrap();
    copy(&at("f"), &at("there/")).unwrap();
    copy(&at("s"), &at("fresh")).unwrap();
    copy(&at("s"), &at("there/.")).unwrap();
    copy(&at("s/."), &at("there")).unwrap();
    copy(&at("s/."), &at("content")).unwrap();
    fs::write(at("new2"), "old and longer").unwrap();
    copy(&at("f"), &at("new2")).unwrap();
    assert_eq!([fs::read(at("new")).unwrap(), fs::read(at("new2")).unwrap()], [b"file", b"file"]);
    let inner = ["a", "deep", "deep/closed", "deep/closed/b", "link"];
    for folder in ["fresh", "content", "there/s"] {
        assert_eq!(names(Path::new(&at(folder))), inner, "{folder}");
    }
    let there = tree(Path::new(&at("there")));
    assert!(inner.iter().all(|name| there.contains_key(*name)) && there.contains_key("f"));
    // The set-id bit would run somebody else's program with this user's rights.
    assert_eq!(there["a"], (0o750, b"a".to_vec()));
    assert_eq!(there["deep/closed"].0, 0o550);
    assert_eq!(there["deep/closed/b"].1, [0, 255, 10, 13]);
    assert_eq!(there["link"].1, b"/nowhere");
}

#[test]
fn what_is_in_the_way_is_told_and_nothing_is_changed() {
    let (_root, at) = sources();
    fs::create_dir_all(at("t/s/a")).unwrap();
    fs::create_dir_all(at("u/s")).unwrap();
    fs::write(at("u/s/deep"), "a file").unwrap();
    fs::create_dir_all(at("v/s")).unwrap();
    symlink(at("t"), at("v/s/deep")).unwrap();
    fs::create_dir_all(at("w/f")).unwrap();
    let before = tree(Path::new(&at("")));
    for (from, to, message) in [
        ("f", "none/new", "cannot open"),
        ("f", "none/", "there is no folder"),
        ("f", "f/", "Not a directory"),
        ("s", "f", "is no folder"),
        ("s/.", "f", "is no folder"),
        ("s", "none/new", "cannot open"),
        ("f", "w", "is a folder, and the copy has a file or link there"),
        ("s", "t", "is a folder, and the copy has a file or link there"),
        ("s", "u", "which is none"),
        ("s", "v", "which is none"),
        ("none", "t", "cannot look at"),
        ("..", "t", "ends with `..`"),
    ] {
        let failure = copy(&at(from), &at(to)).unwrap_err();
        assert!(failure.message.contains(message), "{from} to {to}: {}", failure.message);
        assert_eq!(tree(Path::new(&at(""))), before, "{from} to {to}");
    }
}

#[test]
fn folders_that_are_there_keep_their_mode_and_what_they_hold() {
    let (_root, at) = sources();
    fs::create_dir_all(at("t/s/deep/closed")).unwrap();
    fs::set_permissions(at("t/s/deep"), fs::Permissions::from_mode(0o711)).unwrap();
    fs::write(at("t/s/deep/mine"), "mine").unwrap();
    symlink("/etc/hostname", at("t/s/a")).unwrap();
    copy(&at("s"), &at("t")).unwrap();
    let now = tree(Path::new(&at("t/s")));
    assert_eq!((now["deep"].0, now["deep/closed"].0), (0o711, 0o755));
    assert_eq!(now["deep/mine"].1, b"mine");
    // The link went, not what it points to.
    assert_eq!(now["a"], (0o750, b"a".to_vec()));
}

#[test]
fn at_the_destination_a_link_to_a_folder_is_entered_and_any_other_replaced() {
    let (_root, at) = sources();
    fs::create_dir(at("t")).unwrap();
    fs::write(at("t/old"), "old").unwrap();
    symlink("t", at("folder")).unwrap();
    symlink("t/old", at("file")).unwrap();
    symlink("nowhere", at("broken")).unwrap();
    for to in ["folder", "file", "broken"] {
        copy(&at("f"), &at(to)).unwrap();
    }
    assert_eq!(names(Path::new(&at("t"))), ["f", "old"]);
    assert_eq!(fs::read(at("t/old")).unwrap(), b"old");
    for to in ["file", "broken"] {
        assert!(fs::symlink_metadata(at(to)).unwrap().is_file(), "{to}");
    }
}

#[test]
fn a_link_at_the_source_is_copied_or_followed() {
    let (_root, at) = sources();
    symlink("f", at("link")).unwrap();
    for (follow, link) in [(false, true), (true, false)] {
        let mut archive = Vec::new();
        pack(Path::new(&at("link")), follow, &mut archive).unwrap();
        taken(Path::new(&at("copied")), Some("link"), false, &archive).unwrap();
        assert_eq!(fs::symlink_metadata(at("copied")).unwrap().is_symlink(), link);
    }
}

/// Path, kind, and content or where a link points.
type Raw = (&'static str, EntryType, &'static str);

/// An archive as no packer of ours makes it.
fn raw(entries: &[Raw]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        header.set_uid(7);
        header.set_gid(7);
        header.set_mtime(7);
        let data = if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name_literal(content).unwrap();
            b""
        } else {
            content.as_bytes()
        };
        header.set_size(data.len() as u64);
        header.set_cksum();
        builder.append(&header, data).unwrap();
    }
    builder.into_inner().unwrap()
}

const FOLDER: EntryType = EntryType::Directory;
const FILE: EntryType = EntryType::Regular;

#[test]
fn a_hostile_archive_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    fs::create_dir(at("to")).unwrap();
    fs::write(at("outside"), "precious").unwrap();
    let link = EntryType::Symlink;
    let cases: Vec<(&str, Vec<Raw>)> = vec![
        ("leads out of the folder", vec![("s", FOLDER, ""), ("s/../../outside", FILE, "x")]),
        ("is absolute", vec![("s", FOLDER, ""), ("/outside", FILE, "x")]),
        ("is not part of the copy", vec![("s", FOLDER, ""), ("t", FILE, "x")]),
        ("does not begin with what was asked for", vec![("s/deep", FILE, "x")]),
        ("is not part of the copy", vec![("s", FOLDER, ""), (".", FOLDER, "")]),
        ("does not begin with", vec![(".", FOLDER, "")]),
        ("cannot open", vec![("s", FOLDER, ""), ("s/l", link, "../.."), ("s/l/outside", FILE, "x")]),
        ("cannot open", vec![("s", FOLDER, ""), ("s/l", link, "/"), ("s/l/x", FOLDER, "")]),
        ("cannot create", vec![("s", FOLDER, ""), ("s/l", link, "../outside"), ("s/l", FILE, "x")]),
        ("cannot open", vec![("s", link, ".."), ("s/outside", FILE, "x")]),
        ("it is a hard link", vec![("s", FOLDER, ""), ("s/h", EntryType::Link, "../outside")]),
        ("it is a special file", vec![("s", FOLDER, ""), ("s/d", EntryType::Char, "")]),
        ("it is a special file", vec![("s", FOLDER, ""), ("s/d", EntryType::Block, "")]),
        ("it is a special file", vec![("s", EntryType::Fifo, "")]),
        ("not taken", vec![("s", FOLDER, ""), ("s/d", EntryType::new(b'V'), "")]),
        ("name of unfinished content", vec![("s", FOLDER, ""), ("s/.kompox-copy-0", FOLDER, "")]),
        ("link to nothing", vec![("s", link, "")]),
    ];
    for (expected, entries) in cases {
        let failure = taken(&at("to"), Some("s"), false, &raw(&entries)).unwrap_err();
        assert!(failure.message.contains(expected), "{entries:?}: {}", failure.message);
        assert!(names(&at("to")).is_empty(), "{entries:?}: {:?}", names(&at("to")));
        assert_eq!(fs::read(at("outside")).unwrap(), b"precious");
    }
}

#[test]
fn the_name_is_the_users_not_the_archives() {
    let root = tempfile::tempdir().unwrap();
    let archive = raw(&[(".bashrc", FILE, "evil")]);
    taken(root.path(), Some("notes"), false, &archive).unwrap();
    assert_eq!(names(root.path()), ["notes"]);
}

#[test]
fn an_archive_from_elsewhere_goes_into_a_folder() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("b"), "old").unwrap();
    let archive = raw(&[("a/x", FILE, "1"), ("b", FILE, "2"), ("./c", FOLDER, "")]);
    taken(root.path(), None, true, &archive).unwrap();
    assert_eq!(names(root.path()), ["a", "a/x", "b", "c"]);
    assert_eq!(fs::read(root.path().join("b")).unwrap(), b"2");
    let missing = taken(&root.path().join("none"), None, true, &archive).unwrap_err();
    assert_eq!(missing.kind, Kind::NotFound);
    taken(root.path(), None, true, &raw(&[])).unwrap();
}

#[test]
fn bombs_of_headers_and_of_entries_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let endless = header.as_bytes().as_slice().chain(std::io::repeat(b'a'));
    let arrival = Arrival { path: root.path(), name: None, foreign: true, owners: Owners::Ours };
    let failure = receive(&arrival, endless).unwrap_err();
    assert!(failure.message.contains("a header of more than"), "{}", failure.message);
    let many = raw(&[("a", FILE, ""), ("b", FILE, ""), ("c", FILE, "")]);
    let failure = archive::each(&many[..], 2, |_, _| Ok(())).unwrap_err();
    assert!(failure.message.contains("more than 2 entries"), "{}", failure.message);
    assert!(names(root.path()).is_empty());
}

#[test]
fn what_a_killed_copy_left_is_removed_by_the_next_and_what_runs_is_not() {
    let (_root, at) = sources();
    fs::create_dir_all(at("t/.kompox-copy-0/half")).unwrap();
    fs::create_dir_all(at("t/.kompox-copy-1/runs")).unwrap();
    let running = Folder::root(Path::new(&at("t/.kompox-copy-1"))).unwrap();
    let _lock = lock::exclusive(&running, Duration::ZERO).unwrap();
    copy(&at("f"), &at("t")).unwrap();
    assert_eq!(names(Path::new(&at("t"))), [".kompox-copy-1", ".kompox-copy-1/runs", "f"]);
    // Unfinished content is nobody's, so it is not copied either.
    copy(&at("t"), &at("u")).unwrap();
    assert_eq!(names(Path::new(&at("u"))), ["f"]);
}

#[test]
fn a_source_that_fails_in_the_middle_is_never_taken_for_whole() {
    let (_root, at) = sources();
    fs::write(at("s/z"), vec![1; 100_000]).unwrap();
    // Deeper than a copy goes: found only after the first entries were written.
    let mut deep = at("s/zz");
    for _ in 0..302 {
        deep.push_str("/d");
    }
    fs::create_dir_all(deep).unwrap();
    let mut archive = Vec::new();
    assert!(pack(Path::new(&at("s")), false, &mut archive).is_err());
    assert!(archive.len() > 100_000);
    let failure = taken(Path::new(&at("t")), Some("s"), false, &archive).unwrap_err();
    assert!(failure.message.contains("cut short"), "{}", failure.message);
    assert!(!Path::new(&at("t")).exists());
}

#[test]
fn sockets_and_pipes_are_counted() {
    let (_root, at) = sources();
    let _socket = std::os::unix::net::UnixListener::bind(at("s/socket")).unwrap();
    let packed = pack(Path::new(&at("s")), false, std::io::sink()).unwrap();
    assert_eq!((packed.entries, packed.bytes, packed.left_out), (6, 5, 1));
    assert!(packed.first_left_out[0].ends_with("s/socket"));
    let refused = pack(Path::new(&at("s/socket")), false, std::io::sink()).unwrap_err();
    assert_eq!(refused.kind, Kind::Unsupported);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a tree holds arrives as it was; an archive that is cut anywhere leaves nothing.
    #[test]
    fn a_tree_arrives_whole_or_not_at_all(
        files in prop::collection::btree_map("[a-c]{1,2}/[d-f]{1,2}/[^/\0.][^/\0]{0,119}",
            (prop::collection::vec(any::<u8>(), 0..3000), 0_u32..0o1000), 1..8),
        part in 0.0_f64..1.0,
    ) {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        for (path, (content, mode)) in &files {
            let path = from.join(path);
            if path.file_name().is_none_or(|name| name.len() > 255) { continue; }
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o400)).unwrap();
        }
        fs::create_dir_all(&from).unwrap();
        let mut archive = Vec::new();
        pack(&from, false, &mut archive).unwrap();
        let to = root.path().join("to");
        // The end mark is the last two blocks.
        let cut = ((archive.len() - 1024) as f64 * part) as usize;
        prop_assert!(taken(&to, Some("from"), false, &archive[..cut]).is_err());
        prop_assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        taken(&to, Some("from"), false, &archive).unwrap();
        prop_assert_eq!(tree(&from), tree(&to));
    }

    /// No bytes make a panic, or anything outside.
    #[test]
    fn noise_is_refused(mut noise in prop::collection::vec(any::<u8>(), 0..2048), name in "[a./]{0,20}") {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("to")).unwrap();
        if noise.len() >= 512 {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.as_old_mut().linkflag[0] = noise[0];
            header.set_size(u64::from(noise[1]));
            header.set_mode(0o755);
            header.set_cksum();
            noise[..512].copy_from_slice(header.as_bytes());
        }
        let _ = taken(&root.path().join("to"), None, true, &noise);
        prop_assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
