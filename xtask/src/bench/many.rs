//! Many apps in one cluster, a hundred unless said otherwise: how long `app list` and `app status` take, and how many requests each command sends.
//! The apps have all their objects, but no disks and no hosts, and their Pods stay Pending: they ask for a platform that
//! no node has.

use super::project::Project;
use super::row::print_spread;
use super::{Bed, Bench};
use crate::Outcome;
use std::fmt::Write as _;
use std::process::Command;

/// Times that the list is asked for.
const LISTS: usize = 50;
const COMPOSE: &str = "
services:
  web:
    image: localhost/busybox:1
    platform: windows/amd64
    command: [sleep, infinity]
    environment: {A: one}
";

pub(super) fn measure(bench: &Bench, bed: &Bed) -> Outcome {
    let mut apps = Vec::new();
    for number in 0..bench.apps {
        apps.push(bench.project(bed, &format!("bench-many-{number}"), COMPOSE)?);
    }
    let measured = deployed(&apps).and_then(|()| look(&apps));
    remove(&apps)?;
    measured
}

fn deployed(apps: &[Project]) -> Outcome {
    let mut seconds = Vec::new();
    for app in apps {
        seconds.push(app.ops(&["app", "deploy", "--no-wait"])?.seconds);
    }
    print_spread(&format!("app deploy --no-wait of {} apps, one after the other", apps.len()), &seconds);
    Ok(())
}

fn look(apps: &[Project]) -> Outcome {
    let mut seconds = Vec::new();
    for app in apps {
        seconds.push(app.ops(&["app", "status"])?.seconds);
    }
    print_spread(&format!("app status among {} apps", apps.len()), &seconds);
    let first = apps.first().ok_or("no apps")?;
    let mut seconds = Vec::new();
    for _ in 0..LISTS {
        seconds.push(first.ops(&["app", "list"])?.seconds);
    }
    print_spread(&format!("app list of {} apps", apps.len()), &seconds);
    for command in [&["app", "status"][..], &["app", "list"], &["app", "deploy", "--no-wait"]] {
        let counted = requests(first, command)?;
        println!("{:<57} {counted} requests", format!("{} among {} apps", command.join(" "), apps.len()));
    }
    Ok(())
}

/// Requests of one command, as its debug log shows them.
fn requests(app: &Project, command: &[&str]) -> Result<usize, Box<dyn std::error::Error>> {
    let line: Vec<&str> =
        ["--log-level", "debug", "--log-format", "json"].into_iter().chain(command.iter().copied()).collect();
    let log = app.ops(&line)?.stderr;
    Ok(log.lines().filter(|line| line.contains("\"duration_ms\"")).count())
}

/// All Namespaces at once: nothing of these apps is outside of theirs.
fn remove(apps: &[Project]) -> Outcome {
    let Some(first) = apps.first() else { return Ok(()) };
    let names = apps.iter().fold(String::new(), |mut all, app| {
        write!(all, "{}{}", if all.is_empty() { "" } else { "," }, app.app)
            .unwrap_or_else(|_| unreachable!("a String takes all text"));
        all
    });
    let status = Command::new(&first.kubectl)
        .env("KUBECONFIG", &first.kubeconfig)
        .args(["delete", "namespaces", "--ignore-not-found", "--timeout=300s", "--selector"])
        .arg(format!("app.kubernetes.io/managed-by=kompox,app.kubernetes.io/name in ({names})"))
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("deleting the apps: {status}").into()) }
}
