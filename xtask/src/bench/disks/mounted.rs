//! File systems on sparse files. Mounts them.

use crate::Outcome;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A kind of file system and how it is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Btrfs,
    /// Files share blocks.
    Xfs,
}

impl Kind {
    fn maker(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Btrfs => ("mkfs.btrfs", &["-q", "-f", "--nodiscard"]),
            Self::Xfs => ("mkfs.xfs", &["-q", "-f", "-K", "-m", "reflink=1"]),
        }
    }
}

/// A mounted file system; dropped, it is gone with its file.
pub(super) struct Mounted {
    pub(super) at: PathBuf,
    image: PathBuf,
}

impl Mounted {
    /// A new one of this size in `folder`.
    pub(super) fn new(folder: &Path, kind: Kind, gibibytes: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let (at, image) = (folder.join("at"), folder.join("image"));
        fs::create_dir_all(&at)?;
        fs::File::create(&image)?.set_len(gibibytes << 30)?;
        let mounted = Self { at, image };
        let (maker, options) = kind.maker();
        succeed(Command::new(maker).args(options).arg(&mounted.image))?;
        // The loop device goes with the mount.
        succeed(Command::new("mount").args(["-o", "loop"]).arg(&mounted.image).arg(&mounted.at))?;
        Ok(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // One that was never mounted is not worth a word, and what is busy goes with the process.
        Command::new("umount").arg("--lazy").arg(&self.at).stderr(std::process::Stdio::null()).status().ok();
        fs::remove_file(&self.image).ok();
    }
}

/// Writes through what the file system at `path` holds back.
pub(in crate::bench) fn sync(path: &Path) -> Outcome {
    succeed(Command::new("sync").arg("--file-system").arg(path))
}

/// Bytes free for us where `path` is.
pub(super) fn free(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
    let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(path).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().last().ok_or("df said nothing")?.trim().parse()?)
}

fn succeed(command: &mut Command) -> Outcome {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = command.env("PATH", path).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}
