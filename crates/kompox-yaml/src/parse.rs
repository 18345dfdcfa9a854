//! Text to tree: a thin layer over granit-parser's events.
//!
//! The events are collected first and the tree is built from them, so that an alias is built again
//! from the events of its anchor: every copy counts against the same limit, and cycles are seen.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag};

use crate::{Diagnostic, Diagnostics, Entry, Mapping, Node, Position, SourceId, Sources, Span, Value};

/// Bounds that keep hostile text from using much time or memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes of the tree, each alias counted as often as it is used.
    pub nodes: usize,
    /// Collections within collections, those behind aliases included.
    pub depth: usize,
}

impl Default for Limits {
    /// 100 000 nodes, 200 levels.
    fn default() -> Self {
        Self { nodes: 100_000, depth: 200 }
    }
}

/// Parses every document of a text that was added to `sources`. The documents before the first
/// error are returned as well; a text without any content has no document.
#[must_use]
pub fn parse(sources: &Sources, id: SourceId, limits: Limits) -> (Vec<Node>, Diagnostics) {
    let mut builder = Builder::new(sources, id, limits);
    builder.collect();
    let documents = builder.documents();
    builder.diagnostics.sort();
    (documents, builder.diagnostics)
}

struct Builder<'a> {
    sources: &'a Sources,
    id: SourceId,
    limits: Limits,
    events: Vec<(Event<'a>, granit_parser::Span)>,
    /// Events of each anchored node.
    anchors: HashMap<usize, Range<usize>>,
    at: usize,
    visits: usize,
    depth: usize,
    diagnostics: Diagnostics,
}

/// Building stopped; the reason is in the diagnostics.
struct Stop;

impl<'a> Builder<'a> {
    fn new(sources: &'a Sources, id: SourceId, limits: Limits) -> Self {
        let (events, anchors) = (Vec::new(), HashMap::new());
        Self {
            sources,
            id,
            limits,
            events,
            anchors,
            at: 0,
            visits: 0,
            depth: 0,
            diagnostics: Diagnostics::new(),
        }
    }

    fn collect(&mut self) {
        let mut open: Vec<(usize, usize)> = Vec::new();
        // Another crate of the same program may switch comments on, which are not part of the tree.
        let options = granit_parser::options! { emit_comments: false };
        for next in Parser::new_from_str_with_options(self.sources.text(self.id), options) {
            let (event, span) = match next {
                Ok(next) => next,
                Err(error) => {
                    let diagnostic = self.syntax(&error);
                    self.diagnostics.push(diagnostic);
                    return;
                }
            };
            let at = self.events.len();
            match &event {
                Event::Scalar(_, _, anchor, _) if *anchor > 0 => {
                    self.anchors.insert(*anchor, at..at + 1);
                }
                Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                    open.push((*anchor, at));
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some((anchor, start)) = open.pop() {
                        self.anchors.insert(anchor, start..at + 1);
                    }
                }
                _ => {}
            }
            self.events.push((event, span));
        }
    }

    fn documents(&mut self) -> Vec<Node> {
        let mut documents = Vec::new();
        while let Some((event, _)) = self.events.get(self.at) {
            let starts = matches!(event, Event::DocumentStart(..));
            self.at += 1;
            if starts {
                // A syntax error leaves the events incomplete: what is left is not a document.
                match self.node() {
                    Ok(node) => documents.push(node),
                    Err(Stop) => return documents,
                }
            }
        }
        documents
    }

    fn node(&mut self) -> Result<Node, Stop> {
        let Some((event, place)) = self.events.get(self.at).cloned() else { return Err(Stop) };
        let span = self.span(place);
        self.visits += 1;
        if self.visits > self.limits.nodes {
            return self.stop(
                Diagnostic::error(
                    "yaml.too-large",
                    format!("more than {} values, aliases included", self.limits.nodes),
                )
                .at(span)
                .help("use fewer aliases of large parts, or split the file"),
            );
        }
        self.at += 1;
        match event {
            Event::Scalar(text, style, _, tag) => Ok(self.scalar(&text, style, tag.as_deref(), span)),
            Event::SequenceStart(_, _, tag) => {
                self.enter(span)?;
                let mut items = Vec::new();
                while !self.ends(&Event::SequenceEnd)? {
                    items.push(self.node()?);
                }
                self.leave(Value::Sequence(items), tag.as_deref(), span)
            }
            Event::MappingStart(_, _, tag) => {
                self.enter(span)?;
                let mapping = self.mapping()?;
                self.leave(Value::Mapping(mapping), tag.as_deref(), span)
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Err(Stop),
        }
    }

    fn mapping(&mut self) -> Result<Mapping, Stop> {
        let mut mapping = Mapping::default();
        let mut known: HashMap<String, Span> = HashMap::new();
        let mut merge = None;
        while !self.ends(&Event::MappingEnd)? {
            let key = self.node()?;
            let value = self.node()?;
            let text = match key.value {
                Value::String(text) => text,
                _ => {
                    self.diagnostics.push(key_is_not_text(&key));
                    continue;
                }
            };
            if let Some(first) = known.insert(text.clone(), key.span) {
                known.insert(text.clone(), first);
                self.diagnostics.push(duplicate(&text, key.span, first));
            } else if text == "<<" && !key.quoted {
                merge = Some((key.span, value));
            } else {
                mapping.entries.push(Entry { key: text, key_span: key.span, value });
            }
        }
        if let Some((key, merge)) = merge {
            crate::merge::apply(&mut mapping, key, merge, &mut self.diagnostics);
        }
        Ok(mapping)
    }

    /// Builds the anchor's node once more. Aliases inside of it are followed as well.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Stop> {
        let Some(range) = self.anchors.get(&anchor).cloned().filter(|range| !range.contains(&(self.at - 1)))
        else {
            return self.stop(
                Diagnostic::error("yaml.alias-cycle", "this alias stands inside the value it refers to")
                    .at(span)
                    .help("an alias repeats a value written before it; write this part out"),
            );
        };
        self.enter(span)?;
        let back = std::mem::replace(&mut self.at, range.start);
        let node = self.node();
        self.at = back;
        self.depth -= 1;
        node
    }

    fn ends(&mut self, end: &Event<'_>) -> Result<bool, Stop> {
        let (event, _) = self.events.get(self.at).ok_or(Stop)?;
        let ends = event == end;
        self.at += usize::from(ends);
        Ok(ends)
    }

    fn enter(&mut self, span: Span) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth <= self.limits.depth {
            return Ok(());
        }
        self.stop(
            Diagnostic::error("yaml.too-deep", format!("more than {} levels of nesting", self.limits.depth))
                .at(span),
        )
    }

    fn leave(&mut self, value: Value, tag: Option<&Tag>, span: Span) -> Result<Node, Stop> {
        self.depth -= 1;
        let tag = tag.filter(|tag| tag.core_suffix().is_none()).map(Tag::original);
        Ok(Node { tag, ..Node::new(value, span) })
    }

    fn stop<T>(&mut self, diagnostic: Diagnostic) -> Result<T, Stop> {
        self.diagnostics.push(diagnostic);
        Err(Stop)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let quoted = style != ScalarStyle::Plain;
        let core = tag.and_then(Tag::core_suffix);
        let own = tag.filter(|_| core.is_none()).map(Tag::original);
        let mut node = Node { tag: own, quoted, ..Node::new(Value::Null, span) };
        node.value = match core {
            None if quoted => Value::String(text.to_owned()),
            None => crate::scalar::resolve(text),
            Some("str") => Value::String(text.to_owned()),
            Some(wanted) => {
                let value = crate::scalar::resolve(text);
                let fits = match wanted {
                    "null" => matches!(value, Value::Null),
                    "bool" => matches!(value, Value::Bool(_)),
                    "int" => matches!(value, Value::Int(_)),
                    "float" => matches!(value, Value::Int(_) | Value::Float(_)),
                    _ => false,
                };
                if !fits {
                    let message = format!("`{text}` is not of type `!!{wanted}`");
                    self.diagnostics.push(Diagnostic::error("yaml.tag", message).at(span));
                }
                value
            }
        };
        if !matches!(node.value, Value::String(_)) {
            // The parser gives `~` for a value that is not there at all.
            let absent = span.start == span.end;
            node.raw = Some(if absent { String::new() } else { text.to_owned() });
        }
        node
    }

    fn span(&self, place: granit_parser::Span) -> Span {
        Span { source: self.id, start: position(place.start), end: position(place.end) }
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let start = position(*error.marker());
        let span = Span { source: self.id, start, end: start };
        let tab = matches!(
            error.kind(),
            ErrorKind::TabNotAllowed
                | ErrorKind::TabInBlockIndentation
                | ErrorKind::TabInIndentation
                | ErrorKind::TabInPlainScalar
        ) || self
            .sources
            .line(self.id, start.line)
            .is_some_and(|line| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t'));
        if tab {
            return Diagnostic::error("yaml.tab", "a tab cannot be used for indentation")
                .at(span)
                .help("use spaces");
        }
        match error.kind() {
            ErrorKind::UnknownAnchor => Diagnostic::error("yaml.unknown-alias", "no anchor of this name stands before this alias")
                .at(span)
                .help("write `&name` before the value to repeat, above this line; a text that starts with `*` needs quotes"),
            ErrorKind::RecursionLimitExceeded => {
                Diagnostic::error("yaml.too-deep", format!("more than {} levels of nesting", self.limits.depth)).at(span)
            }
            ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
                Diagnostic::error("yaml.syntax", "a quote opened before this point is not closed").at(span)
            }
            ErrorKind::InvalidColonPlacement => Diagnostic::error("yaml.syntax", "no `:` can stand here")
                .at(span)
                .help("close the `[` or `{` before it, or put the text in quotes"),
            ErrorKind::UnclosedFlowCollection { open } => {
                Diagnostic::error("yaml.syntax", format!("`{open}` is not closed")).at(span)
            }
            _ => Diagnostic::error("yaml.syntax", error.info()).at(span),
        }
    }
}

fn position(marker: granit_parser::Marker) -> Position {
    let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position {
        line: narrow(marker.line()),
        column: narrow(marker.col() + 1),
        offset: narrow(marker.byte_offset().unwrap_or(0)),
    }
}

fn key_is_not_text(key: &Node) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("yaml.key", format!("a key must be text, found {}", key.kind().phrase()))
            .at(key.span);
    match key.text().filter(|text| !text.is_empty()) {
        Some(text) => diagnostic.help(format!("put it in quotes: \"{text}\"")),
        None => diagnostic,
    }
}

fn duplicate(key: &str, span: Span, first: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error("yaml.duplicate-key", format!("`{key}` is given twice"))
        .at(span)
        .label(first, "first given here");
    if key == "<<" { diagnostic.help("write one `<<: [*first, *second]`") } else { diagnostic }
}
