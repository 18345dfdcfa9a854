//! The located tree.

use std::fmt;

use crate::Span;

/// A value and where it was written. `Debug` is `value @line:column`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Located<T> {
    /// Puts value and place together.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), span: self.span }
    }

    /// Borrows the value.
    pub const fn as_ref(&self) -> Located<&T> {
        Located { value: &self.value, span: self.span }
    }
}

impl<T: fmt::Debug> fmt::Debug for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)?;
        write!(f, " @{:?}", self.span)
    }
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// An explicit tag of the file's own (`!reset`); core tags are already applied to the value.
    pub tag: Option<String>,
    /// Where it is written. For the content of an alias: where the anchor is.
    pub span: Span,
    /// The scalar as written, when it is plain and did not become a string (`0440`, `1.10`, `~`).
    pub raw: Option<String>,
    /// Whether a scalar is quoted or a block scalar, so that it cannot be anything but text.
    pub quoted: bool,
}

/// Content of a [`Node`], by the YAML 1.2 core schema plus octal numbers with a leading zero.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Empty, `~` or `null`.
    Null,
    /// `true` or `false` in lower, upper or title case; never `yes` or `on`.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, merge keys already applied.
    Mapping(Mapping),
}

/// The kind of a [`Value`], for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// True or false.
    Bool,
    /// Whole or fractional.
    Number,
    /// Text.
    String,
    /// A list.
    Sequence,
    /// A mapping.
    Mapping,
}

impl Kind {
    /// With its article, as it reads in "expected …, found a list".
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "text",
            Self::Sequence => "a list",
            Self::Mapping => "a mapping",
        }
    }
}

impl Node {
    /// A node without tag and raw text.
    #[must_use]
    pub const fn new(value: Value, span: Span) -> Self {
        Self { value, tag: None, span, raw: None, quoted: false }
    }

    /// The kind of its value.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) | Value::Float(_) => Kind::Number,
            Value::String(_) => Kind::String,
            Value::Sequence(_) => Kind::Sequence,
            Value::Mapping(_) => Kind::Mapping,
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of any scalar as it is written: `yes`, `1.10` and `0440` unchanged. `None` for a
    /// list or a mapping; an absent value is the empty text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
            _ => Some(self.raw.as_deref().unwrap_or("")),
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The mapping to change, if it is one.
    #[must_use]
    pub const fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The value under a key to change, when this is a mapping that has it.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let entry = self.as_mapping_mut()?.entries.iter_mut().find(|entry| entry.key == key)?;
        Some(&mut entry.value)
    }

    /// Whether it is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The list, if it is one.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The mapping, if it is one.
    #[must_use]
    pub const fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// Whether both hold the same, wherever it is written; the order of keys does not matter.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Sequence(a), Value::Sequence(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Value::Mapping(a), Value::Mapping(b)) => {
                let by_key: std::collections::HashMap<_, _> =
                    b.iter().map(|entry| (entry.key.as_str(), &entry.value)).collect();
                a.len() == b.len()
                    && a.iter().all(|entry| {
                        by_key.get(entry.key.as_str()).is_some_and(|other| entry.value.same(other))
                    })
            }
            (a, b) => a == b,
        }
    }

    /// The value under a key, when this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_mapping()?.get(key)
    }
}

/// One key of a [`Mapping`] with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is written.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A mapping in the order it was written; keys that came through `<<` follow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// The entries; keys are unique.
    pub entries: Vec<Entry>,
}

impl Mapping {
    /// The value under a key. Looks through the entries one by one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// Takes the entry of a key out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// Number of keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> IntoIterator for &'a Mapping {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
