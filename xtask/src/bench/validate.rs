//! `app validate` against `docker compose config`: whole processes, one for each compose file. Needs no cluster.

use super::Bench;
use super::row::{self, Row};
use crate::Outcome;
use crate::measure::{Measured, measure};
use crate::process::cargo;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Files read in one round.
const FILES: usize = 50;
/// Milliseconds that 57 services may take without the start of a process.
const IN_PROCESS: f64 = 10.0;

/// Files that both read: the examples, and those of golden cases.
const SOURCES: &[&str] = &[
    "examples/redmine",
    "examples/dokuwiki",
    "examples/wordpress",
    "examples/miniflux",
    "crates/kompox-compose/tests/golden/redmine-postgres",
    "crates/kompox-compose/tests/golden/gitea-mariadb",
    "crates/kompox-compose/tests/golden/wordpress-mariadb",
    "crates/kompox-convert/tests/golden/pod",
    "crates/kompox-convert/tests/golden/storage",
    "crates/kompox-compose/tests/golden/healthchecks",
];

const CONFIGURATION: &str = "version: 1
workspace: {name: bench, domain: kompox.test}
cluster:
  name: local
  provider: k3s
  existing: true
  auth: {type: kubectl, kubeconfig: kubeconfig}
  images: {node: localhost/kompox-node:1}
app: {name: bench, compose: compose.yml}
";

pub(super) fn rows(bench: &Bench) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let compose = bench.testbed.docker_compose()?;
    let target = crate::build::root().join("target/bench/validate");
    fs::remove_dir_all(&target).ok();
    let mut projects = Vec::new();
    for source in SOURCES {
        let folder = target.join(source.rsplit('/').next().unwrap_or(source));
        copy(&crate::build::root().join(source), &folder)?;
        fs::write(folder.join("kompoxops.yml"), CONFIGURATION)?;
        projects.push(folder);
    }
    let (mut seconds, mut seconds_theirs) = (vec![], vec![]);
    let (mut memory, mut memory_theirs) = (vec![], vec![]);
    let mut seconds_config = vec![];
    for _ in 0..bench.runs {
        let files = || projects.iter().cycle().take(FILES);
        let ours = round(files(), |folder| ours(&bench.ops, folder))?;
        seconds_config.push(round(files(), |folder| config(&bench.ops, folder))?.seconds);
        let theirs = round(files(), |folder| theirs(&compose, folder))?;
        seconds.push(ours.seconds);
        seconds_theirs.push(theirs.seconds);
        memory.push(ours.mebibytes);
        memory_theirs.push(theirs.mebibytes);
    }
    let what = |of: &str| format!("app validate / docker compose config, {of}");
    row::print_limit("57 services from text to objects, in-process", &in_process()?, 0.5, "ms", IN_PROCESS);
    Ok(vec![
        Row::new(
            format!("compose config / docker's, {FILES} files"),
            seconds_config,
            seconds_theirs.clone(),
            "s",
            0.1,
        ),
        Row::new(what(&format!("{FILES} files")), seconds, seconds_theirs, "s", 0.1),
        Row::new(what("peak memory"), memory, memory_theirs, "MiB", 0.25),
    ])
}

/// The sum of all times, the highest of all peaks.
fn round<'a>(
    folders: impl Iterator<Item = &'a PathBuf>,
    run: impl Fn(&Path) -> Result<Measured, Box<dyn std::error::Error>>,
) -> Result<Measured, Box<dyn std::error::Error>> {
    let mut sum = Measured { seconds: 0.0, mebibytes: 0.0, stderr: String::new() };
    for folder in folders {
        let one = run(folder)?;
        sum.seconds += one.seconds;
        sum.mebibytes = sum.mebibytes.max(one.mebibytes);
    }
    Ok(sum)
}

fn ours(program: &Path, folder: &Path) -> Result<Measured, Box<dyn std::error::Error>> {
    measure(Command::new(program).current_dir(folder).args(["app", "validate"]))
}

fn config(program: &Path, folder: &Path) -> Result<Measured, Box<dyn std::error::Error>> {
    measure(Command::new(program).current_dir(folder).args(["compose", "config"]))
}

/// Milliseconds of each run.
fn in_process() -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let output = cargo(&["run", "--quiet", "--release", "--package", "kompox-convert", "--example", "speed"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the example `speed` of kompox-convert failed".into());
    }
    Ok(String::from_utf8(output.stdout)?.lines().map(str::parse).collect::<Result<_, _>>()?)
}

fn theirs(program: &Path, folder: &Path) -> Result<Measured, Box<dyn std::error::Error>> {
    measure(Command::new(program).current_dir(folder).arg("config"))
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
