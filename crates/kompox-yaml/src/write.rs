//! JSON values as YAML. Pure.
//!
//! Written so that readers of YAML 1.1 (Kubernetes tools) and 1.2 see the same values, and equal values give equal
//! bytes. Every scalar that could be taken for something else is in double quotes; texts of several lines are block
//! literals where that is exact.

use serde_json::Value;
use std::fmt::Write as _;

/// Words that some version of YAML takes for a boolean, null or number.
const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];

/// One value as a document, without `---`, with a final line break.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(object) if !object.is_empty() => mapping(&mut text, object, 0),
        Value::Array(array) if !array.is_empty() => sequence(&mut text, array, 0),
        // At the top a literal would have no indentation.
        Value::String(string) => text.push_str(&quoted(string)),
        other => scalar(&mut text, other, 0),
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Several values, each a document introduced by `---`.
pub fn write_documents<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    values.into_iter().map(|value| format!("---\n{}", write(value))).collect()
}

/// Entries at `indent`; the cursor stands where the first key begins.
fn mapping(text: &mut String, object: &serde_json::Map<String, Value>, indent: usize) {
    for (index, (key, value)) in object.iter().enumerate() {
        if index > 0 {
            push_indent(text, indent);
        }
        text.push_str(&plain_or_quoted(key));
        text.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                push_indent(text, indent + 2);
                mapping(text, inner, indent + 2);
            }
            Value::Array(inner) if !inner.is_empty() => {
                text.push('\n');
                push_indent(text, indent);
                sequence(text, inner, indent);
            }
            other => {
                text.push(' ');
                scalar(text, other, indent + 2);
            }
        }
    }
}

/// Items at `indent`; the cursor stands where the first dash belongs.
fn sequence(text: &mut String, array: &[Value], indent: usize) {
    for (index, value) in array.iter().enumerate() {
        if index > 0 {
            push_indent(text, indent);
        }
        text.push_str("- ");
        match value {
            Value::Object(inner) if !inner.is_empty() => mapping(text, inner, indent + 2),
            Value::Array(inner) if !inner.is_empty() => sequence(text, inner, indent + 2),
            other => scalar(text, other, indent + 2),
        }
    }
}

fn push_indent(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// A scalar or an empty collection, and the end of its line.
fn scalar(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) if fits_literal(string) => return literal(text, string, indent),
        Value::String(string) => text.push_str(&plain_or_quoted(string)),
        Value::Array(_) => text.push_str("[]"),
        Value::Object(_) => text.push_str("{}"),
    }
    text.push('\n');
}

fn plain_or_quoted(string: &str) -> String {
    let plain = string.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && string.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
        && !string.ends_with(':')
        && !WORDS.contains(&string.to_ascii_lowercase().as_str());
    if plain { string.to_owned() } else { quoted(string) }
}

/// True for characters that must be escaped: not printable, or a line break to some reader.
fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if unprintable(c) => {
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// True when a block literal gives exactly this text without an indentation indicator.
fn fits_literal(string: &str) -> bool {
    string.trim_end_matches('\n').contains('\n')
        && !string.starts_with(['\n', ' ', '\t'])
        && !string.chars().any(|c| unprintable(c) && c != '\n' && c != '\t')
}

fn literal(text: &mut String, string: &str, indent: usize) {
    let body = string.trim_end_matches('\n');
    let breaks = string.len() - body.len();
    text.push_str(match breaks {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            push_indent(text, indent);
            text.push_str(line);
        }
        text.push('\n');
    }
    text.extend(std::iter::repeat_n('\n', breaks.saturating_sub(1)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_manifest_looks_as_people_write_it() {
        let value = json!({
            "apiVersion": "v1",
            "data": {"a.conf": "one\n  two\n\nthree\n", "b": "", "c": "a\nb", "d": "a\nb\n\n"},
            "list": [{"name": "x", "image": "nginx:1.27"}, [1, 2], "yes", {}, []],
            "port": 80,
            "text": "a: b",
        });
        let expected = "\
apiVersion: v1
data:
  a.conf: |
    one
      two

    three
  b: \"\"
  c: |-
    a
    b
  d: |+
    a
    b

list:
- image: nginx:1.27
  name: x
- - 1
  - 2
- \"yes\"
- {}
- []
port: 80
text: \"a: b\"
";
        assert_eq!(write(&value), expected);
    }

    fn text() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            "yes",
            "No",
            "0x10",
            "1e3",
            "1_000",
            "12:30",
            "~",
            ".inf",
            "- a",
            "a: b",
            "a #b",
            "#",
            "&a",
            "*a",
            "!t",
            "|",
            ">",
            "%",
            "@",
            "`",
            "'",
            "\"",
            "\\",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\r\n",
            "a\nb",
            " a\nb",
            "a\n\n",
            "\na",
            "a \nb",
            "a\n b",
            "---",
            "a\n---\nb",
            "=",
            "<<",
            "2001-01-01",
            "?",
            "a:",
            ": a",
        ]);
        prop_oneof![odd.prop_map(ToOwned::to_owned), any::<String>(), "[a-z \n:#\"'\t-]{0,12}"]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_reads_back(value in value()) {
            let text = write(&value);
            let options = serde_saphyr::options! { strict_booleans: true };
            let back: Value = serde_saphyr::from_str_with_options(&text, options)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(back, value, "{}", text);
        }

        #[test]
        fn every_document_of_several_reads_back(values in prop::collection::vec(value(), 1..4)) {
            let text = write_documents(&values);
            let back: Vec<Value> = serde_saphyr::from_multiple(&text)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            let kept: Vec<_> = values.into_iter().filter(|value| !value.is_null()).collect();
            prop_assert_eq!(back.into_iter().filter(|value| !value.is_null()).collect::<Vec<_>>(), kept, "{}", text);
        }
    }
}
