//! The names that become folders of the disk store, and their rules. Pure.
//!
//! The rules repeat those of the model on purpose: the program on the node trusts no caller.

/// Longest name of a workspace, provider, app or cluster, in bytes.
pub const LABEL_LIMIT: usize = 63;
/// Longest name of a volume, in bytes (the same for every driver, so that moves work).
pub const VOLUME_NAME_LIMIT: usize = 16;
/// Longest name of a disk, in bytes (the same for every driver, so that moves work).
pub const DISK_NAME_LIMIT: usize = 24;
/// Longest name of a snapshot, in bytes (the same for every driver, so that moves work).
pub const SNAPSHOT_NAME_LIMIT: usize = 24;
/// Length of an app hash: six base-36 digits.
pub const APP_HASH_LENGTH: usize = 6;

/// Which rule a name breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{noun} `{text}` {rule}")]
pub struct NameError {
    /// What the name is for.
    pub noun: &'static str,
    /// The refused text.
    pub text: String,
    /// The broken rule, readable after the text.
    pub rule: &'static str,
}

/// Checks that `text` is an RFC 1123 label of at most `limit` bytes.
///
/// # Errors
/// The first rule that `text` breaks.
pub fn check_label(noun: &'static str, text: &str, limit: usize) -> Result<(), NameError> {
    let broken = |rule| Err(NameError { noun, text: text.to_owned(), rule });
    if text.is_empty() {
        return broken("is empty");
    }
    if text.len() > limit {
        return broken("is too long");
    }
    if !text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        return broken("has a character other than a-z, 0-9 and -");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return broken("must start and end with a letter or digit");
    }
    Ok(())
}

/// Checks that `text` is an app hash: six digits of base 36.
///
/// # Errors
/// The rule that `text` breaks.
pub fn check_app_hash(text: &str) -> Result<(), NameError> {
    let digits = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
    if text.len() == APP_HASH_LENGTH && digits {
        return Ok(());
    }
    Err(NameError { noun: "app hash", text: text.to_owned(), rule: "is not six digits of base 36" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_rule_is_named() {
        for (text, rule) in [
            ("", "is empty"),
            ("abcdefghijklmnopq", "is too long"),
            ("a_b", "has a character other than a-z, 0-9 and -"),
            ("..", "has a character other than a-z, 0-9 and -"),
            ("a/b", "has a character other than a-z, 0-9 and -"),
            ("-a", "must start and end with a letter or digit"),
            ("a-", "must start and end with a letter or digit"),
        ] {
            assert_eq!(check_label("volume", text, VOLUME_NAME_LIMIT).unwrap_err().rule, rule, "{text}");
        }
        for text in ["k9x84", "k9x84f0", "K9x84f", "k9x8-f", "../abc"] {
            assert!(check_app_hash(text).is_err(), "{text}");
        }
        assert_eq!(check_app_hash("k9x84f"), Ok(()));
    }

    proptest! {
        #[test]
        fn accepted_names_are_single_plain_path_components(text in "\\PC{0,70}") {
            if check_label("disk", &text, DISK_NAME_LIMIT).is_ok() {
                prop_assert!(text.len() <= DISK_NAME_LIMIT);
                prop_assert!(!text.contains(['/', '.', '\0']));
            }
        }
    }
}
