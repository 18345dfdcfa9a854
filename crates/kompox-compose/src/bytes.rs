//! Amounts of memory such as `512m` and of CPU time such as `0.5`.

use crate::Cpus;

/// Parses an amount of bytes: a number, optionally with a fraction, and `b`, `k`, `m`, `g`, `t` or
/// `p` in either case, which count in powers of 1024 and may be followed by `b` or `ib`.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let suffix = suffix.strip_prefix(' ').unwrap_or(suffix).to_ascii_lowercase();
    let mut letters = suffix.chars();
    let shift = match letters.next() {
        None => 0,
        Some('b') if suffix == "b" => 0,
        Some(letter @ ('k' | 'm' | 'g' | 't' | 'p')) if matches!(letters.as_str(), "" | "b" | "ib") => {
            "kmgtp".find(letter).map_or(0, |at| 10 * (at + 1))
        }
        Some(_) => return None,
    };
    scaled(number, 1 << shift)
}

/// Parses a number of CPUs: `2`, `0.5`, `.25`.
pub(crate) fn parse_cpus(text: &str) -> Option<Cpus> {
    scaled(text, 1_000_000_000).map(|nano| Cpus { nano })
}

/// A decimal number times a scale, cut to a whole number.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let part = fraction.parse::<u128>().unwrap_or(0) * u128::from(scale)
        / 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    whole
        .checked_mul(scale)?
        .checked_add(u64::try_from(part).ok()?)
        .filter(|value| *value <= i64::MAX.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, parse_cpus};

    #[test]
    fn vectors() {
        for (text, bytes) in [
            ("0", 0),
            ("123", 123),
            ("5b", 5),
            ("1k", 1024),
            ("64M", 64 << 20),
            ("64mb", 64 << 20),
            ("64MiB", 64 << 20),
            ("1.5G", 3 << 29),
            ("2 g", 2 << 30),
            ("1t", 1 << 40),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        assert_eq!(parse_cpus("0.5").map(|cpus| cpus.nano), Some(500_000_000));
        assert_eq!(parse_cpus(".25").map(|cpus| cpus.nano), Some(250_000_000));
        assert_eq!(parse_cpus("16").map(|cpus| cpus.nano), Some(16_000_000_000));
    }

    #[test]
    fn refused() {
        for text in ["", "m", "-1", "1x", "1bb", "1.2.3m", "12mm", "1e3", "99999999999g", "."] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["", "half", "-1", "1,5"] {
            assert_eq!(parse_cpus(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([0-9. kmgtpbi]|\\PC){0,30}") {
            let _ = (parse(&text), parse_cpus(&text));
        }
    }
}
