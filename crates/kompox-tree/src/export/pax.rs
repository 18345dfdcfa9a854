//! The records of a pax header: `LENGTH KEY=VALUE\n`, any bytes in the value. Pure.

use crate::failure::{Result, invalid};
use std::fmt::Write as _;

/// Adds one record.
pub(super) fn add(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    // A space, an equals sign, a line end; and the length counts its own digits.
    let rest = key.len() + value.len() + 3;
    let mut digits = 1;
    while (rest + digits).to_string().len() != digits {
        digits += 1;
    }
    out.extend_from_slice((rest + digits).to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Calls `take` with every key and value.
pub(super) fn each(mut bytes: &[u8], mut take: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let broken = || invalid("its extended header is not understood");
    while !bytes.is_empty() {
        let space = bytes.iter().take(20).position(|byte| *byte == b' ').ok_or_else(broken)?;
        let length = number(&bytes[..space]).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length > space && *length <= bytes.len()).ok_or_else(broken)?;
        let (record, rest) = bytes.split_at(length);
        let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(broken)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
        take(&record[..equals], &record[equals + 1..])?;
        bytes = rest;
    }
    Ok(())
}

/// A decimal number without a sign.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A time as seconds with a fraction; before 1970 the system's pair of -2 s and 0.5e9 ns is `-1.5`.
pub(super) fn time(seconds: i64, nanoseconds: u32) -> String {
    let (sign, whole, part) = if seconds < 0 && nanoseconds > 0 {
        ("-", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanoseconds)
    } else {
        (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs(), nanoseconds)
    };
    let mut text = format!("{sign}{whole}");
    if part > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, ".{part:09}");
    }
    text
}

/// The reverse of [`time`]; digits after the ninth are dropped.
pub(super) fn parse_time(text: &[u8]) -> Option<(i64, u32)> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, part) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b""[..]),
    };
    let whole = i64::try_from(number(whole)?).ok()?;
    if !part.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanoseconds =
        (0..9).fold(0, |sum, at| sum * 10 + u32::from(part.get(at).map_or(0, |digit| digit - b'0')));
    match (negative, nanoseconds) {
        (false, _) => Some((whole, nanoseconds)),
        (true, 0) => Some((-whole, 0)),
        (true, _) => Some((-whole - 1, 1_000_000_000 - nanoseconds)),
    }
}

/// The name of an extended attribute as part of a key, where an equals sign would end it.
pub(super) fn escape(name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'%' => escaped.extend_from_slice(b"%25"),
            b'=' => escaped.extend_from_slice(b"%3D"),
            other => escaped.push(*other),
        }
    }
    escaped
}

/// The reverse of [`escape`].
pub(super) fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        let (byte, used) = match text {
            [b'%', b'2', b'5', ..] => (b'%', 3),
            [b'%', b'3', b'D', ..] => (b'=', 3),
            _ => (*first, 1),
        };
        name.push(byte);
        text = &rest[used - 1..];
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_counts_itself() {
        for length in 0..200 {
            let mut out = Vec::new();
            add(&mut out, b"k", &vec![b'v'; length]);
            let digits = out.iter().position(|byte| *byte == b' ').unwrap();
            assert_eq!(std::str::from_utf8(&out[..digits]).unwrap().parse::<usize>().unwrap(), out.len());
        }
    }

    #[test]
    fn times_are_decimal_numbers() {
        for (pair, text) in [
            ((0, 0), "0"),
            ((1, 5), "1.000000005"),
            ((-1, 0), "-1"),
            ((-2, 500_000_000), "-1.500000000"),
            ((-1, 1), "-0.999999999"),
            ((i64::MAX, 0), "9223372036854775807"),
        ] {
            assert_eq!(time(pair.0, pair.1), text);
            assert_eq!(parse_time(text.as_bytes()), Some(pair), "{text}");
        }
        assert_eq!(parse_time(b"1.5"), Some((1, 500_000_000)));
        for bad in ["", "-", ".", "1.x", "+1", "1e3", "99999999999999999999"] {
            assert_eq!(parse_time(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn broken_records_are_refused() {
        for bad in
            ["x", "5 a=b", "6 a=b", "7 a=b\n", "0 a=b\n", "5 ab\n", "-6 a=b\n", "999999999999999999999 a=b\n"]
        {
            assert!(each(bad.as_bytes(), |_, _| Ok(())).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn records_survive(pairs in prop::collection::vec(("[a-zA-Z.%]{1,9}", prop::collection::vec(any::<u8>(), 0..120)), 0..5)) {
            let mut out = Vec::new();
            for (key, value) in &pairs {
                add(&mut out, key.as_bytes(), value);
            }
            let mut found = Vec::new();
            each(&out, |key, value| { found.push((String::from_utf8(key.to_vec()).unwrap(), value.to_vec())); Ok(()) }).unwrap();
            prop_assert_eq!(found, pairs);
        }

        #[test]
        fn names_and_times_survive(name in prop::collection::vec(any::<u8>(), 0..20), seconds in -(1_i64 << 40)..1 << 40, part in 0_u32..1_000_000_000) {
            prop_assert_eq!(unescape(&escape(&name)), name);
            prop_assert_eq!(parse_time(time(seconds, part).as_bytes()), Some((seconds, part)));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = each(&bytes, |_, _| Ok(()));
            let _ = parse_time(&bytes);
        }
    }
}
