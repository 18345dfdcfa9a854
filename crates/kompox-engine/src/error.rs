//! What a use case can fail with. Pure.

use kompox_model::port::{ErrorKind, PortError};
use kompox_yaml::Diagnostics;

/// Error of a use case. One translator in each program turns it into an exit code or a status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The engine refuses, because of what it found; nothing was written by the refused step.
    #[error("{message}")]
    Refused {
        /// What the caller can do about it.
        kind: ErrorKind,
        /// What was found.
        message: String,
        /// The remedy.
        hint: Option<String>,
    },
    /// The compose file or the configuration cannot be converted; all problems, with positions.
    #[error("the app cannot be converted")]
    Invalid(Diagnostics),
    /// The Pod failed.
    #[error("{}", .0.headline)]
    Failed(Box<FailureReport>),
    /// The Pod was not ready in time; it is left as it is.
    #[error("{}", .0.headline)]
    NotReady(Box<FailureReport>),
    /// The user interrupted; says what had been done.
    #[error("interrupted; {done}")]
    Interrupted {
        /// What was done until then and what a repeat does.
        done: String,
    },
}

/// Why a Pod is not ready, with what a person needs to see next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureReport {
    /// One sentence: container, reason.
    pub headline: String,
    /// The container it is about.
    pub container: Option<String>,
    /// What other containers wait for.
    pub waiting: Vec<String>,
    /// The last lines of the container's log.
    pub log: Vec<String>,
    /// The last events of the Pod, oldest first.
    pub events: Vec<String>,
    /// What usually helps.
    pub hint: Option<String>,
}

impl Error {
    /// A refusal with a remedy.
    #[must_use]
    pub fn refused(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { kind, message: message.into(), hint: Some(hint.into()) }
    }
}
