//! What goes in comes out again.

use super::tree::{noise, plain, set_attribute, sparse, special};
use super::*;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;

#[test]
fn everything_of_a_tree_is_kept() {
    if !is_root("everything_of_a_tree_is_kept") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| root.path().join(name));
    fs::create_dir(&from).unwrap();
    special(&from);
    let before = facts(&from);
    let (file, exported) = exported(&from, None).unwrap();
    fs::create_dir(&to).unwrap();
    let imported = imported(&to, &file).unwrap();
    let after = facts(&to);
    for (path, fact) in &before {
        assert_eq!(after.get(path), Some(fact), "{}", path.display());
    }
    assert_eq!(before.len(), after.len());
    assert_eq!(imported.manifest, Some(manifest()));
    assert_eq!((imported.entries, imported.bytes), (exported.trailer.entries, exported.trailer.bytes));
    assert_eq!((imported.attributes_left_out, imported.entries), (0, before.len() as u64));
    // Holes are neither in the file nor on the target.
    assert!(file.len() < 100_000, "{}", file.len());
    assert!(fs::metadata(to.join("hole")).unwrap().blocks() < 100);
    assert_eq!(exported_again(&to), file);
}

fn exported_again(tree: &Path) -> Vec<u8> {
    exported(tree, None).unwrap().0
}

#[test]
fn equal_trees_give_equal_bytes_in_frames_of_one_size() {
    let root = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in ["one", "two"] {
        fs::create_dir(root.path().join(name)).unwrap();
        plain(&root.path().join(name));
        for path in facts(&root.path().join(name)).keys() {
            tree::set_time(&root.path().join(name).join(path), 5, 6);
        }
        files.push(exported(&root.path().join(name), None).unwrap().0);
    }
    assert_eq!(files[0], files[1]);
    let found = inspected(&files[0]);
    let State::Complete(trailer) = &found.state else { panic!("{:?}", found.state) };
    assert_eq!(found.manifest, Some(manifest()));
    assert_eq!(trailer.entries, facts(&root.path().join("one")).len() as u64);
    assert_eq!(found.frames.frames.len(), expanded(&files[0]).len() / SMALL);
}

#[test]
fn the_archive_inside_is_an_export_too() {
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let (file, exported) = exported(root.path(), None).unwrap();
    let archive = expanded(&file);
    assert_eq!(inspected(&archive).state, State::Complete(exported.trailer));
    assert_eq!(taken_in(&archive).unwrap(), facts(root.path()));
    // Its form with frames of another size is none: a cut one could not be told from it.
    let other = zstd::stream::encode_all(&archive[..], 3).unwrap();
    assert!(matches!(inspected(&other).state, State::Broken(_)));
    assert!(taken_in(&other).unwrap_err().message.contains("this is no export"));
}

#[test]
fn an_empty_disk_is_exported_too() {
    let root = tempfile::tempdir().unwrap();
    let (file, exported) = exported(root.path(), None).unwrap();
    assert_eq!((exported.trailer.entries, exported.trailer.bytes, exported.trailer.left_out), (1, 0, 0));
    assert_eq!(exported.written, file.len() as u64);
    assert_eq!(taken_in(&file).unwrap(), facts(root.path()));
}

#[test]
fn names_and_links_may_be_as_long_as_the_system_takes() {
    let root = tempfile::tempdir().unwrap();
    let mut path = root.path().to_owned();
    let name = "\u{e9}".repeat(127);
    for _ in 0..14 {
        path.push(&name);
        fs::create_dir(&path).unwrap();
    }
    fs::write(path.join(OsStr::from_bytes(&[0xFF; 255])), "x").unwrap();
    fs::hard_link(path.join(OsStr::from_bytes(&[0xFF; 255])), path.join("b")).unwrap();
    std::os::unix::fs::symlink("t".repeat(4000), path.join("c")).unwrap();
    for length in [94, 95, 96, 100, 101] {
        fs::write(root.path().join("n".repeat(length)), "x").unwrap();
        fs::create_dir(root.path().join("d".repeat(length))).unwrap();
    }
    let (file, _) = exported(root.path(), None).unwrap();
    assert_eq!(taken_in(&file).unwrap(), facts(root.path()));
}

#[test]
fn a_path_longer_than_the_system_takes_is_told() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = Folder::root(root.path()).unwrap();
    for _ in 0..20 {
        folder = folder.new_folder("d".repeat(250), crate::folder::PUBLIC).unwrap();
    }
    let failure = exported(root.path(), None).unwrap_err();
    assert_eq!((failure.kind, failure.message.contains("longer than 4095 bytes")), (Kind::Unsupported, true));
}

#[test]
fn sockets_are_left_out_and_counted() {
    let root = tempfile::tempdir().unwrap();
    let _server = UnixListener::bind(root.path().join("socket")).unwrap();
    let (file, exported) = exported(root.path(), None).unwrap();
    assert_eq!((exported.trailer.left_out, exported.trailer.entries), (1, 1));
    assert!(exported.first_left_out[0].ends_with("/socket"));
    assert_eq!(taken_in(&file).unwrap().len(), 1);
}

#[test]
fn attributes_beyond_what_a_header_takes_are_told() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "").unwrap();
    set_attribute(&root.path().join("a"), b"user.large", &noise(3000));
    let head = header::Head {
        attributes: &vec![attributes::Attribute { name: b"user.x".to_vec(), value: noise(60_000) }; 20],
        ..header::Head::own("a", 0)
    };
    assert_eq!(head.write(&mut Vec::new()).unwrap_err().kind, Kind::Unsupported);
    assert_eq!(taken_in(&exported(root.path(), None).unwrap().0).unwrap(), facts(root.path()));
}

#[test]
fn many_holes_become_fewer() {
    let root = tempfile::tempdir().unwrap();
    let parts: Vec<(u64, &[u8])> = (0..200).map(|part| (part * (1 << 16), &b"x"[..])).collect();
    sparse(&root.path().join("many"), 200 << 16, &parts);
    let before = facts(root.path());
    assert_eq!(before[Path::new("many")].holes.as_ref().map(Vec::len), Some(200));
    assert_eq!(taken_in(&exported(root.path(), None).unwrap().0).unwrap(), before);
}

#[test]
fn progress_is_told_and_ends_where_the_archive_ends() {
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let mut told = Vec::new();
    let mut tell = |done, all| told.push((done, all));
    let options = Options { progress: Some(&mut tell), ..Options::default() };
    let mut out = Vec::new();
    export_in(SMALL, &Folder::root(root.path()).unwrap(), &manifest(), options, &mut out).unwrap();
    assert!(told.iter().all(|(done, all)| done <= all) && told.is_sorted());
    assert_eq!(told.last().unwrap().0, expanded(&out).len() as u64);
    let mut read = 0;
    let target = tempfile::tempdir().unwrap();
    import_in(SMALL, &Folder::root(target.path()).unwrap(), &out[..], &PLENTY, |bytes| read = bytes).unwrap();
    assert_eq!(read, out.len() as u64);
}

#[test]
fn what_cannot_be_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::root(root.path()).unwrap();
    for level in [0, 10, -1] {
        let options = Options { level, ..Options::default() };
        assert_eq!(export(&folder, &manifest(), options, Vec::new()).unwrap_err().kind, Kind::Invalid);
    }
    let wrong = ExportManifest { disk: "../x".into(), ..manifest() };
    assert_eq!(export(&folder, &wrong, Options::default(), Vec::new()).unwrap_err().kind, Kind::Invalid);
    fs::write(root.path().join("there"), "").unwrap();
    let full = import(&folder, &b""[..], &PLENTY, |_| ()).unwrap_err();
    assert_eq!((full.kind, full.message.contains("is not empty")), (Kind::Conflict, true));
}

#[test]
fn a_way_out_that_is_closed_is_told() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let folder = Folder::root(root.path()).unwrap();
    let failure = export_in(SMALL, &folder, &manifest(), Options::default(), Closed).unwrap_err();
    assert_eq!(failure.kind, Kind::Cancelled);
}
