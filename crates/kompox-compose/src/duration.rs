//! Durations such as `1m30s`: numbers with a unit, one after the other.

use std::time::Duration;

/// Nanoseconds of a unit.
fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        "w" => 604_800_000_000_000,
        _ => return None,
    })
}

/// Parses a duration: `w d h m s ms us ns`, fractions allowed, `0` without a unit. Negative ones and
/// those beyond 292 years (64 bits of nanoseconds) are none.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" || text == "-0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut nanos = 0u64;
    while !rest.is_empty() {
        let number = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
        let scale = unit(take(&mut rest, |c| !c.is_ascii_digit() && c != '.'))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanos = nanos.checked_add(whole.checked_mul(scale)?)?.checked_add(part(fraction, scale))?;
    }
    (nanos <= i64::MAX.unsigned_abs()).then(|| Duration::from_nanos(nanos))
}

/// Prints a duration as Go does: `1h2m0s`, `1.5s`, `20ms`, `0s`.
pub(crate) fn print(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let decimal = |nanos: u128, unit: u128| {
        let (whole, part) = (nanos / unit, nanos % unit);
        if part == 0 {
            return whole.to_string();
        }
        let digits = format!("{:0width$}", part, width = unit.ilog10() as usize);
        format!("{whole}.{}", digits.trim_end_matches('0'))
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanos, 1_000_000)),
        _ => {
            let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
            let seconds = decimal(rest, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// The fraction of a unit, cut after the nanosecond.
fn part(digits: &str, scale: u64) -> u64 {
    let digits = &digits[..digits.len().min(18)];
    let value: u128 = digits.parse().unwrap_or(0);
    let power = 10u128.pow(u32::try_from(digits.len()).unwrap_or(0));
    u64::try_from(value * u128::from(scale) / power).unwrap_or(0)
}

fn take<'a>(rest: &mut &'a str, belongs: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    *rest = tail;
    head
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn vectors() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("1.5m", 90_000),
            (".5s", 500),
            ("1.s", 1_000),
            ("1h2m3s4ms", 3_723_004),
            ("2w1d", 1_296_000_000),
            ("1500us", 1),
            ("+5s", 5_000),
        ] {
            assert_eq!(parse(text).map(|d| d.as_millis()), Some(millis), "{text}");
        }
        assert_eq!(parse("7ns"), Some(Duration::from_nanos(7)));
    }

    #[test]
    fn refused() {
        for text in
            ["", "10", "-5s", "s", "5 s", "5x", "1.2.3s", ".s", "99999999999999999999s", "20000w", "five"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([0-9.]|w|d|h|m|s|ms|µs|ns|\\PC){0,20}") {
            let _ = parse(&text);
        }

        #[test]
        fn whole_seconds(seconds in 0u64..1_000_000) {
            prop_assert_eq!(parse(&format!("{seconds}s")), Some(Duration::from_secs(seconds)));
        }
    }
}
