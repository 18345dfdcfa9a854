//! Exports and imports against `tar` and `zstd`.
//!
//! Both sides have one process or thread that reads and one that compresses: kompox-node compresses a frame while it reads
//! and sums up the next one. Both write to the same file system, which is in the memory of neither; both imports end when
//! everything is on the device.

use super::Disks;
use super::mounted::{Kind, Mounted, sync};
use super::tree;
use crate::Outcome;
use crate::bench::row::{self, Row};
use crate::measure::{Measured, measure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is on the disk.
const MEBIBYTES: u64 = 1024;
/// Declared size of the disks.
const SIZE: u64 = 4;
/// Time not to be exceeded: 0.8 of the throughput.
const SLOWER: f64 = 1.25;
/// Peak memory of kompox-node, in MiB.
const MOST_MEMORY: f64 = 64.0;

pub(super) fn measure_all(disks: &Disks) -> Outcome {
    if !Command::new("zstd").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("export and import: skipped, they need the package zstd to compare with");
        return Ok(());
    }
    let mounted = Mounted::new(&disks.folder, Kind::Xfs, 8)?;
    let node = disks.node(mounted.at.join("node"))?;
    let data = node.disk("db", SIZE)?;
    tree::mixed(&data, MEBIBYTES)?;
    let (export, archive) = (mounted.at.join("export"), mounted.at.join("archive"));
    let (mut ours, mut theirs, mut memory) = (vec![], vec![], vec![]);
    for _ in 0..disks.runs {
        clear(&mounted.at, &[&export, &archive])?;
        let exported = node.export("db", &export)?;
        ours.push(exported.seconds);
        memory.push(exported.mebibytes);
        sync(&mounted.at)?;
        theirs.push(shell("tar -C \"$1\" -c . | zstd -q -3 -T1 > \"$2\"", &data, &archive)?.seconds);
    }
    let packed = Row::new(what("export / tar | zstd -3 -T1"), ours, theirs, "s", SLOWER);
    let stream = node.import_stream("db", SIZE, &export)?;
    let target = mounted.at.join("target");
    let (mut ours, mut theirs, mut memory_in) = (vec![], vec![], vec![]);
    for run in 0..disks.runs {
        clear(&mounted.at, &[&target])?;
        let imported = node.import(&stream)?;
        ours.push(imported.seconds);
        memory_in.push(imported.mebibytes);
        node.delete("db", "d2", 1)?;
        fs::create_dir(&target)?;
        sync(&mounted.at)?;
        let unpack = "zstd -q -d < \"$2\" | tar -C \"$1\" -x && sync --file-system \"$1\"";
        theirs.push(shell(unpack, &target, &archive)?.seconds);
        if run == 0 {
            check_same(&data, &target)?;
        }
    }
    let unpacked = Row::new(what("import / zstd -d | tar -x, sync"), ours, theirs, "s", SLOWER);
    row::print(&[packed, unpacked]);
    row::print_limit("kompox-node export: most memory", &memory, 1.0, "MiB", MOST_MEMORY);
    row::print_limit("kompox-node import: most memory", &memory_in, 1.0, "MiB", MOST_MEMORY);
    Ok(())
}
