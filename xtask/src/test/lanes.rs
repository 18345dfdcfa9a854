//! Running test programs on real clusters, four at a time. Starts the programs.
//!
//! Most of their time is waiting for a kubelet, so four share two cores well. Each lane has a cluster of its own.

use super::libtest::{self, Counts};
use super::programs::Programs;
use super::table::Row;
use super::targets::Target;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Clusters of the lanes.
const LANES: [&str; 4] = ["a", "b", "c", "d"];

/// Targets from the longest down: they begin first, so that no lane is left alone with one at the end.
const LONG: [&str; 17] = [
    "cluster_app",
    "cluster_disks",
    "cluster_behaviour",
    "cluster_move",
    "cluster_archive_kill",
    "cluster_policy",
    "cluster_faults",
    "cluster",
    "cluster_doctor",
    "cluster_access",
    "cluster_sets",
    "cluster_kill",
    "cluster_examples",
    "cluster_trace",
    "cluster_room",
    "cluster_readme",
    "cluster_images",
];

/// Targets whose tests mostly wait, each for an app of its own; they share the lane's cluster.
const SIDE_BY_SIDE: [&str; 8] = [
    "cluster_app",
    "cluster_behaviour",
    "cluster_copy",
    "cluster_examples",
    "cluster_faults",
    "cluster_ingress",
    "cluster_sets",
    "cluster_streams",
];

/// The target that follows the README, whose demo brings up the first lane's cluster. The last one restarts that.
const ON_FIRST: &str = "cluster_readme";

/// The package whose targets share clusters of fixed letters: one at a time.
const FIXED_LETTERS: &str = "kompox-testbed";
/// And the target that has a cluster beside its lane's. More than these clusters at once need more inotify instances than
/// machines allow.
const TWO_CLUSTERS: &str = "cluster_move";
/// The target that has another disk store on its lane's cluster, which is therefore not the first one.
const OWN_STORE: &str = "cluster_room";

/// A target with its program.
struct Job {
    target: Target,
    program: PathBuf,
}

/// What is still to do.
struct Queue {
    jobs: Vec<Job>,
    /// A target of fixed letters is running.
    fixed: bool,
    /// How many targets that use the first lane's cluster, wherever they run, are running.
    on_first: usize,
}

impl Job {
    /// True when no other such target may run meanwhile.
    fn is_fixed(&self) -> bool {
        self.target.package == FIXED_LETTERS || self.target.name == TWO_CLUSTERS
    }
}

impl Queue {
    fn begun(&mut self, job: &Job) {
        self.fixed |= job.is_fixed();
        self.on_first += usize::from(ON_FIRST == job.target.name);
    }

    fn ended(&mut self, job: &Job) {
        self.fixed &= !job.is_fixed();
        self.on_first -= usize::from(ON_FIRST == job.target.name);
    }
}

/// Runs all in lanes, the last one when nothing else is left to begin. A row for each, in the given order.
pub(super) fn run(
    targets: Vec<Target>,
    mut programs: Programs,
) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let order: Vec<String> = targets.iter().map(row_name).collect();
    let mut jobs = Vec::new();
    for target in targets {
        let key = (target.package.clone(), target.name.clone());
        let program = programs.remove(&key).ok_or_else(|| format!("cargo built no {}", target.name))?;
        jobs.push(Job { target, program });
    }
    let (last, mut jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.target.is_last());
    jobs.sort_by_key(|job| LONG.iter().position(|name| *name == job.target.name).unwrap_or(LONG.len()));
    let mut rows = side_by_side(jobs, &last);
    let row = |name: String| rows.remove(&name).ok_or_else(|| format!("{name} was not run").into());
    order.into_iter().map(row).collect()
}

/// How the table calls a target.
pub(super) fn row_name(target: &Target) -> String {
    format!("real cluster: {} {}", target.package, target.name)
}

fn side_by_side(jobs: Vec<Job>, last: &[Job]) -> BTreeMap<String, Row> {
    let queue = Mutex::new(Queue { jobs, fixed: false, on_first: 0 });
    let (freed, rows) = (Condvar::new(), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for lane in LANES {
            let (queue, freed, rows) = (&queue, &freed, &rows);
            scope.spawn(move || {
                let note = |job: &Job, row| {
                    rows.lock().unwrap_or_else(PoisonError::into_inner).insert(row_name(&job.target), row);
                };
                while let Some(job) = next(queue, freed, lane) {
                    note(&job, perform(&job, lane));
                    queue.lock().unwrap_or_else(PoisonError::into_inner).ended(&job);
                    freed.notify_all();
                }
                if lane == LANES[0] {
                    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                    let waited = freed.wait_while(queue, |queue| queue.on_first > 0);
                    drop(waited.unwrap_or_else(PoisonError::into_inner));
                    last.iter().for_each(|job| note(job, perform(job, lane)));
                }
            });
        }
    });
    rows.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The next job that may run on this lane now; none when nothing is left.
fn next(queue: &Mutex<Queue>, freed: &Condvar, lane: &str) -> Option<Job> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if queue.jobs.is_empty() {
            return None;
        }
        let (busy, first) = (queue.fixed, lane == LANES[0]);
        let may = |job: &Job| !(busy && job.is_fixed() || first && job.target.name == OWN_STORE);
        if let Some(at) = queue.jobs.iter().position(may) {
            let job = queue.jobs.remove(at);
            queue.begun(&job);
            return Some(job);
        }
        queue = freed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

fn perform(job: &Job, cluster: &str) -> Row {
    let Target { name, package, folder } = &job.target;
    println!("\n== real cluster {cluster}: {package} {name}");
    let threads = if SIDE_BY_SIDE.contains(&name.as_str()) { "4" } else { "1" };
    let mut command = Command::new(&job.program);
    command.current_dir(folder).args(["--test-threads", threads]).env("KOMPOX_TESTBED_CLUSTER", cluster);
    let started = Instant::now();
    let (counts, success) = libtest::run_named(&mut command, name).unwrap_or_else(|error| {
        let failures = vec![format!("{name} cannot be started: {error}")];
        (Counts { failed: 1, failures, ..Counts::default() }, false)
    });
    Row::tests(&row_name(&job.target), counts, success, started.elapsed())
}
