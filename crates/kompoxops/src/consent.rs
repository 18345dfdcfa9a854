//! Asks before something is destroyed. IO: reads an answer from the terminal.

use crate::exit::Failure;
use crate::session::Session;
use std::io::{self, BufRead, IsTerminal, Write};

/// Asks `question`; without a terminal, only `--yes` is a yes, and `hint` is the way out.
pub(crate) fn ask(session: &Session<'_>, question: &str, hint: &str) -> Result<(), Failure> {
    if session.global.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage {
            message: format!("there is no terminal to ask on: {question}"),
            hint: hint.to_owned(),
        });
    }
    let failed = |source| Failure::System { action: "ask on the terminal", source };
    write!(io::stderr(), "{question} [y/N] ").map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Failure::Declined)
    }
}
