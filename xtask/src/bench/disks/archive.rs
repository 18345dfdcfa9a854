//! Exports and imports against `tar` and `zstd`.
//!
//! Both sides of an export have one thread that reads and one that compresses: kompox-node compresses a frame while it
//! reads and sums up the next one. Both sides of an import have one that expands and one that writes, ours has one more
//! that sums up. Both read what is cached and write to the same file system; both imports end when everything is on the
//! device.

use super::mounted::{Kind, Mounted, sync};
use super::node::Node;
use super::{Disks, tree};
use crate::Outcome;
use crate::bench::row::{self, Row};
use crate::measure;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is on the disk.
const MEBIBYTES: u64 = 1024;
/// Declared size of the disks, in GiB.
const SIZE: u64 = 4;
/// Time not to be exceeded: 0.8 of their throughput.
const SLOWER: f64 = 1.25;
/// Peak memory of kompox-node, in MiB.
const MOST_MEMORY: f64 = 64.0;

const PACK: &str = "tar -C \"$1\" -c . | zstd -q -3 -T1 > \"$2\"";
const UNPACK: &str = "zstd -q -d < \"$2\" | tar -C \"$1\" -x && sync --file-system \"$1\"";

/// One direction: times of both sides, and our memory.
#[derive(Default)]
struct Measured {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    memory: Vec<f64>,
}

impl Measured {
    fn add(&mut self, ours: &measure::Measured, theirs: f64) {
        self.ours.push(ours.seconds);
        self.memory.push(ours.mebibytes);
        self.theirs.push(theirs);
    }
}

pub(super) fn measure(disks: &Disks) -> Outcome {
    if !Command::new("zstd").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("export and import: skipped, the package zstd to compare with is not installed");
        return Ok(());
    }
    let mounted = Mounted::new(&disks.folder, Kind::Xfs, 8)?;
    let node = disks.node(mounted.at.join("node"))?;
    let data = node.disk("db", SIZE)?;
    tree::mixed(&data, MEBIBYTES)?;
    let (export, archive) = (mounted.at.join("export"), mounted.at.join("archive"));
    let out = packed(disks, &node, &data, [&export, &archive])?;
    let sizes = [&export, &archive].map(|path| fs::metadata(path).map(|found| found.len() >> 20));
    let [ours, theirs] = sizes;
    let back = unpacked(disks, &node, [&export, &archive], &mounted.at.join("target"))?;
    let what = |what: &str| format!("{what}, {MEBIBYTES} MiB");
    row::print(&[
        Row::new(what("export / tar | zstd -3 -T1"), out.ours, out.theirs, "s", SLOWER),
        Row::new(what("import / zstd -d | tar -x, sync"), back.ours, back.theirs, "s", SLOWER),
    ]);
    row::print_line("size of the export / of theirs", &format!("{} MiB / {} MiB", ours?, theirs?));
    row::print_limit("peak memory of an export", &out.memory, 1.0, "MiB", MOST_MEMORY);
    row::print_limit("peak memory of an import", &back.memory, 1.0, "MiB", MOST_MEMORY);
    Ok(())
}

fn packed(
    disks: &Disks,
    node: &Node,
    data: &Path,
    [export, archive]: [&Path; 2],
) -> Result<Measured, Box<dyn std::error::Error>> {
    let mut measured = Measured::default();
    for run in 0..disks.runs {
        for path in [export, archive] {
            fs::remove_file(path).ok();
        }
        let ours = || sync(data).and_then(|()| node.export("db", export));
        let theirs = || sync(data).and_then(|()| shell(PACK, data, archive));
        let (ours, theirs) = in_turns(run, ours, theirs)?;
        measured.add(&ours, theirs);
    }
    Ok(measured)
}

fn unpacked(
    disks: &Disks,
    node: &Node,
    [export, archive]: [&Path; 2],
    target: &Path,
) -> Result<Measured, Box<dyn std::error::Error>> {
    let mut measured = Measured::default();
    let stream = node.import_stream("db", SIZE, export)?;
    for run in 0..disks.runs {
        let ours = || {
            sync(&stream)?;
            let imported = node.import(&stream)?;
            node.delete("db", "d2", 1)?;
            Ok(imported)
        };
        let theirs = || {
            fs::create_dir(target)?;
            sync(&stream)?;
            let seconds = shell(UNPACK, target, archive)?;
            fs::remove_dir_all(target)?;
            Ok(seconds)
        };
        let (ours, theirs) = in_turns(run, ours, theirs)?;
        measured.add(&ours, theirs);
    }
    Ok(measured)
}

/// Both sides once, each first in every second run: what a file system still does for the one is at the cost of the other.
fn in_turns<A, B>(
    run: usize,
    ours: impl FnOnce() -> Result<A, Box<dyn std::error::Error>>,
    theirs: impl FnOnce() -> Result<B, Box<dyn std::error::Error>>,
) -> Result<(A, B), Box<dyn std::error::Error>> {
    if run.is_multiple_of(2) {
        let ours = ours()?;
        return Ok((ours, theirs()?));
    }
    let theirs = theirs()?;
    Ok((ours()?, theirs))
}

/// Seconds of a line of the shell that gets a folder and a file; any part of it may fail it.
fn shell(line: &str, folder: &Path, file: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", line, "bash"]).arg(folder).arg(file);
    Ok(measure::measure(&mut command)?.seconds)
}
