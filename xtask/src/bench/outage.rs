//! How long an app does not answer while its Pod is replaced, seen from outside through the ingress controller.

use super::project::Project;
use super::{Bed, Bench, deploy};
use crate::Outcome;
use kompox_testbed::https;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const APP: &str = "bench-outage";
/// A request that comes while the former Pod's network goes hangs until the ingress controller gives up connecting, half
/// a minute, while others are answered already.
const PROBE: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// For how long an app may be away at most.
const PATIENCE: Duration = Duration::from_secs(120);
/// For how long the app has to answer again before the watch ends.
const SETTLED: Duration = Duration::from_secs(3);

/// Where the app is reached from outside.
struct Door {
    address: std::net::IpAddr,
    host: String,
    authority: PathBuf,
}

pub(super) fn measure(bench: &Bench, bed: &Bed) -> Outcome {
    let app = bench.project(bed, APP, deploy::COMPOSE)?;
    let door = Door {
        address: bed.cluster.node_address().into(),
        host: format!("{APP}.local.kompox.test"),
        authority: bed.cluster.ingress_authority(),
    };
    app.ops(&["app", "deploy"])?;
    door.open()?;
    let redeploys =
        (0..bench.runs).map(|run| door.watched(|| redeploy(&app, run))).collect::<Result<Vec<_>, _>>()?;
    print("a redeploy with a changed environment", &redeploys);
    let switches = (0..bench.runs).map(|run| switch(&app, &door, run)).collect::<Result<Vec<_>, _>>()?;
    print("a switch to another disk, disk attach", &switches);
    app.clear()?;
    forget_disks(&app)
}

fn redeploy(app: &Project, run: usize) -> Outcome {
    let compose = deploy::COMPOSE.replace("A: one", &format!("A: run-{run}"));
    fs::write(app.folder.join("compose.yml"), compose)?;
    app.ops(&["app", "deploy"]).map(|_| ())
}

/// Only the switch counts; the disk is made while the app still answers.
fn switch(app: &Project, door: &Door, run: usize) -> Result<Duration, Box<dyn std::error::Error>> {
    let name = format!("bench-{}-{run}", std::process::id());
    app.ops(&["disk", "create", &name])?;
    door.watched(|| app.ops(&["--yes", "disk", "attach", &name]).map(|_| ()))
}

/// Deletes the disks that are not in use any more; the assigned one serves the next benchmark.
fn forget_disks(app: &Project) -> Outcome {
    let disks = app.json(&["disk", "list"])?;
    for disk in disks["disks"].as_array().into_iter().flatten().filter(|disk| disk["assigned"] == false) {
        let name = disk["name"].as_str().ok_or("a disk without a name")?;
        app.ops(&["--yes", "disk", "delete", name])?;
    }
    Ok(())
}

fn print(what: &str, outages: &[Duration]) {
    let shown: Vec<_> = outages.iter().map(|outage| format!("{:.1}", outage.as_secs_f64())).collect();
    println!("{:<57} {} s", format!("outage of {what}"), shown.join(", "));
}

impl Door {
    fn answers(&self) -> bool {
        https::get_within(self.address, &self.host, "/", &self.authority, PROBE)
            .is_ok_and(|answer| answer.status == 200)
    }

    /// Waits for the app's first answer.
    fn open(&self) -> Outcome {
        https::get_until(self.address, &self.host, "/", &self.authority, 200, PATIENCE)?;
        Ok(())
    }

    /// From the last answer before to the first answer after all that went unanswered while `change` ran.
    fn watched(&self, change: impl FnOnce() -> Outcome) -> Result<Duration, Box<dyn std::error::Error>> {
        let changed = AtomicBool::new(false);
        thread::scope(|scope| {
            let watch = scope.spawn(|| self.watch(&changed));
            let outcome = change();
            changed.store(true, Ordering::Relaxed);
            let outage = watch.join().map_err(|_| "the watching thread failed")??;
            outcome.map(|()| outage)
        })
    }

    fn watch(&self, changed: &AtomicBool) -> Result<Duration, String> {
        let mut last_answer = Instant::now();
        let mut lost: Option<Instant> = None;
        let mut outage = None;
        let mut missed = Instant::now();
        loop {
            if self.answers() {
                last_answer = Instant::now();
                // Another gap later on belongs to the same outage.
                outage = lost.map(|before| outage.unwrap_or(last_answer - before));
            } else {
                lost = lost.or(Some(last_answer));
                outage = None;
                missed = Instant::now();
            }
            if changed.load(Ordering::Relaxed) && missed.elapsed() > SETTLED {
                return Ok(outage.unwrap_or_default());
            }
            if last_answer.elapsed() > PATIENCE {
                return Err(format!("https://{}/ did not answer any more", self.host));
            }
            thread::sleep(PAUSE);
        }
    }
}
