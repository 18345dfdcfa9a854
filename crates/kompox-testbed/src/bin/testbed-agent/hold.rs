//! The first process of a process namespace: stays, and collects the orphans that end. No IO.

use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{WaitOptions, wait};

/// How often to look again while there is no child; nobody waits for an orphan to be collected.
const IDLE: Duration = Duration::from_secs(1);

/// Runs until killed.
pub(crate) fn hold() -> Result<(), String> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => std::thread::sleep(IDLE),
            Err(errno) => return Err(format!("cannot wait for children: {errno}")),
        }
    }
}
