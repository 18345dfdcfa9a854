//! The files of Debian packages with all they depend on, without installing them: no maintainer
//! script runs, nothing is unpacked to disk. Runs apt-get and dpkg-deb; keeps downloads.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::image::tree::{Content, Entry, Node, Tree};
use crate::layout::Layout;
use crate::program::Program;

/// Needed by maintainer scripts only, which never run here.
const SKIPPED: &[&str] = &[
    "adduser",
    "cdebconf",
    "dbconfig-common",
    "debconf",
    "dpkg",
    "init-system-helpers",
    "libdebconfclient0",
    "lsb-base",
    "passwd",
    "libperl5.36",
    "perl",
    "perl-base",
    "perl-modules-5.36",
    "sensible-utils",
    "tar",
    "ucf",
    "usrmerge",
];
/// What nobody reads inside a container.
const LEFT_OUT: &[&str] = &[
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/bug",
];
/// Folders that are links into `usr` on a Debian system, though packages still name them.
const MERGED: &[&str] = &["bin", "sbin", "lib", "lib64"];

/// Which packages, and what not to take from their closure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection {
    /// The packages asked for.
    pub(super) packages: &'static [&'static str],
    /// Packages that others depend on but that are not needed when they run.
    pub(super) without: &'static [&'static str],
    /// Paths to leave out.
    pub(super) leave_out: &'static [&'static str],
}

/// The tree of a selection, with Debian's usual folders.
pub(super) fn tree(layout: &Layout, selection: &Selection) -> Result<Tree> {
    let mut tree = Tree::default();
    for folder in MERGED {
        tree.folder(&format!("usr/{folder}"), 0o755, 0);
        tree.symlink(folder, format!("usr/{folder}"));
    }
    tree.folder("tmp", 0o1777, 0);
    tree.folder("var/tmp", 0o1777, 0);
    tree.symlink("var/run", "/run");
    tree.symlink("var/lock", "/run/lock");
    for folder in ["dev", "proc", "run", "sys"] {
        tree.folder(folder, 0o755, 0);
    }
    for package in closure(layout, selection)? {
        unpack(&package, selection, &mut tree)?;
    }
    Ok(tree)
}

/// Downloads the selection and everything it depends on; the files' paths.
fn closure(layout: &Layout, selection: &Selection) -> Result<Vec<PathBuf>> {
    let cache = layout.packages();
    let empty = cache.join("empty");
    for folder in [cache.join("partial"), empty.join("partial")] {
        fs::create_dir_all(&folder).map_err(Error::file("make", folder))?;
    }
    // With an empty list of installed packages the whole closure has to be "installed".
    let status = cache.join("status");
    fs::write(&status, "").map_err(Error::file("write", &status))?;
    let apt = |archives: &Path, arguments: &[&str]| {
        Program::new("apt-get")
            .arg("-o")
            .arg(format!("Dir::State::status={}", status.display()))
            .arg("-o")
            .arg(format!("Dir::Cache::archives={}", archives.display()))
            .args(["-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1"])
            .args(["-o", "APT::Install-Recommends=0", "--quiet=2", "--yes"])
            .args(arguments)
            .args(["install"])
            .args(selection.packages)
    };
    let download = || apt(&cache, &["--download-only"]).run();
    download().or_else(|_| {
        // The package lists are absent or older than the mirror.
        Program::new("apt-get").args(["update", "--quiet=2"]).run()?;
        download()
    })?;
    let listed = apt(&empty, &["--print-uris"]).run()?;
    let skipped: BTreeSet<&str> = SKIPPED.iter().chain(selection.without).copied().collect();
    let mut files = Vec::new();
    for line in listed.lines().filter(|line| line.starts_with('\'')) {
        // 'URI' FILE SIZE HASH
        let file = line.split(' ').nth(1).ok_or_else(|| Error::Form {
            what: "the list of packages".to_owned(),
            detail: line.to_owned(),
        })?;
        let name = file.split('_').next().unwrap_or(file);
        if !skipped.contains(name) {
            files.push(cache.join(file));
        }
    }
    files.sort();
    Ok(files)
}

fn unpack(package: &Path, selection: &Selection, tree: &mut Tree) -> Result<()> {
    let mut child = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Start { program: "dpkg-deb".to_owned(), source })?;
    if let Some(stdout) = child.stdout.take() {
        read(stdout, selection, tree).map_err(Error::file("unpack", package))?;
    }
    let status = child.wait().map_err(Error::file("unpack", package))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Program {
        command: format!("dpkg-deb --fsys-tarfile {}", package.display()),
        status: status.to_string(),
        output: String::new(),
    })
}

fn read(stream: impl Read, selection: &Selection, tree: &mut Tree) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = merged(&entry.path()?);
        let left_out = LEFT_OUT.iter().chain(selection.leave_out).any(|folder| path.starts_with(folder));
        if left_out || path.as_os_str().is_empty() {
            continue;
        }
        let header = entry.header();
        let (mode, user, group) = (header.mode()? & 0o7777, header.uid()?, header.gid()?);
        let kind = header.entry_type();
        let link = entry.link_name()?.map(std::borrow::Cow::into_owned);
        let node = match (kind, link) {
            (tar::EntryType::Directory, _) => Node::Folder,
            (tar::EntryType::Symlink, Some(target)) => Node::Symlink(target),
            (tar::EntryType::Link, Some(target)) => Node::Hardlink(merged(&target)),
            (tar::EntryType::Regular, _) => {
                let mut bytes = Vec::with_capacity(usize::try_from(header.size()?).unwrap_or_default());
                entry.read_to_end(&mut bytes)?;
                Node::File(Content::Bytes(bytes))
            }
            _ => continue,
        };
        // A folder named by several packages keeps the owner the first one gave it.
        if !(node == Node::Folder && tree.has(&path)) {
            tree.put(path, Entry { mode, user, group, node });
        }
    }
    Ok(())
}

/// A package's path as it is in the image: relative, and below `usr` where Debian merged folders.
fn merged(path: &Path) -> PathBuf {
    let parts: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let first = parts.iter().next().and_then(|part| part.to_str());
    if first.is_some_and(|first| MERGED.contains(&first)) { Path::new("usr").join(parts) } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_paths_end_up_below_usr() {
        let moved = ["./bin/sh", "/sbin/ip", "lib/x/y", "./usr/bin/env", "./etc/passwd", "./"]
            .map(|path| merged(Path::new(path)).display().to_string());
        assert_eq!(moved, ["usr/bin/sh", "usr/sbin/ip", "usr/lib/x/y", "usr/bin/env", "etc/passwd", ""]);
    }
}
