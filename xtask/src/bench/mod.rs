//! `cargo xtask bench`: kompoxops and kompox-node against the tools that everybody knows, each inside one run on one
//! machine. Starts a cluster for the groups that need one.
//!
//! Absolute times depend on the machine and mean little; a ratio says whether our own overhead is small next to that of
//! kubectl and Docker Compose. Nothing here fails a build: goals are printed beside the medians.

mod deploy;
mod disks;
mod many;
mod outage;
mod project;
mod row;
mod sizes;
mod transfer;
mod validate;

use crate::Outcome;
use clap::ValueEnum as _;
use kompox_testbed::{Cluster, Image, Testbed, UpOptions};
use project::Project;
use std::fs;
use std::path::PathBuf;

/// The cluster, unless KOMPOX_TESTBED_CLUSTER names another one.
const CLUSTER: &str = "a";

/// Arguments of the benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Runs of each command; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only these groups of rows; may be repeated
    #[arg(long, value_enum)]
    only: Vec<Group>,
    /// Apps in the cluster of many apps
    #[arg(long, default_value_t = 100)]
    apps: usize,
    /// Measure the program as the tests build it, which saves a build; our times are then too high
    #[arg(long)]
    debug: bool,
}

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Group {
    /// `app validate` against `docker compose config`; needs no cluster
    Validate,
    /// Snapshots, exports and lists of disks against tar and zstd; needs root, no cluster
    Disks,
    /// Deploys of one small app against kubectl
    Deploy,
    /// Deploys of 1, 10 and 57 services against kubectl
    Sizes,
    /// Many apps in one cluster
    Many,
    /// Seconds without an answer from outside while an app is replaced
    Outage,
    /// An export of a disk through the cluster against one on the machine; needs root
    Transfer,
}

/// What every group needs.
struct Bench {
    ops: PathBuf,
    testbed: Testbed,
    runs: usize,
    apps: usize,
}

/// A cluster for the groups that need one.
struct Bed {
    cluster: Cluster,
    kubectl: PathBuf,
    node_image: String,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let testbed = Testbed::of_this_checkout()?;
    let runs = arguments.runs.max(1);
    let wanted = |group: &Group| arguments.only.is_empty() || arguments.only.contains(group);
    if wanted(&Group::Disks) {
        disks::measure(&testbed, runs, arguments.debug)?;
    }
    let groups: Vec<&Group> =
        Group::value_variants().iter().filter(|group| wanted(group) && **group != Group::Disks).collect();
    if groups.is_empty() {
        // kompoxops takes minutes to build.
        return Ok(());
    }
    let ops = if arguments.debug {
        crate::build::program("kompoxops")
    } else {
        crate::build::release("kompoxops")
    }?;
    let bench = Bench { ops, testbed, runs, apps: arguments.apps.max(1) };
    let mut bed = None;
    for group in groups {
        if *group == Group::Validate {
            row::print(&validate::rows(&bench)?);
            continue;
        }
        let bed = match &bed {
            Some(bed) => bed,
            None => bed.insert(bench.bed()?),
        };
        match group {
            Group::Validate | Group::Disks => {}
            Group::Deploy => row::print(&deploy::rows(&bench, bed)?),
            Group::Sizes => row::print(&sizes::rows(&bench, bed)?),
            Group::Many => many::measure(&bench, bed)?,
            Group::Outage => outage::measure(&bench, bed)?,
            Group::Transfer => transfer::measure(&bench, bed, arguments.debug)?,
        }
    }
    Ok(())
}

impl Bench {
    fn bed(&self) -> Result<Bed, Box<dyn std::error::Error>> {
        let name = std::env::var("KOMPOX_TESTBED_CLUSTER").unwrap_or_else(|_| CLUSTER.to_owned());
        let cluster = self.testbed.up(&name, &UpOptions::default())?;
        let images = self.testbed.ensure_images(&[Image::Busybox, Image::KompoxNode])?;
        cluster.load(&images)?;
        let kubectl = cluster.kubectl()?.program_path();
        let node_image = images.last().ok_or("no image was built")?.reference.clone();
        Ok(Bed { cluster, kubectl, node_image })
    }

    /// A folder with a compose file and a kompoxops.yml for the cluster.
    fn project(&self, bed: &Bed, app: &str, compose: &str) -> Result<Project, Box<dyn std::error::Error>> {
        let folder = crate::build::root().join("target/bench").join(app);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("compose.yml"), compose)?;
        fs::write(folder.join("kompoxops.yml"), project::configuration(bed, app))?;
        Ok(Project {
            app: app.to_owned(),
            folder,
            ops: self.ops.clone(),
            kubectl: bed.kubectl.clone(),
            kubeconfig: bed.cluster.kubeconfig(),
        })
    }
}
