//! The user's terminal in raw mode, for commands that have a terminal of their own. IO: changes settings of the
//! terminal at stdin.

use crate::exit::Failure;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io;
use std::sync::{Mutex, PoisonError};

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

/// Brings back the settings from before [`Raw::enter`], if it is raw.
pub(crate) fn restore() {
    if let Some(former) = FORMER.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // The terminal may have gone; then there is nothing to bring back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &former);
    }
}
