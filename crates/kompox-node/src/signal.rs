//! A signal to the first process of a container, and waiting for its end. IO.

use crate::failure::{Result, cannot, invalid};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, test_kill_process};
use std::time::Duration;

const NAMES: &[(&str, Signal)] = &[
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ILL", Signal::ILL),
    ("TRAP", Signal::TRAP),
    ("ABRT", Signal::ABORT),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("SEGV", Signal::SEGV),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("CHLD", Signal::CHILD),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::URG),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
    ("VTALRM", Signal::VTALARM),
    ("PROF", Signal::PROF),
    ("WINCH", Signal::WINCH),
    ("IO", Signal::IO),
    ("PWR", Signal::POWER),
    ("SYS", Signal::SYS),
];

/// The signal with this name (`SIGTERM`, `term`) or number. Real-time signals have no fixed number and are refused.
pub(crate) fn parse(text: &str) -> Result<Signal> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let found = match name.parse() {
        Ok(number) => Signal::from_named_raw(number),
        Err(_) => NAMES.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal),
    };
    found.ok_or_else(|| {
        invalid(format!("`{text}` is not a signal that can be sent: use a name such as SIGINT"))
    })
}

/// Sends `signal` to the process `pid` and, if asked, waits until it has ended.
pub(crate) fn run(signal: Signal, pid: i32, wait: bool) -> Result<()> {
    let Some(pid) = Pid::from_raw(pid).filter(|pid| pid.as_raw_pid() > 0) else {
        return Err(invalid(format!("{pid} is not the number of a process")));
    };
    let shown = format!("process {}", pid.as_raw_pid());
    // Opened first, so that the wait is for this process and not for a later one of the same number.
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Err(cannot("find", shown, Errno::SRCH)),
        // An old kernel, or a sandbox that does not know the call.
        other => other.ok(),
    };
    kill_process(pid, signal).map_err(|error| cannot("signal", &shown, error))?;
    if !wait {
        return Ok(());
    }
    if let Some(process) = process {
        loop {
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], None) {
                Err(Errno::INTR) => {}
                other => return other.map(drop).map_err(|error| cannot("wait for", shown, error)),
            }
        }
    }
    while test_kill_process(pid) != Err(Errno::SRCH) {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for text in ["SIGINT", "INT", "int", "2"] {
            assert_eq!(parse(text).unwrap(), Signal::INT, "{text}");
        }
        for text in ["", "SIG", "0", "-1", "99", "SIGRTMIN+3", "34", "SIGSIGINT", "TERM "] {
            assert!(parse(text).is_err(), "{text}");
        }
        for (name, signal) in NAMES {
            assert_eq!(parse(&signal.as_raw().to_string()).unwrap(), *signal, "{name}");
        }
    }
}
