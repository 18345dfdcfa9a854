//! Running test programs on real clusters, three at a time. Starts cargo and the programs.
//!
//! Most of their time is waiting for a kubelet, so three share two cores well. Each lane has a cluster of its own.

use super::libtest::{self, Counts};
use super::table::{Row, Table};
use super::targets::Target;
use crate::Outcome;
use crate::process::cargo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Clusters of the lanes.
const LANES: [&str; 3] = ["a", "b", "c"];

/// Targets that take longest: they begin first, so that no lane is left alone with one at the end.
const LONG: [&str; 3] = ["cluster_app", "cluster_policy", "cluster_faults"];

/// Targets whose tests mostly wait, each for an app of its own; they share the lane's cluster.
const SIDE_BY_SIDE: [&str; 4] = ["cluster_app", "cluster_examples", "cluster_faults", "cluster_streams"];

/// The package whose targets share clusters of fixed letters: one at a time.
const FIXED_LETTERS: &str = "kompox-testbed";

/// A target with its program.
struct Job {
    target: Target,
    program: PathBuf,
}

/// What is still to do, and whether a target of fixed letters is running.
struct Queue {
    jobs: Vec<Job>,
    fixed: bool,
}

/// Builds the targets, runs all but the last in lanes, and that one alone. Adds a row for each, in the given order.
pub(super) fn run(targets: Vec<Target>, table: &mut Table) -> Outcome {
    let started = Instant::now();
    let programs = build(&targets);
    let failure = programs.as_ref().err().map(ToString::to_string);
    table.add(Row::step("real cluster: build", failure, started.elapsed()));
    let Ok(mut programs) = programs else {
        for target in targets {
            table.add(Row::left_out(&row_name(&target), "not built"));
        }
        return Ok(());
    };
    let order: Vec<String> = targets.iter().map(row_name).collect();
    let mut jobs = Vec::new();
    for target in targets {
        let key = (target.package.clone(), target.name.clone());
        let program = programs.remove(&key).ok_or_else(|| format!("cargo built no {}", target.name))?;
        jobs.push(Job { target, program });
    }
    let (last, mut jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.target.is_last());
    jobs.sort_by_key(|job| LONG.iter().position(|name| *name == job.target.name).unwrap_or(LONG.len()));
    let mut rows = side_by_side(jobs);
    rows.extend(last.iter().map(|job| (row_name(&job.target), perform(job, LANES[0]))));
    for name in order {
        table.add(rows.remove(&name).ok_or_else(|| format!("{name} was not run"))?);
    }
    Ok(())
}

fn row_name(target: &Target) -> String {
    format!("real cluster: {} {}", target.package, target.name)
}

fn side_by_side(jobs: Vec<Job>) -> BTreeMap<String, Row> {
    let queue = Mutex::new(Queue { jobs, fixed: false });
    let (freed, rows) = (Condvar::new(), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for lane in LANES {
            let (queue, freed, rows) = (&queue, &freed, &rows);
            scope.spawn(move || {
                while let Some(job) = next(queue, freed) {
                    let row = perform(&job, lane);
                    rows.lock().unwrap_or_else(PoisonError::into_inner).insert(row_name(&job.target), row);
                    if job.target.package == FIXED_LETTERS {
                        queue.lock().unwrap_or_else(PoisonError::into_inner).fixed = false;
                    }
                    freed.notify_all();
                }
            });
        }
    });
    rows.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The next job that may run now; none when nothing is left.
fn next(queue: &Mutex<Queue>, freed: &Condvar) -> Option<Job> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if queue.jobs.is_empty() {
            return None;
        }
        let busy = queue.fixed;
        if let Some(at) = queue.jobs.iter().position(|job| !(busy && job.target.package == FIXED_LETTERS)) {
            let job = queue.jobs.remove(at);
            queue.fixed |= job.target.package == FIXED_LETTERS;
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

/// Builds all of them in one go, so that they share what they depend on. Programs by package and target.
fn build(targets: &[Target]) -> Result<BTreeMap<(String, String), PathBuf>, Box<dyn std::error::Error>> {
    let mut line = vec!["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"];
    let mut names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    line.extend(names.iter().flat_map(|name| ["--test", name]));
    println!("\n== real cluster: cargo {}", line.join(" "));
    let output = cargo(&line).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the tests on real clusters were not built: {}", output.status).into());
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let folders: BTreeMap<&Path, &Target> =
        targets.iter().map(|target| (target.folder.as_path(), target)).collect();
    Ok(messages.filter_map(|message| built(&message, &folders)).collect())
}

fn built(message: &Value, folders: &BTreeMap<&Path, &Target>) -> Option<((String, String), PathBuf)> {
    let program = message["executable"].as_str()?;
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let name = message["target"]["name"].as_str()?;
    let is_test = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "test");
    let package = folders.get(folder).filter(|_| is_test)?.package.clone();
    Some(((package, name.to_owned()), program.into()))
}
