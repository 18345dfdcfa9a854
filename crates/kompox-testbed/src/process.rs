//! Processes we started, recognised by number and start time, so that a number used again for
//! something else is never taken for ours. Reads `/proc`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One process of one boot of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    /// The number as seen from the machine.
    pub(crate) pid: u32,
    /// Start time in clock ticks since boot (`/proc/PID/stat`, field 22).
    start: u64,
    /// The boot it belongs to.
    boot: String,
}

impl ProcessId {
    /// Identifies a running process.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        (!stat.ended()).then(|| Self { pid, start: stat.start, boot: boot_id() })
    }

    /// Whether exactly this process still runs. One that ended but was not collected does not.
    pub(crate) fn alive(&self) -> bool {
        self.boot == boot_id()
            && Stat::read(self.pid).is_some_and(|stat| stat.start == self.start && !stat.ended())
    }

    /// Ends it at once, if it is still the same process.
    pub(crate) fn kill(&self) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw) else { return };
        if self.alive() {
            // It may end by itself between the look and the signal; that is what we want.
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }
}

/// The child of a process, once it has one.
pub(crate) fn child_of(parent: u32, limit: Duration) -> Option<ProcessId> {
    let end = Instant::now() + limit;
    loop {
        if let Some(child) = children(parent).first() {
            return ProcessId::of(*child);
        }
        if Instant::now() > end || Stat::read(parent).is_none_or(|stat| stat.ended()) {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| Stat::read(*pid).is_some_and(|stat| stat.parent == parent))
        .collect()
}

/// Waits until a condition holds.
pub(crate) fn wait_until(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + limit;
    while !holds() {
        if Instant::now() > end {
            return Err(Error::Timeout { what: what.to_owned(), seconds: limit.as_secs() });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The machine's boot, to tell records of an earlier one.
pub(crate) fn boot_id() -> String {
    fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default().trim().to_owned()
}

struct Stat {
    state: char,
    parent: u32,
    threads: u32,
    start: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The program's name, in parentheses, may itself hold spaces and parentheses.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            threads: fields.get(17)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
        })
    }

    /// While its first thread has ended and others have not, its sockets are still open.
    fn ended(&self) -> bool {
        self.state == 'X' || (self.state == 'Z' && self.threads <= 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_line_with_a_strange_name() {
        let tail = "S 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let stat = Stat::parse(&format!("42 (a) b (c)) {tail}")).unwrap();
        assert_eq!((stat.state, stat.parent, stat.start), ('S', 7, 4711));
    }

    #[test]
    fn a_process_whose_threads_still_end_has_not_ended() {
        let ended = |state: char, threads: u32| {
            let line = format!("42 (a) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 4711 0 0");
            Stat::parse(&line).unwrap().ended()
        };
        assert_eq!([ended('S', 1), ended('Z', 3), ended('Z', 1), ended('X', 1)], [false, false, true, true]);
    }

    #[test]
    fn a_process_is_itself_and_not_its_number() {
        let own = ProcessId::of(std::process::id()).unwrap();
        assert!(own.alive());
        let other_start = ProcessId { start: own.start + 1, ..own.clone() };
        let other_boot = ProcessId { boot: "another".to_owned(), ..own };
        assert!(!other_start.alive() && !other_boot.alive());
    }
}
