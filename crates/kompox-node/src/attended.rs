//! Ends the program when whoever asked for its work is gone. IO: reads standard input in a thread.

use crate::failure::{Result, cannot};
use std::io::{self, Read};
use std::process;
use std::thread;

/// What the program ends with when it was left alone.
const ALONE: i32 = 1;

/// From now on the program ends when `input` does. Only for work that leaves nothing behind: it is not told.
pub(crate) fn end_with(mut input: impl Read + Send + 'static) -> Result<()> {
    let watch = move || {
        // An input that cannot be read any more has ended, too.
        let _ = io::copy(&mut input, &mut io::sink());
        process::exit(ALONE)
    };
    let started = thread::Builder::new().name("attended".to_owned()).spawn(watch);
    started.map(drop).map_err(|error| cannot("start", "a thread", error))
}
