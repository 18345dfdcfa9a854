//! Diagnostics as text for people, with the lines they are about. Pure.
//!
//! The first line is always `file:line:column: error[code]: message`, which editors and CI systems can follow.

use kompox_yaml::{Diagnostic, Position, Sources, Span};
use std::fmt::Write;

/// Lines of a place that are shown at most.
const EXCERPT_LINES: u32 = 4;

/// One diagnostic as text; with `excerpt`, the lines of each place are shown and marked. Ends with a line break.
pub(crate) fn text(diagnostic: &Diagnostic, sources: &Sources, excerpt: bool) -> String {
    let plain = diagnostic.report(sources).to_string();
    if !excerpt {
        return plain;
    }
    let mut lines = plain.lines();
    let mut text = lines.next().unwrap_or_default().to_owned();
    text.push('\n');
    for (index, label) in diagnostic.labels.iter().enumerate() {
        if index > 0 {
            push_line(&mut text, lines.next().unwrap_or_default());
        }
        text.push_str(&lines_of(label.span, sources));
    }
    lines.for_each(|line| push_line(&mut text, line));
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// The lines of a span with their numbers; a span within one line is underlined.
fn lines_of(span: Span, sources: &Sources) -> String {
    let last = span.end.line.min(span.start.line.saturating_add(EXCERPT_LINES - 1)).max(span.start.line);
    let shown = |line: u32| sources.shown(span.source, Position { line, ..span.start }).0;
    let width = shown(last).to_string().len().max(4);
    let mut text = String::new();
    for number in span.start.line..=last {
        let Some(line) = sources.line(span.source, number) else { break };
        // A span that ends at the very start of a line says nothing about that line.
        if number > span.start.line && number == span.end.line && span.end.column <= 1 {
            break;
        }
        push_line(&mut text, format!("{:>width$} | {}", shown(number), printable(line)).trim_end());
    }
    if span.end.line <= span.start.line && !text.is_empty() {
        let line = sources.line(span.source, span.start.line).unwrap_or_default();
        let before: String = line
            .chars()
            .take(span.start.column.saturating_sub(1) as usize)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let length = span.end.column.saturating_sub(span.start.column).max(1) as usize;
        let _ = writeln!(text, "{:>width$} | {before}{}", "", "^".repeat(length));
    }
    text
}

/// A line without characters that could steer the terminal.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> (Sources, kompox_yaml::SourceId) {
        let mut sources = Sources::new();
        let id = sources.add("compose.yml", "services:\n  web:\n\tprots: [\"80\"]\n  db: {}\n");
        (sources, id)
    }

    #[test]
    fn a_place_is_shown_and_underlined() {
        let (sources, id) = sources();
        let at = sources.text(id).find("prots").unwrap();
        let found = Diagnostic::error("compose.key.unknown", "unknown key `prots`")
            .at(sources.span(id, at..at + 5))
            .label(sources.span(id, 0..8), "in this section")
            .help("did you mean `ports`?");
        let expected = "\
compose.yml:3:2: error[compose.key.unknown]: unknown key `prots`
   3 | \tprots: [\"80\"]
     | \t^^^^^
  compose.yml:1:1: in this section
   1 | services:
     | ^^^^^^^^
  help: did you mean `ports`?
";
        assert_eq!(text(&found, &sources, true), expected);
        let plain = text(&found, &sources, false);
        assert_eq!(plain.lines().count(), 3, "{plain}");
    }

    #[test]
    fn several_lines_are_shown_without_marks() {
        let (sources, id) = sources();
        let whole = sources.text(id).len();
        let found = Diagnostic::warning("a.b", "odd").at(sources.span(id, 0..whole));
        let shown = text(&found, &sources, true);
        assert_eq!(shown.lines().count(), 5, "{shown}");
        assert!(shown.ends_with("   4 |   db: {}\n"), "{shown}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let mut sources = Sources::new();
        let id = sources.add("a.yml", "x: \u{1b}[31m\n");
        let shown = text(&Diagnostic::error("a.b", "odd").at(sources.span(id, 0..1)), &sources, true);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }

    #[test]
    fn without_a_place_there_is_no_excerpt() {
        let found = Diagnostic::note("a.b", "so it is");
        assert_eq!(text(&found, &Sources::new(), true), "note[a.b]: so it is\n");
    }
}
