//! `cargo xtask cluster`: the test bed's clusters on the command line.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use kompox_testbed::{Cluster, Image, Testbed, UpOptions, Wipe};

use crate::Outcome;

const MEBIBYTE: u64 = 1024 * 1024;

/// What to do with a cluster. A name is one letter, a to i.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring a cluster up, or back to health.
    Up(Up),
    /// Take a cluster down and undo what it changed on the machine; its data stay.
    Down(Down),
    /// Show components, processes, memory and addresses.
    Status,
    /// Print shell lines to eval: KUBECONFIG, addresses, PATH.
    Env {
        /// The cluster.
        #[arg(default_value = "a")]
        name: String,
    },
    /// Import image archives, or images of the test bed by name, into the node.
    Load {
        /// Paths of archives, or names such as redmine.
        #[arg(required = true)]
        archives: Vec<String>,
        /// The cluster.
        #[arg(long, default_value = "a")]
        name: String,
    },
    /// Show the log of a component.
    Logs {
        /// A component of `status`.
        component: String,
        /// The cluster.
        #[arg(long, default_value = "a")]
        name: String,
        /// Go on as it is written.
        #[arg(short, long)]
        follow: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The cluster.
    #[arg(default_value = "a")]
    name: String,
    /// A further domain whose hosts the ingress certificate covers; may be repeated.
    #[arg(long = "domain")]
    domains: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    /// The cluster.
    #[arg(default_value = "a", conflicts_with = "all")]
    name: String,
    /// Every cluster of this checkout.
    #[arg(long)]
    all: bool,
    /// Delete the cluster's objects, images and keys too, but not its disks.
    #[arg(long)]
    wipe: bool,
    /// Delete its disks too.
    #[arg(long, requires = "wipe")]
    disks: bool,
}

/// Runs one command.
pub(crate) fn run(command: Command) -> Outcome {
    let testbed = Testbed::of_this_checkout()?;
    match command {
        Command::Up(up) => {
            testbed.up(&up.name, &UpOptions { domains: up.domains })?;
            eprintln!("eval \"$(cargo xtask cluster env {})\" gives a shell its kubectl", up.name);
        }
        Command::Down(arguments) => down(&testbed, &arguments)?,
        Command::Status => status(&testbed)?,
        Command::Env { name } => print_environment(&testbed.cluster(&name)?)?,
        Command::Load { archives, name } => load(&testbed, &testbed.cluster(&name)?, &archives)?,
        Command::Logs { component, name, follow } => logs(&testbed.cluster(&name)?, &component, follow)?,
    }
    Ok(())
}

fn down(testbed: &Testbed, arguments: &Down) -> Outcome {
    let wipe = match (arguments.wipe, arguments.disks) {
        (false, _) => None,
        (true, false) => Some(Wipe::Cluster),
        (true, true) => Some(Wipe::Everything),
    };
    if !arguments.all {
        return Ok(testbed.down(&arguments.name, wipe)?);
    }
    for cluster in testbed.clusters() {
        testbed.down(&cluster.name(), wipe)?;
    }
    Ok(())
}

fn print_environment(cluster: &Cluster) -> Outcome {
    if !cluster.is_up()? {
        eprintln!("note: cluster {} is not up", cluster.name());
    }
    for (name, value) in cluster.environment()? {
        // PATH is extended, the rest replaced; single quotes keep every character of a path.
        let quoted = value.replace('\'', "'\\''");
        match name {
            "PATH" => println!("export PATH='{quoted}':\"$PATH\""),
            _ => println!("export {name}='{quoted}'"),
        }
    }
    Ok(())
}

fn status(testbed: &Testbed) -> Outcome {
    let mut out = String::new();
    for cluster in testbed.clusters() {
        describe(&mut out, &cluster)?;
    }
    if out.is_empty() {
        out.push_str("no cluster has been brought up from this checkout\n");
    }
    // Whoever reads may have seen enough before the end.
    std::io::stdout().write_all(out.as_bytes()).ok();
    Ok(())
}

fn describe(out: &mut String, cluster: &Cluster) -> Outcome {
    let status = cluster.status()?;
    let (name, address) = (cluster.name(), cluster.node_address());
    if status.holder.is_none() {
        writeln!(out, "cluster {name}: down, data in {}", cluster.folder().display())?;
        return Ok(());
    }
    let memory = status.memory.unwrap_or_default() / MEBIBYTE;
    let node = cluster.node_name();
    writeln!(out, "cluster {name}: {memory} MiB of memory, Pods included")?;
    writeln!(out, "  node {node} at {address}, API https://{address}:6443, ingress on ports 80 and 443")?;
    for (component, running) in status.components {
        match running {
            Some(running) => {
                let resident = running.resident / MEBIBYTE;
                writeln!(out, "  {component:<20} pid {:<8} {resident:>5} MiB", running.pid)?;
            }
            None => writeln!(out, "  {component:<20} ENDED; `cluster up {name}` starts it again")?,
        }
    }
    Ok(())
}

fn logs(cluster: &Cluster, component: &str, follow: bool) -> Outcome {
    let log = cluster.log(component)?;
    let mut command =
        if follow { std::process::Command::new("tail") } else { std::process::Command::new("cat") };
    if follow {
        command.args(["--lines=50", "--follow=name", "--retry"]);
    }
    let status = command.arg(&log).status()?;
    if status.success() { Ok(()) } else { Err(format!("no log {}", log.display()).into()) }
}

fn load(testbed: &Testbed, cluster: &Cluster, archives: &[String]) -> Outcome {
    for archive in archives {
        match archive.parse::<Image>() {
            Ok(image) => cluster.load(&testbed.ensure_images(&[image])?)?,
            Err(_) => cluster.load_file(&PathBuf::from(archive))?,
        }
    }
    Ok(())
}
