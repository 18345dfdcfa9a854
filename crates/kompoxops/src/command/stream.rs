//! What commands that move much data share: pipes to threads that wait, and words on how far it is. IO: pipes.

use crate::exit::Failure;
use crate::progress::Screen;
use kompox_engine::{Event, Progress as _};
use std::io::{self, IsTerminal};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// How often it is told how far the copy is: on a terminal, and elsewhere, where each time is a line.
const PACES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// How often it is told here how far something is.
pub(super) fn pace() -> Duration {
    if io::stderr().is_terminal() { PACES.0 } else { PACES.1 }
}

/// A pipe between a thread that waits and the connection.
pub(super) fn pair() -> Result<(UnixStream, Compat<tokio::net::UnixStream>), Failure> {
    let failed = |source| Failure::System { action: "make a pipe", source };
    let (far, near) = UnixStream::pair().map_err(failed)?;
    near.set_nonblocking(true).map_err(failed)?;
    Ok((far, tokio::net::UnixStream::from_std(near).map_err(failed)?.compat()))
}

/// The end of a thread; it always comes, since the other end of its pipe is closed.
pub(super) async fn joined<T>(thread: JoinHandle<T>) -> Result<T, Failure> {
    thread.await.map_err(|error| Failure::System { action: "copy", source: io::Error::other(error) })
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Tells now and then how far something is, how fast, and how long it will still take.
pub(super) struct Meter {
    screen: Screen,
    pace: Duration,
    began: Instant,
    told: Mutex<Instant>,
}

impl Meter {
    pub(super) fn new(screen: &Screen) -> Self {
        let now = Instant::now();
        Self { screen: screen.clone(), pace: pace(), began: now, told: Mutex::new(now) }
    }

    /// `done` of `total` bytes are through.
    pub(super) fn at(&self, done: u64, total: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= self.pace {
            *told = Instant::now();
            self.screen.event(Event::Progressed(words(done, total, self.began.elapsed())));
        }
    }
}

/// How far something is.
fn words(done: u64, total: u64, took: Duration) -> String {
    let rate = done as f64 / took.as_secs_f64().max(0.001);
    let speed = size(rate as u64);
    if total <= done {
        return format!("{} so far, {speed}/s", size(done));
    }
    let left = ((total - done) as f64 / rate.max(1.0)).ceil().min(1e9) as u64;
    let left = if left < 120 { format!("{left} s") } else { format!("{} min", left / 60) };
    format!("{} of about {}, {speed}/s, about {left} left", size(done), size(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (104_857_600, "100.0 MiB")] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn how_far_it_is_comes_with_a_rate_and_what_is_left() {
        let (mib, second) = (1024 * 1024, Duration::from_secs(2));
        assert_eq!(words(mib, 3 * mib, second), "1.0 MiB of about 3.0 MiB, 512.0 KiB/s, about 4 s left");
        assert_eq!(
            words(mib, 1000 * mib, second),
            "1.0 MiB of about 1000.0 MiB, 512.0 KiB/s, about 33 min left"
        );
        assert_eq!(words(4 * mib, 3 * mib, second), "4.0 MiB so far, 2.0 MiB/s");
        assert_eq!(words(0, 0, Duration::ZERO), "0 B so far, 0 B/s");
    }
}
