//! Other owners, other holders, and records that someone changed.

use crate::program::ask;
use crate::requests::{app, assign, create, create_request, delete, disks, list, made, volume};
use crate::shown;
use kompox_node_protocol::{Kind, Operation, Request};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::tempdir;

/// Replaces `from` by `to` in the record at `path`.
pub(crate) fn tamper(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn two_apps_with_one_hash_are_told_apart() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    let before = shown::tree(root);
    let expected = "k9x84f is the hash of app ws1/prv1/app1, which has disks here, and of app ws1/prv1/other";
    // The same volume, and one that only the other app has.
    for name in ["db", "files"] {
        let mut wanted = volume(name);
        wanted.app = app("other", "k9x84f");
        let refused = create(root, create_request(wanted, "d9", 0)).unwrap_err();
        assert_eq!((refused.kind, refused.message.as_str()), (Kind::Conflict, expected), "{name}");
    }
    let refused = list(root, Some(app("other", "k9x84f"))).unwrap_err();
    assert_eq!((refused.kind, refused.message.as_str()), (Kind::Conflict, expected));
    assert_eq!(list(root, Some(app("other", "zzzzzz"))).unwrap().volumes, []);
    assert_eq!(shown::tree(root), before);
}

#[test]
fn another_cluster_is_refused_with_the_remedy() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    let before = shown::tree(root);
    for (cluster, uid, remedy) in [("cls2", "uid-2", "`app move`"), ("cls1", "uid-2", "made anew")] {
        let mut wanted = volume("db");
        wanted.holder.cluster = cluster.into();
        wanted.holder.cluster_uid = uid.into();
        for operation in [
            Operation::Create(create_request(wanted.clone(), "d3", 1)),
            Operation::Assign(kompox_node_protocol::AssignDisk {
                volume: wanted.clone(),
                generation: 1,
                disk: "d2".into(),
                at: None,
            }),
            Operation::Delete(kompox_node_protocol::DeleteDisk {
                volume: wanted.clone(),
                generation: 1,
                disk: "d2".into(),
            }),
        ] {
            let refused = ask(root, &Request::new(operation)).unwrap_err();
            let expected = format!("is held by cluster cls1 (uid-1), not by {cluster} ({uid})");
            assert!(refused.message.ends_with(&expected), "{}", refused.message);
            assert!(refused.hint.unwrap().contains(remedy));
            assert_eq!(refused.kind, Kind::Conflict);
        }
    }
    assert_eq!(shown::tree(root), before);
    // Looking is allowed: the holder is in the record.
    assert_eq!(disks(root), ["d1*", "d2"]);
}

#[test]
fn a_fenced_volume_is_not_touched() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    tamper(&root.join("k9x84f/db/volume.json"), "\"fenced\": false", "\"fenced\": true");
    for refused in [
        create(root, create_request(volume("db"), "d3", 1)).unwrap_err(),
        assign(root, "d2", 1).unwrap_err(),
        delete(root, "d2", 1).unwrap_err(),
    ] {
        assert_eq!(refused.message, "volume `db` of app ws1/prv1/app1 is fenced for a move");
    }
    assert_eq!(disks(root), ["d1*", "d2"]);
}

/// A name, a way to break a record in a volume's folder, and a part of the message that says what is wrong.
type Break = (&'static str, fn(&Path), &'static str);

const BROKEN: &[Break] = &[
    ("volume emptied", |v| fs::write(v.join("volume.json"), "").unwrap(), "volume.json is garbled"),
    (
        "volume cut",
        |v| fs::write(v.join("volume.json"), "{\"format\": 1,").unwrap(),
        "volume.json is garbled",
    ),
    ("volume gone", |v| fs::remove_file(v.join("volume.json")).unwrap(), "volume.json is missing"),
    (
        "newer format",
        |v| tamper(&v.join("volume.json"), "\"format\": 1", "\"format\": 2"),
        "has format 2, not 1",
    ),
    (
        "unknown field",
        |v| tamper(&v.join("volume.json"), "\"fenced\"", "\"fended\": 1, \"fenced\""),
        "unknown field",
    ),
    (
        "another volume",
        |v| tamper(&v.join("volume.json"), "\"volume\": \"db\"", "\"volume\": \"xx\""),
        "k9x84f/xx",
    ),
    ("another hash", |v| tamper(&v.join("volume.json"), "k9x84f", "aaaaaa"), "aaaaaa/db"),
    ("no legal name", |v| tamper(&v.join("volume.json"), "\"app1\"", "\"../x\""), "volume.json is garbled"),
    ("disk emptied", |v| fs::write(v.join("disks/d2/disk.json"), "").unwrap(), "disk.json is garbled"),
    ("disk gone", |v| fs::remove_file(v.join("disks/d2/disk.json")).unwrap(), "disk.json is missing"),
    ("another disk", |v| tamper(&v.join("disks/d2/disk.json"), "\"d2\"", "\"d1\""), "disk.json is garbled"),
    (
        "another app",
        |v| tamper(&v.join("disks/d2/disk.json"), "\"app1\"", "\"app2\""),
        "disk.json is garbled",
    ),
    ("no time", |v| tamper(&v.join("disks/d2/disk.json"), "08:15", "88:15"), "disk.json is garbled"),
    ("data gone", |v| fs::remove_dir(v.join("disks/d2/data")).unwrap(), "recorded as ready"),
    (
        "disk renamed",
        |v| fs::rename(v.join("disks/d2"), v.join("disks/d3")).unwrap(),
        "it is the record of disk ws1/prv1/app1/db/d2",
    ),
    (
        "record is a link",
        |v| {
            fs::rename(v.join("volume.json"), v.join("real")).unwrap();
            symlink("real", v.join("volume.json")).unwrap();
        },
        "volume.json",
    ),
    (
        "disk is a link",
        |v| {
            fs::rename(v.join("disks/d2"), v.join("real")).unwrap();
            symlink("../real", v.join("disks/d2")).unwrap();
        },
        "disks/d2",
    ),
    (
        "data is a link",
        |v| {
            fs::remove_dir(v.join("disks/d2/data")).unwrap();
            symlink("../d1/data", v.join("disks/d2/data")).unwrap();
        },
        "recorded as ready",
    ),
    ("no such name", |v| fs::create_dir(v.join("disks/UPPER")).unwrap(), "disk.json is missing"),
];

#[test]
fn broken_records_are_never_taken_for_no_disks() {
    for (name, break_it, expected) in BROKEN {
        let temp = tempdir().unwrap();
        let root = temp.path();
        made(root, "d1", 0);
        made(root, "d2", 1);
        let mut sound = volume("db");
        sound.app = app("app2", "aaaa00");
        create(root, create_request(sound, "d1", 0)).unwrap();
        break_it(&root.join("k9x84f/db"));
        let before = shown::tree(root);
        let refused = list(root, Some(app("app1", "k9x84f"))).unwrap_err();
        assert_eq!(refused.kind, Kind::Conflict, "{name}");
        assert!(refused.message.contains(expected), "{name}: {}", refused.message);
        // The other app is still seen, and the broken volume is named.
        let all = list(root, None).unwrap();
        assert_eq!((all.volumes.len(), all.problems.len()), (1, 1), "{name}");
        assert_eq!(all.problems[0].path, "k9x84f/db", "{name}");
        assert!(all.problems[0].message.contains(expected), "{name}: {}", all.problems[0].message);
        // Nothing is made or removed beside it.
        let _ = create(root, create_request(volume("db"), "d2", 0)).unwrap_err();
        if !name.starts_with("data") && *name != "no such name" && *name != "disk renamed" {
            assert_eq!(delete(root, "d2", 1).unwrap_err().kind, Kind::Conflict, "{name}");
        }
        assert_eq!(shown::tree(root), before, "{name}");
    }
}

#[test]
fn an_assigned_disk_that_is_gone_is_not_made_anew() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    made(root, "d1", 0);
    fs::remove_dir_all(root.join("k9x84f/db/disks/d1")).unwrap();
    let refused = create(root, create_request(volume("db"), "d1", 1)).unwrap_err();
    assert_eq!(refused.message, "disk `d1` is recorded as assigned, but it is gone");
    // Another disk does not take its place by itself.
    assert!(!made(root, "d2", 1).disk.assigned);
    assert_eq!(disks(root), ["d2"]);
    assert!(assign(root, "d2", 1).unwrap().changed);
}

#[test]
fn no_link_leads_out_of_the_store() {
    let temp = tempdir().unwrap();
    let (root, outside) = (temp.path().join("disks"), temp.path().join("outside"));
    made(&root, "d1", 0);
    fs::create_dir_all(outside.join("db/disks/d9/data")).unwrap();
    symlink(&outside, root.join("aaaaaa")).unwrap();
    symlink(&outside, root.join("k9x84f/files")).unwrap();
    let before = shown::tree(&outside);
    let mut wanted = volume("db");
    wanted.app = app("app2", "aaaaaa");
    assert_eq!(create(&root, create_request(wanted, "d1", 0)).unwrap_err().kind, Kind::Conflict);
    assert_eq!(create(&root, create_request(volume("files"), "d1", 0)).unwrap_err().kind, Kind::Conflict);
    let problems = list(&root, None).unwrap().problems;
    assert_eq!(
        problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(),
        ["aaaaaa", "k9x84f/files"]
    );
    assert_eq!(shown::tree(&outside), before);
}
