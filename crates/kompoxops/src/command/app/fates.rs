//! What becomes of the keys of the compose files, as data on stdout.

use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::Session;
use kompox_compose::Sources;
use kompox_engine::app::Explained;
use serde::Serialize;

/// One key and what becomes of it.
#[derive(Serialize)]
struct KeyFate<'a> {
    key: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    fate: &'static str,
    text: &'a str,
    differs: bool,
}

/// All of them.
#[derive(Serialize)]
struct Fates<'a> {
    keys: Vec<KeyFate<'a>>,
}

impl Data for Fates<'_> {
    fn table(&self) -> String {
        let mut table = Table::new(["PLACE", "KEY", "FATE", "HOW"]);
        for key in &self.keys {
            let place = format!("{}:{}:{}", key.file, key.line, key.column);
            table.row([place, key.key.to_owned(), key.fate.to_owned(), key.text.to_owned()]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.key.to_owned()).collect()
    }
}

/// Prints those that are wanted.
pub(super) fn print(
    session: &Session<'_>,
    sources: &Sources,
    keys: &[Explained],
    wanted: impl Fn(&Explained) -> bool,
) -> Result<(), Failure> {
    let keys = keys.iter().filter(|key| wanted(key)).map(|key| {
        let (line, column) = sources.shown(key.span.source, key.span.start);
        KeyFate {
            key: &key.key,
            file: sources.name(key.span.source),
            line,
            column,
            fate: key.fate.word(),
            text: &key.text,
            differs: key.differs,
        }
    });
    output::print(&Fates { keys: keys.collect() }, session.global.output)
}
