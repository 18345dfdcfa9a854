//! `config convert`: the configuration as KOM documents. Writes files only with `--to`.

use crate::arguments::ConvertArguments;
use crate::configuration::Everything;
use crate::ending;
use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::Session;
use kompox_engine::Error;
use kompox_engine::refusal::DEFECT;
use kompox_manifest::{Detail, kom_document};
use kompox_model::port::{Change, Repository};
use kompox_model::{ComposeSource, Inventory, Noun};
use kompox_store::Files;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Answer of `config convert --to`.
#[derive(Serialize)]
struct Converted {
    folder: PathBuf,
    nouns: Vec<String>,
}

pub(super) fn run(session: &Session<'_>, arguments: &ConvertArguments) -> Result<(), Failure> {
    let everything = Everything::read(session.global, session.screen)?;
    let first = everything.reading.files.first().map(|(_, path)| folder_of(path));
    let target = arguments.to.clone().or(first).unwrap_or_default();
    let mut nouns = Vec::new();
    for (key, noun) in everything.loaded.inventory.iter() {
        nouns.push(rebased(noun.clone(), &folder_of(&everything.file(key)), &target)?);
    }
    let Some(folder) = &arguments.to else {
        return print(session, &nouns);
    };
    save(folder, &nouns)?;
    let nouns = nouns.iter().map(|noun| noun.key().to_string()).collect();
    output::print(&Converted { folder: folder.clone(), nouns }, session.global.output)
}

/// The documents on stdout; JSON is a list of them.
fn print(session: &Session<'_>, nouns: &[Noun]) -> Result<(), Failure> {
    use crate::arguments::OutputForm;
    let mut inventory = Inventory::default();
    for noun in nouns {
        inventory
            .put(noun.clone())
            .map_err(|error| Error::refused(DEFECT, error.to_string(), "report this defect"))?;
    }
    let documents: Vec<_> = nouns.iter().map(|noun| kom_document(noun, &inventory, Detail::EXACT)).collect();
    output::write(&match session.global.output {
        None | Some(OutputForm::Yaml) => kompox_yaml::write_documents(&documents),
        Some(OutputForm::Json) => {
            output::json(&serde_json::json!({"apiVersion": "v1", "kind": "List", "items": documents}))?
        }
        Some(OutputForm::Table | OutputForm::Name) => {
            output::lines(&nouns.iter().map(|noun| noun.key().to_string()).collect::<Vec<_>>())
        }
    })
}

/// Saves the nouns into a folder that has none of them yet.
fn save(folder: &Path, nouns: &[Noun]) -> Result<(), Failure> {
    let target = Files::new(None, vec![folder.to_owned()]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|source| Failure::System { action: "start the runtime", source })?;
    runtime.block_on(async {
        let there = if folder.exists() { target.load().await? } else { Inventory::default() };
        if let Some(noun) = nouns.iter().find(|noun| there.get(&noun.key()).is_some()) {
            let message = format!("{} is described in {} already", noun.key(), folder.display());
            return Err(
                Error::refused(ending::CONFIG_DESCRIBED, message, "name another folder with --to").into()
            );
        }
        let changes: Vec<_> = nouns.iter().cloned().map(Change::Put).collect();
        target.save(&changes).await?;
        Ok(())
    })
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_owned()
}

/// The noun as a document in folder `to` must describe it, when it is described in folder `from` now.
fn rebased(mut noun: Noun, from: &Path, to: &Path) -> Result<Noun, Failure> {
    let (from, to) = (absolute(from)?, absolute(to)?);
    if from == to {
        return Ok(noun);
    }
    let key = noun.key();
    let path = |written: &str| {
        // An absolute path, or one in the home directory, is the same everywhere.
        if written.starts_with(['/', '~']) { written.to_owned() } else { relative(&from, &to, written) }
    };
    match &mut noun {
        Noun::App { app, .. } => match &mut app.compose {
            ComposeSource::Path(written) => *written = path(written),
            ComposeSource::Inline(_) => {
                let message = format!(
                    "{key} has its compose text in the configuration, whose paths are relative to {}",
                    from.display()
                );
                let hint =
                    "write the text into a file and name that in `compose`, or convert into the same folder";
                return Err(Error::refused(ending::CONFIG_INLINE, message, hint).into());
            }
        },
        Noun::Cluster { cluster, .. } => {
            if let Some(written) = cluster.auth.as_mut().and_then(|auth| auth.kubeconfig.as_mut()) {
                *written = path(written);
            }
        }
        Noun::Workspace(_) | Noun::Provider { .. } => {}
    }
    Ok(noun)
}

/// The real path of a folder; of one that is not there yet, that of its nearest folder above.
fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    let failed = |source| Failure::File { action: "find", path: folder.to_owned(), hint: None, source };
    let whole = std::path::absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let whole = whole.map_err(failed)?;
    for above in whole.ancestors() {
        match fs::canonicalize(above) {
            Ok(real) => return Ok(real.join(whole.strip_prefix(above).unwrap_or(Path::new("")))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(whole)
}

/// The path in folder `to` of what `written` names in folder `from`; both are absolute.
fn relative(from: &Path, to: &Path, written: &str) -> String {
    let (mut from, mut to) = (from.components().peekable(), to.components().peekable());
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let up = to.map(|_| "..".to_owned());
    let down = from.map(|part: Component<'_>| part.as_os_str().to_string_lossy().into_owned());
    let rest = written.strip_prefix("./").unwrap_or(written).to_owned();
    up.chain(down).chain([rest]).collect::<Vec<_>>().join("/")
}

impl Data for Converted {
    fn table(&self) -> String {
        let count = self.nouns.len();
        let plural = if count == 1 { "" } else { "s" };
        format!("wrote {count} document{plural} into {}; use them with --kom\n", self.folder.display())
    }

    fn names(&self) -> Vec<String> {
        self.nouns.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_the_same_file_from_another_folder() {
        for (from, to, written, expected) in [
            ("/a", "/a/kom", "compose.yml", "../compose.yml"),
            ("/a/b", "/a/kom/deep", "./x/compose.yml", "../../b/x/compose.yml"),
            ("/a/b", "/a", "../compose.yml", "b/../compose.yml"),
            ("/a", "/", "compose.yml", "a/compose.yml"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to), written), expected, "{from} {to}");
        }
    }
}
