//! The user's terminal in raw mode, for commands that have a terminal of their own. IO: changes settings of the
//! terminal at stdin.

use crate::exit::Failure;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kompox_model::port::TerminalSize;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::io;
use std::sync::{Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};

/// The settings to go back to, while the terminal is raw.
static FORMER: Mutex<Option<Termios>> = Mutex::new(None);

/// Keeps the terminal raw: each key goes to the remote terminal, which echoes it and reacts to Ctrl-C. Dropping it
/// brings the former settings back.
pub(crate) struct Raw(());

impl Raw {
    /// Makes the terminal at stdin raw.
    pub(crate) fn enter() -> Result<Self, Failure> {
        let failed = |error: rustix::io::Errno| Failure::System {
            action: "take over the terminal",
            source: error.into(),
        };
        let former = tcgetattr(io::stdin()).map_err(failed)?;
        let mut raw = former.clone();
        raw.make_raw();
        *FORMER.lock().unwrap_or_else(PoisonError::into_inner) = Some(former);
        let guard = Self(());
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        Ok(guard)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// The size of the terminal at stdout, now and after each change.
pub(crate) fn sizes() -> Result<BoxStream<'static, TerminalSize>, Failure> {
    let changes = signal(SignalKind::window_change())
        .map_err(|source| Failure::System { action: "listen to signals", source })?;
    let sizes = stream::unfold((changes, true), |(mut changes, first)| async move {
        if !first {
            changes.recv().await?;
        }
        Some((size(), (changes, false)))
    });
    // A terminal that cannot say its size has none.
    Ok(sizes.filter_map(|size| async move { size }).boxed())
}

fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(TerminalSize { columns: size.ws_col, lines: size.ws_row })
}

/// Makes a panic give the terminal back before it speaks.
pub(crate) fn restore_on_panic() {
    let speak = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        speak(panic);
    }));
}

/// Brings back the settings from before [`Raw::enter`], if it is raw.
pub(crate) fn restore() {
    if let Some(former) = FORMER.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // The terminal may have gone; then there is nothing to bring back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &former);
    }
}
