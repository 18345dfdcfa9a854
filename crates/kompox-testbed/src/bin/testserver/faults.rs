//! The misbehaviour: ending, taking memory, refusing to stop. Ends the process.

use std::process::exit;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::journal;
use crate::options::Options;

const MEBIBYTE: usize = 1024 * 1024;

/// Takes memory and touches it, so that it counts.
pub(crate) fn fill_memory(mebibytes: usize) -> Vec<u8> {
    vec![1; mebibytes * MEBIBYTE]
}

/// Ends now or after a while, if asked to.
pub(crate) fn exit_later(options: &Options) -> Result<(), String> {
    let code = i32::from(options.exit_code.unwrap_or_default());
    match options.exit_after {
        Some(after) => {
            thread::spawn(move || {
                thread::sleep(after);
                println!("ending with code {code} as asked");
                exit(code);
            });
        }
        None if options.exit_code.is_some() => {
            journal::append(options, "ended")?;
            println!("ending with code {code} as asked");
            exit(code);
        }
        None => {}
    }
    Ok(())
}

/// Stops on SIGTERM, which a container's first process otherwise never notices.
pub(crate) fn on_signals(options: &Options) -> Result<(), String> {
    let mut signals =
        Signals::new([SIGTERM, SIGINT]).map_err(|error| format!("cannot watch signals: {error}"))?;
    let options = options.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            if options.ignore_term && signal == SIGTERM {
                println!("ignoring SIGTERM as asked");
                continue;
            }
            thread::sleep(options.stop_delay);
            if let Err(message) = journal::append(&options, "stopped") {
                eprintln!("testserver: {message}");
            }
            exit(0);
        }
    });
    Ok(())
}
