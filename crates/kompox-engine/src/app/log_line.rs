//! One line of a log: its time, its form for people, and whether it was written before. Pure.

use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// The longest piece that is taken for a line; a container that never ends its line must not fill our memory.
pub(crate) const LONGEST: usize = 1 << 20;

/// How lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStyle {
    /// Lines go to a terminal: characters that could steer it are shown instead of sent.
    pub terminal: bool,
    /// Colours: one for each container's name, and those of the lines themselves.
    pub colour: bool,
}

/// A line as the server gives it: a time and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was written; none for the server's own messages and the rest of an overlong line.
    pub(crate) at: Option<Timestamp>,
    stamp: String,
    text: Vec<u8>,
}

impl Line {
    /// Takes a line apart; its line break is dropped.
    pub(crate) fn read(raw: &[u8]) -> Self {
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        let end = raw.iter().take(64).position(|byte| *byte == b' ');
        let stamp = end.and_then(|end| std::str::from_utf8(&raw[..end]).ok());
        match (stamp, stamp.and_then(|stamp| stamp.parse().ok())) {
            (Some(stamp), Some(at)) => {
                Self { at: Some(at), stamp: stamp.to_owned(), text: raw[stamp.len() + 1..].to_vec() }
            }
            _ => Self { at: None, stamp: String::new(), text: raw.to_vec() },
        }
    }
}

/// What was written of a container's log, so that reading can go on there after a cut. Servers take a time in whole
/// seconds, so a resumed log begins with lines that were written already.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    hasher: RandomState,
    /// The last second of which a line was written.
    second: Option<Timestamp>,
    /// Lines of that second, and how often each was written.
    written: HashMap<(Timestamp, u64), usize>,
    /// Those that a resumed log is still expected to repeat.
    repeats: HashMap<(Timestamp, u64), usize>,
    /// What was decided of the line before, which decides for lines without a time.
    new: bool,
}

impl Mark {
    /// From when to read on, if anything was written.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.second
    }

    /// The log is opened again.
    pub(crate) fn resume(&mut self) {
        self.repeats.clone_from(&self.written);
        self.new = self.second.is_none();
    }

    /// The log is opened for the first time.
    pub(crate) fn begin(&mut self) {
        self.new = true;
    }

    /// Whether a line is to be written; then it counts as written.
    pub(crate) fn take(&mut self, line: &Line) -> bool {
        let Some(at) = line.at else { return self.new };
        let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let key = (at, self.hasher.hash_one(&line.text));
        let repeated = match self.repeats.get_mut(&key) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        };
        self.new = !repeated && self.second.is_none_or(|last| second >= last);
        if self.new {
            if self.second.is_none_or(|last| second > last) {
                self.second = Some(second);
                self.written.clear();
            }
            *self.written.entry(key).or_default() += 1;
        }
        self.new
    }
}

/// Colours of names, one container after the other.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 96];

/// How the lines of one command are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    pub(crate) style: LogStyle,
    pub(crate) timestamps: bool,
    /// Each line begins with its container's name.
    pub(crate) names: bool,
    /// The width that names are padded to.
    pub(crate) width: usize,
}

impl Form {
    /// The line as it is written, with a line break.
    pub(crate) fn line(&self, container: &str, number: usize, line: &Line) -> Vec<u8> {
        let mut out = Vec::with_capacity(line.text.len() + 64);
        if self.names {
            let width = if self.style.terminal { self.width } else { 0 };
            let name = format!("{container:width$} |");
            if self.style.colour {
                let colour = COLOURS[number % COLOURS.len()];
                out.extend_from_slice(format!("\u{1b}[{colour}m{name}\u{1b}[0m ").as_bytes());
            } else {
                out.extend_from_slice(name.as_bytes());
                out.push(b' ');
            }
        }
        if self.timestamps && !line.stamp.is_empty() {
            out.extend_from_slice(line.stamp.as_bytes());
            out.push(b' ');
        }
        if self.style.terminal {
            out.extend_from_slice(harmless(&line.text, self.style.colour).as_bytes());
        } else {
            out.extend_from_slice(&line.text);
        }
        out.push(b'\n');
        out
    }
}

/// A text for a terminal: what could move the cursor, change the terminal's settings or turn the direction of reading is
/// shown. Colours pass if they are wanted, and end with the line.
fn harmless(text: &[u8], colours: bool) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_end_matches('\r');
    let mut out = String::with_capacity(text.len());
    let mut coloured = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour(rest) {
            if colours {
                out.push_str(&rest[..length]);
                coloured = true;
            }
            rest = &rest[length..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\t' => out.push(c),
            '\0'..='\u{1f}' => {
                out.push('^');
                out.push(char::from(c as u8 + 0x40));
            }
            '\u{7f}' => out.push_str("^?"),
            // The C1 controls, separators of lines, and marks that turn the direction.
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                out.extend(c.escape_unicode());
            }
            _ => out.push(c),
        }
    }
    if coloured {
        out.push_str("\u{1b}[0m");
    }
    out
}

/// The length of a colour sequence at the start of a text.
fn colour(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    // Longer ones mean nothing good.
    (end <= 24 && body[end..].starts_with('m')).then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u32, fraction: &str, text: &str) -> Line {
        Line::read(format!("2026-11-28T10:00:{second:02}.{fraction}+01:00 {text}\n").as_bytes())
    }

    #[test]
    fn a_line_is_time_and_text() {
        let read = line(1, "5", "two  words ");
        assert_eq!(read.at, Some("2026-11-28T09:00:01.5Z".parse().unwrap()));
        assert_eq!(read.text, b"two  words ");
        assert_eq!(line(1, "5", "").text, b"");
        for raw in ["no time here\n", "", "\n", "2026 x\n"] {
            let read = Line::read(raw.as_bytes());
            assert_eq!(
                (read.at, read.text.as_slice()),
                (None, raw.trim_end_matches('\n').as_bytes()),
                "{raw:?}"
            );
        }
    }

    #[test]
    fn a_resumed_log_gives_each_line_once() {
        let mut mark = Mark::default();
        mark.begin();
        let first = [line(1, "1", "a"), line(2, "1", "b"), line(2, "1", "b"), line(2, "3", "c")];
        assert!(first.iter().all(|line| mark.take(line)));
        assert_eq!(mark.since(), Some("2026-11-28T09:00:02Z".parse().unwrap()));
        mark.resume();
        // One more of the same text at the same time, and one out of order, are new.
        let again = [
            line(2, "1", "b"),
            line(2, "1", "b"),
            line(2, "1", "b"),
            line(2, "2", "late"),
            line(2, "3", "c"),
            line(3, "0", "d"),
        ];
        let new: Vec<bool> = again.iter().map(|line| mark.take(line)).collect();
        assert_eq!(new, [false, false, true, true, false, true]);
        mark.resume();
        assert!(!mark.take(&line(2, "3", "c")) && !mark.take(&line(3, "0", "d")));
        assert!(!mark.take(&Line::read(b"the rest of an overlong line")));
        assert!(mark.take(&line(3, "1", "e")) && mark.take(&Line::read(b"a message of the server")));
    }

    #[test]
    fn hostile_lines_cannot_steer_a_terminal() {
        for (text, plain, coloured) in [
            ("plain \u{e9}\u{4e16}\ttab", "plain \u{e9}\u{4e16}\ttab", "plain \u{e9}\u{4e16}\ttab"),
            ("\u{1b}[31mred\u{1b}[0m", "red", "\u{1b}[31mred\u{1b}[0m\u{1b}[0m"),
            ("\u{1b}]0;title\u{7}", "^[]0;title^G", "^[]0;title^G"),
            ("\u{1b}[2J\u{1b}[1;1H", "^[[2J^[[1;1H", "^[[2J^[[1;1H"),
            ("over\rwritten\u{8}\r", "over^Mwritten^H", "over^Mwritten^H"),
            ("\u{9b}2J \u{7f}", "\\u{9b}2J ^?", "\\u{9b}2J ^?"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("\u{1b}[31", "^[[31", "^[[31"),
        ] {
            assert_eq!(harmless(text.as_bytes(), false), plain);
            assert_eq!(harmless(text.as_bytes(), true), coloured);
        }
        assert_eq!(harmless(b"\xff\x9b2J", false), "\u{fffd}\u{fffd}2J");
    }

    #[test]
    fn only_a_terminal_gets_another_text() {
        let hostile = Line::read(b"2026-11-28T09:00:01Z \x1b[2J\xff\r\n");
        let form = Form { names: true, width: 5, ..Form::default() };
        assert_eq!(form.line("web", 0, &hostile), b"web | \x1b[2J\xff\r\n");
        let form = Form { style: LogStyle { terminal: true, colour: true }, timestamps: true, ..form };
        let expected = "\u{1b}[33mweb   |\u{1b}[0m 2026-11-28T09:00:01Z ^[[2J\u{fffd}\n";
        assert_eq!(String::from_utf8(form.line("web", 1, &hostile)).unwrap(), expected);
    }
}
