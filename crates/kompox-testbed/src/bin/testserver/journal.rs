//! One line per start and stop in a file that several containers may share. Writes that file.

use std::fs::File;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::options::Options;

/// Appends `MILLISECONDS NAME EVENT`.
pub(crate) fn append(options: &Options, event: &str) -> Result<(), String> {
    let Some(path) = &options.journal else { return Ok(()) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let line = format!("{now} {} {event}\n", options.name);
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    file.write_all(line.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
