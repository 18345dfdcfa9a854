//! What a disk store promises, one request after the other (VOL-01 to VOL-12).

use crate::program::{ask, command, run, store_arguments};
use crate::requests::{
    app, assign, create, create_request, delete, disks, list, listing, made, status, unassign, volume,
};
use crate::shown;
use kompox_node_protocol::{DiskState, Kind, Operation, Request, Success};
use std::os::unix::fs::PermissionsExt;
use tempfile::tempdir;

#[test]
fn a_store_that_was_never_used_is_empty_and_stays_absent() {
    let temp = tempdir().unwrap();
    let root = temp.path().join("disks");
    let answer = list(&root, None).unwrap();
    assert_eq!((answer.store, answer.volumes.len(), answer.problems.len()), (None, 0, 0));
    assert_eq!(status(ask(&root, &Request::new(Operation::Status {})).unwrap()).store, None);
    assert_eq!(assign(&root, "d1", 0).unwrap_err().kind, Kind::NotFound);
    assert!(!delete(&root, "d1", 0).unwrap().existed);
    assert!(!root.exists());
}

#[test]
fn the_id_is_made_once() {
    let temp = tempdir().unwrap();
    let root = temp.path().join("a/b/disks");
    let first = status(ask(&root, &Request::new(Operation::Init {})).unwrap());
    let id = first.store.clone().unwrap();
    assert_eq!((id.len(), first.path.as_str()), (32, root.to_str().unwrap()));
    assert!(first.capacity_bytes >= first.free_bytes && first.free_bytes > 0);
    for operation in [Operation::Init {}, Operation::Status {}] {
        assert_eq!(status(ask(&root, &Request::new(operation)).unwrap()).store, Some(id.clone()));
    }
    assert_eq!(list(&root, None).unwrap().store, Some(id));
    assert_eq!(std::fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn another_or_a_lost_store_is_a_conflict() {
    let temp = tempdir().unwrap();
    let (root, other) = (temp.path().join("disks"), temp.path().join("other"));
    let id = status(ask(&root, &Request::new(Operation::Init {})).unwrap()).store.unwrap();
    std::fs::create_dir(&other).unwrap();
    let create = Operation::Create(create_request(volume("db"), "d1", 0));
    for operation in [Operation::Status {}, Operation::Init {}, Operation::List { app: None }, create] {
        let wrong = ask(&root, &Request::new(operation.clone()).on_store("0123")).unwrap_err();
        assert!(wrong.message.ends_with(&format!("is the disk store {id}, not 0123")), "{}", wrong.message);
        assert_eq!(wrong.kind, Kind::Conflict);
        for place in [&other, &temp.path().join("absent")] {
            let lost = ask(place, &Request::new(operation.clone()).on_store(&id)).unwrap_err();
            assert_eq!(lost.kind, Kind::Conflict);
            assert!(lost.message.starts_with(&format!("the disk store {id} is not at")), "{}", lost.message);
        }
        assert!(ask(&root, &Request::new(operation).on_store(&id)).is_ok());
    }
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 0);
    std::fs::remove_file(root.join("store.json")).unwrap();
    assert_eq!(list(&root, None).unwrap_err().kind, Kind::Conflict);
}

#[test]
fn the_first_disk_is_assigned_and_later_ones_are_not() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    let first = made(root, "d1", 0);
    assert!(first.created && first.disk.assigned && first.disk.record.first);
    assert_eq!((first.volume.generation, first.volume.assigned.as_deref()), (1, Some("d1")));
    assert_eq!(
        (first.disk.record.state, first.disk.path.as_str()),
        (DiskState::Ready, "k9x84f/db/disks/d1/data")
    );
    assert!(root.join(&first.disk.path).is_dir());
    let second = made(root, "d2", 1);
    assert!(second.created && !second.disk.assigned && !second.disk.record.first);
    assert_eq!(second.volume, first.volume);
    assert_ne!(first.disk.record.handle, second.disk.record.handle);
    // Another volume of the app has a first disk of its own.
    assert!(create(root, create_request(volume("files"), "d1", 0)).unwrap().disk.assigned);
    let found = list(root, Some(app("app1", "k9x84f"))).unwrap();
    let names: Vec<_> = found.volumes.iter().map(|volume| volume.record.volume.as_str()).collect();
    assert_eq!(names, ["db", "files"]);
}

#[test]
fn duplicates_are_refused_unless_accepted() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    let first = made(root, "d1", 0);
    let before = shown::tree(root);
    for generation in [0, 1] {
        let refused = create(root, create_request(volume("db"), "d1", generation)).unwrap_err();
        assert_eq!(refused.kind, Kind::AlreadyExists);
        let mut accepted = create_request(volume("db"), "d1", generation);
        accepted.if_not_exists = true;
        let again = create(root, accepted).unwrap();
        assert!(!again.created);
        assert_eq!((again.disk, again.volume), (first.disk.clone(), first.volume.clone()));
    }
    assert_eq!(shown::tree(root), before);
}

#[test]
fn disks_are_listed_newest_first_and_then_by_name() {
    let temp = tempdir().unwrap();
    for (generation, (disk, time)) in [
        ("b", "2026-01-31T08:15:00Z"),
        ("a", "2026-01-31T08:15:00Z"),
        ("old", "2025-12-31T23:59:59.999Z"),
        ("new", "2026-01-31T08:15:00.5Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = create_request(volume("db"), disk, generation.min(1) as u64);
        request.created_at = time.into();
        create(temp.path(), request).unwrap();
    }
    assert_eq!(disks(temp.path()), ["new", "a", "b*", "old"]);
}

#[test]
fn assign_is_exclusive_and_skips_what_is_right() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    let switched = assign(root, "d2", 1).unwrap();
    assert_eq!((switched.changed, switched.previous.as_deref()), (true, Some("d1")));
    assert_eq!(switched.volume.generation, 2);
    assert_eq!(disks(root), ["d1", "d2*"]);
    let record = root.join("k9x84f/db/volume.json");
    let before = std::fs::metadata(&record).unwrap().modified().unwrap();
    for generation in [1, 2] {
        let again = assign(root, "d2", generation).unwrap();
        assert_eq!((again.changed, again.volume.generation), (false, 2));
    }
    assert_eq!(std::fs::metadata(&record).unwrap().modified().unwrap(), before);
    assert_eq!(assign(root, "d3", 2).unwrap_err().kind, Kind::NotFound);
}

#[test]
fn unassign_leaves_no_assigned_disk_and_skips_what_is_right() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    let taken = unassign(root, "d1", 1).unwrap();
    assert_eq!((taken.changed, taken.previous.as_deref()), (true, Some("d1")));
    assert_eq!((taken.volume.generation, taken.volume.assigned), (2, None));
    assert_eq!(disks(root), ["d1", "d2"]);
    let before = shown::tree(root);
    for disk in ["d1", "d2"] {
        assert!(!unassign(root, disk, 1).unwrap().changed, "also with a stale generation");
    }
    assert_eq!(unassign(root, "d3", 2).unwrap_err().kind, Kind::NotFound);
    assert_eq!(shown::tree(root), before);
    assert!(
        !create(root, create_request(volume("db"), "d4", 2)).unwrap().disk.assigned,
        "it is not the first"
    );
    assign(root, "d2", 2).unwrap();
    assert_eq!(unassign(root, "d2", 2).unwrap_err().kind, Kind::Conflict, "the record changed meanwhile");
}

#[test]
fn a_stale_generation_changes_nothing() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    assign(root, "d2", 1).unwrap();
    let before = shown::tree(root);
    assert_eq!(create(root, create_request(volume("db"), "d3", 1)).unwrap_err().kind, Kind::Conflict);
    assert_eq!(assign(root, "d1", 1).unwrap_err().kind, Kind::Conflict);
    let refused = delete(root, "d1", 1).unwrap_err();
    assert_eq!(refused.message, "volume `db` changed meanwhile: generation 2, not 1");
    // A volume that the caller saw and that is gone is not made anew.
    assert_eq!(create(root, create_request(volume("gone"), "d1", 3)).unwrap_err().kind, Kind::Conflict);
    assert_eq!(shown::tree(root), before);
}

#[test]
fn only_unassigned_disks_are_deleted() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    let gone = root.join(made(root, "d2", 1).disk.path);
    std::fs::create_dir_all(gone.join("a/b")).unwrap();
    std::fs::write(gone.join("a/b/file"), "1").unwrap();
    std::os::unix::fs::symlink(root.join("k9x84f/db/disks/d1"), gone.join("a/link")).unwrap();
    let refused = delete(root, "d1", 1).unwrap_err();
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (Kind::Conflict, "disk `d1` is assigned to volume `db`")
    );
    let deleted = delete(root, "d2", 1).unwrap();
    assert_eq!((deleted.existed, deleted.leftover), (true, None));
    assert!(!delete(root, "d2", 1).unwrap().existed);
    assert_eq!(disks(root), ["d1*"]);
    assert!(root.join("k9x84f/db/disks/d1/data").is_dir());
    assert_eq!(std::fs::read_dir(root.join(".trash")).unwrap().count(), 0);
    // The name is free again, the handle is not used twice.
    made(root, "d2", 1);
}

#[test]
fn wrong_requests_are_answered_and_write_nothing() {
    let temp = tempdir().unwrap();
    let root = temp.path().join("disks");
    let mut requests: Vec<_> = (0..9).map(|_| create_request(volume("db"), "d1", 0)).collect();
    requests[0].disk = "a".repeat(25);
    requests[1].disk = "../d1".into();
    requests[2].volume.volume = "a".repeat(17);
    requests[3].volume.app.app_hash = "../../".into();
    requests[4].volume.app.identity.app = String::new();
    requests[5].created_at = "yesterday".into();
    requests[6].size_bytes = 0;
    requests[7].volume.holder.cluster_uid = "a/b".into();
    requests[8].volume.volume = ".new-db".into();
    for request in requests {
        assert_eq!(create(&root, request.clone()).unwrap_err().kind, Kind::Invalid, "{request:?}");
    }
    let mut copy = create_request(volume("db"), "d1", 0);
    copy.source = "vol-0123".into();
    let refused = create(&root, copy.clone()).unwrap_err();
    assert_eq!(refused.kind, Kind::Unsupported);
    assert!(refused.message.ends_with("a provider id is no source here"), "{}", refused.message);
    for source in ["snapshot:", "snapshot:../s1", "disk:D1", "sub-path:db", "sub-path:db/../x"] {
        copy.source = source.into();
        assert_eq!(create(&root, copy.clone()).unwrap_err().kind, Kind::Invalid, "{source}");
    }
    for (text, kind) in [
        ("", Kind::Invalid),
        ("{}", Kind::Invalid),
        (r#"{"version":5,"operation":{"format":{}}}"#, Kind::Invalid),
        (r#"{"version":3,"operation":{"list":{}}}"#, Kind::Unsupported),
        (r#"{"version":9,"operation":{"list":{}}}"#, Kind::Unsupported),
    ] {
        let output = run(&store_arguments(&root), text.as_bytes());
        assert_eq!(crate::program::answer(&output).unwrap_err().kind, kind, "{text}");
    }
    assert!(!root.exists());
}

#[test]
fn a_request_ends_with_its_line() {
    let temp = tempdir().unwrap();
    let root = temp.path().join("disks");
    let mut child = command().args(store_arguments(&root)).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let line = Request::new(Operation::List { app: None }).encode() + "\n";
    std::io::Write::write_all(&mut input, line.as_bytes()).unwrap();
    // The stream stays open, as some transports cannot close it.
    let output = child.wait_with_output().unwrap();
    assert!(listing(crate::program::answer(&output).unwrap()).volumes.is_empty());
    drop(input);
}

#[test]
fn many_at_once_leave_one_assigned_disk() {
    let temp = tempdir().unwrap();
    let start = |disk: String| {
        let request = Request::new(Operation::Create(create_request(volume("db"), &disk, 0))).encode();
        let mut child = command().args(store_arguments(temp.path())).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), request.as_bytes()).unwrap();
        child
    };
    let children: Vec<_> = (0..12).map(|number| start(format!("d{}", number % 6))).collect();
    let answers: Vec<_> = children
        .into_iter()
        .map(|child| crate::program::answer(&child.wait_with_output().unwrap()))
        .collect();
    let made = answers.iter().filter(|answer| matches!(answer, Ok(Success::Created(_)))).count();
    assert_eq!(made, 1, "{answers:?}");
    for failure in answers.into_iter().filter_map(Result::err) {
        assert!(matches!(failure.kind, Kind::Conflict | Kind::AlreadyExists), "{failure:?}");
    }
    let left = disks(temp.path());
    assert!(left.len() == 1 && left[0].ends_with('*'), "{left:?}");
}

#[test]
fn a_locked_store_is_waited_for_with_a_limit() {
    let temp = tempdir().unwrap();
    made(temp.path(), "d1", 0);
    let folder = std::fs::File::open(temp.path()).unwrap();
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let root = temp.path().to_str().unwrap();
    let arguments = ["store", "--root", root, "--lock-wait", "0"];
    let request = Request::new(Operation::List { app: None }).encode();
    let refused = crate::program::answer(&run(&arguments, request.as_bytes())).unwrap_err();
    assert_eq!(refused.kind, Kind::Timeout);
    drop(folder);
    assert!(crate::program::answer(&run(&arguments, request.as_bytes())).is_ok());
}
