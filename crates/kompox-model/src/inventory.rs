//! All nouns of an installation or of a set of files, each with its parent. Pure.

use crate::{App, AppIdentity, Cluster, Configuration, Noun, NounKey, Provider, Workspace};
use std::collections::BTreeMap;

/// Workspaces, providers, clusters and apps; every noun's parent is there, and no two have one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    nouns: BTreeMap<NounKey, Noun>,
}

/// Why an [`Inventory`] refuses a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// The noun that it shall belong to is not there.
    #[error("{key} belongs to {parent}, which does not exist")]
    NoParent {
        /// The noun that was to be put.
        key: Box<NounKey>,
        /// Its missing parent.
        parent: Box<NounKey>,
    },
    /// Another noun belongs to it.
    #[error("{key} is still needed by {child}")]
    HasChild {
        /// The noun that was to be removed.
        key: Box<NounKey>,
        /// The first noun that belongs to it.
        child: Box<NounKey>,
    },
    /// There is no such noun.
    #[error("{0} does not exist")]
    Unknown(NounKey),
}

impl Inventory {
    /// Adds a noun, or replaces the one of the same name.
    ///
    /// # Errors
    /// When its parent is not there.
    pub fn put(&mut self, noun: Noun) -> Result<(), InventoryError> {
        let key = noun.key();
        match noun.parent().filter(|parent| !self.nouns.contains_key(parent)) {
            Some(parent) => Err(InventoryError::NoParent { key: Box::new(key), parent: Box::new(parent) }),
            None => {
                self.nouns.insert(key, noun);
                Ok(())
            }
        }
    }

    /// Removes a noun.
    ///
    /// # Errors
    /// When it is not there, or another one belongs to it.
    pub fn remove(&mut self, key: &NounKey) -> Result<Noun, InventoryError> {
        if let Some(child) = self.nouns.values().find(|noun| noun.parent().as_ref() == Some(key)) {
            let (key, child) = (Box::new(key.clone()), Box::new(child.key()));
            return Err(InventoryError::HasChild { key, child });
        }
        self.nouns.remove(key).ok_or_else(|| InventoryError::Unknown(key.clone()))
    }

    /// The noun of this name.
    #[must_use]
    pub fn get(&self, key: &NounKey) -> Option<&Noun> {
        self.nouns.get(key)
    }

    /// All nouns, parents before children, and by name.
    pub fn iter(&self) -> impl Iterator<Item = (&NounKey, &Noun)> {
        self.nouns.iter()
    }

    /// True when there is no noun at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nouns.is_empty()
    }

    /// All clusters, by name.
    pub fn clusters(&self) -> impl Iterator<Item = &NounKey> {
        self.nouns.keys().filter(|key| matches!(key, NounKey::Cluster(..)))
    }

    /// The identities of all apps, each with the name of the cluster that it runs on.
    pub fn apps(&self) -> impl Iterator<Item = (&AppIdentity, NounKey)> {
        self.nouns.iter().filter_map(|(key, noun)| match key {
            NounKey::App(identity) => Some((identity, noun.parent()?)),
            NounKey::Workspace(_) | NounKey::Provider(..) | NounKey::Cluster(..) => None,
        })
    }

    /// The chain of nouns down to a cluster, without an app; none when there is no such cluster.
    #[must_use]
    pub fn on_cluster(&self, key: &NounKey) -> Option<Configuration> {
        let Noun::Cluster { workspace, provider, cluster } = self.get(key)? else { return None };
        Some(Configuration {
            workspace: self.workspace(&NounKey::Workspace(workspace.clone()))?.clone(),
            provider: self.provider(&NounKey::Provider(workspace.clone(), provider.clone()))?.clone(),
            cluster: Cluster::clone(cluster),
            app: None,
        })
    }

    /// The chain of nouns down to an app; none when there is no such app.
    #[must_use]
    pub fn of_app(&self, identity: &AppIdentity) -> Option<Configuration> {
        let noun = self.get(&NounKey::App(identity.clone()))?;
        let Noun::App { app, .. } = noun else { return None };
        Some(Configuration { app: Some(App::clone(app)), ..self.on_cluster(&noun.parent()?)? })
    }

    fn workspace(&self, key: &NounKey) -> Option<&Workspace> {
        match self.get(key)? {
            Noun::Workspace(workspace) => Some(workspace),
            _ => None,
        }
    }

    fn provider(&self, key: &NounKey) -> Option<&Provider> {
        match self.get(key)? {
            Noun::Provider { provider, .. } => Some(provider),
            _ => None,
        }
    }
}

/// One chain as an inventory of its own.
impl From<Configuration> for Inventory {
    fn from(configuration: Configuration) -> Self {
        let nouns = configuration.into_nouns();
        Self { nouns: nouns.into_iter().map(|noun| (noun.key(), noun)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn configuration() -> Configuration {
        Configuration {
            workspace: Workspace { name: "ops".parse().unwrap(), domain: "example.com".to_owned() },
            provider: Provider {
                name: "k3s".parse().unwrap(),
                driver: "k3s".to_owned(),
                settings: Settings::default(),
            },
            cluster: Cluster::new("local".parse().unwrap()),
            app: None,
        }
    }

    #[test]
    fn nothing_stands_without_its_parent() {
        let full = Inventory::from(configuration());
        let mut inventory = Inventory::default();
        let keys: Vec<_> = full.iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(keys, ["workspace ops", "provider ops/k3s", "cluster ops/k3s/local"]);
        let nouns: Vec<_> = full.iter().map(|(_, noun)| noun.clone()).collect();
        let orphan = inventory.put(nouns[1].clone()).unwrap_err();
        assert_eq!(orphan.to_string(), "provider ops/k3s belongs to workspace ops, which does not exist");
        for noun in &nouns {
            inventory.put(noun.clone()).unwrap();
        }
        assert_eq!(inventory, full);
        let needed = inventory.remove(&nouns[0].key()).unwrap_err();
        assert_eq!(needed.to_string(), "workspace ops is still needed by provider ops/k3s");
        for noun in nouns.iter().rev() {
            assert_eq!(&inventory.remove(&noun.key()).unwrap(), noun);
        }
        assert!(inventory.is_empty());
        assert!(matches!(inventory.remove(&nouns[0].key()), Err(InventoryError::Unknown(_))));
    }

    #[test]
    fn a_chain_comes_back_as_it_was() {
        let chain = configuration();
        let inventory = Inventory::from(chain.clone());
        let cluster = inventory.clusters().next().unwrap();
        assert_eq!(inventory.on_cluster(cluster), Some(chain));
        assert_eq!(inventory.of_app(&"ops/k3s/none".parse().unwrap()), None);
    }
}
