//! What disks can be made from, and what is refused.

use crate::filesystem::quick;
use crate::hostile::tamper;
use crate::requests::{
    app, assign, copy_request, create, create_request, delete, disks, list, made, snapshot, snapshot_request,
    volume,
};
use crate::shown;
use kompox_node_protocol::{CreateDisk, Created, DiskState, Failure, Kind};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

fn from(root: &Path, source: &str) -> Result<Created, Failure> {
    create(root, copy_request("copy", source, 1))
}

#[test]
fn a_folder_of_an_assigned_disk_becomes_the_first_disk_of_another_volume() {
    let temp = quick();
    let root = temp.path();
    let data = root.join(made(root, "d1", 0).disk.path);
    fs::create_dir_all(data.join("volumes/files/deep")).unwrap();
    fs::write(data.join("volumes/files/deep/file"), "1").unwrap();
    fs::set_permissions(data.join("volumes/files"), fs::Permissions::from_mode(0o2770)).unwrap();
    let request = CreateDisk {
        volume: volume("files"),
        // The folder shares a disk that may be far larger.
        size_bytes: 1 << 20,
        ..copy_request("d1", "sub-path:db/volumes/files", 0)
    };
    let made = create(root, request).unwrap();
    assert!(made.disk.assigned && made.disk.record.first);
    let copy = root.join(made.disk.path);
    // At the same path, where the app looks for it whether the disk is its own or not.
    assert_eq!(shown::tree(&copy.join("volumes/files")), shown::tree(&data.join("volumes/files")));
    assert_eq!(fs::read_dir(&copy).unwrap().count(), 1);
    for (folder, mode) in [("volumes/files", 0o2770), ("volumes", 0o755), ("", 0o755)] {
        assert_eq!(fs::metadata(copy.join(folder)).unwrap().mode() & 0o7777, mode, "{folder}");
    }
    // Of the disk that is assigned now.
    crate::requests::made(root, "d2", 1);
    assign(root, "d2", 1).unwrap();
    let refused = create(root, copy_request("d3", "sub-path:db/volumes/files", 2)).unwrap_err();
    assert_eq!(refused.kind, Kind::NotFound, "{refused}");
}

#[test]
fn what_is_not_there_or_not_ready_is_no_source() {
    let temp = quick();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    snapshot(root, snapshot_request("d1", "s1")).unwrap();
    fs::write(root.join("k9x84f/db/disks/d1/data/file"), "").unwrap();
    symlink("/", root.join("k9x84f/db/disks/d1/data/link")).unwrap();
    let before = shown::tree(root);
    for (source, kind) in [
        ("disk:d9", Kind::NotFound),
        ("disk:copy", Kind::NotFound),
        ("snapshot:s9", Kind::NotFound),
        ("sub-path:db/none", Kind::NotFound),
        ("sub-path:none/x", Kind::NotFound),
        ("sub-path:db/file", Kind::Conflict),
        ("sub-path:db/link/etc", Kind::Conflict),
        ("sub-path:db/link", Kind::Conflict),
    ] {
        assert_eq!(from(root, source).unwrap_err().kind, kind, "{source}");
    }
    // Neither the app nor the volume is made for a source that is not there.
    let mut other = copy_request("d1", "snapshot:s1", 0);
    other.volume.app = app("other", "aaaaaa");
    assert_eq!(create(root, other).unwrap_err().kind, Kind::NotFound);
    assert_eq!(shown::tree(root), before);
    for (state, message) in [("creating", "is not ready yet"), ("deleting", "is being deleted")] {
        tamper(&root.join("k9x84f/db/disks/d2/disk.json"), "\"ready\"", &format!("\"{state}\""));
        tamper(&root.join("k9x84f/db/snapshots/s1/snapshot.json"), "\"ready\"", &format!("\"{state}\""));
        for source in ["disk:d2", "snapshot:s1"] {
            let refused = from(root, source).unwrap_err();
            assert_eq!(refused.kind, Kind::Conflict);
            assert!(refused.message.ends_with(message), "{}", refused.message);
        }
        let refused = snapshot(root, snapshot_request("d2", "s2")).unwrap_err();
        assert!(refused.message.ends_with(message), "{}", refused.message);
        tamper(&root.join("k9x84f/db/disks/d2/disk.json"), state, "ready");
        tamper(&root.join("k9x84f/db/snapshots/s1/snapshot.json"), state, "ready");
    }
    assert_eq!(shown::tree(root), before);
}

#[test]
fn a_name_is_continued_or_accepted_only_with_its_source() {
    let temp = quick();
    let root = temp.path();
    made(root, "d1", 0);
    snapshot(root, snapshot_request("d1", "s1")).unwrap();
    assert!(from(root, "snapshot:s1").unwrap().created);
    let again = |source: &str, if_not_exists| {
        create(root, CreateDisk { if_not_exists, ..copy_request("copy", source, 1) })
    };
    assert_eq!(again("snapshot:s1", false).unwrap_err().message, "disk `copy` of volume `db` exists");
    assert!(!again("snapshot:s1", true).unwrap().created);
    // Also when the source is gone.
    crate::requests::delete_snapshot(root, "s1").unwrap();
    assert!(!again("snapshot:s1", true).unwrap().created);
    let refused = again("disk:d1", true).unwrap_err();
    assert_eq!(refused.kind, Kind::AlreadyExists);
    assert_eq!(refused.message, "disk `copy` of volume `db` was made from `snapshot:s1`");
    assert_eq!(again("empty", true).unwrap_err().kind, Kind::AlreadyExists);
}

#[test]
fn half_a_copy_is_thrown_away_and_made_anew_or_deleted() {
    for whole in [false, true] {
        let temp = quick();
        let root = temp.path();
        let data = root.join(made(root, "d1", 0).disk.path);
        fs::write(data.join("file"), "1").unwrap();
        from(root, "disk:d1").unwrap();
        let copy = root.join("k9x84f/db/disks/copy");
        tamper(&copy.join("disk.json"), "\"ready\"", "\"creating\"");
        fs::write(copy.join("data/old"), "").unwrap();
        if !whole {
            fs::rename(copy.join("data"), copy.join("data.new")).unwrap();
        }
        let listing = list(root, None).unwrap();
        assert_eq!(listing.volumes[0].disks[0].record.state, DiskState::Creating);
        assert_eq!(from(root, "empty").unwrap_err().kind, Kind::AlreadyExists);
        if whole {
            assert!(from(root, "disk:d1").unwrap().created);
            let names: Vec<_> =
                fs::read_dir(copy.join("data")).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, ["file"]);
            assert!(!copy.join("data.new").exists());
        } else {
            assert!(delete(root, "copy", 1).unwrap().existed);
            assert_eq!(disks(root), ["d1*"]);
        }
    }
}

#[test]
fn a_first_disk_that_failed_is_continued_by_the_same_request() {
    let temp = quick();
    let root = temp.path();
    let data = root.join(made(root, "d1", 0).disk.path);
    fs::create_dir(data.join("sub")).unwrap();
    // Deeper than a copy goes.
    let mut path = data.join("sub");
    for _ in 0..310 {
        path.push("d");
    }
    fs::create_dir_all(&path).unwrap();
    let request = || CreateDisk { volume: volume("files"), ..copy_request("d1", "sub-path:db/sub", 0) };
    assert_eq!(create(root, request()).unwrap_err().kind, Kind::Conflict);
    let listing = list(root, None).unwrap();
    let disk = &listing.volumes[1].disks[0];
    assert!(disk.assigned && disk.record.state == DiskState::Creating);
    assert!(!root.join("k9x84f/files/disks/d1/data.new").exists());
    fs::remove_dir_all(data.join("sub/d")).unwrap();
    assert!(create(root, request()).unwrap().created);
    assert_eq!(create(root, create_request(volume("files"), "d1", 1)).unwrap_err().kind, Kind::AlreadyExists);
}
