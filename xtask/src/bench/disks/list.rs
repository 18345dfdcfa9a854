//! Lists of a store with many apps.

use super::Disks;
use super::node::{APP, Node};
use crate::Outcome;
use crate::bench::row;
use serde_json::Value;
use std::fs;
use std::path::Path;

const APPS: usize = 100;
const DISKS: usize = 3;
/// Of each disk.
const SNAPSHOTS: usize = 10;
/// Seconds that a list of everything may take.
const MOST: f64 = 1.0;
/// Quick enough to be asked for more often than others.
const LISTS: usize = 20;

pub(super) fn measure(disks: &Disks) -> Outcome {
    let node = disks.node(disks.folder.join("list"))?;
    app(&node)?;
    let (model, store) = (node.root().join(APP), node.root());
    for number in 1..APPS {
        let hash = format!("{number:06}");
        copy(&model, &store.join(&hash), &hash)?;
    }
    for (one, apps) in [(false, APPS), (true, 1)] {
        let mut seconds = Vec::new();
        for _ in 0..LISTS {
            let (measured, listing) = node.list(one)?;
            check(&listing, apps)?;
            seconds.push(measured.seconds);
        }
        let what = format!("list of {apps} of {APPS} apps, {DISKS} disks, {SNAPSHOTS} snapshots each");
        row::print_limit(&what, &seconds, 0.5, "s", MOST);
    }
    Ok(())
}

/// One app with all its disks and snapshots, made as any other.
fn app(node: &Node) -> Outcome {
    for disk in 1..=DISKS {
        let name = format!("d{disk}");
        node.add_disk("db", &name, u64::from(disk > 1), 1)?;
        for number in 1..=SNAPSHOTS {
            node.snapshot("db", &name, &format!("{name}-s{number}"))?;
        }
    }
    Ok(())
}

/// The same app under another hash, which is also a part of its name: thousands of requests would take minutes.
fn copy(from: &Path, to: &Path, hash: &str) -> Outcome {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if entry.is_dir() {
            copy(&entry, &target, hash)?;
        } else {
            fs::write(target, fs::read_to_string(entry)?.replace(APP, hash))?;
        }
    }
    Ok(())
}

/// Nothing is missing: a quick list of nothing would be no measure.
fn check(listing: &Value, apps: usize) -> Outcome {
    let volumes = listing["volumes"].as_array().ok_or("the answer has no volumes")?;
    let count = |what: &str| -> usize {
        volumes.iter().map(|volume| volume[what].as_array().map_or(0, Vec::len)).sum()
    };
    let found = [volumes.len(), count("disks"), count("snapshots")];
    let expected = [apps, apps * DISKS, apps * DISKS * SNAPSHOTS];
    if found == expected { Ok(()) } else { Err(format!("listed {found:?} of {expected:?}").into()) }
}
