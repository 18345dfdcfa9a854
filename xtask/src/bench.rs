//! `cargo xtask bench`: ratios of kompoxops against kubectl, each inside one run on one machine. Starts a cluster.
//!
//! Absolute times depend on the machine and mean little; a ratio says whether our own overhead is small next to that of
//! the tool everybody knows. Nothing here fails a build: goals are printed beside the medians.

use crate::Outcome;
use crate::measure::{Measured, measure};
use kompox_testbed::{Cluster, Image, Testbed, UpOptions};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const CLUSTER: &str = "a";
const COMPOSE: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, 'echo up > /www/index.html; exec httpd -f -p 8080 -h /www']
    environment: {A: one, B: two}
    volumes: [www:/www]
    ports: ['80:8080', '8080:8080']
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8080/'], interval: 1s, timeout: 5s}
    stop_grace_period: 1s
  db:
    image: localhost/busybox:1
    command: [sh, -c, 'echo up > /data/index.html; exec httpd -f -p 5432 -h /data']
    environment: {PASSWORD: three}
    volumes: [db:/data]
    configs: [{source: site, target: /etc/site.conf}]
    healthcheck: {test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:5432/'], interval: 1s, timeout: 5s}
    stop_grace_period: 1s
volumes: {www: , db: }
configs: {site: {content: 'one = 1'}}
";

/// Arguments of the benchmark.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Runs of each command; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

struct Bench {
    folder: PathBuf,
    ops: PathBuf,
    kubectl: PathBuf,
    cluster: Cluster,
    runs: usize,
}

/// One line of the result.
struct Row {
    what: &'static str,
    ours: Vec<f64>,
    theirs: Vec<f64>,
    unit: &'static str,
    goal: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let testbed = Testbed::of_this_checkout()?;
    let cluster = testbed.up(CLUSTER, &UpOptions::default())?;
    let images = testbed.ensure_images(&[Image::Busybox, Image::KompoxNode])?;
    cluster.load(&images)?;
    let ops = crate::build::release("kompoxops")?;
    let kubectl = cluster.kubectl()?.program_path();
    let folder = crate::build::root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let node_image = &images.last().ok_or("no image was built")?.reference;
    fs::write(folder.join("compose.yml"), COMPOSE)?;
    fs::write(folder.join("kompoxops.yml"), configuration(&cluster, node_image))?;
    let bench = Bench { folder, ops, kubectl, cluster, runs: arguments.runs.max(1) };
    let rows = bench.rows();
    let removed = bench.ops(&["--yes", "app", "destroy", "--delete-namespace"]);
    print(&rows?);
    removed.map(|_| ())
}

fn configuration(cluster: &Cluster, node_image: &str) -> String {
    format!(
        "version: 1\nworkspace: {{name: bench, domain: kompox.test}}\ncluster:\n  name: local\n  provider: k3s\n  existing: true\n  \
         auth: {{type: kubectl, kubeconfig: {}}}\n  images: {{node: {node_image}}}\n  settings: {{K3S_DISK_STORE: {}}}\napp:\n  name: bench\n  \
         compose: compose.yml\n",
        cluster.kubeconfig().display(),
        cluster.disk_store().display()
    )
}

impl Bench {
    fn rows(&self) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
        // Both sides find kompox-node, the images and the disk in place.
        self.ops(&["app", "deploy"])?;
        let manifest = self.manifest()?;
        let apply = ["apply", "--server-side", "--force-conflicts", "--filename", &manifest];
        let wait = ["wait", "--for=condition=Available", "deployment/app", "--timeout=120s", "--namespace"];
        let namespace = self.namespace()?;
        let (mut phase, mut api, mut whole) = (vec![], vec![], vec![]);
        let (mut api_theirs, mut whole_theirs) = (vec![], vec![]);
        let (mut memory, mut memory_theirs) = (vec![], vec![]);
        for _ in 0..self.runs {
            // Each is measured on a cluster where everything else has come to rest.
            self.clear()?;
            let ours = self.ops(&["--log-format", "json", "app", "deploy"])?;
            whole.push(ours.seconds);
            memory.push(ours.mebibytes);
            phase.push(applying(&ours.stderr).ok_or("the deploy did not tell how long applying took")?);
            self.clear()?;
            let theirs = self.kubectl(&apply)?;
            api_theirs.push(theirs.seconds);
            memory_theirs.push(theirs.mebibytes);
            let waited: Vec<&str> = wait.iter().copied().chain([namespace.as_str()]).collect();
            whole_theirs.push(theirs.seconds + self.kubectl(&waited)?.seconds);
            self.clear()?;
            api.push(self.ops(&["app", "deploy", "--no-wait"])?.seconds);
            self.ops(&["app", "deploy"])?;
        }
        let (mut again, mut again_theirs) = (vec![], vec![]);
        self.ops(&["app", "deploy"])?;
        for _ in 0..self.runs {
            again.push(self.ops(&["app", "deploy"])?.seconds);
        }
        self.clear()?;
        let plain = ["apply", "--filename", &manifest];
        self.kubectl(&plain)?;
        for _ in 0..self.runs {
            again_theirs.push(self.kubectl(&plain)?.seconds);
        }
        let (mut version, mut version_theirs) = (vec![], vec![]);
        for _ in 0..self.runs.max(10) {
            version.push(self.ops(&["version"])?.seconds);
            version_theirs.push(self.kubectl(&["version", "--client"])?.seconds);
        }
        let row = |what, ours, theirs, unit, goal| Row { what, ours, theirs, unit, goal };
        Ok(vec![
            row("deploy, applying only / kubectl apply --server-side", phase, api_theirs.clone(), "s", 0.5),
            row("deploy --no-wait / kubectl apply --server-side", api, api_theirs, "s", f64::INFINITY),
            row("deploy / kubectl apply + kubectl wait", whole, whole_theirs, "s", 1.05),
            row("deploy with nothing to do / kubectl apply", again, again_theirs, "s", 0.5),
            row("kompoxops version / kubectl version --client", version, version_theirs, "s", 0.2),
            row("peak memory of deploy / kubectl apply", memory, memory_theirs, "MiB", 0.6),
        ])
    }

    /// The very objects of a deploy, as a file for kubectl.
    fn manifest(&self) -> Result<String, Box<dyn std::error::Error>> {
        let output = Command::new(&self.ops)
            .current_dir(&self.folder)
            .args(["--output", "json", "app", "deploy", "--dry-run", "--show-secrets"])
            .output()?;
        if !output.status.success() {
            return Err(format!("the dry run failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let plan: Value = serde_json::from_slice(&output.stdout)?;
        let list = json!({"apiVersion": "v1", "kind": "List", "items": plan["objects"]});
        let path = self.folder.join("objects.json");
        fs::write(&path, list.to_string())?;
        Ok(path.display().to_string())
    }

    fn namespace(&self) -> Result<String, Box<dyn std::error::Error>> {
        let output = Command::new(&self.ops)
            .current_dir(&self.folder)
            .args(["--output", "json", "app", "status"])
            .output()?;
        let status: Value = serde_json::from_slice(&output.stdout)?;
        Ok(status["namespace"].as_str().ok_or("no Namespace")?.to_owned())
    }

    /// Takes everything away but the disk.
    fn clear(&self) -> Outcome {
        self.ops(&["--yes", "app", "destroy", "--delete-namespace"]).map(|_| ())
    }

    fn ops(&self, arguments: &[&str]) -> Result<Measured, Box<dyn std::error::Error>> {
        let mut command = Command::new(&self.ops);
        command.current_dir(&self.folder).args(arguments);
        measure(&mut command)
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<Measured, Box<dyn std::error::Error>> {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", self.cluster.kubeconfig()).args(arguments);
        measure(&mut command)
    }
}

/// Seconds of the step that applies the objects, from the progress of a deploy as JSON lines.
fn applying(progress: &str) -> Option<f64> {
    let events = progress.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut applied =
        events.filter(|event| event["message"].as_str().is_some_and(|text| text.ends_with(" applied")));
    applied.next()?["duration_seconds"].as_f64()
}

fn print(rows: &[Row]) {
    println!(
        "{:<50} {:>10} {:>10} {:>7} {:>7}",
        "median of whole processes", "ours", "theirs", "ratio", "goal"
    );
    for Row { what, ours, theirs, unit, goal } in rows {
        let (ours, theirs) = (median(ours), median(theirs));
        let ratio = ours / theirs;
        let verdict = if ratio <= *goal { "" } else { "  missed" };
        let goal = if goal.is_finite() { format!("{goal:.2}") } else { "-".to_owned() };
        println!("{what:<52} {ours:>8.3} {unit:<3} {theirs:>8.3} {unit:<3} {ratio:>6.2} {goal:>6}{verdict}");
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
