//! Every way in which a use case refuses or a Pod fails: one table per noun, with stable codes. Pure.
//!
//! `docs/errors.md` is printed from these tables. A code never changes its meaning and is never used again for another.

pub mod app;
pub mod cluster;
pub mod disk;
pub mod pod;
pub mod snapshot;

use kompox_model::port::ErrorKind;

/// One way in which something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code such as `app.disk.none-assigned`.
    pub code: &'static str,
    /// What a caller can do about it; decides the exit code.
    pub kind: ErrorKind,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// What helps, in one sentence; the message itself may know more.
    pub remedy: &'static str,
}

/// Defines the rows of one table as constants, and `ALL` of them.
macro_rules! refusals {
    ($($name:ident = $code:literal, $kind:ident, $meaning:literal, $remedy:literal;)+) => {
        $(
            #[doc = $meaning]
            pub const $name: $crate::refusal::Refusal = $crate::refusal::Refusal {
                code: $code,
                kind: kompox_model::port::ErrorKind::$kind,
                meaning: $meaning,
                remedy: $remedy,
            };
        )+
        /// All rows, in the order of the page.
        pub const ALL: &[$crate::refusal::Refusal] = &[$($name),+];
    };
}
use refusals;

/// A state that the program's own logic excludes.
pub const DEFECT: Refusal = Refusal {
    code: "engine.defect",
    kind: ErrorKind::Internal,
    meaning: "Kompox contradicts itself; nothing further was changed.",
    remedy: "Report it, with the message.",
};

/// The user interrupted.
pub const INTERRUPTED: Refusal = Refusal {
    code: "command.interrupted",
    kind: ErrorKind::Cancelled,
    meaning: "You interrupted the command; the message says what had been done.",
    remedy: "Repeat the command; it continues where it stopped.",
};

/// The app cannot be converted.
pub const INVALID: Refusal = Refusal {
    code: "app.invalid",
    kind: ErrorKind::Invalid,
    meaning: "The app cannot be converted; each problem was shown with its own code and position.",
    remedy: "Mend what was shown and repeat the command.",
};

/// For what has no row of its own: the kind is all there is to say.
impl From<ErrorKind> for Refusal {
    fn from(kind: ErrorKind) -> Self {
        Self {
            code: "engine.refused",
            kind,
            meaning: "The command was refused because of what it found.",
            remedy: "The message says what to do.",
        }
    }
}

/// Every row of every table.
pub fn all() -> impl Iterator<Item = Refusal> {
    [app::ALL, pod::ALL, disk::ALL, snapshot::ALL, cluster::ALL, &[DEFECT, INTERRUPTED, INVALID]]
        .into_iter()
        .flatten()
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for row in all() {
            assert!(seen.insert(row.code), "{} is there twice", row.code);
            assert!(row.code.contains('.'), "{}", row.code);
            assert!(
                row.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'-'),
                "{}",
                row.code
            );
            assert!(row.meaning.ends_with('.') && row.remedy.ends_with('.'), "{}", row.code);
        }
    }
}
