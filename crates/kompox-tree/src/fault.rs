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
    #[cfg(test)]
    if here::is_due() {
        return Err(io::Error::other("a fault was asked for"));
    }
    let Some(fault) = FAULT.get_or_init(from_environment) else { return Ok(()) };
    let number = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    match fault {
        Fault::Abort(at) if *at == number => std::process::abort(),
        Fault::Fail(at) if *at == number => Err(io::Error::other("a fault was asked for")),
        Fault::Abort(_) | Fault::Fail(_) => Ok(()),
    }
}

/// Faults in one thread, for tests of this crate.
#[cfg(test)]
pub(crate) mod here {
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<u64> = const { Cell::new(0) };
    }

    /// Whether it is this change that fails.
    pub(super) fn is_due() -> bool {
        let left = LEFT.get();
        LEFT.set(left.saturating_sub(1));
        left == 1
    }

    /// Runs `work` so that its `number`-th change fails. The second value is false when it made fewer.
    pub(crate) fn fail<T>(number: u64, work: impl FnOnce() -> T) -> (T, bool) {
        LEFT.set(number);
        let done = work();
        (done, LEFT.replace(0) == 0)
    }
}
