//! Disks from archives as a stream: exports, archives from elsewhere, and what is wrong with some.

use crate::export::{exported, of_disk, of_snapshot};
use crate::filesystem::{On, must, on_each, quick};
use crate::program::{answer, command, finish, run};
use crate::requests::{
    create, create_request, delete, disks, fence, list, made, snapshot, snapshot_request, unassign, volume,
};
use crate::snapshot::{D1, impatient, others_go_on, wait_until};
use crate::{fill, shown};
use kompox_node_protocol::{
    CreateDisk, Created, DeleteDisk, DiskState, Failure, Fence, ImportHeader, Kind, Operation, Success,
    VolumeChange, VolumeRef,
};
use rustix::fs::{XattrFlags, setxattr};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use tar::{Builder, EntryType, Header};

/// A header for a disk of volume `db`.
pub(crate) fn header(disk: &str, generation: u64) -> ImportHeader {
    of_volume(volume("db"), disk, generation)
}

pub(crate) fn of_volume(volume: VolumeRef, disk: &str, generation: u64) -> ImportHeader {
    let request = create_request(volume, disk, generation);
    ImportHeader::new(CreateDisk { source: "import:archive".into(), ..request })
}

pub(crate) fn arguments(root: &Path) -> [&str; 3] {
    ["import", "--root", root.to_str().unwrap()]
}

pub(crate) fn stream(header: &ImportHeader, archive: &[u8]) -> Vec<u8> {
    [header.encode().as_bytes(), b"\n", archive].concat()
}

fn is_created(result: Result<Success, Failure>) -> Result<Created, Failure> {
    result.map(|success| match success {
        Success::Created(created) => *created,
        other => panic!("{other:?}"),
    })
}

pub(crate) fn import(root: &Path, header: &ImportHeader, archive: &[u8]) -> Result<Created, Failure> {
    is_created(answer(&run(&arguments(root), &stream(header, archive))))
}

/// An entry that no well-behaved program writes.
fn crafted(kind: EntryType, path: &str, link: &str) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_device_major(1).unwrap();
    header.set_device_minor(3).unwrap();
    header.set_cksum();
    archive.append(&header, &b""[..]).unwrap();
    archive.into_inner().unwrap()
}

/// Disk d1 with a little of everything, an export of it, and a store that has been used.
pub(crate) fn store(root: &Path) -> Vec<u8> {
    let data = root.join(made(root, "d1", 0).disk.path);
    fs::create_dir(data.join("sub")).unwrap();
    fs::write(data.join("sub/one"), "1").unwrap();
    fs::hard_link(data.join("sub/one"), data.join("two")).unwrap();
    fs::write(data.join("noise"), crate::export::noise(3, 50_000)).unwrap();
    snapshot(root, snapshot_request("d1", "s1")).unwrap();
    made(root, "d2", 1);
    delete(root, "d2", 1).unwrap();
    exported(root, &of_disk("d1"))
}

/// Both as a later disk and as the first one of a volume: refused, and the store as before.
pub(crate) fn leaves_nothing(root: &Path, archive: &[u8], change: impl Fn(&mut ImportHeader)) -> Failure {
    let before = shown::tree(root);
    let mut failures = [header("d3", 1), of_volume(volume("files"), "d1", 0)].map(|mut header| {
        change(&mut header);
        let failure = import(root, &header, archive).unwrap_err();
        assert_eq!(shown::tree(root), before, "{failure:?}");
        failure
    });
    failures[1].message = failures[1].message.replace("disk `d1`", "disk `d3`");
    assert_eq!(failures[0].kind, failures[1].kind);
    let [failure, _] = failures;
    failure
}

#[test]
fn a_broken_or_hostile_archive_leaves_the_store_as_it_was() {
    let temp = quick();
    let root = &temp.path().join("disks");
    let whole = store(root);
    fs::write(temp.path().join("beside"), "mine").unwrap();
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        let failure = leaves_nothing(root, &whole[..length], |_| {});
        assert_eq!(failure.kind, Kind::Invalid, "{length}: {failure}");
    }
    for at in [0, 40, whole.len() / 2, whole.len() - 12] {
        let mut tampered = whole.clone();
        tampered[at] ^= 1;
        let failure = leaves_nothing(root, &tampered, |_| {});
        assert!(matches!(failure.kind, Kind::Invalid | Kind::Unsupported), "{at}: {failure}");
    }
    let more = [&whole[..], b"more"].concat();
    assert_eq!(leaves_nothing(root, &more, |_| {}).kind, Kind::Invalid);
    for (archive, message) in [
        (crafted(EntryType::Char, "device", ""), "it is a device"),
        (crafted(EntryType::Regular, "../beside", ""), "../beside"),
        (crafted(EntryType::Regular, "/etc/kompox", ""), "/etc/kompox"),
        (crafted(EntryType::Link, "one", "../../../../beside"), "one"),
        (b"this is no archive at all".repeat(100), ""),
    ] {
        let failure = leaves_nothing(root, &archive, |_| {});
        assert!(failure.message.contains(message), "{failure}");
        assert_eq!(failure.kind, Kind::Invalid, "{failure}");
    }
    assert_eq!(fs::read_to_string(temp.path().join("beside")).unwrap(), "mine");
    assert!(!Path::new("/etc/kompox").exists());
    let names = |volume: &str| disks_of(root, volume);
    assert_eq!((names("db"), names("files")), (vec!["d1*".to_owned()], vec![]));
    // A broken archive is in the way of nothing.
    assert!(import(root, &header("d3", 1), &whole).unwrap().created);
    assert!(import(root, &of_volume(volume("files"), "d1", 0), &whole).unwrap().disk.assigned);
}

fn disks_of(root: &Path, name: &str) -> Vec<String> {
    let listing = list(root, Some(volume("db").app)).unwrap();
    let star = |assigned| if assigned { "*" } else { "" };
    let found = listing.volumes.into_iter().filter(|found| found.record.volume == name);
    found.flat_map(|v| v.disks).map(|d| format!("{}{}", d.record.name, star(d.assigned))).collect()
}

#[test]
fn another_archive_than_the_expected_one_is_refused() {
    let temp = quick();
    let root = temp.path();
    let whole = store(root);
    let manifest = kompox_tree::inspect(&whole[..]).unwrap().manifest.unwrap();
    let other = exported(root, &of_snapshot("s1"));
    let expected = Some(manifest.clone());
    let failure = leaves_nothing(root, &other, |header| header.expected.clone_from(&expected));
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (Kind::Invalid, "the archive is another export than the expected one")
    );
    let foreign = leaves_nothing(root, &fill::sample(), |header| header.expected.clone_from(&expected));
    assert_eq!(foreign.message, "the archive is no export, though one was expected");
    let cut = leaves_nothing(root, &whole[..100], |header| header.expected.clone_from(&expected));
    assert_eq!(cut.kind, Kind::Invalid);
    assert!(!cut.message.contains("expected"), "{cut}");
    // A size that the exported disk might outgrow, said beforehand or by the archive.
    for expected in [None, expected.clone()] {
        let failure = leaves_nothing(root, &whole, |header| {
            header.create.size_bytes = (1 << 30) - 1;
            header.expected.clone_from(&expected);
        });
        assert_eq!(failure.kind, Kind::Invalid);
        assert_eq!(
            failure.message,
            "disk `d3` has size 1073741823, but the exported one has size 1073741824"
        );
        assert!(failure.hint.unwrap().starts_with("give it at least the size"));
    }
    let right = ImportHeader { expected, ..header("d3", 1) };
    assert_eq!(import(root, &right, &whole).unwrap().disk.record.imported, Some(manifest));
    // It is there: the archive is not read. One of another archive is not it.
    let mut again = right;
    assert_eq!(import(root, &again, b"").unwrap_err().kind, Kind::AlreadyExists);
    again.create.if_not_exists = true;
    let found = import(root, &again, b"what this is does not matter").unwrap();
    assert!(!found.created && found.disk.record.imported == again.expected);
    again.expected = kompox_tree::inspect(&other[..]).unwrap().manifest;
    let failure = import(root, &again, &other).unwrap_err();
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (Kind::AlreadyExists, "disk `d3` of volume `db` was made from another archive")
    );
    again.expected = None;
    again.create.source = "import:directory".into();
    assert_eq!(import(root, &again, &other).unwrap_err().kind, Kind::AlreadyExists);
}

#[test]
fn an_archive_from_elsewhere_is_a_disk_too() {
    let temp = quick();
    let root = temp.path();
    let taken = import(root, &header("d1", 0), &fill::sample()).unwrap();
    assert!(taken.created && taken.disk.assigned && taken.disk.record.first);
    let record = &taken.disk.record;
    assert_eq!(
        (record.state, &record.imported, record.source.as_str()),
        (DiskState::Ready, &None, "import:archive")
    );
    let data = root.join(&taken.disk.path);
    assert_eq!(fs::read_to_string(data.join("sub/run")).unwrap(), "two\n");
    assert_eq!(taken.volume.history.len(), 1);
    assert_eq!(taken.volume.history[0].what, VolumeChange::Created { disk: "d1".into() });
    // Without an entry of its own the top is as that of an empty disk.
    let empty = import(root, &header("d2", 1), &Builder::new(Vec::new()).into_inner().unwrap()).unwrap();
    let [top, plain] = [&empty, &made(root, "d3", 1)]
        .map(|created| shown::tree(&root.join("k9x84f/db/disks").join(&created.disk.record.name)));
    let data =
        |lines: Vec<String>| lines.into_iter().filter(|line| line.starts_with("data ")).collect::<Vec<_>>();
    assert_eq!(data(top), data(plain));
    let refused =
        create(root, CreateDisk { source: "import:archive".into(), ..create_request(volume("db"), "d9", 1) });
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, Kind::Invalid);
    assert_eq!(refused.hint.as_deref(), Some("its content comes in by `kompox-node import`"));
    for wrong in ["empty", "disk:d1", "import:", "import:a/b", "archive"] {
        let mut header = header("d9", 1);
        header.create.source = wrong.into();
        assert_eq!(import(root, &header, b"").unwrap_err().kind, Kind::Invalid, "{wrong}");
    }
    let old = ImportHeader { version: 3, ..header("d9", 1) };
    assert_eq!(import(root, &old, b"").unwrap_err().kind, Kind::Unsupported);
    assert_eq!(import(root, &header("d9", 2), b"").unwrap_err().kind, Kind::Conflict, "another generation");
    let lost = ImportHeader { store: Some("0123".into()), ..header("d9", 1) };
    assert_eq!(import(root, &lost, b"").unwrap_err().kind, Kind::Conflict);
    assert_eq!(disks(root).len(), 3);
}

#[test]
fn a_volume_that_had_no_disk_keeps_its_record() {
    let temp = quick();
    let root = temp.path();
    let whole = store(root);
    unassign(root, "d1", 1).unwrap();
    delete(root, "d1", 2).unwrap();
    assert_eq!(import(root, &header("d2", 2), b"").unwrap_err().kind, Kind::Invalid);
    let found = list(root, None).unwrap().volumes.remove(0);
    assert_eq!((found.disks.len(), found.record.assigned, found.snapshots.len()), (0, None, 1));
    let generation = found.record.generation;
    let made = import(root, &header("d2", generation), &whole).unwrap();
    assert!(made.disk.assigned && made.disk.record.first);
}

/// An import that waits for the rest of its archive.
fn begun(root: &Path, header: &ImportHeader, archive: &[u8]) -> Child {
    let mut child = command().args(arguments(root)).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(&stream(header, archive)).unwrap();
    let aside = root.join("k9x84f/db/disks").join(&header.create.disk).join("data.new");
    wait_until(|| aside.exists());
    child
}

#[test]
fn an_import_holds_up_nobody_but_who_would_change_its_disk() {
    let temp = quick();
    let root = temp.path();
    let whole = store(root);
    let half = whole.len() / 2;
    let child = begun(root, &header("d3", 1), &whole[..half]);
    others_go_on(root, "aaaaaa");
    let delete_disk = DeleteDisk { volume: volume("db"), generation: 1, disk: "d3".into() };
    assert_eq!(impatient(root, Operation::Delete(delete_disk)), Kind::Timeout);
    let fence_it = Fence { volume: volume("db"), generation: 1, fenced: true, at: None };
    assert_eq!(impatient(root, Operation::Fence(fence_it)), Kind::Timeout);
    let again = [&arguments(root)[..], &["--lock-wait", "0"]].concat();
    let refused = answer(&run(&again, &stream(&header("d3", 1), &whole))).unwrap_err();
    assert_eq!(refused.kind, Kind::Timeout, "{refused}");
    // A failure of the one that came second takes nothing away.
    assert_eq!(disks_of(root, "db"), ["d1*", "d3"]);
    let made = is_created(answer(&finish(child, &whole[half..]))).unwrap();
    assert!(made.created && !made.disk.assigned);
    assert_eq!(
        fs::read(root.join(made.disk.path).join("noise")).unwrap(),
        fs::read(root.join(D1).join("noise")).unwrap()
    );
}

#[test]
fn a_killed_import_is_completed_or_deleted() {
    let temp = quick();
    let root = temp.path();
    let whole = store(root);
    for end in ["completed", "deleted", "failed"] {
        let mut child = begun(root, &header("d3", 1), &whole[..whole.len() / 2]);
        child.kill().unwrap();
        child.wait().unwrap();
        let found = list(root, None).unwrap().volumes.remove(0).disks;
        let creating = found.iter().find(|disk| disk.record.name == "d3").unwrap();
        assert_eq!(creating.record.state, DiskState::Creating);
        match end {
            "completed" => assert!(import(root, &header("d3", 1), &whole).unwrap().created),
            "failed" => {
                // Another run made the record: it stays, and does not look ready.
                assert_eq!(import(root, &header("d3", 1), b"").unwrap_err().kind, Kind::Invalid);
                assert_eq!(disks(root), ["d1*", "d3"]);
            }
            _ => {}
        }
        let deleted = delete(root, "d3", 1).unwrap();
        assert_eq!((deleted.existed, deleted.leftover), (true, None));
        assert_eq!(disks(root), ["d1*"]);
    }
    fence(root, volume("db"), 1, true).unwrap();
    let refused = import(root, &header("d3", 2), &whole).unwrap_err();
    assert_eq!(refused.message, "volume `db` of app ws1/prv1/app1 is fenced for a move");
}

#[test]
fn attributes_that_the_file_system_does_not_take_are_named() {
    let test = "import::attributes_that_the_file_system_does_not_take_are_named";
    on_each(test, &[On::Memory(2000, 400)], |at, _| {
        let elsewhere = quick();
        let archive = store(elsewhere.path());
        let file = elsewhere.path().join(D1).join("sub/one");
        if setxattr(&file, "user.kompox", b"lost", XattrFlags::empty()).is_err() {
            eprintln!("{test}: skipped, needs attributes where the test is");
            return;
        }
        let with = exported(elsewhere.path(), &of_disk("d1"));
        must("mount", &["-t", "ramfs", "none", at.to_str().unwrap()]);
        let root = at.join("disks");
        let warned = |disk: &str, generation, archive: &[u8]| {
            let output = run(&arguments(&root), &stream(&header(disk, generation), archive));
            assert!(is_created(answer(&output)).unwrap().created);
            String::from_utf8(output.stderr).unwrap()
        };
        let said = warned("d1", 0, &with);
        let what = "kompox-node: extended attributes that the file system does not take: 1, first ";
        assert!(said.starts_with(what), "{said}");
        assert!(said.contains("user.kompox") && said.contains("sub/one"), "{said}");
        assert_eq!(warned("d2", 1, &archive), "");
    });
}
