//! Fences, and volumes that go to another cluster.

use crate::filesystem::{On, on_each};
use crate::program::ask;
use crate::requests::{
    assign, create, create_request, delete, delete_snapshot, disks, fence, list, made, set_holder, snapshot,
    snapshot_request, snapshots, volume,
};
use crate::shown;
use kompox_node_protocol::{FindOccupied, Holder, Kind, Operation, Request, Success, VolumeRef};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn moved() -> VolumeRef {
    let holder = Holder { cluster: "cls2".into(), cluster_uid: "uid-2".into() };
    VolumeRef { holder, ..volume("db") }
}

/// Disks d1 and d2 with content and a snapshot.
fn store(root: &Path) {
    for (disk, generation) in [("d1", 0), ("d2", 1)] {
        let data = root.join(made(root, disk, generation).disk.path);
        fs::create_dir(data.join("sub")).unwrap();
        fs::write(data.join("sub/file"), disk).unwrap();
    }
    snapshot(root, snapshot_request("d1", "s1")).unwrap();
}

fn occupied(root: &Path) -> Vec<String> {
    let paths = vec!["sub".into(), "other".into()];
    let request = FindOccupied { volume: volume("db"), disk: "d1".into(), paths };
    match ask(root, &Request::new(Operation::FindOccupied(request))).unwrap() {
        Success::Occupied(occupied) => occupied.paths,
        other => panic!("{other:?}"),
    }
}

fn fences_and_opens(root: &Path) {
    store(root);
    let before = shown::tree(root);
    let fenced = fence(root, volume("db"), 1, true).unwrap();
    assert!(fenced.changed && fenced.volume.fenced && fenced.volume.generation == 2);
    for disk in ["d1", "d2"] {
        let folder = root.join("k9x84f/db/disks").join(disk);
        assert!(!folder.join("data").exists());
        assert_eq!(fs::read_to_string(folder.join("data.fenced/sub/file")).unwrap(), disk);
    }
    // Snapshots stay, everything is listed, and what is occupied is still seen.
    assert!(root.join("k9x84f/db/snapshots/s1/data/sub/file").exists());
    assert_eq!((disks(root), snapshots(root)), (vec!["d1*".to_owned(), "d2".into()], vec!["s1".to_owned()]));
    assert_eq!(occupied(root), ["sub"]);
    let while_fenced = shown::tree(root);
    for generation in [1, 2] {
        assert!(!fence(root, volume("db"), generation, true).unwrap().changed);
    }
    for refused in [
        create(root, create_request(volume("db"), "d3", 2)).unwrap_err(),
        assign(root, "d2", 2).unwrap_err(),
        delete(root, "d2", 2).unwrap_err(),
        snapshot(root, snapshot_request("d1", "s2")).unwrap_err(),
        delete_snapshot(root, "s1").unwrap_err(),
    ] {
        assert_eq!(refused.message, "volume `db` of app ws1/prv1/app1 is fenced for a move");
    }
    assert_eq!(fence(root, moved(), 2, false).unwrap_err().kind, Kind::Conflict, "another holder");
    assert_eq!(fence(root, volume("db"), 1, false).unwrap_err().kind, Kind::Conflict, "another generation");
    assert_eq!(shown::tree(root), while_fenced);
    let open = fence(root, volume("db"), 2, false).unwrap();
    assert!(open.changed && !open.volume.fenced && open.volume.generation == 3);
    let reset = |line: String| line.replace("\"generation\": 3", "\"generation\": 1");
    assert_eq!(shown::tree(root).into_iter().map(reset).collect::<Vec<_>>(), before);
    fs::write(root.join("k9x84f/db/disks/d1/data/new"), "").unwrap();
}

#[test]
fn a_fence_takes_the_data_away_and_gives_it_back() {
    fences_and_opens(tempdir().unwrap().path());
    on_each("fence::a_fence_takes_the_data_away_and_gives_it_back", &[On::Btrfs], |root, _| {
        let store = root.join("store");
        fences_and_opens(&store);
        fence(&store, volume("db"), 3, true).unwrap();
        let refused = fs::write(store.join("k9x84f/db/disks/d1/data.fenced/new"), "").unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        fence(&store, volume("db"), 4, false).unwrap();
        fs::write(store.join("k9x84f/db/disks/d1/data/new"), "").unwrap();
    });
}

#[test]
fn a_volume_that_is_not_there_has_no_fence() {
    let temp = tempdir().unwrap();
    let root = temp.path().join("disks");
    assert_eq!(fence(&root, volume("db"), 0, true).unwrap_err().kind, Kind::NotFound);
    assert_eq!(set_holder(&root, moved(), 0, volume("db").holder).unwrap_err().kind, Kind::NotFound);
    assert!(!root.exists());
}

#[test]
fn the_holder_changes_only_while_fenced_and_from_the_one_it_is() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    store(root);
    let (old, third) = (volume("db").holder, Holder { cluster: "cls3".into(), cluster_uid: "uid-3".into() });
    let refused = set_holder(root, moved(), 1, old.clone()).unwrap_err();
    assert_eq!(refused.message, "volume `db` of app ws1/prv1/app1 is not fenced");
    fence(root, volume("db"), 1, true).unwrap();
    assert_eq!(set_holder(root, moved(), 2, third).unwrap_err().kind, Kind::Conflict);
    assert_eq!(set_holder(root, moved(), 1, old.clone()).unwrap_err().kind, Kind::Conflict);
    let taken = set_holder(root, moved(), 2, old.clone()).unwrap();
    assert!(taken.changed && taken.volume.fenced);
    assert_eq!((taken.volume.generation, &taken.volume.holder), (3, &moved().holder));
    assert!(!set_holder(root, moved(), 2, old).unwrap().changed);
    // The old one has no say any more.
    assert_eq!(fence(root, volume("db"), 3, false).unwrap_err().kind, Kind::Conflict);
    assert!(fence(root, moved(), 3, false).unwrap().changed);
    assert_eq!(list(root, None).unwrap().volumes[0].record.holder, moved().holder);
    assert!(root.join("k9x84f/db/disks/d1/data/sub/file").exists());
}

#[test]
fn two_folders_of_data_are_not_chosen_from() {
    let temp = tempdir().unwrap();
    let root = temp.path();
    store(root);
    fs::create_dir(root.join("k9x84f/db/disks/d2/data.fenced")).unwrap();
    let refused = fence(root, volume("db"), 1, true).unwrap_err();
    assert_eq!(refused.kind, Kind::Conflict);
    assert!(refused.message.starts_with("there are both "), "{}", refused.message);
    fs::remove_dir(root.join("k9x84f/db/disks/d2/data.fenced")).unwrap();
    assert!(fence(root, volume("db"), 1, true).unwrap().changed);
}
