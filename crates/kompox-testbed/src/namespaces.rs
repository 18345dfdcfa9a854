//! A cluster's own mount, network, host name, IPC and process namespaces, and the processes in
//! them. Starts and ends processes.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::components::Component;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::machine;
use crate::process::{ProcessId, child_of, wait_until};
use crate::program::{Program, SYSTEM_PATH, last_lines};
use crate::slot::{GATEWAY, Slot};

/// What the kubelet would set for the whole machine; it finds these files in place of the sysctls.
const SYSCTLS: &[(&str, &str)] =
    &[("vm/overcommit_memory", "1\n"), ("kernel/panic", "10\n"), ("kernel/panic_on_oops", "1\n")];
/// A program that was started shows up this quickly, or never.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Lines of a log shown when its program ended.
const SHOWN_LINES: usize = 15;

/// The namespaces of a running cluster.
#[derive(Debug, Clone)]
pub(crate) struct Namespaces {
    slot: Slot,
    folder: PathBuf,
    agent: PathBuf,
    /// Their first process: when it ends, all others do.
    pub(crate) holder: ProcessId,
}

/// What is remembered of a started component.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Started {
    /// The process.
    pub(crate) process: ProcessId,
    /// Hash of its command line and configuration.
    made_from: String,
}

impl Namespaces {
    /// Namespaces that exist already.
    pub(crate) fn existing(slot: Slot, folder: &Path, agent: &Path, holder: ProcessId) -> Self {
        Self { slot, folder: folder.to_owned(), agent: agent.to_owned(), holder }
    }

    /// Makes new ones, empty.
    pub(crate) fn create(slot: Slot, folder: &Path, agent: &Path) -> Result<Self> {
        machine::make_groups(slot)?;
        let log = folder.join("log/holder.log");
        let mut unshare = joined(agent, slot);
        unshare
            .args(["unshare", "--mount", "--propagation", "slave", "--net", "--uts", "--ipc", "--pid"])
            .args(["--fork", "--kill-child", "--mount-proc"])
            .arg(agent)
            .arg("hold");
        let holder = launch(unshare, "the namespaces' first process", &log)?;
        // Only when it has become the agent has `unshare` done everything: a mount made shared before would be private again.
        let agent_path = fs::canonicalize(agent).map_err(Error::file("resolve", agent))?;
        let program = format!("/proc/{}/exe", holder.pid);
        wait_until(START_LIMIT, "the cluster's namespaces", || {
            fs::read_link(&program).is_ok_and(|link| link == agent_path)
        })?;
        Ok(Self::existing(slot, folder, agent, holder))
    }

    /// Link, mounts, host name, addresses and the routes to them.
    pub(crate) fn furnish(&self) -> Result<()> {
        machine::connect(self.slot, &self.holder)?;
        for (name, value) in SYSCTLS {
            let path = self.stand_in(name);
            fs::write(&path, value).map_err(Error::file("write", path))?;
        }
        for command in self.furniture() {
            self.program(&command[0]).args(&command[1..]).run()?;
        }
        machine::route(self.slot)
    }

    fn stand_in(&self, sysctl: &str) -> PathBuf {
        self.folder.join("sysctl").join(sysctl.replace('/', "."))
    }

    fn furniture(&self) -> Vec<Vec<String>> {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let bind = |from: PathBuf, to: &str| {
            vec!["mount".to_owned(), "--bind".to_owned(), from.display().to_string(), to.to_owned()]
        };
        let mut commands = vec![
            words(&format!("hostname {}", self.slot.node())),
            // Plugins that mount for others, and Bidirectional mounts, need a shared tree.
            words("mount --make-rshared /"),
            // Plugins look for sockets and state at fixed paths: each cluster has its own.
            words("mount -t tmpfs -o mode=755 tmpfs /var/lib/cni"),
            words("mount -t tmpfs -o mode=755 tmpfs /run"),
            words("mkdir -p /run/lock /run/containerd /run/netns"),
            bind(self.folder.join("kubelet"), "/var/lib/kubelet"),
            bind(self.folder.join("pod-logs/pods"), "/var/log/pods"),
            bind(self.folder.join("pod-logs/containers"), "/var/log/containers"),
        ];
        commands
            .extend(SYSCTLS.iter().map(|(name, _)| bind(self.stand_in(name), &format!("/proc/sys/{name}"))));
        commands.extend([
            words("ip link set lo up"),
            words(&format!("ip address add {}/24 dev eth0", self.slot.address())),
            words("ip link set eth0 up"),
            words(&format!("ip route add default via {GATEWAY}")),
            ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"].map(str::to_owned).to_vec(),
        ]);
        commands
    }

    /// A program to run inside, to its end.
    pub(crate) fn program(&self, name: &str) -> Program {
        Program::new("nsenter").args(self.enter()).arg("--").arg(name).env("PATH", SYSTEM_PATH)
    }

    fn enter(&self) -> Vec<String> {
        let target = self.holder.pid.to_string();
        ["--target", &target, "--mount", "--net", "--uts", "--ipc", "--pid"].map(str::to_owned).to_vec()
    }

    /// Starts a component unless the same one runs already; whether it was started.
    pub(crate) fn ensure(&self, component: &Component) -> Result<bool> {
        let mut key = Key::default();
        for word in &component.command {
            key = key.text(word);
        }
        for path in &component.reads {
            key = key.file(path)?;
        }
        let made_from = key.short();
        if let Some(running) = self.started(component.name) {
            if running.made_from == made_from {
                return Ok(false);
            }
            running.process.kill();
            let what = format!("the end of {}", component.name);
            wait_until(START_LIMIT, &what, || !running.process.alive())?;
        }
        let mut command = joined(&self.agent, self.slot);
        command.arg("nsenter").args(self.enter()).arg("--").args(&component.command);
        let process = launch(command, component.name, &self.log(component.name))?;
        let record = self.record(component.name);
        let text = serde_json::to_string(&Started { process, made_from })
            .map_err(|error| Error::Form { what: record.display().to_string(), detail: error.to_string() })?;
        fs::write(&record, text).map_err(Error::file("write", record))?;
        Ok(true)
    }

    /// The component's process, if it runs.
    pub(crate) fn started(&self, name: &str) -> Option<Started> {
        let text = fs::read_to_string(self.record(name)).ok()?;
        let started: Started = serde_json::from_str(&text).ok()?;
        started.process.alive().then_some(started)
    }

    /// An error that shows the end of a component's log.
    pub(crate) fn failure(&self, name: &str, what: String) -> Error {
        failure(what, self.log(name))
    }

    fn record(&self, name: &str) -> PathBuf {
        self.folder.join("run").join(format!("{name}.json"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join("log").join(format!("{name}.log"))
    }
}

fn failure(what: String, log: PathBuf) -> Error {
    let text = fs::read(&log).unwrap_or_default();
    let tail = last_lines(&String::from_utf8_lossy(&text), SHOWN_LINES);
    Error::Component { what, log, tail }
}

/// A command line that starts with the agent, which joins the cluster's control groups.
fn joined(agent: &Path, slot: Slot) -> Command {
    let mut command = Command::new(agent);
    command.env_clear().env("PATH", SYSTEM_PATH).env("HOME", "/root").arg("join").arg(slot.group());
    command
}

/// Starts a program that forks once (`nsenter`, `unshare`) and returns the process it forked.
fn launch(mut command: Command, name: &str, log: &Path) -> Result<ProcessId> {
    let file = OpenOptions::new().create(true).append(true).open(log).map_err(Error::file("open", log))?;
    let errors = file.try_clone().map_err(Error::file("open", log))?;
    let parent = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .spawn()
        .map_err(|source| Error::Start { program: name.to_owned(), source })?;
    child_of(parent.id(), START_LIMIT).ok_or_else(|| failure(format!("{name} ended at once"), log.to_owned()))
}
