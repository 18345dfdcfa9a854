//! Snapshots, copies and imports where there is no more room: nothing is lost, and deleting makes room.

use crate::export::{exported, large, noise, of_disk};
use crate::filesystem::{On, must, on_each, quick};
use crate::import;
use crate::program::ask;
use crate::requests::{
    copy_request, create, create_request, delete, delete_snapshot, disks, made, snapshot, snapshot_request,
    snapshots, status, volume,
};
use crate::snapshot::{D1, wait_until};
use kompox_node_protocol::{CreateDisk, ExportHeader, Kind, Operation, Request};
use std::fs;
use std::path::Path;
use tar::{Builder, Header};

#[test]
fn without_room_nothing_is_lost_and_the_room_is_given_back() {
    let test = "room::without_room_nothing_is_lost_and_the_room_is_given_back";
    on_each(test, &[On::Memory(2000, 400)], |root, _| {
        made(root, "d1", 0);
        fs::write(root.join(D1).join("large"), vec![7; 1_200_000]).unwrap();
        let free = || status(ask(root, &Request::new(Operation::Status {})).unwrap()).free_bytes;
        let before = free();
        for _ in 0..2 {
            let refused = snapshot(root, snapshot_request("d1", "s1")).unwrap_err();
            assert_eq!(refused.kind, Kind::Quota, "{refused}");
            assert!(refused.hint.unwrap().contains("free some space"));
            let refused = create(root, copy_request("d2", "disk:d1", 1)).unwrap_err();
            assert_eq!(refused.kind, Kind::Quota, "{refused}");
        }
        assert!(before - free() < 40_000, "{before} {}", free());
        assert_eq!(disks(root), ["d1*", "d2"]);
        assert!(delete_snapshot(root, "s1").unwrap().existed);
        // With room the same request completes what it began.
        fs::write(root.join(D1).join("large"), vec![7; 500_000]).unwrap();
        assert!(create(root, copy_request("d2", "disk:d1", 1)).unwrap().created);
        snapshot(root, snapshot_request("d1", "s1")).unwrap();
        // Neither a record nor the trash can be made any more: the deletion makes room all the same.
        let _ = fs::remove_dir(root.join(".trash"));
        let mut taken = 0;
        while fs::File::create(root.join(D1).join(format!("inode{taken}"))).is_ok() {
            taken += 1;
        }
        assert_eq!(create(root, create_request(volume("db"), "d3", 1)).unwrap_err().kind, Kind::Quota);
        for deleted in [delete(root, "d2", 1), delete_snapshot(root, "s1")] {
            let deleted = deleted.unwrap();
            assert_eq!((deleted.existed, deleted.leftover), (true, None));
        }
        assert_eq!((disks(root), snapshots(root)), (vec!["d1*".to_owned()], vec![]));
        assert!(create(root, create_request(volume("db"), "d3", 1)).unwrap().created);
    });
}

/// Writes to `path` until there is no more room; the error.
fn fill_up(path: &Path) -> rustix::io::Errno {
    let chunk = vec![7; 1 << 18];
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(path)?;
        loop {
            std::io::Write::write_all(&mut file, &chunk)?;
            file.sync_data()?;
        }
    };
    rustix::io::Errno::from_io_error(&write().unwrap_err()).unwrap()
}

#[test]
fn a_full_file_system_is_emptied_by_deleting() {
    let test = "room::a_full_file_system_is_emptied_by_deleting";
    on_each(test, &[On::Xfs, On::Btrfs], |root, _| {
        made(root, "d1", 0);
        let data = root.join(made(root, "d2", 1).disk.path);
        snapshot(root, snapshot_request("d2", "s1")).unwrap();
        assert_eq!(fill_up(&data.join("large")), rustix::io::Errno::NOSPC);
        let mut number = 0;
        while fs::write(data.join(format!("small{number}")), vec![7; 3000]).is_ok() && number < 10_000 {
            number += 1;
        }
        let deleted = delete_snapshot(root, "s1").unwrap();
        assert_eq!((deleted.existed, deleted.leftover), (true, None));
        let deleted = delete(root, "d2", 1).unwrap();
        assert_eq!((deleted.existed, deleted.leftover), (true, None));
        assert_eq!(disks(root), ["d1*"]);
        // btrfs gives the room of a subvolume back a moment later.
        wait_until(|| match create(root, create_request(volume("db"), "d3", 1)) {
            Err(failure) if failure.kind == Kind::Quota => false,
            made => made.unwrap().created,
        });
    });
}

#[test]
fn a_size_is_enforced_and_a_full_disk_is_copied_fenced_and_deleted() {
    let test = "room::a_size_is_enforced_and_a_full_disk_is_copied_fenced_and_deleted";
    on_each(test, &[On::Btrfs], |root, _| {
        let size_bytes = 16 << 20;
        let first = CreateDisk { size_bytes, ..create_request(volume("db"), "d1", 0) };
        let data = root.join(create(root, first).unwrap().disk.path);
        assert_eq!(fill_up(&data.join("large")), rustix::io::Errno::DQUOT);
        let taken = snapshot(root, snapshot_request("d1", "s1")).unwrap();
        let size = |path: &Path| fs::metadata(path.join("large")).unwrap().len();
        assert_eq!(size(&root.join(taken.snapshot.path)), size(&data));
        let small = CreateDisk { size_bytes: size_bytes - 1, ..copy_request("d2", "snapshot:s1", 1) };
        let refused = create(root, small).unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid);
        assert!(refused.message.ends_with("but `snapshot:s1` has size 16777216"), "{}", refused.message);
        for (disk, size_bytes, error) in [("d2", size_bytes, "full"), ("d3", 2 * size_bytes, "room")] {
            let request = CreateDisk { size_bytes, ..copy_request(disk, "snapshot:s1", 1) };
            let made = create(root, request).unwrap();
            assert!(made.disk.record.size_enforced);
            let more = vec![7; 6 << 20];
            let path = root.join(made.disk.path).join("more");
            let done = fs::write(&path, more).and_then(|()| fs::File::open(&path)?.sync_all());
            assert_eq!(done.is_ok(), error == "room", "{disk}: {done:?}");
        }
        // A folder of a disk that is too much for its own.
        fs::create_dir(root.join("k9x84f/db/disks/d3/data/sub")).unwrap();
        crate::requests::fence(root, volume("db"), 1, true).unwrap();
        crate::requests::fence(root, volume("db"), 2, false).unwrap();
        assert_eq!(fill_up(&data.join("larger")), rustix::io::Errno::DQUOT, "the limit is back");
        let part = CreateDisk {
            volume: volume("files"),
            size_bytes: 1 << 20,
            ..copy_request("d1", "sub-path:db/part", 0)
        };
        let _ = fs::remove_file(data.join("larger"));
        fs::remove_file(data.join("large")).unwrap();
        fs::File::open(&data).unwrap().sync_all().unwrap();
        fs::create_dir(data.join("part")).unwrap();
        fs::write(data.join("part/file"), vec![7; 8 << 20]).unwrap();
        assert_eq!(create(root, part.clone()).unwrap_err().kind, Kind::Quota);
        assert!(create(root, CreateDisk { size_bytes: 32 << 20, ..part }).unwrap().created);
        for disk in ["d2", "d3"] {
            let deleted = delete(root, disk, 3).unwrap();
            assert_eq!((deleted.existed, deleted.leftover), (true, None));
        }
        assert!(delete_snapshot(root, "s1").unwrap().existed);
    });
}

#[test]
fn an_import_of_more_than_the_disk_may_hold_is_refused() {
    let temp = quick();
    let root = &temp.path().join("disks");
    import::store(root);
    // Little that becomes much.
    let small = CreateDisk { size_bytes: 1 << 20, ..create_request(volume("bomb"), "d1", 0) };
    let data = root.join(create(root, small).unwrap().disk.path);
    fs::write(data.join("zeros"), vec![0; 64 << 20]).unwrap();
    let bomb = exported(root, &ExportHeader { volume: volume("bomb"), ..of_disk("d1") });
    assert!(bomb.len() < 100_000);
    let failure = import::leaves_nothing(root, &bomb, |header| header.create.size_bytes = 1 << 20);
    assert_eq!(failure.kind, Kind::Quota);
    assert!(failure.message.ends_with("the files of the archive have more than 1048576 bytes"), "{failure}");
    assert!(failure.hint.unwrap().contains("make the disk larger"));
}

#[test]
fn without_room_an_import_leaves_nothing() {
    let test = "room::without_room_an_import_leaves_nothing";
    on_each(test, &[On::Memory(8000, 400), On::Btrfs], |root, on| {
        let whole = import::store(root);
        let elsewhere = quick();
        large(elsewhere.path());
        let much = exported(elsewhere.path(), &of_disk("d1"));
        let free = || status(ask(root, &Request::new(Operation::Status {})).unwrap()).free_bytes;
        let before = free();
        let failure = if on == On::Btrfs {
            // Less than the limit by the count of its bytes: many small files take more.
            let mut archive = Builder::new(Vec::new());
            for number in 0..1500 {
                let mut header = Header::new_ustar();
                header.set_size(5000);
                header.set_mode(0o600);
                header.set_uid(0);
                header.set_gid(0);
                header.set_mtime(0);
                let name = format!("file{number}");
                archive.append_data(&mut header, name, &noise(number, 5000)[..]).unwrap();
            }
            let archive = archive.into_inner().unwrap();
            import::leaves_nothing(root, &archive, |header| header.create.size_bytes = 7_600_000)
        } else {
            import::leaves_nothing(root, &much, |_| {})
        };
        assert_eq!(failure.kind, Kind::Quota, "{failure}");
        let hint = failure.hint.unwrap();
        assert!(hint.contains("free some space"), "{hint}");
        assert_eq!(hint.contains("larger size"), on == On::Btrfs, "{hint}");
        // btrfs gives the room of a subvolume back a moment later.
        wait_until(|| {
            if on == On::Btrfs {
                must("btrfs", &["filesystem", "sync", root.to_str().unwrap()]);
            }
            before.saturating_sub(free()) < 1_000_000
        });
        let enforced =
            import::import(root, &import::header("d3", 1), &whole).unwrap().disk.record.size_enforced;
        assert_eq!(enforced, on == On::Btrfs);
    });
}
