//! Snapshots and disks made from them, on every kind of file system.

use crate::copy_up::image;
use crate::filesystem::{On, must, on_each, quick};
use crate::hostile::tamper;
use crate::program::{answer, ask, command, finish, run, store_arguments};
use crate::requests::{
    app, copy_request, create, create_request, delete, delete_snapshot, disks, list, made, snapshot,
    snapshot_request, snapshots, status, volume,
};
use crate::shown;
use kompox_node_protocol::{Backend, CreateDisk, CreateSnapshot, DiskState, Kind, Operation, Request};
use rustix::fs::{FlockOperation, XattrFlags, flock, getxattr, setxattr};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Child;

pub(crate) const D1: &str = "k9x84f/db/disks/d1/data";

/// What a copy on this kind of file system is made by.
fn backend(on: On) -> Backend {
    match on {
        On::Btrfs => Backend::Btrfs,
        On::Xfs => Backend::Reflink,
        On::Memory(..) => Backend::Directory,
    }
}

/// A disk d1 with everything that a copy could lose.
pub(crate) fn filled(root: &Path) -> PathBuf {
    let data = root.join(made(root, "d1", 0).disk.path);
    image(&data.join("image"));
    setxattr(data.join("image/secret"), "user.kompox", b"kept", XattrFlags::empty()).unwrap();
    fs::File::create(data.join("sparse")).unwrap().set_len(1 << 20).unwrap();
    data
}

/// `copy` has all that `data` has.
pub(crate) fn same(copy: &Path, data: &Path) {
    assert_eq!(shown::tree(copy), shown::tree(data));
    let mut value = [0; 16];
    let length = getxattr(copy.join("image/secret"), "user.kompox", &mut value).unwrap();
    assert_eq!(&value[..length], b"kept");
    let [one, two] =
        ["image/run", "image/sub/deep/run-too"].map(|name| fs::metadata(copy.join(name)).unwrap());
    assert_eq!((one.ino(), one.nlink()), (two.ino(), 2));
    assert!(fs::metadata(copy.join("sparse")).unwrap().blocks() < 64);
    let [a, b] = [copy, data].map(|path| fs::metadata(path).unwrap());
    assert_eq!((a.mode(), a.uid(), a.gid(), a.mtime()), (b.mode(), b.uid(), b.gid(), b.mtime()));
}

pub(crate) const KINDS: &[On] = &[On::Memory(20_000, 2000), On::Xfs, On::Btrfs];

#[test]
fn a_snapshot_is_what_the_disk_was_and_can_be_had_back() {
    on_each("snapshot::a_snapshot_is_what_the_disk_was_and_can_be_had_back", KINDS, |root, on| {
        let data = filled(root);
        let found = status(ask(root, &Request::new(Operation::Init {})).unwrap());
        let atomic = on == On::Btrfs;
        assert_eq!(
            (found.backend, found.size_enforced, found.atomic_snapshots),
            (backend(on), atomic, atomic)
        );
        let taken = snapshot(root, snapshot_request("d1", "s1")).unwrap();
        let record = &taken.snapshot.record;
        assert_eq!((taken.created, record.state, record.atomic), (true, DiskState::Ready, atomic));
        assert_eq!((record.backend, record.size_bytes, record.disk.as_str()), (backend(on), 1 << 30, "d1"));
        assert_eq!(taken.snapshot.path, "k9x84f/db/snapshots/s1/data");
        let kept = root.join(&taken.snapshot.path);
        same(&kept, &data);
        // What comes later is not in it.
        fs::write(data.join("image/secret"), "changed").unwrap();
        fs::write(data.join("later"), "").unwrap();
        assert_eq!(fs::read_to_string(kept.join("image/secret")).unwrap(), "1");
        if atomic {
            let refused = fs::write(kept.join("later"), "").unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        }
        let back = create(root, copy_request("d2", "snapshot:s1", 1)).unwrap();
        let record = &back.disk.record;
        assert_eq!((record.backend, record.size_enforced), (backend(on), atomic));
        assert_eq!((record.source.as_str(), back.disk.assigned), ("snapshot:s1", false));
        let restored = root.join(&back.disk.path);
        same(&restored, &kept);
        fs::write(restored.join("image/secret"), "again").unwrap();
        assert_eq!(fs::read_to_string(kept.join("image/secret")).unwrap(), "1");
        // From the disk itself, and from a snapshot whose disk is gone.
        let copy = create(root, copy_request("d3", "disk:d2", 1)).unwrap();
        same(&root.join(copy.disk.path), &restored);
        snapshot(root, snapshot_request("d2", "s2")).unwrap();
        assert!(delete(root, "d2", 1).unwrap().existed);
        let copy = create(root, copy_request("d2", "snapshot:s2", 1)).unwrap();
        assert_eq!(fs::read_to_string(root.join(copy.disk.path).join("image/secret")).unwrap(), "again");
        for _ in 0..2 {
            let deleted = ["s1", "s2"].map(|name| delete_snapshot(root, name).unwrap());
            assert!(deleted.iter().all(|deleted| deleted.leftover.is_none()), "{deleted:?}");
        }
        assert!(!delete_snapshot(root, "s1").unwrap().existed);
        assert_eq!((disks(root), snapshots(root)), (vec!["d1*".into(), "d2".into(), "d3".into()], vec![]));
        assert_eq!(fs::read_dir(root.join(".trash")).unwrap().count(), 0);
    });
}

#[test]
fn names_are_used_once_and_listed_newest_first() {
    let temp = quick();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    for (name, time) in [
        ("b", "2026-01-31T08:15:00Z"),
        ("a", "2026-01-31T08:15:00Z"),
        ("old", "2025-12-31T23:59:59.999Z"),
        ("new", "2026-01-31T08:15:00.5Z"),
    ] {
        let request = CreateSnapshot { created_at: time.into(), ..snapshot_request("d1", name) };
        assert!(snapshot(root, request).unwrap().created);
    }
    assert_eq!(snapshots(root), ["new", "a", "b", "old"]);
    let before = shown::tree(root);
    let refused = |disk: &str, if_not_exists| {
        let request = CreateSnapshot { if_not_exists, ..snapshot_request(disk, "a") };
        snapshot(root, request).map_err(|failure| (failure.kind, failure.message))
    };
    let exists = |how: &str| (Kind::AlreadyExists, format!("snapshot `a` of volume `db` {how}"));
    assert_eq!(refused("d1", false).unwrap_err(), exists("exists"));
    assert!(!refused("d1", true).unwrap().created);
    assert_eq!(refused("d2", true).unwrap_err(), exists("is one of disk `d1`"));
    assert_eq!(refused("d9", true).unwrap_err(), exists("is one of disk `d1`"));
    assert_eq!(shown::tree(root), before);
    // A disk of the same name is not the same disk.
    snapshot(root, snapshot_request("d2", "c")).unwrap();
    delete(root, "d2", 1).unwrap();
    let request = CreateSnapshot { if_not_exists: true, ..snapshot_request("d2", "c") };
    assert!(!snapshot(root, request.clone()).unwrap().created);
    made(root, "d2", 1);
    let failure = snapshot(root, request).unwrap_err();
    assert_eq!(failure.message, "snapshot `c` of volume `db` is one of an earlier disk `d2`");
}

#[test]
fn wrong_requests_write_nothing() {
    let temp = quick();
    let root = temp.path().join("disks");
    assert_eq!(snapshot(&root, snapshot_request("d1", "s1")).unwrap_err().kind, Kind::NotFound);
    assert!(!delete_snapshot(&root, "s1").unwrap().existed);
    assert!(!root.exists());
    made(&root, "d1", 0);
    let before = shown::tree(&root);
    for (disk, name) in [("d1", "S1"), ("d1", "../s1"), ("d1", ""), ("d1", &"s".repeat(25)), ("../d1", "s1")]
    {
        let refused = snapshot(&root, snapshot_request(disk, name)).unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid, "{disk} {name}");
    }
    assert_eq!(delete_snapshot(&root, ".new-s1").unwrap_err().kind, Kind::Invalid);
    assert_eq!(snapshot(&root, snapshot_request("d9", "s1")).unwrap_err().kind, Kind::NotFound);
    let mut other = snapshot_request("d1", "s1");
    other.volume.holder.cluster_uid = "uid-2".into();
    assert_eq!(snapshot(&root, other.clone()).unwrap_err().kind, Kind::Conflict);
    other.volume.app = app("other", "k9x84f");
    assert_eq!(snapshot(&root, other).unwrap_err().kind, Kind::Conflict);
    assert_eq!(shown::tree(&root), before);
}

#[test]
fn a_disk_in_use_is_copied_only_in_one_moment() {
    let test = "snapshot::a_disk_in_use_is_copied_only_in_one_moment";
    on_each(test, KINDS, |root, on| {
        made(root, "d1", 0);
        fs::create_dir(root.join(D1).join("sub")).unwrap();
        let before = shown::tree(root);
        let taken =
            snapshot(root, CreateSnapshot { at_rest: false, ..snapshot_request("d1", "s1") }).map(drop);
        let copied =
            create(root, CreateDisk { at_rest: false, ..copy_request("d2", "disk:d1", 1) }).map(drop);
        if on == On::Btrfs {
            assert_eq!((taken, copied), (Ok(()), Ok(())));
        } else {
            let [taken, copied] = [taken, copied].map(Result::unwrap_err);
            assert_eq!(taken.kind, Kind::Conflict);
            assert_eq!(taken.message, "a snapshot of a disk in use is not consistent on this file system");
            assert!(taken.hint.unwrap().contains("--stop"));
            assert_eq!(copied.message, "a copy of a disk in use is not consistent on this file system");
            assert_eq!(shown::tree(root), before);
            snapshot(root, snapshot_request("d1", "s1")).unwrap();
        }
        // A folder is never copied in one moment, a snapshot never changes.
        let part = CreateDisk { at_rest: false, ..copy_request("d3", "sub-path:db/sub", 1) };
        assert_eq!(create(root, part).unwrap_err().kind, Kind::Conflict);
        let back = CreateDisk { at_rest: false, ..copy_request("d4", "snapshot:s1", 1) };
        assert!(create(root, back).unwrap().created);
    });
}

/// A request that runs.
fn start(root: &Path, operation: Operation, more: &[&str]) -> Child {
    let mut child = command().args(store_arguments(root)).args(more).spawn().unwrap();
    let line = Request::new(operation).encode() + "\n";
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), line.as_bytes()).unwrap();
    child
}

pub(crate) fn wait_until(what: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !what() {
        assert!(started.elapsed().as_secs() < 60, "waited in vain");
        std::thread::yield_now();
    }
}

/// A request of another app is answered.
pub(crate) fn others_go_on(root: &Path, hash: &str) {
    let mut request = create_request(volume("db"), "d1", 0);
    request.volume.app = app("other", hash);
    assert!(create(root, request).unwrap().created);
}

pub(crate) fn impatient(root: &Path, operation: Operation) -> Kind {
    let arguments = [&store_arguments(root)[..], &["--lock-wait", "0"]].concat();
    let input = Request::new(operation).encode();
    answer(&run(&arguments, input.as_bytes())).unwrap_err().kind
}

#[test]
fn the_store_is_free_while_a_copy_waits_for_a_filler() {
    let temp = quick();
    let root = temp.path();
    made(root, "d1", 0);
    let data = fs::File::open(root.join(D1)).unwrap();
    flock(&data, FlockOperation::LockExclusive).unwrap();
    let create = Operation::CreateSnapshot(snapshot_request("d1", "s1"));
    let child = start(root, create.clone(), &[]);
    wait_until(|| root.join("k9x84f/db/snapshots/s1/snapshot.json").exists());
    others_go_on(root, "aaaaaa");
    assert_eq!(impatient(root, create), Kind::Timeout);
    let entry = list(root, None).unwrap().volumes.remove(1).snapshots.remove(0);
    assert_eq!(entry.record.state, DiskState::Creating);
    assert_eq!(create_from_s1(root).unwrap_err().message, "snapshot `s1` is not ready yet");
    drop(data);
    assert!(answer(&finish(child, b"")).is_ok());
    assert!(create_from_s1(root).is_ok());
}

fn create_from_s1(root: &Path) -> Result<(), kompox_node_protocol::Failure> {
    create(root, copy_request("d7", "snapshot:s1", 1)).map(drop)
}

#[test]
fn a_copy_holds_up_nobody_but_who_would_change_its_ends() {
    let temp = quick();
    let root = temp.path();
    made(root, "d1", 0);
    let data = root.join(made(root, "d2", 1).disk.path);
    for number in 0..4000 {
        fs::write(data.join(format!("{number}")), "x").unwrap();
    }
    let copy = || Operation::Create(copy_request("d3", "disk:d2", 1));
    let mut child = start(root, copy(), &[]);
    let aside = root.join("k9x84f/db/disks/d3/data.new");
    wait_until(|| aside.join("0").exists());
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::STOP).unwrap();
    assert!(aside.exists(), "it was stopped in the middle");
    others_go_on(root, "aaaaaa");
    // Both ends are kept, by whoever asks.
    let delete_of = |disk: &str| {
        Operation::Delete(kompox_node_protocol::DeleteDisk {
            volume: volume("db"),
            generation: 1,
            disk: disk.into(),
        })
    };
    assert_eq!(impatient(root, delete_of("d2")), Kind::Timeout);
    assert_eq!(impatient(root, delete_of("d3")), Kind::Timeout);
    assert_eq!(impatient(root, copy()), Kind::Timeout);
    // Another source under the same name is told apart, also now.
    let other = copy_request("d3", "disk:d1", 1);
    assert_eq!(
        create(root, other).unwrap_err().message,
        "disk `d3` of volume `db` is being made from `disk:d2`"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let whole = create(root, copy_request("d3", "disk:d2", 1)).unwrap();
    assert_eq!(fs::read_dir(root.join(whole.disk.path)).unwrap().count(), 4000);
    assert!(!aside.exists());
    assert!(delete(root, "d2", 1).unwrap().existed);
}

#[test]
fn subvolumes_of_an_app_are_never_left_out_in_silence() {
    let test = "snapshot::subvolumes_of_an_app_are_never_left_out_in_silence";
    on_each(test, &[On::Btrfs], |root, _| {
        let make = |path: PathBuf| must("btrfs", &["subvolume", "create", path.to_str().unwrap()]);
        let arguments = [&store_arguments(root)[..], &["--backend", "directory"]].concat();
        let plain = Request::new(Operation::Create(create_request(volume("db"), "d1", 0))).encode();
        answer(&run(&arguments, plain.as_bytes())).unwrap();
        let data = root.join(made(root, "d2", 1).disk.path);
        for disk in [root.join(D1), data.clone()] {
            fs::create_dir_all(disk.join("volumes/a b")).unwrap();
            make(disk.join("volumes/a b/inner"));
            fs::write(disk.join("volumes/a b/inner/file"), "1").unwrap();
            fs::create_dir_all(disk.join("volumes/a b/inner/x/y")).unwrap();
            make(disk.join("volumes/a b/inner/x/y/inmost"));
            fs::create_dir_all(disk.join("volumes/a b/inner/x/y/inmost/p/q")).unwrap();
        }
        let message =
            "the disk has a subvolume of its own at volumes/a b/inner, which would not be copied".to_owned();
        let taken = snapshot(root, snapshot_request("d2", "s1")).unwrap_err();
        let copied = create(root, copy_request("d3", "disk:d2", 1)).unwrap_err();
        assert_eq!((taken.kind, taken.message, copied.message), (Kind::Conflict, message.clone(), message));
        // File by file they are copied like folders.
        let taken = snapshot(root, snapshot_request("d1", "s1")).unwrap();
        assert!(!taken.snapshot.record.atomic);
        assert_eq!(shown::tree(&root.join(taken.snapshot.path)), shown::tree(&root.join(D1)));
        must("btrfs", &["property", "set", "-ts", data.to_str().unwrap(), "ro", "true"]);
        assert_eq!(delete(root, "d2", 1).unwrap().leftover, None);
        crate::requests::unassign(root, "d1", 1).unwrap();
        assert_eq!(delete(root, "d1", 2).unwrap().leftover, None);
        assert!(delete_snapshot(root, "s1").unwrap().existed);
        assert_eq!(must("btrfs", &["subvolume", "list", root.to_str().unwrap()]), "");
    });
}

#[test]
fn what_the_file_system_cannot_do_is_refused_first() {
    let test = "snapshot::what_the_file_system_cannot_do_is_refused_first";
    on_each(test, KINDS, |root, on| {
        let store = root.join("disks");
        let with = |backend: &str, operation: Operation| {
            let arguments = [&store_arguments(&store)[..], &["--backend", backend]].concat();
            answer(&run(&arguments, Request::new(operation).encode().as_bytes()))
        };
        let create_with = |name: &str, operation: Operation| with(name, operation).map(drop);
        let refused: &[&str] = match on {
            On::Memory(..) => &["reflink", "btrfs"],
            On::Xfs => &["btrfs"],
            On::Btrfs => &[],
        };
        for name in refused {
            let create = Operation::Create(create_request(volume("db"), "d1", 0));
            for operation in [Operation::Status {}, Operation::Init {}, create] {
                let failure = create_with(name, operation).unwrap_err();
                assert_eq!(failure.kind, Kind::Unsupported);
                assert!(failure.message.starts_with(&format!("`--backend {name}`: ")), "{}", failure.message);
            }
            assert!(!store.exists());
        }
        // Whatever a disk was made by, it is copied, listed and deleted by what it is.
        let all = ["directory", "reflink", "btrfs"];
        let known: Vec<_> = all.into_iter().filter(|name| !refused.contains(name)).collect();
        for (index, name) in known.iter().enumerate() {
            let generation = u64::from(index > 0);
            let create = create_request(volume("db"), &format!("d{index}"), generation);
            create_with(name, Operation::Create(create)).unwrap();
        }
        for (index, name) in known.iter().enumerate() {
            fs::write(store.join(format!("k9x84f/db/disks/d{index}/data/file")), *name).unwrap();
            for to in &known {
                let (copied, taken) = (format!("c{index}-{to}"), format!("s{index}-{to}"));
                let source = format!("disk:d{index}");
                create_with(to, Operation::Create(copy_request(&copied, &source, 1))).unwrap();
                let request = snapshot_request(&format!("d{index}"), &taken);
                create_with(to, Operation::CreateSnapshot(request)).unwrap();
                let restored = format!("r{index}-{to}");
                let source = format!("snapshot:{taken}");
                create_with(to, Operation::Create(copy_request(&restored, &source, 1))).unwrap();
                for disk in [copied, restored] {
                    let path = store.join(format!("k9x84f/db/disks/{disk}/data/file"));
                    assert_eq!(fs::read_to_string(path).unwrap(), *name, "{disk}");
                    assert_eq!(delete(&store, &disk, 1).unwrap().leftover, None);
                }
                assert_eq!(delete_snapshot(&store, &taken).unwrap().leftover, None);
            }
        }
    });
}

/// A name, a way to break a snapshot's folder, and a part of the message that says what is wrong.
type Break = (&'static str, fn(&Path), &'static str);

const BROKEN: &[Break] = &[
    ("emptied", |s| fs::write(s.join("snapshot.json"), "").unwrap(), "snapshot.json is garbled"),
    ("gone", |s| fs::remove_file(s.join("snapshot.json")).unwrap(), "snapshot.json is missing"),
    ("newer", |s| tamper(&s.join("snapshot.json"), "\"format\": 1", "\"format\": 2"), "has format 2, not 1"),
    (
        "unknown",
        |s| tamper(&s.join("snapshot.json"), "\"atomic\"", "\"more\": 1, \"atomic\""),
        "unknown field",
    ),
    ("another", |s| tamper(&s.join("snapshot.json"), "\"s1\"", "\"s2\""), "it is the record of snapshot"),
    ("another app", |s| tamper(&s.join("snapshot.json"), "\"app1\"", "\"app2\""), "snapshot.json is garbled"),
    ("no time", |s| tamper(&s.join("snapshot.json"), "09:00", "99:00"), "snapshot.json is garbled"),
    ("data gone", |s| fs::remove_dir_all(s.join("data")).unwrap(), "the snapshot is recorded as ready"),
    (
        "data is a link",
        |s| {
            fs::remove_dir_all(s.join("data")).unwrap();
            symlink("../../disks/d1/data", s.join("data")).unwrap();
        },
        "the snapshot is recorded as ready",
    ),
    (
        "a link",
        |s| {
            let real = s.with_file_name("../real");
            fs::rename(s, &real).unwrap();
            symlink("../real", s).unwrap();
        },
        "snapshots/s1",
    ),
];

#[test]
fn broken_records_are_never_taken_for_no_snapshots() {
    for (name, break_it, expected) in BROKEN {
        let temp = quick();
        let root = temp.path();
        made(root, "d1", 0);
        snapshot(root, snapshot_request("d1", "s1")).unwrap();
        break_it(&root.join("k9x84f/db/snapshots/s1"));
        let before = shown::tree(root);
        let refused = list(root, Some(app("app1", "k9x84f"))).unwrap_err();
        assert_eq!(refused.kind, Kind::Conflict, "{name}");
        assert!(refused.message.contains(expected), "{name}: {}", refused.message);
        let all = list(root, None).unwrap();
        assert_eq!((all.volumes.len(), all.problems.len()), (0, 1), "{name}");
        assert_eq!(all.problems[0].path, "k9x84f/db", "{name}");
        assert_eq!(create_from_s1(root).unwrap_err().kind, Kind::Conflict, "{name}");
        if !name.starts_with("data") {
            assert_eq!(
                snapshot(root, snapshot_request("d1", "s1")).unwrap_err().kind,
                Kind::Conflict,
                "{name}"
            );
            assert_eq!(delete_snapshot(root, "s1").unwrap_err().kind, Kind::Conflict, "{name}");
        }
        assert_eq!(shown::tree(root), before, "{name}");
    }
}
