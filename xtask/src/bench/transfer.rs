//! An export of a disk through the cluster, against one by `kompox-node` itself to a file of the same machine.
//!
//! Ours is the whole command: it starts the Pod that reads the disk, takes the stream of its exec, and reads the file once
//! more before it gives it its name.

use super::disks::mounted::sync;
use super::disks::node::Node;
use super::disks::tree;
use super::project::Project;
use super::row::{self, Row};
use super::{Bed, Bench};
use crate::Outcome;
use std::fs;
use std::path::{Path, PathBuf};

const APP: &str = "bench-transfer";
const COMPOSE: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [sleep, infinity]
    volumes: [www:/www]
    stop_grace_period: 1s
volumes: {www: }
";
/// What is on the disks.
const MEBIBYTES: u64 = 256;
/// Declared size of the disk of the machine's own store, in GiB.
const SIZE: u64 = 1;
/// Time not to be exceeded: 0.4 of the throughput.
const SLOWER: f64 = 2.5;

pub(super) fn measure(bench: &Bench, bed: &Bed, debug: bool) -> Outcome {
    let build = if debug { crate::build::program } else { crate::build::release };
    let folder = crate::build::root().join("target/bench/transfer");
    fs::remove_dir_all(&folder).ok();
    let node = Node::new(&build("kompox-node")?, folder.clone())?;
    tree::mixed(&node.disk("db", SIZE)?, MEBIBYTES)?;
    let app = bench.project(bed, APP, COMPOSE)?;
    app.ops(&["app", "deploy"])?;
    app.ops(&["app", "stop"])?;
    let (disk, data) = assigned(&app)?;
    let content = data.join("bench");
    fs::create_dir_all(&content)?;
    let measured =
        tree::mixed(&content, MEBIBYTES).and_then(|()| exports(bench, &app, &disk, &node, &folder));
    // The disk serves the next benchmark, without what was on it.
    fs::remove_dir_all(&content)?;
    fs::remove_dir_all(&folder)?;
    app.clear()?;
    row::print_as(["cluster", "local"], &[measured?]);
    Ok(())
}

fn exports(
    bench: &Bench,
    app: &Project,
    disk: &str,
    node: &Node,
    folder: &Path,
) -> Result<Row, Box<dyn std::error::Error>> {
    let (far, near) = (app.folder.join("disk.kx"), folder.join("disk.kx"));
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..bench.runs {
        for file in [&far, &near] {
            fs::remove_file(file).ok();
        }
        sync(folder)?;
        ours.push(app.ops(&["disk", "export", disk, "disk.kx"])?.seconds);
        sync(folder)?;
        theirs.push(node.export("db", &near)?.seconds);
    }
    fs::remove_file(&far)?;
    let what = format!("disk export / kompox-node export, {MEBIBYTES} MiB");
    Ok(Row::new(what, ours, theirs, "s", SLOWER))
}

/// The name of the app's disk, and where its data are, on the machine as on the node.
fn assigned(app: &Project) -> Result<(String, PathBuf), Box<dyn std::error::Error>> {
    let listed = app.json(&["disk", "list"])?;
    let disks = listed["disks"].as_array().ok_or("no list of disks")?;
    let disk = disks.iter().find(|disk| disk["assigned"] == true).ok_or("no disk is assigned")?;
    let text = |field: &str| disk[field].as_str().ok_or(format!("a disk without {field}"));
    Ok((text("name")?.to_owned(), text("handle")?.into()))
}
