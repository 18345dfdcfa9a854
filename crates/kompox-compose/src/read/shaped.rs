//! Parts without a type of their own, held against their shape.

use kompox_yaml::{Diagnostic, Entry, Node, Value, nearest};

use super::Reader;
use crate::place::Place;
use crate::shape::{Keys, Shape};

impl Reader<'_> {
    /// A key that is kept as it is written: its value must have the shape that `keys` gives it.
    pub(super) fn kept(&mut self, entry: &Entry, keys: Keys, place: &Place<'_>) {
        if let Some(shape) = crate::shape::of(keys, &entry.key) {
            self.shape(&entry.value, shape, place);
        }
    }

    /// Reports whatever in a node does not have its shape.
    pub(super) fn shape(&mut self, node: &Node, shape: Shape, place: &Place<'_>) {
        match shape {
            Shape::Any | Shape::Typed => {}
            Shape::Text | Shape::Context => drop(self.text(node, place)),
            Shape::Path => drop(self.filled_text(node, place)),
            Shape::Boolean if node.as_bool().is_some() => {}
            Shape::Boolean => self.wrong(node, place, "true or false"),
            Shape::Within(least, most) => self.within(node, least, most, place),
            Shape::Ssh => self.ssh(node, place),
            Shape::Scalar => drop(self.scalar(node, place)),
            Shape::Word(words) => self.word(node, words, place),
            Shape::Flag | Shape::Choice => drop(self.boolean(node, place)),
            Shape::FlagOrText if node.as_bool().is_some() => {}
            Shape::FlagOrText => drop(self.text(node, place)),
            Shape::Int | Shape::Count => {
                self.number::<i64>(node, place);
            }
            Shape::Number => self.decimal(node, place),
            Shape::Bytes => drop(self.bytes(node, place)),
            Shape::Duration | Shape::Time => drop(self.duration(node, place)),
            Shape::Texts => drop(self.texts(node, place)),
            Shape::Scalars => drop(self.scalars(node, place)),
            Shape::TextOrTexts => drop(self.text_or_texts(node, place)),
            Shape::Contexts => self.contexts(node, place),
            Shape::Pairs | Shape::Environment | Shape::Variables => drop(self.pairs(node, place)),
            Shape::Options => self.options(node, false, place),
            Shape::Settings => self.options(node, true, place),
            Shape::Command => drop(self.command(node, place)),
            Shape::Hosts => drop(self.extra_hosts(node, place)),
            Shape::Limit => self.limit(node, place),
            Shape::List(item) => {
                for (index, node) in self.sequence(node, place).unwrap_or_default().iter().enumerate() {
                    self.shape(node, *item, &place.item(index));
                }
            }
            Shape::Map(..) => self.shape_of_keys(node, shape, place),
            Shape::DeviceRequest(keys, needed) => self.shape_of_keys(node, Shape::Map(keys, needed), place),
            Shape::Strings => {
                for entry in self.any_mapping(node, place).into_iter().flatten() {
                    let at = place.key(&entry.key);
                    match &entry.value.value {
                        Value::Sequence(items) => {
                            for (index, item) in items.iter().enumerate() {
                                self.plain(item, &at.item(index));
                            }
                        }
                        _ => self.plain(&entry.value, &at),
                    }
                }
            }
            Shape::Short(..) if node.as_str().is_some() => {}
            Shape::Short(_, keys) => self.shape_of_keys(node, Shape::Map(keys, &[]), place),
            Shape::Each(value) => {
                for entry in self.any_mapping(node, place).into_iter().flatten() {
                    self.shape(&entry.value, *value, &place.key(&entry.key));
                }
            }
            Shape::Names(_) if node.as_sequence().is_some() => drop(self.texts(node, place)),
            Shape::Names(value) => {
                for entry in self.any_mapping(node, place).into_iter().flatten() {
                    if !entry.value.is_null() {
                        self.shape(&entry.value, *value, &place.key(&entry.key));
                    }
                }
            }
            Shape::AllOr(_) if node.as_str() == Some("all") => {}
            Shape::AllOr(item) => self.shape(node, Shape::List(item), place),
            Shape::References(base) => drop(self.file_references(node, place, base.unwrap_or_default())),
            Shape::Test => drop(self.health_test(node, place)),
        }
    }

    fn shape_of_keys(&mut self, node: &Node, shape: Shape, place: &Place<'_>) {
        let Shape::Map(keys, needed) = shape else { return };
        let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
        let Some(mapping) = self.mapping(node, place, &names) else { return };
        for entry in mapping {
            if let Some(shape) = crate::shape::of(keys, &entry.key) {
                self.shape(&entry.value, shape, &place.key(&entry.key));
            }
        }
        for name in needed.iter().filter(|name| mapping.get(name).is_none()) {
            self.error(
                Diagnostic::error("compose.missing-key", format!("{place}: `{name}` is missing"))
                    .at(node.span)
                    .help(format!("add `{name}:`")),
            );
        }
    }

    fn word(&mut self, node: &Node, words: &[&str], place: &Place<'_>) {
        let Some(text) = self.text(node, place) else { return };
        if !words.contains(&text.value.as_str()) {
            let near =
                nearest(&text.value, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            self.error(
                Diagnostic::error("compose.word", format!("{place}: `{}` is not known", text.value))
                    .at(text.span)
                    .help(near.unwrap_or_else(|| format!("write {}", words.join(", ")))),
            );
        }
    }

    /// Text, a number or a boolean.
    fn plain(&mut self, node: &Node, place: &Place<'_>) {
        if node.as_bool().is_none() {
            self.scalar(node, place);
        }
    }

    fn within(&mut self, node: &Node, least: i64, most: i64, place: &Place<'_>) {
        let Some(number) = self.number::<i64>(node, place) else { return };
        if !(least..=most).contains(&number.value) {
            let message = format!("{place}: {} is not between {least} and {most}", number.value);
            self.error(Diagnostic::error("compose.range", message).at(number.span));
        }
    }

    /// A key alone is that of the agent: `default`.
    fn ssh(&mut self, node: &Node, place: &Place<'_>) {
        for pair in self.pairs(node, place) {
            if pair.value.is_none() && pair.name.value != "default" {
                self.error(
                    Diagnostic::error("compose.build", format!("{place}: `{}` has no path", pair.name.value))
                        .at(pair.name.span)
                        .help("write ID=PATH, or `default` for the keys of the agent"),
                );
            }
        }
    }

    fn contexts(&mut self, node: &Node, place: &Place<'_>) {
        for pair in self.pairs(node, place) {
            if pair.value.is_none() {
                self.error(
                    Diagnostic::error(
                        "compose.build",
                        format!("{place}: `{}` has no value", pair.name.value),
                    )
                    .at(pair.name.span)
                    .help("write NAME=CONTEXT"),
                );
            }
        }
    }

    fn decimal(&mut self, node: &Node, place: &Place<'_>) {
        let number = match &node.value {
            Value::Int(_) | Value::Float(_) => true,
            Value::String(text) => text.parse::<f64>().is_ok(),
            _ => false,
        };
        if !number {
            self.wrong(node, place, "a number");
        }
    }

    /// A mapping of text and numbers.
    fn options(&mut self, node: &Node, nothing: bool, place: &Place<'_>) {
        for entry in self.any_mapping(node, place).into_iter().flatten() {
            if !nothing || !entry.value.is_null() {
                self.scalar(&entry.value, &place.key(&entry.key));
            }
        }
    }

    fn limit(&mut self, node: &Node, place: &Place<'_>) {
        const BOTH: Shape = Shape::Map(&[("hard", Shape::Int), ("soft", Shape::Int)], &["soft", "hard"]);
        let shape = if node.as_mapping().is_some() { BOTH } else { Shape::Int };
        self.shape(node, shape, place);
    }
}
