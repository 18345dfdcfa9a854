//! Opens kompoxops.yml. IO: reads that file.

use crate::exit::Failure;
use crate::progress::Screen;
use kompox_engine::Error;
use kompox_model::port::ErrorKind;
use kompox_model::{App, Configuration};
use kompox_yaml::Sources;
use std::fs;
use std::path::{Path, PathBuf};

/// A configuration with the texts it was read from.
pub(crate) struct Opened {
    /// What it says.
    pub(crate) configuration: Configuration,
    /// Texts that diagnostics point into.
    pub(crate) sources: Sources,
    file: PathBuf,
}

impl Opened {
    /// Reads `file` and shows everything there is to say about it.
    pub(crate) fn read(file: &Path, screen: &Screen) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).map_err(|source| Failure::File {
            action: "read",
            path: file.to_owned(),
            hint: Some("name the configuration with --file, or write one with: kompoxops init".to_owned()),
            source,
        })?;
        let mut sources = Sources::new();
        let id = sources.add(file.display().to_string(), text);
        let (configuration, found) = kompox_manifest::load(&sources, id);
        let errors = screen.diagnostics(&found, &sources);
        let Some(configuration) = configuration else {
            return Err(Failure::Invalid { what: file.display().to_string(), errors });
        };
        Ok(Self { configuration, sources, file: file.to_owned() })
    }

    /// Its path as the user wrote it.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A path in it, which is relative to its folder; `~` is the home directory.
    pub(crate) fn path(&self, written: &str) -> PathBuf {
        let home = std::env::home_dir();
        match (written.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')), home) {
            (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
            _ => self.file.parent().unwrap_or(Path::new("")).join(written),
        }
    }

    /// The app.
    pub(crate) fn app(&self) -> Result<&App, Failure> {
        self.configuration.app.as_ref().ok_or_else(|| {
            let message = format!("{} describes no app", self.file.display());
            Error::refused(ErrorKind::Invalid, message, "add a section `app:` with `name` and `compose`")
                .into()
        })
    }

    /// Shows the diagnostics of a failure that has some; what is left to say is how many.
    pub(crate) fn explain(&self, failure: Failure, screen: &Screen) -> Failure {
        match failure {
            Failure::Engine(Error::Invalid(mut found)) => {
                found.sort();
                let errors = screen.diagnostics(&found, &self.sources);
                Failure::Invalid { what: "the app".to_owned(), errors }
            }
            other => other,
        }
    }
}
