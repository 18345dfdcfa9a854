//! The syntax of `.env` and of env files.
//!
//! `NAME=value` or `NAME: value`, optionally after `export`; `NAME` alone takes the value from
//! outside. An unquoted value ends at the line or at blank and `#`. Single quotes are literal,
//! double quotes know escapes and variables; both may span lines.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::interpolation::{InterpolationError, Lookup, interpolate};

/// Bytes that the values of one file may grow to.
const BUDGET: usize = 16 << 20;

/// One variable that a file defines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The bytes of its name.
    pub(crate) range: Range<usize>,
}

/// Something that is wrong in a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DotenvError {
    pub(crate) range: Range<usize>,
    pub(crate) kind: DotenvErrorKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DotenvErrorKind {
    /// A blank in the name.
    BlankInName,
    /// A character that no name may hold.
    BadCharacter(char),
    /// A line that starts with `=` or `:`.
    NoName,
    /// A quote that is not closed.
    OpenQuote,
    /// Text behind the closing quote.
    AfterQuote,
    /// Wrong use of variables.
    Interpolation(InterpolationError),
    /// A variable that nobody defines became nothing. Only a warning.
    Unset(String),
    /// The values are too long together.
    TooLarge,
}

/// What a file defines, in its order. Errors do not stop the reading: the next line goes on.
///
/// Variables are looked up with `lookup` first, then among the values of the file so far, then with `below`.
pub(crate) fn parse(
    text: &str,
    lookup: Lookup<'_>,
    below: Lookup<'_>,
) -> (Vec<Assignment>, Vec<DotenvError>) {
    let mut reader = Reader {
        text,
        at: 0,
        lookup,
        below,
        known: BTreeMap::new(),
        found: Vec::new(),
        errors: Vec::new(),
        left: BUDGET,
    };
    reader.run();
    (reader.found, reader.errors)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    lookup: Lookup<'a>,
    below: Lookup<'a>,
    known: BTreeMap<String, String>,
    found: Vec<Assignment>,
    errors: Vec<DotenvError>,
    left: usize,
}

impl Reader<'_> {
    fn run(&mut self) {
        loop {
            self.skip(char::is_whitespace);
            match self.text[self.at..].chars().next() {
                None => return,
                Some('#') => self.at = self.end_of_line(),
                Some(_) => {
                    if let Err(error) = self.statement() {
                        self.errors.push(error);
                        self.at = self.end_of_line();
                    }
                }
            }
        }
    }

    fn statement(&mut self) -> Result<(), DotenvError> {
        if let Some(rest) = self.text[self.at..].strip_prefix("export")
            && rest.starts_with(is_blank)
        {
            self.at += "export".len();
            self.skip(is_blank);
        }
        let start = self.at;
        let line = self.end_of_line();
        let mut separator = None;
        for (at, character) in self.text[start..line].char_indices() {
            match character {
                '=' | ':' => {
                    separator = Some(start + at);
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                other if is_blank(other) || other.is_alphanumeric() => {}
                other => {
                    let range = start + at..start + at + other.len_utf8();
                    return Err(DotenvError { range, kind: DotenvErrorKind::BadCharacter(other) });
                }
            }
        }
        let name = self.text[start..separator.unwrap_or(line)].trim_end().to_owned();
        let range = start..start + name.len();
        if name.is_empty() {
            return Err(DotenvError { range: start..line.min(start + 1), kind: DotenvErrorKind::NoName });
        }
        if name.contains(is_blank) {
            return Err(DotenvError { range, kind: DotenvErrorKind::BlankInName });
        }
        let value = if let Some(separator) = separator {
            self.at = separator + 1;
            self.skip(is_blank);
            Some(self.value()?)
        } else {
            self.at = line;
            (self.lookup)(&name)
        };
        if let Some(value) = value {
            self.known.insert(name.clone(), value.clone());
            self.found.push(Assignment { name, value, range });
        }
        Ok(())
    }

    fn value(&mut self) -> Result<String, DotenvError> {
        let start = self.at;
        match self.text[start..].chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = self.quoted(quote)?;
                if quote == '\'' { Ok(inner) } else { self.expand(&unescape(&inner), start..self.at) }
            }
            _ => {
                self.at = self.end_of_line();
                let value = &self.text[start..self.at];
                let value = value.find(" #").map_or(value, |at| &value[..at]).trim_end();
                self.expand(value, start..start + value.len().max(1))
            }
        }
    }

    /// The text between quotes, with `\"` (or `\'`) already plain. Stands behind the closing quote then.
    fn quoted(&mut self, quote: char) -> Result<String, DotenvError> {
        let start = self.at;
        let mut inner = String::new();
        let mut escaped = false;
        for (at, character) in self.text[start + 1..].char_indices() {
            if character == quote && !escaped {
                self.at = start + 1 + at + 1;
                return self.only_comment_follows().map(|()| inner);
            }
            if escaped && character != quote {
                inner.push('\\');
            }
            if !escaped && character == '\\' {
                escaped = true;
                continue;
            }
            escaped = false;
            inner.push(character);
        }
        Err(DotenvError { range: start..self.end_of_line(), kind: DotenvErrorKind::OpenQuote })
    }

    fn only_comment_follows(&self) -> Result<(), DotenvError> {
        let line = self.end_of_line();
        let rest = self.text[self.at..line].trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(());
        }
        Err(DotenvError { range: line - rest.len()..line, kind: DotenvErrorKind::AfterQuote })
    }

    fn expand(&mut self, value: &str, range: Range<usize>) -> Result<String, DotenvError> {
        let lookup = |name: &str| {
            let here = || self.known.get(name).cloned().or_else(|| (self.below)(name));
            (self.lookup)(name).or_else(here)
        };
        match interpolate(value, &lookup) {
            Ok(done) => {
                let unset = done.unset.into_iter().map(|(name, _)| DotenvErrorKind::Unset(name));
                self.errors.extend(unset.map(|kind| DotenvError { range: range.clone(), kind }));
                let left = self.left.checked_sub(done.text.len());
                self.left = left.unwrap_or(0);
                if left.is_some() {
                    Ok(done.text)
                } else {
                    Err(DotenvError { range, kind: DotenvErrorKind::TooLarge })
                }
            }
            Err(error) => Err(DotenvError { range, kind: DotenvErrorKind::Interpolation(error) }),
        }
    }

    fn end_of_line(&self) -> usize {
        self.text[self.at..].find('\n').map_or(self.text.len(), |at| self.at + at)
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.at = self.text.len() - self.text[self.at..].trim_start_matches(what).len();
    }
}

/// Blanks that do not end a line.
const fn is_blank(character: char) -> bool {
    matches!(character, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// Escapes of double quotes; `\$` becomes `$$`, which the expansion turns into a dollar.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let plain = match after.chars().next() {
            Some('a') => "\u{7}",
            Some('b') => "\u{8}",
            Some('f') => "\u{c}",
            Some('n') => "\n",
            Some('r') => "\r",
            Some('t') => "\t",
            Some('v') => "\u{b}",
            Some('$') => "$$",
            Some('"') => "\"",
            Some('\\') => "\\",
            _ => {
                // `\0` and three octal digits is a byte; any other backslash stays.
                let octal = after.strip_prefix('0').and_then(|digits| digits.get(..3));
                match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
                    Some(byte) => {
                        out.push(char::from(byte));
                        rest = &after[4..];
                    }
                    None => {
                        out.push('\\');
                        rest = after;
                    }
                }
                continue;
            }
        };
        out.push_str(plain);
        rest = &after[1..];
    }
    out + rest
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
