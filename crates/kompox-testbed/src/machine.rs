//! What is machine-wide: the bridge, links, routes, control groups and the record of who owns a
//! cluster's letter. Everything made here is undone here. Runs ip, writes below `/run` and
//! `/sys/fs/cgroup`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::layout::{MACHINE, machine_lock, slot_record};
use crate::lock::Lock;
use crate::process::{ProcessId, wait_until};
use crate::program::Program;
use crate::slot::{BRIDGE, GATEWAY, Slot};

const CGROUPS: &str = "/sys/fs/cgroup";
/// How long the processes of a cluster whose namespaces are gone may take to end by themselves.
const STRAGGLERS: Duration = Duration::from_secs(2);
/// Mount points inside the clusters' namespaces; on the machine they are empty folders.
pub(crate) const MOUNT_POINTS: &[&str] =
    &["/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers"];

/// Who owns a cluster's letter on this machine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The state folder.
    pub(crate) root: PathBuf,
    /// The first process of the cluster's namespaces.
    pub(crate) holder: ProcessId,
}

impl Record {
    /// The record of a slot, if there is one.
    pub(crate) fn read(slot: Slot) -> Result<Option<Self>> {
        let path = slot_record(slot);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        // A record cut short by a crash is no record; the clean-up does not need it.
        Ok(serde_json::from_str(&text).ok())
    }

    /// Keeps the record until `down`.
    pub(crate) fn write(&self, slot: Slot) -> Result<()> {
        let path = slot_record(slot);
        let text = serde_json::to_string(self)
            .map_err(|error| Error::Form { what: path.display().to_string(), detail: error.to_string() })?;
        fs::write(&path, text).map_err(Error::file("write", path))
    }
}

/// Refuses machines a cluster cannot run on, and makes the folder of records and locks.
pub(crate) fn check() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    if Path::new(CGROUPS).join("cgroup.controllers").exists() {
        // The kubelet would be content, but nobody has run this test bed on such a machine.
        return Err(Error::Machine("it has no version 1 control groups".to_owned()));
    }
    fs::create_dir_all(MACHINE).map_err(Error::file("make", MACHINE))
}

/// The bridge and the mount points, once for all clusters.
pub(crate) fn prepare() -> Result<()> {
    let _lock = Lock::take(&machine_lock(), "the machine's bridge")?;
    for path in MOUNT_POINTS {
        fs::create_dir_all(path).map_err(Error::file("make", *path))?;
    }
    if Program::new("ip").args(["link", "show", BRIDGE]).succeeds() {
        return Ok(());
    }
    ip(&["link", "add", BRIDGE, "type", "bridge"])?;
    ip(&["address", "add", &format!("{GATEWAY}/24"), "dev", BRIDGE])?;
    ip(&["link", "set", BRIDGE, "up"])
}

/// Undoes [`prepare`] when the last cluster is gone. Call it without a record of this slot.
pub(crate) fn restore_if_unused() -> Result<()> {
    let _lock = Lock::take(&machine_lock(), "the machine's bridge")?;
    for slot in Slot::all() {
        if Record::read(slot)?.is_some() {
            return Ok(());
        }
    }
    delete_link(BRIDGE)?;
    for path in MOUNT_POINTS {
        // Not empty, or never there: then it is not ours to remove.
        fs::remove_dir(path).ok();
    }
    Ok(())
}

/// Connects a cluster's network namespace with the bridge.
pub(crate) fn connect(slot: Slot, holder: &ProcessId) -> Result<()> {
    let link = slot.group();
    delete_link(&link)?;
    let namespace = holder.pid.to_string();
    let hardware = slot.hardware_address();
    ip(&[
        "link", "add", &link, "type", "veth", "peer", "name", "eth0", "address", &hardware, "netns",
        &namespace,
    ])?;
    ip(&["link", "set", &link, "master", BRIDGE, "up"])
}

/// Sends the cluster's Pod and Service addresses to its node.
pub(crate) fn route(slot: Slot) -> Result<()> {
    let node = slot.address().to_string();
    for range in [slot.node_pods(), slot.services()] {
        ip(&["route", "replace", &range, "via", &node])?;
    }
    Ok(())
}

/// Removes links, routes, control groups and the record of a cluster none of whose processes runs.
pub(crate) fn clean(slot: Slot) -> Result<()> {
    for range in [slot.node_pods(), slot.services()] {
        let shown = Program::new("ip").args(["route", "show", "exact", &range]).run()?;
        if !shown.trim().is_empty() {
            ip(&["route", "del", &range])?;
        }
    }
    delete_link(&slot.group())?;
    let group = slot.group();
    let started = Instant::now();
    wait_until(Duration::from_secs(15), &format!("the end of control group {group}"), || {
        let groups: Vec<PathBuf> = hierarchies().map(|hierarchy| hierarchy.join(&group)).collect();
        if started.elapsed() > STRAGGLERS {
            groups.iter().for_each(|group| kill_members(group));
        }
        // Every one is tried: a short-circuit would leave the rest for later.
        groups.iter().filter(|group| !remove_group(group)).count() == 0
    })?;
    let record = slot_record(slot);
    match fs::remove_file(&record) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file("remove", record)(error)),
        _ => Ok(()),
    }
}

/// Makes the cluster's control groups: daemons in `GROUP/sys`, Pods beside it.
pub(crate) fn make_groups(slot: Slot) -> Result<()> {
    for hierarchy in hierarchies().filter(|path| path.join("tasks").exists()) {
        for name in [slot.group(), format!("{}/sys", slot.group())] {
            let group = hierarchy.join(name);
            fs::create_dir_all(&group).map_err(Error::file("make", &group))?;
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let own = group.join(file);
                if own.exists() {
                    let all = hierarchy.join(file);
                    let all = fs::read(&all).map_err(Error::file("read", all))?;
                    fs::write(&own, all).map_err(Error::file("write", own))?;
                }
            }
        }
    }
    Ok(())
}

/// Anonymous memory of all processes of a cluster, in bytes.
pub(crate) fn memory(slot: Slot) -> Option<u64> {
    let path = Path::new(CGROUPS).join("memory").join(slot.group()).join("memory.stat");
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("total_rss "))?.trim().parse().ok()
}

fn hierarchies() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(CGROUPS).ok();
    entries.into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir())
}

/// Ends what is still in a group of ours. Whoever is in it was started by us or by one we started; a
/// crash at the wrong moment can leave such a process without a record.
fn kill_members(group: &Path) {
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for process in members.lines().filter_map(|line| ProcessId::of(line.parse().ok()?)) {
        process.kill();
    }
    for entry in fs::read_dir(group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        kill_members(&entry.path());
    }
}

/// Removes a group and those below it; false while processes are still in it.
fn remove_group(group: &Path) -> bool {
    let Ok(entries) = fs::read_dir(group) else { return true };
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        remove_group(&entry.path());
    }
    fs::remove_dir(group).is_ok()
}

fn delete_link(name: &str) -> Result<()> {
    if !Path::new("/sys/class/net").join(name).exists() {
        return Ok(());
    }
    ip(&["link", "delete", name]).or_else(|error| {
        // The other end's namespace may have taken it along in the meantime.
        if Path::new("/sys/class/net").join(name).exists() { Err(error) } else { Ok(()) }
    })
}

fn ip(arguments: &[&str]) -> Result<()> {
    Program::new("ip").args(arguments).run().map(|_| ())
}
