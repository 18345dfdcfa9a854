//! Log lines of our own crates on stderr. Owns the process-wide subscriber.
//!
//! Lines of other crates are never shown: at their lower levels they may hold headers and bodies of requests, and with
//! them credentials.

use crate::arguments::{LogFormat, LogLevel};
use crate::progress::Screen;
use std::io;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// What the targets of our own crates begin with.
const OURS: &str = "kompox";

/// Shows log lines of at least `level` in the screen's form.
pub(crate) fn start(level: LogLevel, screen: &Screen) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let writer = screen.clone();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || Above(writer.clone()));
    let lines = match screen.form() {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let ours = Targets::new().with_target(OURS, level);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}

/// Writes above the spinner; one write is one line.
struct Above(Screen);

impl io::Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
