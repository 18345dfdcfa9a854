//! Uploads into disks.

use crate::program::{answer, ask, command, is_root, run};
use crate::requests::{delete, made, volume};
use crate::shown;
use kompox_node_protocol::{Failure, FillHeader, Filled, FindOccupied, Kind, Operation, Request, Success};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use tempfile::{TempDir, tempdir};

pub(crate) fn header(sub_path: &str) -> FillHeader {
    FillHeader::new(volume("db"), "d1", sub_path)
}

/// What is sent: the header line and the archive.
pub(crate) fn stream(header: &FillHeader, archive: &[u8]) -> Vec<u8> {
    [header.encode().as_bytes(), b"\n", archive].concat()
}

pub(crate) fn arguments(root: &Path) -> [&str; 3] {
    ["fill", "--root", root.to_str().unwrap()]
}

fn fill(root: &Path, header: &FillHeader, archive: &[u8]) -> Result<Filled, Failure> {
    answer(&run(&arguments(root), &stream(header, archive))).map(|success| match success {
        Success::Filled(filled) => filled,
        other => panic!("{other:?}"),
    })
}

/// One entry; the path is written as it is, also one that a well-behaved program would refuse.
fn entry(archive: &mut Builder<Vec<u8>>, kind: EntryType, path: &str, mode: u32, content: &[u8]) {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    header.set_uid(if uid == 0 { 999 } else { uid.into() });
    header.set_gid(if uid == 0 { 998 } else { gid.into() });
    header.set_mtime(1_700_000_000);
    if kind == EntryType::Symlink || kind == EntryType::Link {
        header.set_link_name_literal(content).unwrap();
        header.set_size(0);
        header.set_cksum();
        archive.append(&header, &b""[..]).unwrap();
    } else {
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
}

/// Owners of every sort of plain content, and a path too long for a plain header.
pub(crate) fn sample() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    entry(&mut archive, EntryType::Directory, "./", 0o2750, b"");
    entry(&mut archive, EntryType::Regular, "./a.conf", 0o640, b"one\n");
    entry(&mut archive, EntryType::Directory, "sub", 0o1777, b"");
    entry(&mut archive, EntryType::Regular, "sub/run", 0o4755, b"two\n");
    entry(&mut archive, EntryType::Symlink, "sub/link", 0o777, b"/etc/passwd");
    let long = PathBuf::from("d".repeat(120)).join("e".repeat(120));
    let mut header = Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o600);
    header.set_uid(rustix::process::geteuid().as_raw().into());
    header.set_gid(rustix::process::getegid().as_raw().into());
    archive.append_data(&mut header, long, &b"far"[..]).unwrap();
    archive.into_inner().unwrap()
}

fn disk() -> (TempDir, PathBuf) {
    let temp = tempdir().unwrap();
    let data = temp.path().join(made(temp.path(), "d1", 0).disk.path);
    (temp, data)
}

#[test]
fn an_archive_fills_an_empty_folder_once() {
    let (temp, data) = disk();
    let filled = fill(temp.path(), &header("binds/conf"), &sample()).unwrap();
    assert_eq!(filled, Filled { filled: true, entries: 6, bytes: 11 });
    let target = data.join("binds/conf");
    if is_root("owners") {
        let lines = shown::tree(&target);
        let expected = [
            "a.conf one  0640 999:998",
            "sub folder 1777 999:998",
            "sub/link -> /etc/passwd 0777 999:998",
            "sub/run two  4755 999:998",
        ];
        for line in expected {
            assert!(lines.iter().any(|found| found == line), "{line} in {lines:#?}");
        }
        assert_eq!(lines.len(), 6, "{lines:#?}");
        let root = std::fs::metadata(&target).unwrap();
        assert_eq!((root.mode() & 0o7777, root.uid(), root.gid()), (0o2750, 999, 998));
    }
    assert_eq!(std::fs::metadata(target.join("a.conf")).unwrap().mtime(), 1_700_000_000);
    let before = shown::tree(&data);
    let again = fill(temp.path(), &header("binds/conf"), &sample()).unwrap();
    assert_eq!(again, Filled { filled: false, entries: 0, bytes: 0 });
    assert_eq!(shown::tree(&data), before);
    // An empty folder, as the kubelet makes it, is filled too.
    std::fs::create_dir(data.join("binds/made")).unwrap();
    assert!(fill(temp.path(), &header("binds/made"), &sample()).unwrap().filled);
}

fn occupied(root: &Path, holder_uid: &str, disk: &str, paths: &[&str]) -> Result<Vec<String>, Failure> {
    let mut volume = volume("db");
    volume.holder.cluster_uid = holder_uid.into();
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = FindOccupied { volume, disk: disk.into(), paths };
    ask(root, &Request::new(Operation::FindOccupied(request))).map(|success| match success {
        Success::Occupied(occupied) => occupied.paths,
        other => panic!("{other:?}"),
    })
}

#[test]
fn occupied_folders_are_those_with_content() {
    let (temp, data) = disk();
    let paths = ["volumes/db", "binds", "binds/conf", "binds/co", "file", "link", "empty", "half"];
    assert_eq!(occupied(temp.path(), "uid-1", "d1", &paths), Ok(Vec::new()));
    fill(temp.path(), &header("binds/conf"), &sample()).unwrap();
    assert!(fill(temp.path(), &header("empty"), &[0; 1024]).unwrap().filled);
    std::fs::create_dir_all(data.join("half/.kompox-fill-x")).unwrap();
    std::fs::write(data.join("file"), "").unwrap();
    symlink("/", data.join("link")).unwrap();
    // Any cluster may look.
    for uid in ["uid-1", "uid-2"] {
        let found = occupied(temp.path(), uid, "d1", &paths).unwrap();
        assert_eq!(found, ["binds", "binds/conf", "file", "link"]);
    }
    assert_eq!(occupied(temp.path(), "uid-1", "d9", &paths).unwrap_err().kind, Kind::NotFound);
    assert_eq!(occupied(temp.path(), "uid-1", "d1", &["/etc"]).unwrap_err().kind, Kind::Invalid);
    assert_eq!(occupied(temp.path(), "uid-1", "d1", &["link/etc"]).unwrap_err().kind, Kind::Conflict);
}

#[test]
fn a_stream_that_is_cut_anywhere_leaves_nothing() {
    let (temp, data) = disk();
    let whole = sample();
    // Without its end mark, which is the first block of zeros after the last entry.
    let end = whole.len() - 1024;
    let before = shown::tree(&data);
    for length in (0..=end).step_by(256) {
        let refused = fill(temp.path(), &header("conf"), &whole[..length]).unwrap_err();
        assert_eq!(
            (refused.kind, refused.message.contains("cut short")),
            (Kind::Invalid, true),
            "{length}: {refused}"
        );
        assert_eq!(shown::tree(&data), before, "{length}");
    }
    assert!(fill(temp.path(), &header("conf"), &whole[..end + 512]).unwrap().filled);
}

#[test]
fn hostile_entries_are_refused_and_leave_nothing() {
    let (temp, data) = disk();
    let outside = temp.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let out = outside.to_str().unwrap().as_bytes();
    type Made<'a> = (EntryType, &'a str, &'a [u8]);
    let cases: &[(&str, &[Made<'_>], &str)] = &[
        ("absolute", &[(EntryType::Regular, "/etc/x", b"1")], "is absolute"),
        ("up", &[(EntryType::Regular, "../x", b"1")], "leads out"),
        ("up inside", &[(EntryType::Regular, "a/../../x", b"1")], "leads out"),
        (
            "through a link",
            &[(EntryType::Symlink, "l", out), (EntryType::Regular, "l/x", b"1")],
            "symbolic link",
        ),
        ("onto a link", &[(EntryType::Symlink, "l", out), (EntryType::Regular, "l", b"1")], "exists"),
        (
            "folder onto a link",
            &[(EntryType::Symlink, "l", out), (EntryType::Directory, "l", b"")],
            "symbolic link",
        ),
        ("twice", &[(EntryType::Regular, "x", b"1"), (EntryType::Regular, "x", b"2")], "exists"),
        (
            "in a file",
            &[(EntryType::Regular, "x", b"1"), (EntryType::Regular, "x/y", b"2")],
            "Not a directory",
        ),
        ("hard link", &[(EntryType::Link, "x", b"/etc/passwd")], "hard link"),
        ("device", &[(EntryType::Char, "x", b"")], "special file"),
        ("pipe", &[(EntryType::Fifo, "x", b"")], "special file"),
        ("ours", &[(EntryType::Regular, ".kompox-fill-x", b"1")], "unfinished content"),
        ("file as root", &[(EntryType::Regular, "./", b"")], "not a folder"),
        ("empty link", &[(EntryType::Symlink, "l", b"")], "link to nothing"),
        ("unknown type", &[(EntryType::new(b'V'), "x", b"")], "are not taken"),
    ];
    let before = shown::tree(&data);
    for (name, entries, expected) in cases {
        let mut archive = Builder::new(Vec::new());
        entry(&mut archive, EntryType::Regular, "good", 0o644, b"good");
        for (kind, path, content) in *entries {
            entry(&mut archive, *kind, path, 0o644, content);
        }
        let refused = fill(temp.path(), &header("conf"), &archive.into_inner().unwrap()).unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid, "{name}: {refused}");
        assert!(refused.message.contains(expected), "{name}: {refused}");
        assert_eq!(shown::tree(&data), before, "{name}");
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    for garbage in [&[1_u8; 4096][..], b"not an archive"] {
        assert_eq!(fill(temp.path(), &header("conf"), garbage).unwrap_err().kind, Kind::Invalid);
    }
}

#[test]
fn links_on_the_disk_do_not_redirect() {
    let (temp, data) = disk();
    let outside = temp.path().join("outside");
    std::fs::create_dir_all(outside.join("conf")).unwrap();
    symlink(&outside, data.join("binds")).unwrap();
    symlink(outside.join("conf"), data.join("conf")).unwrap();
    symlink(&outside, data.join(".kompox-fill-other")).unwrap();
    for sub_path in ["binds/conf", "conf"] {
        assert_eq!(
            fill(temp.path(), &header(sub_path), &sample()).unwrap_err().kind,
            Kind::Conflict,
            "{sub_path}"
        );
    }
    assert!(fill(temp.path(), &header("other"), &sample()).unwrap().filled);
    assert_eq!(shown::tree(&outside).len(), 1);
}

#[test]
fn only_a_ready_disk_of_ours_is_filled() {
    let (temp, data) = disk();
    let mut unknown = header("conf");
    unknown.disk = "d9".into();
    let mut absolute = header("conf");
    absolute.sub_path = "/conf".into();
    let mut other = header("conf");
    other.volume.holder.cluster_uid = "uid-2".into();
    let mut lost = header("conf");
    lost.store = Some("0123".into());
    for (header, kind) in [
        (unknown, Kind::NotFound),
        (absolute, Kind::Invalid),
        (other, Kind::Conflict),
        (lost, Kind::Conflict),
    ] {
        assert_eq!(fill(temp.path(), &header, &sample()).unwrap_err().kind, kind, "{header:?}");
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
}

#[test]
fn input_that_is_not_wanted_is_taken_all_the_same() {
    let (temp, _) = disk();
    fill(temp.path(), &header("conf"), &sample()).unwrap();
    let mut unknown = header("conf");
    unknown.disk = "d9".into();
    for header in [header("conf"), unknown] {
        let mut child = command().args(arguments(temp.path())).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Much more than any buffer on the way; writing fails when the program ends first.
        stdin.write_all(&stream(&header, &vec![0; 8 << 20])).unwrap();
        drop(stdin);
        assert!(child.wait_with_output().unwrap().status.success());
    }
}

#[test]
fn a_disk_deleted_during_the_upload_is_no_success() {
    let (temp, _) = disk();
    let data = temp.path().join(made(temp.path(), "d2", 1).disk.path);
    let mut header = header("conf");
    header.disk = "d2".into();
    let text = stream(&header, &sample());
    let mut child = command().args(arguments(temp.path())).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // Up to the first file, which shows that the disk is open.
    let half = header.encode().len() + 1 + 1536;
    input.write_all(&text[..half]).unwrap();
    while !data.join(".kompox-fill-conf/a.conf").exists() {
        std::thread::yield_now();
    }
    assert!(delete(temp.path(), "d2", 1).unwrap().existed);
    input.write_all(&text[half..]).unwrap();
    drop(input);
    let refused = answer(&child.wait_with_output().unwrap()).unwrap_err();
    assert_eq!(refused.kind, Kind::NotFound);
    assert_eq!(std::fs::read_dir(temp.path().join(".trash")).unwrap().count(), 0);
}

#[test]
fn a_killed_upload_is_repeated() {
    let (temp, data) = disk();
    let text = stream(&header("conf"), &sample());
    let mut child = command().args(arguments(temp.path())).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&text[..header("conf").encode().len() + 1 + 1536]).unwrap();
    while !data.join(".kompox-fill-conf/a.conf").exists() {
        std::thread::yield_now();
    }
    // A second one at the same time waits for the first and gives up.
    let root = temp.path().to_str().unwrap();
    let second = run(&["fill", "--root", root, "--lock-wait", "0"], &text);
    assert_eq!(answer(&second).unwrap_err().kind, Kind::Timeout);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!data.join("conf").exists());
    assert!(fill(temp.path(), &header("conf"), &sample()).unwrap().filled);
    assert!(!data.join(".kompox-fill-conf").exists());
}

#[test]
fn a_full_file_system_is_a_quota_and_leaves_nothing() {
    if !is_root("a_full_file_system_is_a_quota_and_leaves_nothing") {
        return;
    }
    let temp = tempdir().unwrap();
    let root = temp.path().join("small");
    std::fs::create_dir(&root).unwrap();
    let mut archive = Builder::new(Vec::new());
    entry(&mut archive, EntryType::Regular, "large", 0o644, &vec![7; 400_000]);
    std::fs::write(temp.path().join("in"), stream(&header("conf"), &archive.into_inner().unwrap())).unwrap();
    let request = crate::requests::create_request(volume("db"), "d1", 0);
    let request = Request::new(Operation::Create(request));
    std::fs::write(temp.path().join("create"), request.encode()).unwrap();
    // A mount namespace of its own: nothing of it is left on the machine.
    let script = "set -e; mount -t tmpfs -o size=256k none $1/small; \
        $0 store --root $1/small < $1/create >/dev/null; \
        $0 fill --root $1/small < $1/in; ls -A $1/small/k9x84f/db/disks/d1/data";
    let output = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_kompox-node"), temp.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let refused = answer(&output).unwrap_err();
    assert_eq!(refused.kind, Kind::Quota, "{refused}");
}
