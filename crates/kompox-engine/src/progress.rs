//! What a use case tells while it works. Pure; the command line shows it.

use std::time::Duration;

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A step begins.
    Started(String),
    /// A step ended well.
    Done {
        /// The step, in the past tense.
        what: String,
        /// How long it took.
        took: Duration,
    },
    /// How far a running step is, such as `12 MiB`.
    Progressed(String),
    /// The state that a running step waits for has changed.
    Waiting(String),
    /// Something the user should know.
    Note(String),
    /// Something the user should act on.
    Warning(String),
}

/// Takes events; must return at once.
pub trait Progress: Send + Sync {
    /// Called for each event in order.
    fn event(&self, event: Event);
}

/// Ignores everything.
impl Progress for () {
    fn event(&self, _: Event) {}
}

/// `1 object`, `2 objects`.
pub(crate) fn objects(count: usize) -> String {
    format!("{count} object{}", if count == 1 { "" } else { "s" })
}

/// Measures a step and tells its end.
pub(crate) struct Step<'a> {
    progress: &'a dyn Progress,
    started: std::time::Instant,
}

impl<'a> Step<'a> {
    pub(crate) fn start(progress: &'a dyn Progress, what: impl Into<String>) -> Self {
        progress.event(Event::Started(what.into()));
        Self { progress, started: std::time::Instant::now() }
    }

    pub(crate) fn done(self, what: impl Into<String>) {
        self.progress.event(Event::Done { what: what.into(), took: self.started.elapsed() });
    }
}
