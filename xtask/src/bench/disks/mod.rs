//! Disks on one node: snapshots, exports and imports, lists. Needs root, no cluster: `kompox-node` as it runs on a node,
//! on file systems of its own.
//!
//! All of it happens in a process with mounts of its own: they end with it, and their loop devices with them, also when
//! it is killed. What is left then are files beneath `target/bench`, which the next run takes away.

mod archive;
mod list;
pub(super) mod mounted;
pub(super) mod node;
mod snapshot;
pub(super) mod tree;

use crate::Outcome;
use node::Node;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Set in the process that has mounts of its own.
const APART: &str = "KOMPOX_BENCH_APART";

/// What every part needs.
struct Disks {
    /// Where everything is that is made here.
    folder: PathBuf,
    program: PathBuf,
    runs: usize,
}

/// Measures in a process apart; `debug` and `runs` are the benchmark's.
pub(super) fn measure(testbed: &kompox_testbed::Testbed, runs: usize, debug: bool) -> Outcome {
    if std::env::var_os(APART).is_none() {
        testbed.ensure_packages()?;
        return apart(runs, debug);
    }
    let build = if debug { crate::build::program } else { crate::build::release };
    let folder = crate::build::root().join("target/bench/disks");
    let disks = Disks { folder: folder.clone(), program: build("kompox-node")?, runs };
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder)?;
    let measured = disks.all();
    // Nothing is mounted any more: every part has dropped its file system.
    fs::remove_dir_all(&folder)?;
    measured
}

/// The same command line with this group alone.
fn apart(runs: usize, debug: bool) -> Outcome {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(std::env::current_exe()?);
    command.args(["bench", "--only", "disks", "--runs", &runs.to_string()]).env(APART, "1");
    if debug {
        command.arg("--debug");
    }
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("the disks' process: {status}").into()) }
}

impl Disks {
    fn all(&self) -> Outcome {
        snapshot::of_sizes(self)?;
        snapshot::of_files(self)?;
        archive::measure(self)?;
        list::measure(self)
    }

    /// kompox-node with an empty store in `folder`.
    fn node(&self, folder: PathBuf) -> Result<Node, Box<dyn std::error::Error>> {
        Node::new(&self.program, folder)
    }
}
