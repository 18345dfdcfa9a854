//! Apps of 1, 10 and 57 services, from nothing to Ready, against kubectl with the very same objects.

use super::row::Row;
use super::{Bed, Bench};
use std::fmt::Write as _;

/// Numbers of services: one, many, and as many as the largest public compose file known to us.
const SIZES: [usize; 3] = [1, 10, 57];
/// A Pod of many containers takes long enough on its own that few runs tell enough.
const RUNS: usize = 3;

pub(super) fn rows(bench: &Bench, bed: &Bed) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let mut rows = Vec::new();
    for services in SIZES {
        let app = bench.project(bed, &format!("bench-{services}"), &compose(services))?;
        app.ops(&["app", "deploy"])?;
        let manifest = app.manifest()?;
        let namespace = app.namespace()?;
        let (mut ours, mut theirs) = (vec![], vec![]);
        let runs = bench.runs.min(RUNS);
        for run in 0..runs {
            app.clear_for(run, runs)?;
            ours.push(app.ops(&["app", "deploy"])?.seconds);
            app.clear_for(run, runs)?;
            let applied =
                app.kubectl(&["apply", "--server-side", "--force-conflicts", "--filename", &manifest])?;
            let wait = ["wait", "--for=condition=Available", "deployment/app", "--timeout=300s"];
            let wait: Vec<&str> = wait.into_iter().chain(["--namespace", &namespace]).collect();
            theirs.push(applied.seconds + app.kubectl(&wait)?.seconds);
        }
        app.clear()?;
        let what = format!("deploy / kubectl apply + wait, {services} services");
        rows.push(Row::new(what, ours, theirs, "s", 1.05));
    }
    Ok(rows)
}

/// Services without volumes, each on a port of its own. Checks of 57 containers keep a machine busy: not too often.
fn compose(services: usize) -> String {
    let mut text = "services:\n".to_owned();
    for number in 0..services {
        let port = 8000 + number;
        writeln!(
            text,
            "  s{number}:\n    image: localhost/busybox:1\n    \
             command: [sh, -c, 'echo up > /tmp/index.html; exec httpd -f -p {port} -h /tmp']\n    \
             expose: ['{port}']\n    environment: {{NUMBER: '{number}'}}\n    stop_grace_period: 1s\n    \
             healthcheck: {{test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:{port}/'], interval: 10s, retries: 30}}"
        )
        .unwrap_or_else(|_| unreachable!("a String takes all text"));
    }
    text
}
