//! Times as callers give them: RFC 3339 in UTC, ordered as text. Pure: this crate knows no clock.

use crate::DiskEntry;
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

/// The order of every list of disks: newest first, equal times by name (VOL-08).
#[must_use]
pub fn newest_first(a: &DiskEntry, b: &DiskEntry) -> Ordering {
    let time =
        |entry: &DiskEntry| sort_key(&entry.record.created_at).map(|(s, f)| (s.to_owned(), f.to_owned()));
    time(b).cmp(&time(a)).then_with(|| a.record.name.cmp(&b.record.name))
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
