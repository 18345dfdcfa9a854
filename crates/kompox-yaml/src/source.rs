//! Texts that were read, and places in them. No IO: the caller hands over name and text.

use std::fmt;
use std::ops::Range;

/// Which text of a [`Sources`] a [`Span`] points into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// One point in a text. `Debug` is `line:column`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Bytes from the start of the text (a byte order mark is not part of it).
    pub offset: u32,
}

/// A stretch of one text. `Debug` is its start, after `#index:` unless it is in the first text.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First character.
    pub start: Position,
    /// Just behind the last character.
    pub end: Position,
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source != SourceId::default() {
            write!(f, "#{}:", self.source.0)?;
        }
        write!(f, "{:?}", self.start)
    }
}

#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    text: String,
    line_starts: Vec<usize>,
    /// Then a column is a difference of offsets.
    ascii: bool,
    /// Of a text within another one: lines before it and columns before each of its lines.
    within: Option<(u32, u32)>,
}

/// All texts that one load has read, by display name.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// An empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text under the name that messages shall show. A leading byte order mark is dropped.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        self.push(name.into(), text, None)
    }

    /// Adds a text that stands in one that was added before, line by line and indented, as a literal block of YAML does.
    /// Messages then show the places in the outer text. None if it does not stand there so; of several such places the
    /// first counts.
    pub fn embed(&mut self, text: &str) -> Option<SourceId> {
        let (name, within) =
            self.files.iter().find_map(|outer| Some((outer.name.clone(), block(&outer.text, text)?)))?;
        Some(self.push(name, text.to_owned(), Some(within)))
    }

    /// A text that was [embedded](Self::embed) under this name.
    #[must_use]
    pub fn embedded(&self, name: &str, text: &str) -> Option<SourceId> {
        let found = self
            .files
            .iter()
            .position(|file| file.within.is_some() && file.name == name && file.text == text);
        Some(SourceId(u32::try_from(found?).ok()?))
    }

    /// Line and column as people see them, in the file that they edit.
    #[must_use]
    pub fn shown(&self, id: SourceId, position: Position) -> (u32, u32) {
        let (lines, columns) = self.file(id).and_then(|file| file.within).unwrap_or_default();
        (position.line.saturating_add(lines), position.column.saturating_add(columns))
    }

    fn push(&mut self, name: String, text: String, within: Option<(u32, u32)>) -> SourceId {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let id = SourceId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { name, ascii: text.is_ascii(), text, line_starts, within });
        id
    }

    fn file(&self, id: SourceId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// Display name of a text; empty for an id of another collection.
    #[must_use]
    pub fn name(&self, id: SourceId) -> &str {
        self.file(id).map_or("", |file| &file.name)
    }

    /// The whole text; empty for an id of another collection.
    #[must_use]
    pub fn text(&self, id: SourceId) -> &str {
        self.file(id).map_or("", |file| &file.text)
    }

    /// One line (from 1) without its line break.
    #[must_use]
    pub fn line(&self, id: SourceId, line: u32) -> Option<&str> {
        let file = self.file(id)?;
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *file.line_starts.get(index)?;
        let end = file.line_starts.get(index + 1).copied().unwrap_or(file.text.len());
        Some(file.text.get(start..end)?.trim_end_matches(['\n', '\r']))
    }

    /// The position at a byte offset, clamped to the text and to a character boundary.
    #[must_use]
    pub fn position(&self, id: SourceId, offset: usize) -> Position {
        let Some(file) = self.file(id) else { return Position::default() };
        let mut offset = offset.min(file.text.len());
        while !file.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let index = file.line_starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let line = &file.text[file.line_starts[index]..offset];
        let column = if file.ascii { line.len() } else { line.chars().count() } + 1;
        Position { line: narrow(index + 1), column: narrow(column), offset: narrow(offset) }
    }

    /// The span of a byte range.
    #[must_use]
    pub fn span(&self, id: SourceId, range: Range<usize>) -> Span {
        Span { source: id, start: self.position(id, range.start), end: self.position(id, range.end) }
    }

    /// The text a span covers.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.source).get(span.start.offset as usize..span.end.offset as usize).unwrap_or("")
    }

    /// The span of a byte range of a scalar's value, when the scalar is written literally on one
    /// line (plain, or quoted without escapes); otherwise the scalar's whole span.
    #[must_use]
    pub fn within(&self, span: Span, value: &str, range: Range<usize>) -> Span {
        let written = self.slice(span);
        let lead = match written.strip_prefix(['"', '\'']) {
            Some(inner) if inner.strip_suffix(['"', '\'']) == Some(value) => 1,
            None if written == value => 0,
            _ => return span,
        };
        if value.contains('\n') || value.get(range.clone()).is_none() {
            return span;
        }
        let start = span.start.offset as usize + lead;
        self.span(span.source, start + range.start..start + range.end)
    }
}

/// Lines before `text` and columns before each of its lines, where it stands as a block in `outer`.
fn block(outer: &str, text: &str) -> Option<(u32, u32)> {
    let wanted: Vec<&str> = text.lines().collect();
    let first = wanted.iter().position(|line| !line.trim().is_empty())?;
    let lines: Vec<&str> = outer.lines().collect();
    let indent_at = |start: usize| {
        let indent = lines.get(start + first)?.strip_suffix(wanted[first])?;
        let same = |(line, wanted): (&&str, &&str)| {
            line.strip_prefix(indent)
                .map_or(wanted.trim().is_empty() && line.trim().is_empty(), |rest| rest == *wanted)
        };
        let whole = lines.get(start..start + wanted.len())?.iter().zip(&wanted).all(same);
        (indent.chars().all(|c| c == ' ') && whole).then_some((narrow(start), narrow(indent.len())))
    };
    (0..lines.len()).find_map(indent_at)
}

fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_its_places_in_the_file() {
        let mut sources = Sources::new();
        sources
            .add("a.yml", "app:\n  compose: |\n\n    services:\n      web:\n\n        image: x\n  env: {}\n");
        let text = "\nservices:\n  web:\n\n    image: x\n";
        let id = sources.embed(text).unwrap();
        let at = text.find("image").unwrap();
        let position = sources.span(id, at..at + 5).start;
        assert_eq!((sources.name(id), sources.shown(id, position)), ("a.yml", (7, 9)));
        assert_eq!(sources.line(id, position.line), Some("    image: x"));
        assert_eq!(sources.embedded("a.yml", text), Some(id));
        assert_eq!(sources.embedded("a.yml", "services:\n"), None);
    }

    #[test]
    fn what_stands_otherwise_is_not_found() {
        let mut sources = Sources::new();
        sources.add("a.yml", "compose: \"a:\\n  b: c\\n\"\nother: >\n  a:\n    b: d\n");
        for text in ["a:\n  b: c\n", "", "\n\n", "b: d\nb: d\n"] {
            assert_eq!(sources.embed(text), None, "{text:?}");
        }
    }
}
