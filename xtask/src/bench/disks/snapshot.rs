//! Snapshots: on btrfs whatever is on the disk, on XFS by the number of files.

use super::mounted::{Kind, Mounted, free, sync};
use super::{Disks, tree};
use crate::Outcome;
use crate::bench::row::{self, Row};
use std::path::Path;
use std::time::Instant;

/// What disks on btrfs hold, in GiB, and what they hold where that does not fit.
const SIZES: [u64; 2] = [1, 8];
const LESS: [u64; 2] = [1, 4];
/// Each disk of many bytes is files of this size.
const FILE_MIB: u64 = 64;
/// Left alone on the machine's own file system, in GiB.
const SPARE: u64 = 4;

/// A snapshot of much against one of little: only what was not written through yet should count, and that is done before.
pub(super) fn of_sizes(disks: &Disks) -> Outcome {
    let room = free(&disks.folder)? >> 30;
    let sizes = if room >= SIZES.iter().sum::<u64>() + SPARE { SIZES } else { LESS };
    let [small, large] = sizes;
    if sizes != SIZES {
        println!("{room} GiB are free here, too few for a disk of {} GiB: one of {large} instead", SIZES[1]);
    }
    let mounted = Mounted::new(&disks.folder, Kind::Btrfs, 2 * (small + large))?;
    let node = disks.node(mounted.at.join("node"))?;
    for (volume, size) in [("small", small), ("large", large)] {
        let data = node.disk(volume, 2 * size)?;
        tree::files(&data, usize::try_from((size << 10) / FILE_MIB)?, FILE_MIB << 20)?;
        let seconds = synced(&mounted.at)?;
        row::print_line(&format!("btrfs: sync of {size} GiB just written"), &format!("{seconds:.3} s"));
    }
    let (mut much, mut little) = (vec![], vec![]);
    for run in 0..disks.runs {
        for (volume, seconds) in [("small", &mut little), ("large", &mut much)] {
            // Snapshots stay: deleting them would go on in the background beside the next ones.
            seconds.push(node.snapshot(volume, "d1", &format!("s{run}"))?.seconds);
        }
    }
    let what = format!("btrfs: snapshot of {large} GiB / {small} GiB");
    row::print_as(["large", "small"], &[Row::new(what, much, little, "s", 1.5)]);
    Ok(())
}

fn synced(path: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    let started = Instant::now();
    sync(path)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Files of a disk on XFS: how many, and how many KiB each.
struct Content {
    volume: &'static str,
    files: usize,
    kibibytes: u64,
}

impl Content {
    const fn new(volume: &'static str, files: usize, kibibytes: u64) -> Self {
        Self { volume, files, kibibytes }
    }
}

/// The first against the second of each pair.
const PAIRS: [(&str, Content, Content); 4] = [
    (
        "xfs: snapshot of 1 file of 1 GiB / of 128 MiB",
        Content::new("gib", 1, 1 << 20),
        Content::new("mib", 1, 128 << 10),
    ),
    (
        "xfs: snapshot of 1 GiB in 8 files / in 1 file",
        Content::new("eight", 8, 128 << 10),
        Content::new("one", 1, 1 << 20),
    ),
    (
        "xfs: snapshot of 8000 files / 1000 files, of 4 KiB",
        Content::new("many", 8000, 4),
        Content::new("some", 1000, 4),
    ),
    (
        "xfs: snapshot of 1000 files of 64 KiB / of 8 KiB",
        Content::new("big", 1000, 64),
        Content::new("little", 1000, 8),
    ),
];

/// Files that share their blocks with those of the disk are made one by one, however long they are.
pub(super) fn of_files(disks: &Disks) -> Outcome {
    let mounted = Mounted::new(&disks.folder, Kind::Xfs, 8)?;
    let node = disks.node(mounted.at.join("node"))?;
    let mut rows = Vec::new();
    for (what, first, second) in &PAIRS {
        for content in [first, second] {
            let data = node.disk(content.volume, 4)?;
            tree::files(&data, content.files, content.kibibytes << 10)?;
        }
        sync(&mounted.at)?;
        let (mut ours, mut theirs) = (vec![], vec![]);
        for _ in 0..disks.runs {
            for (content, seconds) in [(first, &mut ours), (second, &mut theirs)] {
                seconds.push(node.snapshot(content.volume, "d1", "s1")?.seconds);
                node.delete_snapshot(content.volume, "s1")?;
                sync(&mounted.at)?;
            }
        }
        rows.push(Row::new(*what, ours, theirs, "s", f64::INFINITY));
    }
    row::print_as(["first", "second"], &rows);
    Ok(())
}
