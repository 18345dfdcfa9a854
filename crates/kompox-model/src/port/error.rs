//! The one error of all ports. Pure.

use std::fmt;

/// What a caller can do about an error; callers branch on this only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum ErrorKind {
    /// The target does not exist.
    NotFound,
    /// The target exists already.
    AlreadyExists,
    /// The target is in a state, or belongs to somebody, that forbids the operation.
    Conflict,
    /// The input is wrong.
    Invalid,
    /// The identity is known but may not do this.
    Denied,
    /// The identity is not known.
    Unauthenticated,
    /// The adapter cannot do this at all.
    Unsupported,
    /// A limit of the account or Namespace is reached.
    Quota,
    /// Too many requests; later may work.
    Throttled,
    /// The other side cannot be reached or is not able to answer.
    Unavailable,
    /// The deadline passed.
    Timeout,
    /// The caller cancelled.
    Cancelled,
    /// Anything else; a defect here or there.
    Internal,
}

impl ErrorKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 13] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::Conflict,
        Self::Invalid,
        Self::Denied,
        Self::Unauthenticated,
        Self::Unsupported,
        Self::Quota,
        Self::Throttled,
        Self::Unavailable,
        Self::Timeout,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The kind as the last part of a stable code, such as `not-found`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::AlreadyExists => "already-exists",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Unsupported => "unsupported",
            Self::Quota => "quota",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }

    /// The kind in words, as messages show it.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Unauthenticated => "not authenticated",
            Self::Unsupported => "not supported",
            Self::Quota => "quota exceeded",
            Self::Throttled => "too many requests",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timed out",
            Self::Cancelled => "cancelled",
            Self::Internal => "failed",
        }
    }
}

/// An error of a port: kind, adapter, operation and target, with its source. The message does not repeat the
/// source; print the chain.
#[derive(Debug)]
pub struct PortError {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// The adapter that failed, such as `kubernetes` or `k3s`.
    pub adapter: &'static str,
    /// What it was doing, such as `apply`.
    pub operation: String,
    /// What it was doing it to.
    pub target: String,
    /// What went wrong, in one sentence, when there is more to say than the kind.
    pub detail: Option<String>,
    /// What the user can do about it.
    pub hint: Option<String>,
    /// The cause.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl PortError {
    /// An error without detail, hint or source.
    #[must_use]
    pub fn new(
        kind: ErrorKind,
        adapter: &'static str,
        operation: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            adapter,
            operation: operation.into(),
            target: target.into(),
            detail: None,
            hint: None,
            source: None,
        }
    }

    /// Adds what went wrong.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}: ", self.adapter, self.operation, self.target)?;
        match &self.detail {
            Some(detail) => f.write_str(detail),
            None => f.write_str(self.kind.phrase()),
        }
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn the_message_does_not_repeat_the_source() {
        let error = PortError::new(ErrorKind::Denied, "kubernetes", "list", "pods").because("no rights");
        assert_eq!(error.to_string(), "kubernetes: list pods: denied");
        assert_eq!(error.source().unwrap().to_string(), "no rights");
    }
}
