//! Secret and config files with exact owner and mode.

use crate::program::{is_root, run_badly, run_well};
use kompox_node_protocol::{FileToWrite, WriteFilesPlan};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use tempfile::tempdir;

fn file(source: &Path, path: &str, mode: u32) -> FileToWrite {
    let (uid, gid) = match rustix::process::geteuid() {
        user if user.is_root() => (1000, 1001),
        user => (user.as_raw(), rustix::process::getegid().as_raw()),
    };
    FileToWrite { source: source.to_str().unwrap().into(), path: path.into(), uid, gid, mode }
}

fn plan(root: &Path, files: Vec<FileToWrite>) -> String {
    WriteFilesPlan { version: 1, root: root.to_str().unwrap().into(), files }.encode()
}

#[test]
fn files_are_written_with_owner_and_mode_and_again() {
    let temp = tempdir().unwrap();
    let (mounted, root) = (temp.path().join("mounted"), temp.path().join("out"));
    // As the kubelet mounts a Secret: a link to the present version.
    fs::create_dir_all(mounted.join("..v1")).unwrap();
    fs::write(mounted.join("..v1/key"), b"\0binary\xff").unwrap();
    symlink("..v1/key", mounted.join("key")).unwrap();
    fs::create_dir(&root).unwrap();
    let text = plan(
        &root,
        vec![file(&mounted.join("key"), "a/b/key", 0o400), file(&mounted.join("key"), "x", 0o4710)],
    );
    for content in [&b"\0binary\xff"[..], b"new"] {
        fs::write(mounted.join("..v1/key"), content).unwrap();
        run_well(&["write-files", "--plan", &text]);
        for (path, mode) in [("a/b/key", 0o400), ("x", 0o4710)] {
            let found = fs::metadata(root.join(path)).unwrap();
            assert_eq!((found.mode() & 0o7777, fs::read(root.join(path)).unwrap()), (mode, content.to_vec()));
            if is_root("owners") {
                assert_eq!((found.uid(), found.gid()), (1000, 1001));
            }
        }
        assert_eq!(fs::metadata(root.join("a")).unwrap().mode() & 0o7777, 0o755);
    }
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
}

#[test]
fn wrong_plans_and_links_are_refused() {
    let temp = tempdir().unwrap();
    let (source, root) = (temp.path().join("key"), temp.path().join("out"));
    fs::write(&source, "1").unwrap();
    fs::create_dir_all(temp.path().join("outside")).unwrap();
    fs::create_dir(&root).unwrap();
    symlink("../outside", root.join("link")).unwrap();
    for (wanted, expected) in [
        (file(&source, "../x", 0o400), "has a component `.` or `..`"),
        (file(&source, "link/x", 0o400), "symbolic link"),
        (file(&source, "x", 0o10400), "is not the mode of a file"),
        (file(&temp.path().join("absent"), "x", 0o400), "cannot read"),
    ] {
        let said = run_badly(&["write-files", "--plan", &plan(&root, vec![wanted])]);
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(fs::read_dir(temp.path().join("outside")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
}
