//! From errors of the system to failures with a kind. No IO.

use kompox_node_protocol::{Failure, Kind};
use rustix::io::Errno;
use std::fmt::Display;
use std::io;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Failure>;

/// A failure of a system call: `cannot {doing} {what}: {cause}`.
pub fn cannot(doing: &str, what: impl Display, error: impl Into<io::Error>) -> Failure {
    let error = error.into();
    let failure = Failure::new(kind_of(&error), format!("cannot {doing} {what}: {error}"));
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) => {
            failure.hint("a symbolic link stands where a folder must be; remove it if you know why")
        }
        Some(Errno::NOSPC | Errno::DQUOT) => failure.hint("free some space on that file system"),
        _ => failure,
    }
}

fn kind_of(error: &io::Error) -> Kind {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::MLINK) => Kind::Quota,
        Some(Errno::ROFS | Errno::ACCESS | Errno::PERM) => Kind::Denied,
        Some(Errno::NOENT) => Kind::NotFound,
        Some(Errno::EXIST) => Kind::AlreadyExists,
        Some(Errno::LOOP | Errno::NOTDIR | Errno::XDEV | Errno::BUSY) => Kind::Conflict,
        Some(Errno::NAMETOOLONG) => Kind::Invalid,
        Some(Errno::IO | Errno::NODEV | Errno::STALE) => Kind::Unavailable,
        _ => Kind::Internal,
    }
}

/// A request that is wrong.
pub fn invalid(message: impl Display) -> Failure {
    Failure::new(Kind::Invalid, message.to_string())
}

/// A state that forbids what was asked.
pub fn conflict(message: impl Display) -> Failure {
    Failure::new(Kind::Conflict, message.to_string())
}
