//! What a plain scalar means: the YAML 1.2 core schema, plus the old octal form `0440` and digit
//! groups `1_000`, which the Go readers of these files accept as well.

use crate::Value;

/// Resolves a plain scalar.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::String(text.to_owned());
    }
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if let Some(value) = integer(negative, digits).or_else(|| float(negative, digits)) {
        return value;
    }
    Value::String(text.to_owned())
}

fn integer(negative: bool, digits: &str) -> Option<Value> {
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let body = ungroup(body)?;
    let magnitude = i128::from_str_radix(&body, radix)
        .ok()
        .filter(|_| body.starts_with(|c: char| c.is_ascii_hexdigit()))?;
    let value = if negative { -magnitude } else { magnitude };
    Some(i64::try_from(value).map_or(Value::Float(to_float(value)), Value::Int))
}

#[expect(clippy::cast_precision_loss, reason = "a whole number beyond 64 bits is only known as a float")]
const fn to_float(value: i128) -> f64 {
    value as f64
}

fn float(negative: bool, digits: &str) -> Option<Value> {
    let sign = if negative { -1.0 } else { 1.0 };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(Value::Float(sign * f64::INFINITY));
    }
    let well_formed = digits.bytes().any(|b| b.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-' | b'_'));
    if !well_formed {
        return None;
    }
    ungroup(digits)?.parse::<f64>().ok().map(|value| Value::Float(sign * value))
}

/// Drops the underscores between digits; nothing if they stand anywhere else.
fn ungroup(digits: &str) -> Option<String> {
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    Some(digits.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::Value;

    #[test]
    fn core_schema_with_octal() {
        for (text, value) in [
            ("0440", Value::Int(288)),
            ("0o440", Value::Int(288)),
            ("0x1F", Value::Int(31)),
            ("-12", Value::Int(-12)),
            ("+7", Value::Int(7)),
            ("0", Value::Int(0)),
            ("1_000", Value::Int(1000)),
            ("1.10", Value::Float(1.1)),
            ("1e3", Value::Float(1000.0)),
            ("08", Value::Float(8.0)),
            ("-.5", Value::Float(-0.5)),
            ("9223372036854775808", Value::Float(9_223_372_036_854_775_808.0)),
            ("True", Value::Bool(true)),
            ("~", Value::Null),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }

    #[test]
    fn stays_text() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "1.2.3",
            "12:34:56",
            "-",
            "+",
            ".",
            "1e",
            "1__0",
            "2020-01-01",
            "--1",
            "0x",
            "127.0.0.1:80",
            "-+1",
            "e5",
        ] {
            assert_eq!(resolve(text), Value::String(text.to_owned()), "{text}");
        }
    }
}
