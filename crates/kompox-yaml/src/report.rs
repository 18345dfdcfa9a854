//! Diagnostics with their places resolved to file, line and column: for printing and for JSON.

use std::fmt;

use crate::{Diagnostic, Diagnostics, Severity, Sources};

/// A place by file, line and column.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// Display name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is to be seen there; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A diagnostic that no longer needs its [`Sources`]. `Display` is its plain text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where; the first is the main one.
    pub places: Vec<Place>,
}

impl Diagnostic {
    /// Resolves the places.
    #[must_use]
    pub fn report(&self, sources: &Sources) -> Report {
        let places = self.labels.iter().map(|label| {
            let (line, column) = sources.shown(label.span.source, label.span.start);
            Place { file: sources.name(label.span.source).to_owned(), line, column, text: label.text.clone() }
        });
        Report {
            severity: self.severity,
            code: self.code,
            message: self.message.clone(),
            help: self.help.clone(),
            places: places.collect(),
        }
    }
}

impl Diagnostics {
    /// All of them with their places resolved.
    #[must_use]
    pub fn reports(&self, sources: &Sources) -> Vec<Report> {
        self.iter().map(|diagnostic| diagnostic.report(sources)).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { file, line, column, .. }) = self.places.first() {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        writeln!(f, "{}[{}]: {}", self.severity.word(), self.code, self.message)?;
        for Place { file, line, column, text } in self.places.iter().skip(1) {
            writeln!(f, "  {file}:{line}:{column}: {text}")?;
        }
        for (index, line) in self.help.iter().flat_map(|help| help.lines()).enumerate() {
            let lead = if index == 0 { "help: " } else { "      " };
            writeln!(f, "  {lead}{line}")?;
        }
        Ok(())
    }
}
