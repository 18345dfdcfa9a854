//! Damaged and made-up input for the loader, on two threads: it must neither panic nor take much time or memory. Reads the
//! tests of kompox-compose as a corpus and writes what it finds into their folder `regressions`.
//!
//! Every input follows from a seed and a number, so that one that ends the whole process is known too: its number is in
//! a journal before it is run. Memory is the largest resident set that the kernel saw; when it is too much, the inputs of
//! that moment are run again in processes of their own.

mod again;
mod bytes;
mod check;
mod corpus;
mod kernel;
mod report;
mod run;
mod supervise;
mod target;

pub use again::{AGAIN, Parts, again};
pub use check::{Checked, check};
pub use report::{Finding, Report};
pub use run::threads;
pub use supervise::{ONE, THREADS, one, run, show};

/// Inputs up to this size must be done in [`LIMIT`].
pub const SIZE: usize = 64 << 10;
/// The longest that loading, or printing what was loaded, may take in an optimised build.
pub const LIMIT: std::time::Duration = std::time::Duration::from_millis(100);
/// The most memory that the process may ever have, in MiB.
pub const MEMORY: f64 = 256.0;
