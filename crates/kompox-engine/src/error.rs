//! What a use case can fail with. Pure.

use crate::refusal::{self, Refusal, pod};
use kompox_model::port::{ErrorKind, PortError};
use kompox_yaml::Diagnostics;
use std::borrow::Cow;

/// Error of a use case. One translator in each program turns it into an exit code or a status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The engine refuses, because of what it found; nothing was written by the refused step.
    #[error("{message}")]
    Refused {
        /// Its stable code; see [`Refusal`].
        code: &'static str,
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
    /// What kind of failure it is; none for the unspecific one.
    pub cause: Option<Refusal>,
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
    /// A refusal of the tables in [`crate::refusal`], with what was found and the remedy for it.
    #[must_use]
    pub fn refused(refusal: impl Into<Refusal>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let Refusal { code, kind, .. } = refusal.into();
        Self::Refused { code, kind, message: message.into(), hint: Some(hint.into()) }
    }

    /// The stable code of this ending; see [`crate::refusal`]. Errors of ports are named after adapter and kind, such as
    /// `kubernetes.denied`.
    #[must_use]
    pub fn code(&self) -> Cow<'static, str> {
        match self {
            Self::Port(error) => format!("{}.{}", error.adapter, error.kind.code()).into(),
            Self::Refused { code, .. } => (*code).into(),
            Self::Invalid(_) => refusal::INVALID.code.into(),
            Self::Failed(report) => report.cause.unwrap_or(pod::FAILED).code.into(),
            Self::NotReady(report) => report.cause.unwrap_or(pod::NOT_READY).code.into(),
            Self::Interrupted { .. } => refusal::INTERRUPTED.code.into(),
        }
    }
}
