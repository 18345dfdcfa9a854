//! `config validate`: all documents at once.

use crate::configuration::Everything;
use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::Session;
use serde::Serialize;

/// Answer of `config validate`.
#[derive(Serialize)]
struct Valid {
    files: Vec<String>,
    nouns: Vec<Described>,
}

#[derive(Serialize)]
struct Described {
    kind: &'static str,
    name: String,
}

pub(super) fn run(session: &Session<'_>) -> Result<(), Failure> {
    let everything = Everything::read(session.global, session.screen)?;
    let files = everything.reading.files.iter().map(|(_, path)| path.display().to_string()).collect();
    let described = |key: &kompox_model::NounKey| Described { kind: key.kind(), name: key.path() };
    let nouns = everything.loaded.inventory.iter().map(|(key, _)| described(key)).collect();
    output::print(&Valid { files, nouns }, session.global.output)
}

impl Data for Valid {
    fn table(&self) -> String {
        let count = |kind: &str, one: &str| {
            let count = self.nouns.iter().filter(|noun| noun.kind == kind).count();
            format!("{count} {one}{}", if count == 1 { "" } else { "s" })
        };
        let counts =
            [("Workspace", "workspace"), ("Provider", "provider"), ("Cluster", "cluster"), ("App", "app")];
        let counts: Vec<_> = counts.into_iter().map(|(kind, one)| count(kind, one)).collect();
        format!("valid: {}\n", counts.join(", "))
    }

    fn names(&self) -> Vec<String> {
        self.nouns.iter().map(|noun| format!("{} {}", noun.kind.to_lowercase(), noun.name)).collect()
    }
}
