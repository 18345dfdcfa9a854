//! `config show`: the effective configuration.

use crate::arguments::{OutputForm, ShowArguments};
use crate::configuration::{Everything, not_chosen};
use crate::exit::Failure;
use crate::output::{self, Table};
use crate::session::Session;
use kompox_manifest::{Detail, kom_document};
use kompox_model::{NounKey, choice};
use serde_json::{Value, json};

pub(super) fn run(session: &Session<'_>, arguments: &ShowArguments) -> Result<(), Failure> {
    let everything = Everything::read(session.global, session.screen)?;
    let keys = keys(session, &everything)?;
    let detail = Detail { secrets: arguments.show_secrets, ..Detail::EFFECTIVE };
    let inventory = &everything.loaded.inventory;
    let described = keys.iter().filter_map(|key| Some((key, inventory.get(key)?)));
    let documents: Vec<(&NounKey, Value)> =
        described.map(|(key, noun)| (key, kom_document(noun, inventory, detail))).collect();
    output::write(&match session.global.output {
        None | Some(OutputForm::Yaml) => {
            let document = |(key, value): &(&NounKey, Value)| {
                format!("---\n# {}\n{}", place(&everything, key), kompox_yaml::write(value))
            };
            documents.iter().map(document).collect()
        }
        Some(OutputForm::Json) => {
            let items: Vec<_> =
                documents.into_iter().map(|(key, value)| with_place(&everything, key, value)).collect();
            output::json(&json!({"apiVersion": "v1", "kind": "List", "items": items}))?
        }
        Some(OutputForm::Table) => {
            let mut table = Table::new(["KIND", "NAME", "SOURCE"]);
            for key in &keys {
                table.row([key.kind().to_owned(), key.path(), place(&everything, key)]);
            }
            table.text()
        }
        Some(OutputForm::Name) => output::lines(&keys.iter().map(ToString::to_string).collect::<Vec<_>>()),
    })
}

/// Everything, or the chain of nouns down to the one that was asked for.
fn keys(session: &Session<'_>, everything: &Everything) -> Result<Vec<NounKey>, Failure> {
    let inventory = &everything.loaded.inventory;
    let wanted = session.global.wanted();
    if wanted == choice::Wanted::default() {
        return Ok(inventory.iter().map(|(key, _)| key.clone()).collect());
    }
    let chosen = choice::cluster(inventory, wanted).map_err(|error| not_chosen(error, &everything.named))?;
    Ok(chosen.configuration.into_nouns().iter().map(kompox_model::Noun::key).collect())
}

/// `file:line:column` of a noun.
fn place(everything: &Everything, key: &NounKey) -> String {
    everything.loaded.places.get(key).map_or_else(String::new, |place| {
        let name = everything.reading.sources.name(place.source);
        format!("{name}:{}:{}", place.start.line, place.start.column)
    })
}

fn with_place(everything: &Everything, key: &NounKey, mut document: Value) -> Value {
    if let (Some(place), Some(object)) = (everything.loaded.places.get(key), document.as_object_mut()) {
        let file = everything.reading.sources.name(place.source);
        let place = json!({"file": file, "line": place.start.line, "column": place.start.column});
        object.insert("source".to_owned(), place);
    }
    document
}
