//! One small app, deployed over and over, against kubectl with the very same objects.

use super::row::Row;
use super::{Bed, Bench};
use serde_json::Value;

/// The app.
pub(super) const COMPOSE: &str = "
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

pub(super) fn rows(bench: &Bench, bed: &Bed) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let app = bench.project(bed, "bench", COMPOSE)?;
    // Both sides find kompox-node, the images and the disk in place.
    app.ops(&["app", "deploy"])?;
    let manifest = app.manifest()?;
    let apply = ["apply", "--server-side", "--force-conflicts", "--filename", &manifest];
    let wait = ["wait", "--for=condition=Available", "deployment/app", "--timeout=120s", "--namespace"];
    let namespace = app.namespace()?;
    let (mut phase, mut api, mut whole) = (vec![], vec![], vec![]);
    let (mut api_theirs, mut whole_theirs) = (vec![], vec![]);
    let (mut memory, mut memory_theirs) = (vec![], vec![]);
    for run in 0..bench.runs {
        // Each is measured on a cluster where everything else has come to rest.
        app.clear_for(run, bench.runs)?;
        let ours = app.ops(&["--log-format", "json", "app", "deploy"])?;
        whole.push(ours.seconds);
        memory.push(ours.mebibytes);
        phase.push(applying(&ours.stderr).ok_or("the deploy did not tell how long applying took")?);
        app.clear_for(run, bench.runs)?;
        let theirs = app.kubectl(&apply)?;
        api_theirs.push(theirs.seconds);
        memory_theirs.push(theirs.mebibytes);
        let waited: Vec<&str> = wait.iter().copied().chain([namespace.as_str()]).collect();
        whole_theirs.push(theirs.seconds + app.kubectl(&waited)?.seconds);
        app.clear()?;
        api.push(app.ops(&["app", "deploy", "--no-wait"])?.seconds);
        app.ops(&["app", "deploy"])?;
    }
    let (mut again, mut again_theirs) = (vec![], vec![]);
    app.ops(&["app", "deploy"])?;
    for _ in 0..bench.runs {
        again.push(app.ops(&["app", "deploy"])?.seconds);
    }
    app.clear()?;
    let plain = ["apply", "--filename", &manifest];
    app.kubectl(&plain)?;
    for _ in 0..bench.runs {
        again_theirs.push(app.kubectl(&plain)?.seconds);
    }
    app.clear()?;
    let (mut version, mut version_theirs) = (vec![], vec![]);
    for _ in 0..bench.runs.max(10) {
        version.push(app.ops(&["version"])?.seconds);
        version_theirs.push(app.kubectl(&["version", "--client"])?.seconds);
    }
    Ok(vec![
        Row::new("deploy, applying only / kubectl apply --server-side", phase, api_theirs.clone(), "s", 0.5),
        Row::new("deploy --no-wait / kubectl apply --server-side", api, api_theirs, "s", f64::INFINITY),
        Row::new("deploy / kubectl apply + kubectl wait", whole, whole_theirs, "s", 1.05),
        Row::new("deploy with nothing to do / kubectl apply", again, again_theirs, "s", 0.5),
        Row::new("kompoxops version / kubectl version --client", version, version_theirs, "s", 0.2),
        Row::new("peak memory of deploy / kubectl apply", memory, memory_theirs, "MiB", 0.6),
    ])
}

/// Seconds of the step that applies the objects, from the progress of a deploy as JSON lines.
fn applying(progress: &str) -> Option<f64> {
    let events = progress.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut applied =
        events.filter(|event| event["message"].as_str().is_some_and(|text| text.ends_with(" applied")));
    applied.next()?["duration_seconds"].as_f64()
}
