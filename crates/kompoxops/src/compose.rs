//! Opens the compose file of the app and what belongs to it. IO: reads files, the environment and the home directory.

use crate::arguments::ComposeArguments;
use crate::configuration::Opened;
use crate::exit::Failure;
use crate::progress::Screen;
use crate::project_files::FolderFiles;
use kompox_engine::app::{self, Loaded, Source};
use kompox_model::ComposeSource;
use kompox_store::read_text;
use std::collections::BTreeMap;
use std::path::Path;

/// Where Compose looks for profiles that no option names.
const PROFILES: &str = "COMPOSE_PROFILES";

/// Loads the compose project of the app and shows everything there is to say about it.
pub(crate) fn load(
    opened: &mut Opened,
    arguments: &ComposeArguments,
    screen: &Screen,
) -> Result<Loaded, Failure> {
    let app = opened.app()?.clone();
    let (name, text, folder) = match &app.compose {
        ComposeSource::Path(written) => {
            let path = opened.app_path(written);
            let text = read_text(&path).map_err(|source| Failure::File {
                action: "read",
                path: path.clone(),
                hint: Some(format!("app.compose in {} names it", opened.app_file().display())),
                source,
            })?;
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            (path.display().to_string(), text, folder)
        }
        ComposeSource::Inline(text) => {
            let embedded = opened.sources.embed(text);
            let name = embedded.map_or_else(
                || format!("{}#app.compose", opened.app_file().display()),
                |id| opened.sources.name(id).to_owned(),
            );
            (name, text.clone(), opened.app_path(""))
        }
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".").to_owned() } else { folder };
    let files = FolderFiles::new(&folder, arguments.allow_outside).map_err(|source| Failure::File {
        action: "read",
        path: folder,
        hint: None,
        source,
    })?;
    let environment = environment();
    let source = Source {
        app: &app,
        compose_name: &name,
        compose_text: &text,
        files: &files,
        environment: &environment,
        profiles: &profiles(&arguments.profiles, &environment, &app.profiles),
    };
    let (loaded, mut found) = app::load(&source, &mut opened.sources);
    found.sort();
    let errors = screen.diagnostics(&found, &opened.sources);
    loaded.ok_or(Failure::Invalid { what: name, errors })
}

/// The environment for interpolation. A variable that is not UTF-8 cannot be part of a compose value.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Profiles of the options, otherwise those of the process' environment, otherwise those of `app.profiles`. With none of
/// them the loader looks into `app.env` and `.env`.
fn profiles(
    options: &[String],
    environment: &BTreeMap<String, String>,
    configured: &[String],
) -> Vec<String> {
    if !options.is_empty() {
        return options.to_vec();
    }
    let listed = environment.get(PROFILES).map_or("", String::as_str);
    let listed: Vec<_> = listed.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if listed.is_empty() { configured.to_vec() } else { listed.into_iter().map(ToOwned::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_win_over_the_environment_and_that_over_the_configuration() {
        let environment: BTreeMap<_, _> = [(PROFILES.to_owned(), "a, b,,".to_owned())].into();
        let (option, configured) = (["c".to_owned()], ["d".to_owned()]);
        assert_eq!(profiles(&[], &environment, &configured), ["a", "b"]);
        assert_eq!(profiles(&option, &environment, &configured), ["c"]);
        assert_eq!(profiles(&[], &BTreeMap::new(), &configured), ["d"]);
        assert!(profiles(&[], &BTreeMap::new(), &[]).is_empty());
    }
}
