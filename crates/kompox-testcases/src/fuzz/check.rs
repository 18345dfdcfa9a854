//! What must be true of every input. Asks for the time.

use super::kernel::thread_time;
use crate::Project;
use crate::ours;
use kompox_compose::{Diagnostics, Sources};
use std::time::{Duration, Instant};

/// How long an input took.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// The longer one of loading and of printing the normalised project, messages included.
    pub longest: Duration,
}

/// Loads and normalises a project.
///
/// # Errors
/// What is wrong with the answer. The loader itself may panic.
pub fn check(project: &Project) -> Result<Checked, String> {
    let (loading, loaded) = timed(|| {
        let mut sources = Sources::new();
        let (loaded, diagnostics) = ours::loaded(project, &mut sources);
        sound(loaded.is_some(), &diagnostics, &sources)
    });
    let (printing, printed) = timed(|| {
        let mut sources = Sources::new();
        let (printed, diagnostics) = ours::printed(project, &mut sources);
        sound(printed.is_some(), &diagnostics, &sources)
    });
    loaded.and(printed).map(|()| Checked { longest: loading.max(printing) })
}

/// The time that something takes of a processor. Asking the kernel takes longer than most inputs, so it is only asked when
/// the clock says that it was much.
fn timed<T>(mut what: impl FnMut() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let done = what();
    let taken = begun.elapsed();
    if taken < LONG {
        return (taken, done);
    }
    let before = thread_time();
    let done = what();
    let after = thread_time();
    (before.zip(after).map_or(taken, |(before, after)| after - before), done)
}

/// What is worth a second look.
const LONG: Duration = Duration::from_millis(20);

/// There is a project or an error, and every message points into a text.
fn sound(is_there: bool, diagnostics: &Diagnostics, sources: &Sources) -> Result<(), String> {
    if is_there == diagnostics.has_errors() {
        return Err(format!("a project: {is_there}, errors: {}", diagnostics.has_errors()));
    }
    for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        let text = sources.text(label.span.source);
        let (start, end) = (label.span.start.offset as usize, label.span.end.offset as usize);
        if start > end || end > text.len() || !text.is_char_boundary(start) || !text.is_char_boundary(end) {
            return Err(format!("a message points to {:?}, outside of its text", label.span));
        }
    }
    // A message for every key is fine, a page for every key is not.
    let shown = diagnostics.render(sources).len();
    if shown > 8 << 20 { Err(format!("{shown} bytes of messages")) } else { Ok(()) }
}
