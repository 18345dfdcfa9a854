//! Time and peak memory of one child process. Runs it.

use std::process::{Command, Stdio};
use std::time::Instant;

/// What a process used.
pub(crate) struct Measured {
    /// From start to end.
    pub(crate) seconds: f64,
    /// Largest resident set, in MiB.
    pub(crate) mebibytes: f64,
    /// What it wrote to standard error.
    pub(crate) stderr: String,
}

/// Runs a command with its output thrown away; it must succeed.
pub(crate) fn measure(command: &mut Command) -> Result<Measured, Box<dyn std::error::Error>> {
    let shown = format!("{command:?}");
    let started = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let id = child.id();
    // The kernel's own peak goes with the process, so it is read while the process lives; it only grows.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let mut peak = 0.0f64;
        loop {
            peak = peak.max(peak_of(id).unwrap_or_default());
            if stopped.recv_timeout(std::time::Duration::from_millis(2))
                != Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                return peak;
            }
        }
    });
    let output = child.wait_with_output()?;
    let seconds = started.elapsed().as_secs_f64();
    drop(stop);
    let mebibytes = watch.join().map_err(|_| "the watching thread failed")?;
    if !output.status.success() {
        return Err(format!(
            "{shown} failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok(Measured { seconds, mebibytes, stderr: String::from_utf8_lossy(&output.stderr).into_owned() })
}

/// Peak resident memory of a running process, in MiB.
fn peak_of(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}
