//! The first filling of volumes from an image's folders.

use crate::program::{is_root, run, run_badly, run_well};
use crate::shown;
use kompox_node_protocol::{CopyUp, CopyUpPlan, FillTarget, Owner};
use rustix::fs::{CWD, FileType, Gid, Mode, Uid, XattrFlags, mknodat, setxattr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use tempfile::tempdir;

pub(crate) fn on_disk(source: Option<&Path>, disk: &Path, sub_path: &str, owner: Option<Owner>) -> CopyUp {
    let root = disk.to_str().unwrap().into();
    let target = FillTarget::Disk { root, sub_path: sub_path.into() };
    CopyUp { source: source.map(|path| path.to_str().unwrap().into()), target, owner }
}

pub(crate) fn on_mount(source: Option<&Path>, mount: &Path) -> CopyUp {
    let target = FillTarget::Mount { path: mount.to_str().unwrap().into() };
    CopyUp { source: source.map(|path| path.to_str().unwrap().into()), target, owner: None }
}

pub(crate) fn plan(fills: Vec<CopyUp>) -> String {
    CopyUpPlan { version: 1, fills }.encode()
}

fn copy_up(fill: CopyUp) -> String {
    run_well(&["copy-up", "--plan", &plan(vec![fill])])
}

fn own(path: &Path, uid: u32, gid: u32, mode: u32) {
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::lchown(path, Some(uid), Some(gid)).unwrap();
    }
    if !path.is_symlink() {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// An image's folder with everything that a copy could lose.
pub(crate) fn image(path: &Path) {
    fs::create_dir_all(path.join("sub/deep")).unwrap();
    fs::write(path.join("secret"), "1").unwrap();
    own(&path.join("secret"), 999, 998, 0o600);
    fs::write(path.join("run"), "2").unwrap();
    own(&path.join("run"), 1000, 0, 0o6755);
    fs::hard_link(path.join("run"), path.join("sub/deep/run-too")).unwrap();
    own(&path.join("sub"), 999, 33, 0o2775);
    own(&path.join("sub/deep"), 999, 33, 0o1777);
    symlink("/nowhere/at/all", path.join("sub/link")).unwrap();
    own(&path.join("sub/link"), 999, 998, 0);
    symlink("..", path.join("sub/up")).unwrap();
    mknodat(CWD, path.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o622), 0).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"not \xff text");
    fs::write(path.join(name), "3").unwrap();
    own(path, 999, 998, 0o700);
}

/// The capabilities that an init container has; with no others every copy must still be exact.
const CAPABILITIES: &str = "-all,+chown,+dac_override,+fowner,+fsetid";

#[test]
fn the_copy_is_exact_with_few_capabilities() {
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    image(&source);
    fs::create_dir(&disk).unwrap();
    let _ =
        rustix::fs::utimensat(CWD, source.join("secret"), &at(1_600_000_000), rustix::fs::AtFlags::empty());
    let text = plan(vec![on_disk(Some(&source), &disk, "volumes/db", None)]);
    let said = if is_root("few capabilities") {
        let output = std::process::Command::new("setpriv")
            .args([
                &format!("--bounding-set={CAPABILITIES}"),
                "--no-new-privs",
                env!("CARGO_BIN_EXE_kompox-node"),
            ])
            .args(["copy-up", "--plan", &text])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    } else {
        run_well(&["copy-up", "--plan", &text])
    };
    assert_eq!(said, format!("volumes/db: filled from {}\n", source.display()));
    let copy = disk.join("volumes/db");
    assert_eq!(shown::tree(&copy), shown::tree(&source));
    let [original, copied] = [&source, &copy].map(|path| fs::metadata(path).unwrap());
    assert_eq!(
        (copied.mode(), copied.uid(), copied.gid()),
        (original.mode(), original.uid(), original.gid())
    );
    let [a, b] = ["run", "sub/deep/run-too"].map(|name| fs::metadata(copy.join(name)).unwrap());
    assert_eq!((a.ino(), a.nlink()), (b.ino(), 2));
    assert_eq!(fs::metadata(copy.join("secret")).unwrap().mtime(), 1_600_000_000);
    assert_eq!(fs::read_dir(disk.join("volumes")).unwrap().count(), 1);
    assert_eq!(fs::metadata(disk.join("volumes")).unwrap().mode() & 0o7777, 0o755);
}

fn at(seconds: i64) -> rustix::fs::Timestamps {
    let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
    rustix::fs::Timestamps { last_access: time, last_modification: time }
}

#[test]
fn attributes_are_kept() {
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    fs::create_dir_all(&source).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::write(source.join("file"), "").unwrap();
    let set = |path: &Path| setxattr(path, "user.kompox", b"kept", XattrFlags::empty());
    if set(&source.join("file")).and_then(|()| set(&source)) == Err(rustix::io::Errno::NOTSUP) {
        eprintln!("attributes_are_kept: skipped, the file system has none");
        return;
    }
    copy_up(on_disk(Some(&source), &disk, "db", None));
    for path in [disk.join("db"), disk.join("db/file")] {
        let mut value = [0_u8; 16];
        let length = rustix::fs::getxattr(&path, "user.kompox", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"kept");
    }
}

#[test]
fn devices_are_copied_or_refused() {
    if !is_root("devices_are_copied_or_refused") {
        return;
    }
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    fs::create_dir_all(&source).unwrap();
    fs::create_dir(&disk).unwrap();
    let null = rustix::fs::makedev(1, 3);
    mknodat(CWD, source.join("null"), FileType::CharacterDevice, Mode::from_raw_mode(0o666), null).unwrap();
    let text = plan(vec![on_disk(Some(&source), &disk, "db", None)]);
    // Without the capability it is an error, not a silent omission.
    let output = std::process::Command::new("setpriv")
        .args(["--bounding-set=-mknod", "--inh-caps=-mknod", env!("CARGO_BIN_EXE_kompox-node"), "copy-up"])
        .args(["--plan", &text])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("cannot make the special file"), "{said}");
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
    run_well(&["copy-up", "--plan", &text]);
    assert_eq!(fs::metadata(disk.join("db/null")).unwrap().rdev(), null);
}

#[test]
fn content_is_kept_and_what_is_unfinished_is_not() {
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    image(&source);
    fs::create_dir_all(disk.join("volumes/.kompox-fill-db/half")).unwrap();
    fs::create_dir_all(disk.join("volumes/used")).unwrap();
    fs::create_dir(disk.join("volumes/db")).unwrap();
    fs::write(disk.join("volumes/used/mine"), "mine").unwrap();
    assert!(copy_up(on_disk(Some(&source), &disk, "volumes/db", None)).contains("filled from"));
    assert_eq!(shown::tree(&disk.join("volumes/db")), shown::tree(&source));
    assert!(!disk.join("volumes/.kompox-fill-db").exists());
    let before = shown::tree(&disk);
    for name in ["volumes/db", "volumes/used"] {
        assert_eq!(
            copy_up(on_disk(Some(&source), &disk, name, None)),
            format!("{name}: kept, it has content\n")
        );
    }
    assert_eq!(shown::tree(&disk), before);
}

#[test]
fn folders_without_content_get_their_owner_in_place() {
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    fs::create_dir_all(&source).unwrap();
    fs::create_dir(&disk).unwrap();
    own(&source, 999, 998, 0o1770);
    let owner = is_root("owners").then_some(Owner { uid: 1234, gid: 4321 });
    let absent = temp.path().join("absent");
    // The image has the empty folder; it has none; the volume wants none of the image.
    for (name, from, expected) in [
        ("volumes/a", Some(&*source), (0o1770, 999, 998)),
        ("volumes/b", Some(&*absent), (0o755, 1234, 4321)),
        ("volumes/c", None, (0o755, 1234, 4321)),
    ] {
        let mut inodes = Vec::new();
        for _ in 0..2 {
            assert_eq!(copy_up(on_disk(from, &disk, name, owner)), format!("{name}: made empty\n"));
            let found = fs::metadata(disk.join(name)).unwrap();
            assert_eq!(found.mode() & 0o7777, expected.0, "{name}");
            if owner.is_some() {
                assert_eq!((found.uid(), found.gid()), (expected.1, expected.2), "{name}");
            }
            inodes.push(found.ino());
        }
        // A container that has it mounted keeps it.
        assert_eq!(inodes[0], inodes[1], "{name}");
    }
}

/// Two services share a volume, or one mounts a folder in the other's: who comes later and has nothing for it changes
/// nothing, unless a user is to write to it.
#[test]
fn a_folder_that_another_image_made_stays_as_it_is() {
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    fs::create_dir_all(source.join("tmp")).unwrap();
    fs::create_dir(&disk).unwrap();
    own(&source.join("tmp"), 999, 998, 0o1777);
    copy_up(on_disk(Some(&source), &disk, "volumes/var", None));
    let with_owner = is_root("owners").then_some(Owner { uid: 1234, gid: 4321 });
    let absent = temp.path().join("absent");
    for (from, owner, expected) in
        [(None, None, (999, 998)), (Some(&*absent), None, (999, 998)), (None, with_owner, (1234, 4321))]
    {
        copy_up(on_disk(from, &disk, "volumes/var/tmp", owner));
        let found = fs::metadata(disk.join("volumes/var/tmp")).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o1777, "{from:?}");
        if with_owner.is_some() {
            assert_eq!((found.uid(), found.gid()), expected, "{from:?}");
        }
    }
}

#[test]
fn an_unprivileged_user_writes_to_its_fresh_volume() {
    if !is_root("an_unprivileged_user_writes_to_its_fresh_volume") {
        return;
    }
    let temp = tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    image(&source);
    fs::create_dir(&disk).unwrap();
    copy_up(on_disk(Some(&source), &disk, "db", None));
    let write = |uid| {
        let script = "echo x > \"$0/new\"";
        std::process::Command::new("setpriv")
            .args([&format!("--reuid={uid}"), "--regid=998", "--clear-groups", "sh", "-c", script])
            .arg(disk.join("db"))
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    assert!(!write(1001));
    assert!(write(999));
    let made = fs::metadata(disk.join("db/new")).unwrap();
    assert_eq!(
        (Uid::from_raw(made.uid()), Gid::from_raw(made.gid())),
        (Uid::from_raw(999), Gid::from_raw(998))
    );
}

#[test]
fn links_on_the_disk_do_not_redirect() {
    let temp = tempdir().unwrap();
    let (source, disk, outside) =
        (temp.path().join("image"), temp.path().join("disk"), temp.path().join("outside"));
    image(&source);
    for folder in [&disk, &outside] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::create_dir(outside.join("db")).unwrap();
    symlink(&outside, disk.join("volumes")).unwrap();
    symlink("../outside/db", disk.join("db")).unwrap();
    symlink(&outside, disk.join(".kompox-fill-other")).unwrap();
    for sub_path in ["volumes/db", "db"] {
        let said =
            run_badly(&["copy-up", "--plan", &plan(vec![on_disk(Some(&source), &disk, sub_path, None)])]);
        assert!(said.contains("symbolic link"), "{said}");
    }
    copy_up(on_disk(Some(&source), &disk, "other", None));
    assert_eq!(shown::tree(&outside).len(), 1);
    assert_eq!(shown::tree(&disk.join("other")), shown::tree(&source));
}

#[test]
fn a_mount_is_filled_in_place() {
    let temp = tempdir().unwrap();
    let (source, mount) = (temp.path().join("image"), temp.path().join("mount"));
    image(&source);
    fs::create_dir(&mount).unwrap();
    let inode = fs::metadata(&mount).unwrap().ino();
    assert!(copy_up(on_mount(Some(&source), &mount)).contains("filled from"));
    assert_eq!(shown::tree(&mount), shown::tree(&source));
    let found = fs::metadata(&mount).unwrap();
    assert_eq!((found.ino(), found.mode() & 0o7777), (inode, 0o700));
    fs::write(mount.join("mine"), "mine").unwrap();
    let before = shown::tree(&mount);
    assert!(copy_up(on_mount(Some(&source), &mount)).contains("kept"));
    assert_eq!(shown::tree(&mount), before);
}

#[test]
fn what_is_mounted_on_the_image_is_not_copied() {
    if !is_root("what_is_mounted_on_the_image_is_not_copied") {
        return;
    }
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    fs::create_dir_all(source.join("mounted")).unwrap();
    fs::create_dir(&disk).unwrap();
    fs::write(source.join("hosts"), "").unwrap();
    fs::write(source.join("own"), "").unwrap();
    let script = "set -e; mount -t tmpfs none $1/image/mounted; echo x > $1/image/mounted/x; \
        mount --bind $1/image/own $1/image/hosts; $0 copy-up --plan \"$2\"";
    let text = plan(vec![on_disk(Some(&source), &disk, "etc", None)]);
    let output = std::process::Command::new("unshare")
        .args([
            "-m",
            "sh",
            "-c",
            script,
            env!("CARGO_BIN_EXE_kompox-node"),
            temp.path().to_str().unwrap(),
            &text,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<_> = fs::read_dir(disk.join("etc")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["own"]);
}

#[test]
fn large_trees_are_copied_whole() {
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    for folder in 0..10 {
        let folder = source.join(format!("f{folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..30 {
            fs::write(folder.join(format!("{file}")), format!("{file}")).unwrap();
        }
    }
    copy_up(on_disk(Some(&source), &disk, "db", None));
    assert_eq!(shown::tree(&disk.join("db")), shown::tree(&source));
}

#[test]
fn plans_that_are_not_understood_change_nothing() {
    let temp = tempdir().unwrap();
    let (source, disk) = (temp.path().join("image"), temp.path().join("disk"));
    image(&source);
    fs::create_dir(&disk).unwrap();
    fs::write(temp.path().join("plan"), "{\"version\":2}").unwrap();
    let file = source.join("secret");
    for (text, expected) in [
        ("{}".to_owned(), "the copy-up plan is not understood"),
        ("{\"version\":1,\"fills\":[],\"more\":1}".to_owned(), "unknown field"),
        (plan(vec![on_disk(Some(&source), &disk, "../x", None)]), "has a component `.` or `..`"),
        (plan(vec![on_disk(Some(Path::new("image")), &disk, "x", None)]), "is not an absolute path"),
        (plan(vec![on_disk(Some(&file), &disk, "x", None)]), "is not a folder in this image"),
        (plan(vec![on_disk(Some(&source), &temp.path().join("no"), "x", None)]), "No such file"),
    ] {
        let said = run_badly(&["copy-up", "--plan", &text]);
        assert!(said.contains(expected), "{said}");
    }
    let said = run_badly(&["copy-up", "--plan-file", temp.path().join("plan").to_str().unwrap()]);
    assert!(said.contains("has protocol version 2"), "{said}");
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
    assert_eq!(run(&["copy-up"], b"").status.code(), Some(2));
}
