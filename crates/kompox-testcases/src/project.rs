//! A project to load: its files and what is asked of the loader, and the text form of both. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The folder of every project, as both loaders see it once the real one's own folder is taken out.
pub(crate) const DIRECTORY: &str = "/project";
/// The home directory.
pub(crate) const HOME: &str = "/me";
/// Where programs are.
pub(crate) const PATH: &str = "/usr/bin:/bin";

/// Files, and a command line.
///
/// Its text has a section `-- NAME --` for each file, relative to the project's folder; `NAME (escaped)` is one JSON
/// string, `NAME (bytes)` is hexadecimal. The section `request` has a line `KEY VALUE` for each option: `file`, `profile`,
/// `name`, `env-file`, `directory`, `cd` and `env NAME=VALUE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// Contents by absolute path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Options in order.
    pub request: Vec<(String, String)>,
}

impl Project {
    /// Puts in what one section of a text says; false if it says nothing that is known.
    pub(crate) fn section(&mut self, name: &str, text: &str) -> Option<()> {
        if name == "request" {
            let line =
                |line: &str| line.split_once(' ').map(|(key, value)| (key.to_owned(), value.to_owned()));
            self.request = text.lines().map(line).collect::<Option<_>>()?;
            return Some(());
        }
        let (name, bytes) = if let Some(name) = name.strip_suffix(" (escaped)") {
            (name, serde_json::from_str::<String>(text).ok()?.into_bytes())
        } else if let Some(name) = name.strip_suffix(" (bytes)") {
            (name, from_hexadecimal(text.trim_end())?)
        } else {
            (name, text.as_bytes().to_vec())
        };
        self.files.insert(absolute(DIRECTORY, name), bytes);
        Some(())
    }

    /// All values of an option.
    #[must_use]
    pub fn options(&self, key: &str) -> Vec<String> {
        self.request.iter().filter(|(known, _)| known == key).map(|(_, value)| value.clone()).collect()
    }

    /// The folder that the command is given in.
    #[must_use]
    pub fn working_directory(&self) -> String {
        absolute(DIRECTORY, self.options("cd").last().map_or("", String::as_str))
    }

    /// The environment of the command.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let given = self.options("env");
        let given = given.iter().filter_map(|line| line.split_once('='));
        [("HOME", HOME), ("PATH", PATH)]
            .into_iter()
            .chain(given)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The bytes of all files together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }

    /// The text form, which reads as the same project again.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (path, bytes) in &self.files {
            let name = relative(path);
            match std::str::from_utf8(bytes) {
                Ok(text) if is_plain(text) => section(&mut out, &name, text),
                Ok(text) => section(&mut out, &format!("{name} (escaped)"), &format!("{}\n", quoted(text))),
                Err(_) => section(&mut out, &format!("{name} (bytes)"), &format!("{}\n", hexadecimal(bytes))),
            }
        }
        if !self.request.is_empty() {
            let line = |(key, value): &(String, String)| format!("{key} {value}\n");
            section(&mut out, "request", &self.request.iter().map(line).collect::<String>());
        }
        out
    }
}

fn section(out: &mut String, name: &str, text: &str) {
    write!(out, "-- {name} --\n{text}").unwrap_or_else(|_| unreachable!("a String takes all text"));
}

/// Whether a text can stand between two headers as it is.
fn is_plain(text: &str) -> bool {
    let control = |c: char| {
        c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
    };
    (text.is_empty() || text.ends_with('\n'))
        && !text.contains(control)
        && text.lines().all(|line| header(line).is_none())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(byte).collect()).flatten()
}

/// The name of a section, if the line begins one.
pub(crate) fn header(line: &str) -> Option<&str> {
    line.strip_prefix("-- ")?.strip_suffix(" --")
}

/// An absolute path without `.` and `..`.
pub(crate) fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A path as it is written in the text form.
pub(crate) fn relative(path: &str) -> String {
    match path.strip_prefix(DIRECTORY).and_then(|rest| rest.strip_prefix('/')) {
        Some(inside) => inside.to_owned(),
        None => format!("..{path}"),
    }
}
