//! What one load may take altogether: files that name each other again and again come to an end. Pure.

use crate::read::PORTS;
use kompox_yaml::{Diagnostic, Diagnostics, Node, Span, Value};

/// Files that `include` and `extends` may read.
const FILES: usize = 500;
/// Values of all files, each counted as often as it is copied or looked through again.
const VALUES: usize = 100_000;
/// What a variable of an env file, or a label of a label file, counts for.
pub(crate) const VARIABLE: usize = 4;
/// How often a service that is extended counts, being copied, merged and looked through again.
pub(crate) const EXTENDED: usize = 2;
/// What a variable counts for where an included project begins with those of the including one.
pub(crate) const INHERITED: usize = 2;
/// Bytes of all values and contents, counted the same way and with variables replaced.
const TEXT: usize = 8 << 20;

/// How much one project may hold: what is counted, and the most of it. A project with more is refused.
pub const LIMITS: [(&str, usize); 4] = [
    ("files that `include` and `extends` name", FILES),
    (
        "values of all files and words of commands, counted as often as they are copied; a variable of an env file counts for four",
        VALUES,
    ),
    ("bytes of all values and contents, with variables replaced", TEXT),
    ("ports, ranges counted out", PORTS),
];

/// What is left.
#[derive(Debug)]
pub(crate) struct Budget {
    files: usize,
    values: usize,
    text: usize,
    /// Nothing is taken any more, which was said.
    over: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { files: FILES, values: VALUES, text: TEXT, over: false }
    }
}

impl Budget {
    /// Whether something was refused, which was reported.
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// Takes one file; false if there are too many.
    pub(crate) fn file(&mut self, at: Span, diagnostics: &mut Diagnostics) -> bool {
        let enough = self.files > 0;
        self.files = self.files.saturating_sub(1);
        if !enough && !self.over {
            self.over = true;
            let message = format!("the project includes and extends more than {FILES} files");
            diagnostics.push(
                Diagnostic::error("compose.too-many-files", message)
                    .at(at)
                    .help("put what belongs together into one file"),
            );
        }
        enough
    }

    /// Takes a whole tree so many times; false if it is too much.
    pub(crate) fn tree(&mut self, node: &Node, times: usize, diagnostics: &mut Diagnostics) -> bool {
        let (mut values, mut text) = (0, 0);
        measure(node, &mut values, &mut text);
        self.take(times * values, times * text, node.span, diagnostics)
    }

    /// Takes values and bytes of text; false if it is too much. Only the first time is reported.
    pub(crate) fn take(
        &mut self,
        values: usize,
        text: usize,
        at: Span,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        if self.over {
            return false;
        }
        let (values, text) = (self.values.checked_sub(values), self.text.checked_sub(text));
        if let (Some(values), Some(text)) = (values, text) {
            (self.values, self.text) = (values, text);
            return true;
        }
        self.over = true;
        let most = match values {
            None => format!("{VALUES} values"),
            Some(_) => format!("{} MiB of text", TEXT >> 20),
        };
        let message = format!("the project is too large: with all its files it has more than {most}");
        diagnostics.push(Diagnostic::error("compose.too-large", message).at(at).help(
            "what is included, extended or read again counts again, a variable of a file four times, and each word of \
             a command: do so less often or with smaller files",
        ));
        false
    }
}

fn measure(node: &Node, values: &mut usize, text: &mut usize) {
    *values += 1;
    match &node.value {
        Value::String(value) => *text += value.len(),
        Value::Sequence(items) => items.iter().for_each(|item| measure(item, values, text)),
        Value::Mapping(mapping) => mapping.iter().for_each(|entry| {
            *text += entry.key.len();
            measure(&entry.value, values, text);
        }),
        _ => {}
    }
}
