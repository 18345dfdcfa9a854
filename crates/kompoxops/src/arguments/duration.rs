//! Durations as people write them. Pure.

use std::str::FromStr;
use std::time::Duration;

/// A time limit; none when it was given as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

/// Why a text is no duration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DurationError {
    /// A number without its unit.
    #[error("a unit is missing: write {0}s for seconds or {0}m for minutes")]
    Unit(String),
    /// Anything else.
    #[error("not a duration such as 90s, 10m or 1h30m")]
    Form,
}

impl FromStr for Limit {
    type Err = DurationError;

    /// Reads numbers with the units `h`, `m` and `s`, larger units first, or `0` for no limit.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        if text == "0" {
            return Ok(Self(None));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DurationError::Unit(text.to_owned()));
        }
        let mut rest = text;
        let mut seconds = 0u64;
        for (unit, length) in [('h', 3600), ('m', 60), ('s', 1)] {
            let Some((digits, after)) = rest.split_once(unit) else { continue };
            let count: u64 = digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok())
                .flatten()
                .ok_or(DurationError::Form)?;
            let part = count.checked_mul(length).ok_or(DurationError::Form)?;
            seconds = seconds.checked_add(part).ok_or(DurationError::Form)?;
            rest = after;
        }
        if !rest.is_empty() || text.is_empty() {
            return Err(DurationError::Form);
        }
        Ok(Self((seconds > 0).then(|| Duration::from_secs(seconds))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in
            [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2h", 7200), ("1h1s", 3601), ("1m30s", 90)]
        {
            assert_eq!(text.parse(), Ok(Limit(Some(Duration::from_secs(seconds)))), "{text}");
        }
        for text in ["0", "0s", "0m0s"] {
            assert_eq!(text.parse(), Ok(Limit(None)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "m10",
            "10x",
            "-1s",
            "1.5h",
            "30m1h",
            "1s1s",
            "99999999999999999999s",
            "5124095576030432h",
        ] {
            assert_eq!(text.parse::<Limit>(), Err(DurationError::Form), "{text}");
        }
        assert_eq!("90".parse::<Limit>(), Err(DurationError::Unit("90".to_owned())));
    }
}
