//! Faults on purpose, for tests: stop or fail before the n-th change of a file system.
//!
//! Every function of this program that changes a file system calls [`point`] first, so that no step can be
//! forgotten. Without the variable it costs one atomic load. Reads the environment once.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// `abort:N` ends the process, as `kill -9` would, before its N-th change; `fail:N` makes that change fail.
pub const VARIABLE: &str = "KOMPOX_NODE_FAULT";

enum Fault {
    Abort(u64),
    Fail(u64),
}

static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
static PASSED: AtomicU64 = AtomicU64::new(0);

fn from_environment() -> Option<Fault> {
    let text = std::env::var(VARIABLE).ok()?;
    let (what, number) = text.split_once(':')?;
    let number = number.parse().ok()?;
    match what {
        "abort" => Some(Fault::Abort(number)),
        "fail" => Some(Fault::Fail(number)),
        _ => None,
    }
}

/// One change is about to be made.
///
/// # Errors
/// The fault that was asked for.
pub fn point() -> io::Result<()> {
    let Some(fault) = FAULT.get_or_init(from_environment) else { return Ok(()) };
    let number = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    match fault {
        Fault::Abort(at) if *at == number => std::process::abort(),
        Fault::Fail(at) if *at == number => Err(io::Error::other("a fault was asked for")),
        Fault::Abort(_) | Fault::Fail(_) => Ok(()),
    }
}
