//! Single values: text, numbers, booleans, amounts.

use std::time::Duration;

use kompox_yaml::{Diagnostic, Located, Mapping, Node, Value};

use super::Reader;
use crate::place::Place;
use crate::{Cpus, bytes, duration};

impl Reader<'_> {
    /// Reports a value of the wrong kind.
    pub(super) fn wrong(&mut self, node: &Node, place: &Place<'_>, expected: &str) {
        let help = match &node.value {
            Value::Null => Some("give it a value or remove the key".to_owned()),
            Value::Int(number) if expected.contains("duration") => {
                Some(format!("write {number}s for seconds"))
            }
            Value::Bool(_) | Value::Int(_) | Value::Float(_) if expected.contains("text") => {
                node.text().map(|raw| format!("put it in quotes: \"{raw}\""))
            }
            _ => None,
        };
        let found = match &node.value {
            Value::String(text) => format!("`{}`", shorten(text)),
            _ => node.kind().phrase().to_owned(),
        };
        self.error(
            Diagnostic::error("compose.type", format!("{place} must be {expected}, found {found}"))
                .at(node.span)
                .maybe_help(help),
        );
    }

    pub(super) fn any_mapping<'n>(&mut self, node: &'n Node, place: &Place<'_>) -> Option<&'n Mapping> {
        if node.as_mapping().is_none() {
            match place {
                Place::Root => self.wrong(node, &Place::Root.key("the file"), "a mapping"),
                _ => self.wrong(node, place, "a mapping"),
            }
        }
        node.as_mapping()
    }

    pub(super) fn sequence<'n>(&mut self, node: &'n Node, place: &Place<'_>) -> Option<&'n [Node]> {
        if node.as_sequence().is_none() {
            self.wrong(node, place, "a list");
        }
        node.as_sequence()
    }

    /// Text only: `image: 1.10` is a number and refused.
    pub(super) fn text(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<String>> {
        if node.as_str().is_none() {
            self.wrong(node, place, "text");
        }
        node.as_str().map(|text| Located::new(text.to_owned(), node.span))
    }

    /// Text that is not empty.
    pub(super) fn filled_text(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<String>> {
        let text = self.text(node, place)?;
        if text.value.is_empty() {
            self.error(Diagnostic::error("compose.empty-value", format!("{place} is empty")).at(node.span));
            return None;
        }
        Some(text)
    }

    /// Text; an empty one is the same as none.
    pub(super) fn text_or_nothing(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<String>> {
        self.text(node, place).filter(|text| !text.value.is_empty())
    }

    /// Text or a number.
    pub(super) fn scalar(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<String>> {
        match &node.value {
            Value::String(_) | Value::Int(_) | Value::Float(_) => {
                canonical(node).map(|text| Located::new(text, node.span))
            }
            _ => {
                self.wrong(node, place, "text or a number");
                None
            }
        }
    }

    /// A boolean; the words of YAML 1.1 are taken with a warning.
    pub(super) fn boolean(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<bool>> {
        let value = match &node.value {
            Value::Bool(value) => Some(*value),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                word @ ("y" | "yes" | "on" | "n" | "no" | "off") => {
                    let value = matches!(word, "y" | "yes" | "on");
                    self.error(
                        Diagnostic::warning(
                            "compose.boolean",
                            format!("`{text}` is no boolean of YAML 1.2; taken as {value}"),
                        )
                        .at(node.span)
                        .help(format!("write {value}")),
                    );
                    Some(value)
                }
                _ => None,
            },
            _ => None,
        };
        if value.is_none() {
            self.wrong(node, place, "true or false");
        }
        value.map(|value| Located::new(value, node.span))
    }

    /// A whole number within the range of `T`, also as text.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<T>> {
        let value = match &node.value {
            Value::Int(value) => Some(*value),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let Some(value) = value else {
            self.wrong(node, place, "a whole number");
            return None;
        };
        let Ok(fitting) = T::try_from(value) else {
            let message = format!("{place}: {value} is {}", if value < 0 { "negative" } else { "too large" });
            self.error(Diagnostic::error("compose.range", message).at(node.span));
            return None;
        };
        Some(Located::new(fitting, node.span))
    }

    /// An amount of bytes. `-1` means no limit and gives nothing.
    pub(super) fn bytes(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<u64>> {
        let value = match &node.value {
            Value::Int(-1) => return None,
            Value::Int(value) => u64::try_from(*value).ok(),
            Value::String(text) => bytes::parse(text),
            _ => None,
        };
        if value.is_none() {
            self.wrong(node, place, "an amount of bytes such as 512m or 1.5g");
        }
        value.map(|value| Located::new(value, node.span))
    }

    /// A number of CPUs.
    pub(super) fn cpus(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<Cpus>> {
        let value = match &node.value {
            Value::Int(_) | Value::Float(_) | Value::String(_) => node.text().and_then(bytes::parse_cpus),
            _ => None,
        };
        if value.is_none() {
            self.wrong(node, place, "a number of CPUs such as 0.5 or 2");
        }
        value.map(|value| Located::new(value, node.span))
    }

    /// A duration.
    pub(super) fn duration(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<Duration>> {
        let value = node.as_str().and_then(duration::parse);
        if value.is_none() {
            self.wrong(node, place, "a duration such as 30s or 1m30s");
        }
        value.map(|value| Located::new(value, node.span))
    }

    /// Permission bits: a YAML number as it is (`0440` is octal there), text as octal.
    pub(super) fn mode(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<u32>> {
        let value = match &node.value {
            Value::Int(value) => u32::try_from(*value).ok(),
            Value::String(text) => u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok(),
            _ => None,
        };
        let value = value.filter(|mode| *mode <= 0o7777);
        let Some(mode) = value else {
            self.wrong(node, place, "permission bits such as 0440");
            return None;
        };
        if let Some(raw) =
            node.raw.as_deref().filter(|raw| mode > 7 && raw.starts_with(|c| matches!(c, '1'..='9')))
        {
            self.error(
                Diagnostic::warning(
                    "compose.mode",
                    format!("{place}: {raw} is a decimal number here, permission bits {mode:04o}"),
                )
                .at(node.span)
                .help(format!("if you mean octal, write 0{raw}")),
            );
        }
        Some(Located::new(mode, node.span))
    }
}

/// The text of a scalar the way the Go programs around Compose print it: `1.10` is `1.1`, `0440` is
/// `288`, `True` is `true`. `None` for nothing, lists and mappings.
pub(crate) fn canonical(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => {
            // Whole numbers beyond 63 bits keep their digits up to 64 bits.
            let whole = node.text().and_then(|raw| raw.parse::<u64>().ok());
            Some(whole.map_or_else(|| float(*value), |whole| whole.to_string()))
        }
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

/// The shortest digits that give the number back, with an exponent below 1e-4 and from 1e6 on.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= 40 && line.len() == text.len() {
        return line.to_owned();
    }
    line.chars().take(40).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn floats_as_go_prints_them() {
        for (value, text) in [
            (1.1, "1.1"),
            (1000.0, "1000"),
            (100_000.0, "100000"),
            (1_234_567.5, "1.2345675e+06"),
            (1e6, "1e+06"),
            (123_456_789.5, "1.234567895e+08"),
            (0.00001, "1e-05"),
            (0.0001, "0.0001"),
            (1e21, "1e+21"),
            (-0.0, "-0"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(float(value), text);
        }
    }
}
