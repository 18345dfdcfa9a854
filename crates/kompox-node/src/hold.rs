//! Doing nothing as the main container of a Pod whose services all are helpers of it. Waits for signals.

use crate::failure::{Result, cannot};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Returns at the first SIGTERM or SIGINT. The first process of a container is not ended by a signal unless it asks
/// for it, and would keep the Pod until it is killed.
pub(crate) fn run() -> Result<()> {
    let mut signals =
        Signals::new([SIGTERM, SIGINT]).map_err(|error| cannot("wait for", "signals", error))?;
    println!("holding until SIGTERM");
    signals.forever().next();
    Ok(())
}
