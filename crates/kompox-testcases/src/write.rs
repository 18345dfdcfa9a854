//! YAML trees as text, in one of many styles. Pure.

use crate::Random;
use kompox_yaml::{Node, Value};
use std::fmt::Write as _;

/// Words that are no text, or that some readers take for something else.
const WORDS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan"];

/// Documents one after the other.
#[must_use]
pub fn write(documents: &[Node], random: &mut Random) -> String {
    let written: Vec<_> = documents.iter().map(|document| one(document, random)).collect();
    written.join("---\n")
}

fn one(document: &Node, random: &mut Random) -> String {
    let mut writer = Writer { out: String::new(), random };
    writer.value(document, 0);
    writer.out.push('\n');
    writer.out.trim_start_matches([' ', '\n']).to_owned()
}

struct Writer<'a> {
    out: String,
    random: &'a mut Random,
}

impl Writer<'_> {
    /// What stands behind a `:` or a `-`: a block begins on the next line.
    fn value(&mut self, node: &Node, indent: usize) {
        // Mostly blocks, as people write them, and never within a list or mapping that has none.
        let block = indent == 0 || !self.random.one_in(4);
        match &node.value {
            Value::Mapping(mapping) if block && !mapping.is_empty() => {
                self.tag(node);
                for entry in mapping {
                    self.line(indent);
                    let key = scalar(&entry.key, false);
                    self.push(&format!("{key}:"));
                    self.value(&entry.value, indent + 2);
                }
            }
            Value::Sequence(items) if block && !items.is_empty() => {
                self.tag(node);
                for item in items {
                    self.line(indent);
                    self.push("-");
                    self.value(item, indent + 2);
                }
            }
            _ => {
                self.push(" ");
                self.flow(node);
            }
        }
    }

    fn flow(&mut self, node: &Node) {
        if let Some(tag) = &node.tag {
            self.push(&format!("{tag} "));
        }
        match &node.value {
            Value::Mapping(mapping) => {
                self.push("{");
                for (at, entry) in mapping.iter().enumerate() {
                    let key = scalar(&entry.key, false);
                    self.push(&format!("{}{key}: ", if at == 0 { "" } else { ", " }));
                    self.flow(&entry.value);
                }
                self.push("}");
            }
            Value::Sequence(items) => {
                self.push("[");
                for (at, item) in items.iter().enumerate() {
                    self.push(if at == 0 { "" } else { ", " });
                    self.flow(item);
                }
                self.push("]");
            }
            Value::String(text) => {
                let written = scalar(text, !node.quoted);
                self.push(&written);
            }
            Value::Null => self.push("null"),
            Value::Bool(value) => self.push(&node.raw.clone().unwrap_or_else(|| value.to_string())),
            Value::Int(value) => self.push(&node.raw.clone().unwrap_or_else(|| value.to_string())),
            Value::Float(value) => self.push(&node.raw.clone().unwrap_or_else(|| value.to_string())),
        }
    }

    fn tag(&mut self, node: &Node) {
        if let Some(tag) = &node.tag {
            self.push(&format!(" {tag}"));
        }
    }

    fn line(&mut self, indent: usize) {
        self.push("\n");
        self.push(&" ".repeat(indent));
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }
}

/// Text without quotes if that is certain to stay the same text, or was so before.
fn scalar(text: &str, was_plain: bool) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_'))
        || text.starts_with("./")
        || text.starts_with("../");
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let word = WORDS.contains(&text.to_ascii_lowercase().as_str());
    let kept = was_plain && matches!(text, "yes" | "no" | "on" | "off");
    if first && text.chars().all(safe) && (!word || kept) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(c),
            c if c as u32 <= 0xffff => write!(out, "\\u{:04x}", c as u32).unwrap_or_default(),
            c => write!(out, "\\U{:08x}", c as u32).unwrap_or_default(),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::documents;

    #[test]
    fn what_is_written_reads_as_the_same() {
        let text = "a: {b: [1, 'x', ~, true, no, 0440, 'é\u{1f600}\\n\"', [], {}], '1': !reset [x], c: !override {d: 1}}\n\
                    e: [[1, [2]], [{f: {g: [h]}}]]\n---\nsecond: [a b, -c, '', ' x', 'true']\n";
        let first = documents(text).unwrap();
        for seed in 0..50 {
            let written = write(&first, &mut Random::new(seed));
            let again = documents(&written).unwrap();
            assert_eq!(first.len(), again.len());
            assert!(first.iter().zip(&again).all(|(a, b)| a.same(b)), "{written}");
            assert_eq!(written.matches("!reset").count(), 1, "{written}");
        }
    }
}
