//! Which app and cluster of an inventory a command works on. Pure.

use crate::{AppIdentity, Configuration, Inventory, NounKey};

/// What the user said about it. Each is a name, or `workspace/provider/name`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The app.
    pub app: Option<&'a str>,
    /// The cluster.
    pub cluster: Option<&'a str>,
}

/// The chain that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The nouns.
    pub configuration: Configuration,
    /// The app's identity, or the cluster's name when there is no app.
    pub key: NounKey,
    /// The name of the cluster.
    pub cluster: NounKey,
    /// How many could have been chosen, had the user said nothing.
    pub candidates: usize,
}

/// Why nothing could be chosen. The lists are complete and ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// There is none of this kind at all.
    #[error("no {noun} is described")]
    Nothing {
        /// `app` or `cluster`.
        noun: &'static str,
    },
    /// None is called so.
    #[error("there is no {noun} {wanted}; there is {}", .known.join(", "))]
    Unknown {
        /// `app` or `cluster`.
        noun: &'static str,
        /// What was asked for.
        wanted: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// Several would do.
    #[error("several {noun}s would do: {}", .fitting.join(", "))]
    Ambiguous {
        /// `app` or `cluster`.
        noun: &'static str,
        /// Those that would do.
        fitting: Vec<String>,
    },
}

/// The app that a command is about, with its cluster.
///
/// # Errors
/// When none or several fit what is wanted.
pub fn app(inventory: &Inventory, wanted: Wanted<'_>) -> Result<Chosen, ChoiceError> {
    let all: Vec<(&AppIdentity, NounKey)> = inventory.apps().collect();
    if all.is_empty() {
        return Err(ChoiceError::Nothing { noun: "app" });
    }
    if let Some(name) = wanted.cluster {
        known_cluster(inventory, name)?;
    }
    let fits = |(identity, cluster): &&(&AppIdentity, NounKey)| {
        wanted.app.is_none_or(|name| is_called(name, &identity.to_string()))
            && wanted.cluster.is_none_or(|name| is_called(name, &cluster.path()))
    };
    let fitting: Vec<_> = all.iter().filter(fits).collect();
    match fitting.as_slice() {
        [] => {
            let asked = match (wanted.app, wanted.cluster) {
                (Some(app), Some(cluster)) => format!("{app} on cluster {cluster}"),
                (Some(app), None) => app.to_owned(),
                (None, cluster) => format!("on cluster {}", cluster.unwrap_or_default()),
            };
            let shown = |(identity, cluster): &(&AppIdentity, NounKey)| {
                if wanted.cluster.is_some() {
                    format!("{identity} on {}", cluster.name())
                } else {
                    identity.to_string()
                }
            };
            Err(ChoiceError::Unknown { noun: "app", wanted: asked, known: all.iter().map(shown).collect() })
        }
        [(identity, cluster)] => {
            let unknown = || ChoiceError::Nothing { noun: "app" };
            let configuration = inventory.of_app(identity).ok_or_else(unknown)?;
            let key = NounKey::App(AppIdentity::clone(identity));
            Ok(Chosen { configuration, key, cluster: cluster.clone(), candidates: all.len() })
        }
        several => {
            let fitting = several.iter().map(|(identity, _)| identity.to_string()).collect();
            Err(ChoiceError::Ambiguous { noun: "app", fitting })
        }
    }
}

/// The cluster that a command is about. An app that is wanted leads to its cluster and is part of the answer.
///
/// # Errors
/// When none or several fit what is wanted.
pub fn cluster(inventory: &Inventory, wanted: Wanted<'_>) -> Result<Chosen, ChoiceError> {
    let all: Vec<&NounKey> = inventory.clusters().collect();
    if wanted.app.is_some() {
        return app(inventory, wanted).map(|chosen| Chosen { candidates: all.len(), ..chosen });
    }
    let fitting: Vec<_> = match wanted.cluster {
        Some(name) => known_cluster(inventory, name)?,
        None => all.clone(),
    };
    match fitting.as_slice() {
        [] => Err(ChoiceError::Nothing { noun: "cluster" }),
        [key] => {
            let nothing = || ChoiceError::Nothing { noun: "cluster" };
            let key = NounKey::clone(key);
            let configuration = inventory.on_cluster(&key).ok_or_else(nothing)?;
            Ok(Chosen { configuration, cluster: key.clone(), key, candidates: all.len() })
        }
        several => {
            let fitting = several.iter().map(|key| key.path()).collect();
            Err(ChoiceError::Ambiguous { noun: "cluster", fitting })
        }
    }
}

/// The clusters of this name.
fn known_cluster<'a>(inventory: &'a Inventory, name: &str) -> Result<Vec<&'a NounKey>, ChoiceError> {
    let found: Vec<_> = inventory.clusters().filter(|key| is_called(name, &key.path())).collect();
    if found.is_empty() {
        let known = inventory.clusters().map(NounKey::path).collect::<Vec<_>>();
        return Err(if known.is_empty() {
            ChoiceError::Nothing { noun: "cluster" }
        } else {
            ChoiceError::Unknown { noun: "cluster", wanted: name.to_owned(), known }
        });
    }
    Ok(found)
}

/// True when `name` is the whole path or its last part.
fn is_called(name: &str, path: &str) -> bool {
    path == name || path.rsplit('/').next() == Some(name)
}
