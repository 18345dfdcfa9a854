//! Validated names. Pure.
//!
//! Every name is an RFC 1123 DNS label with a length budget small enough for all names derived from it.

use std::fmt;

/// Why a text is not a legal name; each variant names the broken rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("{noun} name is empty")]
    Empty {
        /// The noun the name is for.
        noun: &'static str,
    },
    /// The text is longer than the noun allows.
    #[error("{noun} name `{text}` has {length} characters, at most {limit} are allowed")]
    TooLong {
        /// The noun the name is for.
        noun: &'static str,
        /// The refused text.
        text: String,
        /// Its length in bytes.
        length: usize,
        /// The longest allowed length in bytes.
        limit: usize,
    },
    /// A character outside `a-z`, `0-9` and `-`.
    #[error("{noun} name `{text}` contains `{found}`; only a-z, 0-9 and - are allowed")]
    Character {
        /// The noun the name is for.
        noun: &'static str,
        /// The refused text.
        text: String,
        /// The first illegal character.
        found: char,
    },
    /// A hyphen at the start or the end.
    #[error("{noun} name `{text}` must start and end with a letter or digit")]
    Edge {
        /// The noun the name is for.
        noun: &'static str,
        /// The refused text.
        text: String,
    },
}

/// Checks that `text` is an RFC 1123 label of at most `limit` bytes.
///
/// # Errors
/// The first rule that `text` breaks.
pub fn check_label(noun: &'static str, text: &str, limit: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { noun });
    }
    if let Some(found) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(NameError::Character { noun, text: text.to_owned(), found });
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NameError::Edge { noun, text: text.to_owned() });
    }
    if text.len() > limit {
        return Err(NameError::TooLong { noun, text: text.to_owned(), length: text.len(), limit });
    }
    Ok(())
}

macro_rules! label_name {
    ($(#[$doc:meta])* $name:ident, $noun:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The longest allowed name, in bytes.
            pub const LIMIT: usize = $limit;

            /// Validates `text` as an RFC 1123 label within the length budget.
            ///
            /// # Errors
            /// The first rule that `text` breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check_label($noun, &text, Self::LIMIT)?;
                Ok(Self(text))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

label_name!(
    /// Name of a workspace, such as `ops`.
    WorkspaceName, "workspace", 63
);
label_name!(
    /// Name of a provider, such as `aks1`.
    ProviderName, "provider", 63
);
label_name!(
    /// Name of a cluster, such as `my-aks`.
    ClusterName, "cluster", 63
);
label_name!(
    /// Name of an app, such as `my-app`. The budget leaves room for `k4x-{hash}-{app}-{hash}`.
    AppName, "app", 45
);
label_name!(
    /// Name of a volume, such as `default`.
    VolumeName, "volume", 16
);
label_name!(
    /// Name of a disk, equal limits on every driver so that moves work.
    DiskName, "disk", 24
);
label_name!(
    /// Name of a snapshot, equal limits on every driver so that moves work.
    SnapshotName, "snapshot", 24
);

/// A time-ordered name for what the user did not name: 7 base-36 digits of `seconds` since the Unix epoch, then 5 of
/// `random` (AKN-12).
fn by_time(seconds: u64, random: u64) -> String {
    format!("{}{}", crate::hash::base36_fixed(seconds, 7), crate::hash::base36_fixed(random, 5))
}

impl DiskName {
    /// A time-ordered name for a disk the user did not name: 7 base-36 digits of `seconds` since the Unix
    /// epoch, then 5 of `random` (AKN-12).
    #[must_use]
    pub fn generated(seconds: u64, random: u64) -> Self {
        Self(by_time(seconds, random))
    }
}

impl SnapshotName {
    /// A time-ordered name for a snapshot the user did not name, made as [`DiskName::generated`] makes one.
    #[must_use]
    pub fn generated(seconds: u64, random: u64) -> Self {
        Self(by_time(seconds, random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_broken_rule_is_named() {
        let long = "a".repeat(46);
        for (text, expected) in [
            ("", "app name is empty"),
            ("-a", "app name `-a` must start and end with a letter or digit"),
            ("a-", "app name `a-` must start and end with a letter or digit"),
            ("A", "app name `A` contains `A`; only a-z, 0-9 and - are allowed"),
            ("a.b", "app name `a.b` contains `.`; only a-z, 0-9 and - are allowed"),
            (
                long.as_str(),
                "app name `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` has 46 characters, at most 45 are allowed",
            ),
        ] {
            assert_eq!(AppName::new(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn limits_are_those_of_the_design() {
        assert_eq!(
            (AppName::LIMIT, VolumeName::LIMIT, DiskName::LIMIT, SnapshotName::LIMIT),
            (45, 16, 24, 24)
        );
    }

    #[test]
    fn generated_disk_names_are_ordered_by_time() {
        let earlier = DiskName::generated(1_700_000_000, u64::MAX);
        let later = DiskName::generated(1_700_000_001, 0);
        assert!(earlier < later);
        assert_eq!(earlier.as_str().len(), 12);
    }

    proptest! {
        #[test]
        fn accepted_names_are_labels(text in "\\PC{0,70}") {
            if let Ok(name) = ClusterName::new(text.clone()) {
                prop_assert_eq!(name.as_str(), text.as_str());
                prop_assert!(text.len() <= 63 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            }
        }

        #[test]
        fn generated_names_are_valid(seconds in 0u64..60_000_000_000, random: u64) {
            let name = DiskName::generated(seconds, random);
            prop_assert!(DiskName::new(name.as_str()).is_ok());
        }
    }
}
