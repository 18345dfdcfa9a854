//! Becomes another program as a member of a cluster's control groups and in a session of its own.
//! Entering namespaces does not change control groups, so they are joined first.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Where the version 1 hierarchies are mounted.
const HIERARCHIES: &str = "/sys/fs/cgroup";

/// Joins `GROUP/sys` in every hierarchy that has it, then runs the program in place of this one.
pub(crate) fn join(group: &str, program: &str, arguments: &[&str]) -> Result<(), String> {
    let entries = fs::read_dir(HIERARCHIES).map_err(|error| format!("cannot list {HIERARCHIES}: {error}"))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("cannot list {HIERARCHIES}: {error}"))?;
        let members = entry.path().join(group).join("sys/cgroup.procs");
        if members.exists() {
            enter(&members)?;
        }
    }
    // Away from the caller's terminal: its Ctrl-C and its end are not meant for a cluster.
    rustix::process::setsid().map_err(|errno| format!("cannot start a session: {errno}"))?;
    Err(format!("cannot start {program}: {}", Command::new(program).args(arguments).exec()))
}

fn enter(members: &Path) -> Result<(), String> {
    fs::write(members, std::process::id().to_string())
        .map_err(|error| format!("cannot join {}: {error}", members.display()))
}
