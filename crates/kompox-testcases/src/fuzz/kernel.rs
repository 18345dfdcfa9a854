//! What the kernel says of this process: its memory, and the time that a thread had the processor.

use std::time::Duration;

/// The largest resident set of this process so far, in MiB; 0 where the kernel does not say.
pub(super) fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}

/// How long this thread has had a processor, if the kernel says it: what others do meanwhile does not count.
pub(super) fn thread_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}
