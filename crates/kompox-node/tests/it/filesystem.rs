//! Real file systems for tests: made on sparse files in a mount namespace that ends with the test, whatever happens.

use crate::program::is_root;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Set in the process that has a namespace of its own.
const APART: &str = "KOMPOX_TEST_APART";

/// A kind of file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Btrfs,
    Xfs,
    /// In memory, of this many KiB and inodes.
    Memory(u32, u32),
}

impl On {
    fn maker(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Btrfs => Some(("mkfs.btrfs", &["-q", "-f", "--nodiscard"])),
            Self::Xfs => Some(("mkfs.xfs", &["-q", "-f", "-K", "-m", "reflink=1"])),
            Self::Memory(..) => None,
        }
    }
}

/// A folder that is quick to write to: what is tested is not the device.
pub(crate) fn quick() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Runs `body`, which is the test of this name, in a process with mounts of its own, on a new file system of each of
/// the kinds. Says so when that cannot be done here.
pub(crate) fn on_each(test: &str, kinds: &[On], body: impl Fn(&Path, On)) {
    if std::env::var_os(APART).is_some() {
        for kind in kinds {
            let mounted = Mounted::new(*kind);
            body(&mounted.at, *kind);
        }
        return;
    }
    let missing = kinds.iter().filter_map(|kind| kind.maker()).find(|(program, _)| !can_run(program));
    if let Some((program, _)) = missing {
        eprintln!("{test}: skipped, needs {program}");
        return;
    }
    if !is_root(test) {
        return;
    }
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(APART, "1")
        .output()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("\n");
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    // Past the test runner, which keeps what passing tests print to itself.
    std::io::stderr().write_all(&output.stderr).unwrap();
}

fn can_run(program: &str) -> bool {
    let known = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&known).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file())
}

/// A mounted file system, removed with its file when dropped.
struct Mounted {
    at: PathBuf,
    _folder: TempDir,
}

impl Mounted {
    fn new(kind: On) -> Self {
        let folder = quick();
        let at = folder.path().join("at");
        std::fs::create_dir(&at).unwrap();
        let point = at.to_str().unwrap();
        match (kind, kind.maker()) {
            (On::Memory(size, inodes), _) => {
                let options = format!("size={size}k,nr_inodes={inodes}");
                must("mount", &["-t", "tmpfs", "-o", &options, "none", point]);
            }
            (_, Some((maker, options))) => {
                let image = folder.path().join("image");
                std::fs::File::create(&image).unwrap().set_len(320 << 20).unwrap();
                must(maker, &[options, &[image.to_str().unwrap()]].concat());
                must("mount", &["-o", "loop", image.to_str().unwrap(), point]);
            }
            (_, None) => unreachable!(),
        }
        Self { at, _folder: folder }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The loop device goes with the mount; both go with the process at the latest.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// Runs a program and expects success; returns its standard output.
pub(crate) fn must(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
