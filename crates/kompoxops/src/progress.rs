//! Everything that goes to stderr: progress, messages, diagnostics and errors. IO: writes to stderr only.
//!
//! On a terminal a spinner shows the running step; elsewhere each event is a line, or a JSON object. What cannot be
//! written, because stderr is closed, is not told to anybody.

use crate::arguments::LogFormat;
use crate::exit::Failure;
use crate::{diagnostics, report};
use indicatif::{ProgressBar, ProgressStyle};
use kompox_engine::{Event, Progress};
use kompox_yaml::{Diagnostics, Severity, Sources};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// The program's side of stderr.
#[derive(Clone)]
pub(crate) struct Screen {
    form: LogFormat,
    /// Progress is shown, not only what needs attention.
    progress: bool,
    /// On a terminal.
    excerpts: bool,
    spinner: Option<ProgressBar>,
}

impl Screen {
    /// A screen for this process.
    pub(crate) fn new(form: LogFormat, no_progress: bool) -> Self {
        let terminal = io::stderr().is_terminal() && form == LogFormat::Text;
        Self {
            form,
            progress: !no_progress,
            excerpts: terminal,
            spinner: (terminal && !no_progress).then(ProgressBar::hidden),
        }
    }

    /// The form of what goes to stderr.
    pub(crate) fn form(&self) -> LogFormat {
        self.form
    }

    /// Writes bytes as they are, above the spinner.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let write = || {
            // Nobody could be told about a closed stderr.
            let _ = io::stderr().lock().write_all(bytes);
        };
        match &self.spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    fn line(&self, text: &str, object: impl FnOnce() -> Value) {
        let mut line = match self.form {
            LogFormat::Text => text.to_owned(),
            LogFormat::Json => object().to_string(),
        };
        if !line.ends_with('\n') {
            line.push('\n');
        }
        self.write(line.as_bytes());
    }

    /// Says something worth knowing.
    pub(crate) fn note(&self, text: &str) {
        if self.progress {
            self.line(text, || json!({"level": "info", "event": "note", "message": text}));
        }
    }

    /// Says something the user should act on.
    pub(crate) fn warning(&self, text: &str) {
        self.line(&format!("warning: {text}"), || json!({"level": "warning", "message": text}));
    }

    /// Shows all diagnostics and returns how many of them are errors.
    pub(crate) fn diagnostics(&self, found: &Diagnostics, sources: &Sources) -> usize {
        for diagnostic in found {
            self.line(&diagnostics::text(diagnostic, sources, self.excerpts), || {
                let mut object = json!(diagnostic.report(sources));
                object["level"] = json!(diagnostic.severity);
                object
            });
        }
        found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// Says why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.line(&report::text(failure), || report::object(failure));
    }

    /// Takes the spinner away until the next step begins: before data is written to the same terminal, for instance.
    pub(crate) fn clear(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
            spinner.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
    }

    fn spin(&self, message: String) -> bool {
        let Some(spinner) = &self.spinner else { return false };
        if spinner.is_hidden() {
            spinner.reset();
            spinner.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            spinner.set_style(
                ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            spinner.enable_steady_tick(TICK);
        }
        spinner.set_message(message);
        true
    }
}

impl Progress for Screen {
    fn event(&self, event: Event) {
        if !self.progress && !matches!(event, Event::Warning(_)) {
            return;
        }
        match event {
            Event::Started(what) => {
                if let Some(spinner) = &self.spinner {
                    spinner.reset_elapsed();
                }
                if !self.spin(what.clone()) {
                    self.line(
                        &format!("{what} ..."),
                        || json!({"level": "info", "event": "started", "message": what}),
                    );
                }
            }
            Event::Progressed(text) => {
                if !self.spin(text.clone()) {
                    self.line(
                        &format!("  {text}"),
                        || json!({"level": "info", "event": "progressed", "message": text}),
                    );
                }
            }
            Event::Waiting(what) => {
                let text = format!("waiting for {what}");
                if !self.spin(text.clone()) {
                    self.line(
                        &format!("  {text}"),
                        || json!({"level": "info", "event": "waiting", "message": text}),
                    );
                }
            }
            Event::Done { what, took } => {
                self.clear();
                self.line(&format!("{what} ({})", seconds(took)), || {
                    json!({"level": "info", "event": "done", "message": what, "duration_seconds": took.as_secs_f64()})
                });
            }
            Event::Note(text) => self.note(&text),
            Event::Warning(text) => self.warning(&text),
        }
    }
}

/// A duration for people: tenths of seconds under a minute.
fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    if whole < 60 {
        format!("{:.1}s", took.as_secs_f64())
    } else {
        format!("{}m{:02}s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(seconds(Duration::from_millis(240)), "0.2s");
        assert_eq!(seconds(Duration::from_millis(59_900)), "59.9s");
        assert_eq!(seconds(Duration::from_secs(61)), "1m01s");
        assert_eq!(seconds(Duration::from_secs(3_600)), "60m00s");
    }
}
