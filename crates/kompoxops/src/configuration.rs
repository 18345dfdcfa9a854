//! Opens the configuration: kompoxops.yml, KOM documents, or both, and what of them a command is about. IO: reads files.

use crate::arguments::GlobalArguments;
use crate::ending;
use crate::exit::Failure;
use crate::progress::Screen;
use kompox_engine::Error;
use kompox_manifest::Loaded;
use kompox_model::choice::{self, ChoiceError, Chosen, Wanted};
use kompox_model::{App, Configuration, NounKey};
use kompox_store::{ReadError, Reading};
use kompox_yaml::Sources;
use std::path::{Path, PathBuf};

/// Everything that is configured, with the texts it was read from.
pub(crate) struct Everything {
    /// All nouns with their places.
    pub(crate) loaded: Loaded,
    /// The texts and their files.
    pub(crate) reading: Reading,
    /// The files and folders as the user named them.
    pub(crate) named: String,
}

impl Everything {
    /// Reads what the options name and shows everything there is to say about it.
    pub(crate) fn read(global: &GlobalArguments, screen: &Screen) -> Result<Self, Failure> {
        let mut reading = global.files().read().map_err(|error| unreadable(error, global))?;
        let errors = screen.diagnostics(&reading.diagnostics, &reading.sources);
        let named =
            global.inputs().iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        match reading.loaded.take() {
            Some(loaded) => Ok(Self { loaded, reading, named }),
            None => Err(Failure::Invalid { what: named, errors }),
        }
    }

    /// The file that describes a noun.
    pub(crate) fn file(&self, key: &NounKey) -> PathBuf {
        let place = self.loaded.places.get(key);
        let file = place.and_then(|place| self.reading.file(place.source));
        file.unwrap_or(Path::new("")).to_owned()
    }

    /// The one app that is wanted.
    pub(crate) fn app(self, wanted: Wanted<'_>, screen: &Screen) -> Result<Opened, Failure> {
        let chosen = choice::app(&self.loaded.inventory, wanted);
        self.opened(chosen, screen)
    }

    /// The one cluster that is wanted.
    pub(crate) fn cluster(self, wanted: Wanted<'_>, screen: &Screen) -> Result<Opened, Failure> {
        let chosen = choice::cluster(&self.loaded.inventory, wanted);
        self.opened(chosen, screen)
    }

    /// The one app that is wanted, and the same on the cluster `to` of its provider.
    pub(crate) fn app_and_cluster(
        self,
        wanted: Wanted<'_>,
        to: &str,
        screen: &Screen,
    ) -> Result<(Opened, Opened), Failure> {
        let other = Wanted { app: None, cluster: Some(to) };
        let other = choice::cluster(&self.loaded.inventory, other);
        let other = other.map_err(|error| not_chosen(error, &self.named))?;
        let cluster_file = self.file(&other.cluster);
        let opened = self.app(wanted, screen)?;
        let here = &opened.configuration;
        let there = other.configuration;
        if (&here.workspace.name, &here.provider.name) != (&there.workspace.name, &there.provider.name) {
            return Err(Failure::Usage {
                message: format!("cluster {} is of another provider than the app", other.cluster),
                hint: "an app is moved between clusters of its provider; an export can go anywhere"
                    .to_owned(),
            });
        }
        let configuration = Configuration { cluster: there.cluster, ..here.clone() };
        let (app_file, sources) = (opened.app_file.clone(), opened.sources.clone());
        let there = Opened { configuration, sources, app_file, cluster_file };
        Ok((opened, there))
    }

    /// The one app that is wanted, and another app on the same cluster.
    pub(crate) fn two_apps(
        self,
        wanted: Wanted<'_>,
        other: &str,
        screen: &Screen,
    ) -> Result<(Opened, Opened), Failure> {
        let found = choice::app(&self.loaded.inventory, Wanted { app: Some(other), cluster: None });
        let found = found.map_err(|error| not_chosen(error, &self.named))?;
        let (app_file, cluster_file) = (self.file(&found.key), self.file(&found.cluster));
        let opened = self.app(wanted, screen)?;
        let (here, there) = (&opened.configuration, &found.configuration);
        if here.app_identity() == there.app_identity() || here.cluster.name != there.cluster.name {
            return Err(Failure::Usage {
                message: format!("{} is not another app on cluster {}", found.key, here.cluster.name),
                hint: "name an app of the configuration whose cluster is the same".to_owned(),
            });
        }
        let sources = opened.sources.clone();
        let there = Opened { configuration: found.configuration, sources, app_file, cluster_file };
        Ok((opened, there))
    }

    /// A cluster of this name of the same provider, if one is configured.
    pub(crate) fn sibling(&self, opened: &Opened, name: &str) -> Option<Opened> {
        let here = &opened.configuration;
        let key =
            NounKey::Cluster(here.workspace.name.clone(), here.provider.name.clone(), name.parse().ok()?);
        let configuration = self.loaded.inventory.on_cluster(&key)?;
        let cluster_file = self.file(&key);
        Some(Opened {
            configuration,
            sources: Sources::default(),
            app_file: opened.app_file.clone(),
            cluster_file,
        })
    }

    fn opened(self, chosen: Result<Chosen, ChoiceError>, screen: &Screen) -> Result<Opened, Failure> {
        let chosen = chosen.map_err(|error| not_chosen(error, &self.named))?;
        if chosen.candidates > 1 {
            screen.note(&match &chosen.key {
                NounKey::App(_) => format!("{} on cluster {}", chosen.key, chosen.cluster.name()),
                _ => chosen.key.to_string(),
            });
        }
        Ok(Opened {
            app_file: self.file(&chosen.key),
            cluster_file: self.file(&chosen.cluster),
            configuration: chosen.configuration,
            sources: self.reading.sources,
        })
    }
}

fn unreadable(error: ReadError, global: &GlobalArguments) -> Failure {
    let hint = "name the configuration with --file, or write one with: kompoxops init";
    let named = !global.names_kom(&error.path);
    Failure::File {
        action: "read",
        path: error.path,
        hint: named.then(|| hint.to_owned()),
        source: error.source,
    }
}

/// Why no app or cluster could be chosen, and how to choose one.
pub(crate) fn not_chosen(error: ChoiceError, named: &str) -> Failure {
    match &error {
        ChoiceError::Nothing { noun } => {
            let hint = match *noun {
                "app" => "add a section `app:` with `name` and `compose`, or a KOM document of kind App",
                _ => "add a section `cluster:`, or a KOM document of kind Cluster",
            };
            Error::refused(ending::NOT_CONFIGURED, format!("{named} describes no {noun}"), hint).into()
        }
        ChoiceError::Unknown { noun, .. } => {
            let hint = format!("choose one of these with --{noun}");
            Error::refused(ending::NOT_DESCRIBED, error.to_string(), hint).into()
        }
        ChoiceError::Ambiguous { noun, .. } => Failure::Usage {
            message: error.to_string(),
            hint: format!("choose one with --{noun}, by its name or its whole path"),
        },
    }
}

/// A path in a file is relative to the file's folder; `~` is the home directory.
fn path_in(file: &Path, written: &str) -> PathBuf {
    let home = std::env::home_dir();
    match (written.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')), home) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ => file.parent().unwrap_or(Path::new("")).join(written),
    }
}

/// What one command is about, with the texts it was read from.
pub(crate) struct Opened {
    /// Workspace, provider, cluster, and the app of a command on an app.
    pub(crate) configuration: Configuration,
    /// Texts that diagnostics point into.
    pub(crate) sources: Sources,
    app_file: PathBuf,
    cluster_file: PathBuf,
}

impl Opened {
    /// The file that describes the app, as the user wrote its path.
    pub(crate) fn app_file(&self) -> &Path {
        &self.app_file
    }

    /// A path in the app's description.
    pub(crate) fn app_path(&self, written: &str) -> PathBuf {
        path_in(&self.app_file, written)
    }

    /// The file that describes the cluster, as the user wrote its path.
    pub(crate) fn cluster_file(&self) -> &Path {
        &self.cluster_file
    }

    /// A path in the cluster's description.
    pub(crate) fn cluster_path(&self, written: &str) -> PathBuf {
        path_in(&self.cluster_file, written)
    }

    /// The app.
    pub(crate) fn app(&self) -> Result<&App, Failure> {
        let none =
            || not_chosen(ChoiceError::Nothing { noun: "app" }, &self.cluster_file.display().to_string());
        self.configuration.app.as_ref().ok_or_else(none)
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
