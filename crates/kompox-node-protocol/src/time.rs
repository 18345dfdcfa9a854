//! Times as callers give them: RFC 3339 in UTC, ordered as text. Pure: this crate knows no clock.

use crate::{DiskEntry, SnapshotEntry};
use std::cmp::Ordering;

/// A time that is not RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("time `{0}` is not RFC 3339 in UTC, such as 2026-01-31T08:15:00Z")]
pub struct TimeError(pub String);

/// Checks the shape `YYYY-MM-DDTHH:MM:SS[.fraction]Z` with at most nine digits of fraction.
///
/// # Errors
/// The text, when it has another shape.
pub fn check_time(text: &str) -> Result<(), TimeError> {
    sort_key(text).map(drop).ok_or_else(|| TimeError(text.to_owned()))
}

/// Whole seconds and the fraction, each ordered as text.
fn sort_key(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_suffix('Z')?;
    let (seconds, fraction) = match body.split_once('.') {
        Some((_, "")) => return None,
        Some((seconds, fraction)) => (seconds, fraction),
        None => (body, ""),
    };
    if seconds.len() != 19 || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shape = seconds.bytes().zip(b"0000-00-00T00:00:00").all(|(byte, pattern)| match pattern {
        b'0' => byte.is_ascii_digit(),
        other => byte == *other,
    });
    let part = |range| seconds.get(range).and_then(|digits: &str| digits.parse::<u32>().ok());
    let in_range = (1..=12).contains(&part(5..7)?)
        && (1..=31).contains(&part(8..10)?)
        && part(11..13)? < 24
        && part(14..16)? < 60
        && part(17..19)? <= 60;
    // Trailing zeros would make `.5` and `.50` differ.
    (shape && in_range).then(|| (seconds, fraction.trim_end_matches('0')))
}

/// What has a name and was made at some time.
pub trait Dated {
    /// When it was made, see [`check_time`].
    fn created_at(&self) -> &str;
    /// What it is called among its like.
    fn name(&self) -> &str;
}

impl Dated for DiskEntry {
    fn created_at(&self) -> &str {
        &self.record.created_at
    }

    fn name(&self) -> &str {
        &self.record.name
    }
}

impl Dated for SnapshotEntry {
    fn created_at(&self) -> &str {
        &self.record.created_at
    }

    fn name(&self) -> &str {
        &self.record.name
    }
}

/// The order of every list of disks or snapshots: newest first, equal times by name (VOL-08).
#[must_use]
pub fn newest_first<T: Dated>(a: &T, b: &T) -> Ordering {
    sort_key(b.created_at()).cmp(&sort_key(a.created_at())).then_with(|| a.name().cmp(b.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_utc_times_are_accepted() {
        for good in ["2026-01-31T08:15:00Z", "2026-01-31T08:15:00.5Z", "2026-01-31T08:15:00.123456789Z"] {
            assert_eq!(check_time(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "Z",
            "2026-01-31",
            "2026-01-31T08:15:00",
            "2026-01-31T08:15:00+01:00",
            "2026-13-31T08:15:00Z",
            "2026-01-31T24:15:00Z",
            "2026-01-31T08:15:00.Z",
            "2026-01-31T08:15:00.1234567890Z",
            "2026-01-31T08:15:00.x Z",
            "2026-01-3\u{e9}T08:15:0Z",
        ] {
            assert!(check_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fractions_are_ordered_as_numbers() {
        let key = |text| sort_key(text).unwrap();
        assert!(key("2026-01-31T08:15:00Z") < key("2026-01-31T08:15:00.5Z"));
        assert!(key("2026-01-31T08:15:00.45Z") < key("2026-01-31T08:15:00.5Z"));
        assert_eq!(key("2026-01-31T08:15:00.50Z"), key("2026-01-31T08:15:00.5Z"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = check_time(&text);
        }
    }
}
