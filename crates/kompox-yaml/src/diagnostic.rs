//! What is wrong, where, and what to do about it.

use crate::{Sources, Span};

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The input is refused.
    Error,
    /// Accepted, but probably not what was meant.
    Warning,
    /// Accepted; something behaves differently or is ignored for a good reason.
    Note,
}

impl Severity {
    /// The word messages show.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A place that belongs to a [`Diagnostic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be seen there; may be empty for the first label.
    pub text: String,
}

/// One finding. The first label is where it is shown, the others are where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code such as `yaml.duplicate-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// Where.
    pub labels: Vec<Label>,
}

/// The longest text that is shown whole, in characters.
const LONGEST: usize = 1500;

/// Text as it can be shown: what is quoted from a file may hold characters that steer a terminal or change the order of
/// its letters, and may be of any length.
fn visible(text: String) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let long = text.len() > LONGEST && text.chars().count() > LONGEST;
    if !long && !text.chars().any(steers) {
        return text;
    }
    let mut out = String::new();
    let tail = text.chars().count().saturating_sub(LONGEST / 3);
    for (index, c) in text.chars().enumerate() {
        if long && index >= LONGEST / 2 && index < tail {
            if index == LONGEST / 2 {
                out.push('…');
            }
        } else if steers(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

impl Diagnostic {
    fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self { code, severity, message: visible(message.into()), help: None, labels: Vec::new() }
    }

    /// The input is refused.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// Accepted, but probably not meant.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// Worth knowing.
    #[must_use]
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    /// Adds a place without a text of its own.
    #[must_use]
    pub fn at(self, span: Span) -> Self {
        self.label(span, "")
    }

    /// Adds a place and what is to be seen there.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: visible(text.into()) });
        self
    }

    /// Sets the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(visible(help.into()));
        self
    }

    /// Sets the way out, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(visible).or(self.help);
        self
    }

    /// The first place.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}

/// Findings of one severity that are kept: nobody reads more, and a hostile file has one for each of its bytes.
const MOST: usize = 1000;

/// All findings of one load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// How many there were of each severity, and where the first one is that was not kept.
    counts: [(usize, Option<Span>); 3],
}

impl Diagnostics {
    /// No finding yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. After a thousand of one severity they are only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let (count, left_out) = &mut self.counts[diagnostic.severity as usize];
        *count += 1;
        if *count <= MOST {
            self.list.push(diagnostic);
        } else {
            *left_out = left_out.or(diagnostic.span()).or(Some(Span::default()));
        }
    }

    /// Whether the input is refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// In the order they were added, or by position after [`Diagnostics::sort`].
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Orders by file, position and severity; what has no place comes first. Equal ones are kept once. Says how many were
    /// only counted.
    pub fn sort(&mut self) {
        for (count, left_out) in &mut self.counts {
            if let Some(place) = left_out.take() {
                let message = format!("{} more like these are not shown", *count - MOST);
                self.list.push(Diagnostic::note("yaml.more", message).at(place));
            }
        }
        self.list.sort_by_key(|diagnostic| (diagnostic.span(), diagnostic.severity));
        self.list.dedup();
    }

    /// Plain text, one block per finding: `file:line:column: error[code]: message`, then the other
    /// places and the help, indented. Ends with a line break unless empty.
    #[must_use]
    pub fn render(&self, sources: &Sources) -> String {
        self.reports(sources).iter().map(ToString::to_string).collect()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, iter: T) {
        iter.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<T: IntoIterator<Item = Diagnostic>>(iter: T) -> Self {
        let mut all = Self::new();
        all.extend(iter);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_only_counted() {
        let mut found: Diagnostics =
            (0..3000).map(|n| Diagnostic::warning("a.b", n.to_string()).at(Span::default())).collect();
        found.push(Diagnostic::error("a.c", "last"));
        found.sort();
        assert_eq!((found.len(), found.has_errors()), (1002, true));
        let more = found.iter().find(|one| one.code == "yaml.more").unwrap();
        assert_eq!(more.message, "2000 more like these are not shown");
        found.sort();
        assert_eq!(found.len(), 1002);
    }

    #[test]
    fn what_is_quoted_cannot_steer_a_terminal_or_fill_it() {
        let hostile = format!("`a\u{1b}[31m\nb\u{202e}c` {} end", "x".repeat(100_000));
        let found =
            Diagnostic::error("a.b", hostile.clone()).help(hostile.clone()).label(Span::default(), hostile);
        for text in [&found.message, found.help.as_ref().unwrap(), &found.labels[0].text] {
            assert!(
                text.starts_with("`a\\u{1b}[31m\\nb\\u{202e}c` xxx") && text.ends_with("x end"),
                "{text}"
            );
            assert!(text.chars().count() < 1500, "{}", text.chars().count());
        }
        assert_eq!(Diagnostic::note("a.b", "ünd …").message, "ünd …");
    }
}
