//! What a command can end with, and its exit code: the one place where errors become numbers. Pure.

use crate::ending;
use kompox_engine::Error;
use kompox_model::port::{ErrorKind, PortError};
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// 0: done.
pub(crate) const DONE: u8 = 0;
/// 1: failed.
pub(crate) const FAILED: u8 = 1;
/// 2: wrong usage; also what clap ends with.
pub(crate) const USAGE: u8 = 2;
/// 3: invalid input.
pub(crate) const INVALID: u8 = 3;
/// 4: not found.
pub(crate) const NOT_FOUND: u8 = 4;
/// 5: exists already, conflict.
pub(crate) const CONFLICT: u8 = 5;
/// 6: denied, not authenticated.
pub(crate) const DENIED: u8 = 6;
/// 7: not supported.
pub(crate) const UNSUPPORTED: u8 = 7;
/// 8: unavailable, throttled, timed out.
pub(crate) const UNAVAILABLE: u8 = 8;
/// 10: a `--check` found a difference.
pub(crate) const DIFFERENCE: u8 = 10;
/// 130: interrupted, as shells call it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A use case failed.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The command line lacks something.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// The way out.
        hint: String,
    },
    /// Input with errors, all of which were shown already.
    #[error("{what} has {errors} error{}", if *.errors == 1 { "" } else { "s" })]
    Invalid {
        /// What was read.
        what: String,
        /// How many errors were shown.
        errors: usize,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The way out.
        hint: Option<String>,
        /// The cause.
        source: io::Error,
    },
    /// Data could not be written to stdout.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The terminal, the signal handlers or the asynchronous runtime failed.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The user answered a question with no.
    #[error("stopped as you asked; nothing was changed")]
    Declined,
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self::Engine(Error::Port(error))
    }
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Engine(error) => engine_code(error),
            Self::Usage { .. } => USAGE,
            Self::Invalid { .. } => INVALID,
            Self::File { source, .. } => code(file_kind(source)),
            Self::Output(_) | Self::System { .. } => FAILED,
            Self::Declined => INTERRUPTED,
        }
    }

    /// The stable code of this ending, as `docs/errors.md` lists them.
    pub(crate) fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::Engine(error) => error.code(),
            Self::Usage { .. } => ending::USAGE.code.into(),
            Self::Invalid { .. } => ending::INVALID.code.into(),
            Self::File { .. } => ending::FILE.code.into(),
            Self::Output(_) => ending::OUTPUT.code.into(),
            Self::System { .. } => ending::SYSTEM.code.into(),
            Self::Declined => ending::DECLINED.code.into(),
        }
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Engine(error) => engine_hint(error),
            Self::Usage { hint, .. } => Some(hint),
            Self::File { hint, .. } => hint.as_deref(),
            Self::Invalid { .. } | Self::Output(_) | Self::System { .. } | Self::Declined => None,
        }
    }
}

fn engine_code(error: &Error) -> u8 {
    match error {
        Error::Port(error) => code(error.kind),
        Error::Refused { kind, .. } => code(*kind),
        Error::Invalid(_) => INVALID,
        Error::Failed(_) => FAILED,
        Error::NotReady(_) => UNAVAILABLE,
        Error::Interrupted { .. } => INTERRUPTED,
    }
}

fn engine_hint(error: &Error) -> Option<&str> {
    match error {
        Error::Port(error) => error.hint.as_deref().or(kind_hint(error.kind)),
        Error::Refused { hint, .. } => hint.as_deref(),
        Error::Failed(report) | Error::NotReady(report) => report.hint.as_deref(),
        Error::Invalid(_) | Error::Interrupted { .. } => None,
    }
}

/// The exit code of each kind of error (architecture: exit codes).
pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Quota | ErrorKind::Internal => FAILED,
        ErrorKind::Invalid => INVALID,
        ErrorKind::NotFound => NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => CONFLICT,
        ErrorKind::Denied | ErrorKind::Unauthenticated => DENIED,
        ErrorKind::Unsupported => UNSUPPORTED,
        ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Timeout => UNAVAILABLE,
        ErrorKind::Cancelled => INTERRUPTED,
    }
}

/// What usually helps when nobody nearer to the cause said more.
pub(crate) fn kind_hint(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Denied => {
            Some("ask the cluster's administrator for that right, or use another kubeconfig context")
        }
        ErrorKind::Unauthenticated => Some("log in again, or check the user of the kubeconfig context"),
        ErrorKind::Quota => Some("free some of what the message names, or have the limit raised"),
        ErrorKind::Throttled => Some("wait a little, then repeat the command"),
        ErrorKind::Unavailable => {
            Some("check that the cluster runs and can be reached from here, then repeat the command")
        }
        ErrorKind::Timeout => Some("repeat the command, with a larger --timeout if the cluster is slow"),
        ErrorKind::Cancelled => Some("repeat the command; it continues where it stopped"),
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::Invalid
        | ErrorKind::Unsupported
        | ErrorKind::Internal => None,
    }
}

/// What a failure of the file system means.
fn file_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_engine::FailureReport;

    /// The table of the architecture, word for word.
    #[test]
    fn each_kind_has_the_exit_code_of_the_design() {
        let table = [
            (ErrorKind::Internal, 1),
            (ErrorKind::Quota, 1),
            (ErrorKind::Invalid, 3),
            (ErrorKind::NotFound, 4),
            (ErrorKind::AlreadyExists, 5),
            (ErrorKind::Conflict, 5),
            (ErrorKind::Denied, 6),
            (ErrorKind::Unauthenticated, 6),
            (ErrorKind::Unsupported, 7),
            (ErrorKind::Unavailable, 8),
            (ErrorKind::Throttled, 8),
            (ErrorKind::Timeout, 8),
            (ErrorKind::Cancelled, 130),
        ];
        for (kind, code) in table {
            let port = Failure::from(PortError::new(kind, "test", "do", "it"));
            assert_eq!(port.code(), code, "{kind:?}");
            let refused = Failure::Engine(Error::refused(kind, "no", "way out"));
            assert_eq!((refused.code(), refused.hint()), (code, Some("way out")), "{kind:?}");
        }
    }

    #[test]
    fn the_other_endings_have_theirs() {
        let report = || Box::new(FailureReport::default());
        let file = |kind| Failure::File {
            action: "read",
            path: "a".into(),
            hint: None,
            source: io::Error::from(kind),
        };
        for (failure, code) in [
            (Failure::Engine(Error::Failed(report())), 1),
            (Failure::Engine(Error::NotReady(report())), 8),
            (Failure::Engine(Error::Interrupted { done: String::new() }), 130),
            (Failure::Engine(Error::Invalid(kompox_yaml::Diagnostics::new())), 3),
            (Failure::Usage { message: String::new(), hint: String::new() }, 2),
            (Failure::Invalid { what: String::new(), errors: 1 }, 3),
            (file(io::ErrorKind::NotFound), 4),
            (file(io::ErrorKind::AlreadyExists), 5),
            (file(io::ErrorKind::PermissionDenied), 6),
            (file(io::ErrorKind::InvalidData), 3),
            (file(io::ErrorKind::IsADirectory), 3),
            (file(io::ErrorKind::StorageFull), 1),
            (Failure::Declined, 130),
        ] {
            assert_eq!(failure.code(), code, "{failure:?}");
        }
    }

    #[test]
    fn each_ending_has_its_stable_code() {
        use kompox_engine::refusal;
        let report = |cause| Box::new(FailureReport { cause, ..FailureReport::default() });
        let io = || io::Error::from(io::ErrorKind::NotFound);
        for (failure, code) in [
            (
                Failure::from(PortError::new(ErrorKind::Denied, "kubernetes", "list", "Pods")),
                "kubernetes.denied",
            ),
            (Failure::Engine(Error::refused(refusal::DEFECT, "no", "report it")), "engine.defect"),
            (Failure::Engine(Error::Failed(report(None))), "app.pod.failed"),
            (Failure::Engine(Error::Failed(report(Some(refusal::pod::IMAGE)))), "app.pod.image"),
            (Failure::Engine(Error::NotReady(report(None))), "app.pod.not-ready"),
            (Failure::Engine(Error::Interrupted { done: String::new() }), "command.interrupted"),
            (Failure::Engine(Error::Invalid(kompox_yaml::Diagnostics::new())), "app.invalid"),
            (Failure::Usage { message: String::new(), hint: String::new() }, "command.usage"),
            (Failure::Invalid { what: String::new(), errors: 1 }, "command.invalid-input"),
            (Failure::File { action: "read", path: "a".into(), hint: None, source: io() }, "command.file"),
            (Failure::System { action: "start the runtime", source: io() }, "command.system"),
            (Failure::Output(io()), "command.output"),
            (Failure::Declined, "command.declined"),
        ] {
            assert_eq!(failure.reason(), code, "{failure:?}");
        }
    }

    #[test]
    fn a_hint_of_the_adapter_wins() {
        let error = PortError::new(ErrorKind::Denied, "test", "do", "it");
        assert!(Failure::from(error).hint().unwrap().contains("administrator"));
        let error = PortError::new(ErrorKind::Denied, "test", "do", "it").hint("do that");
        assert_eq!(Failure::from(error).hint(), Some("do that"));
    }
}
