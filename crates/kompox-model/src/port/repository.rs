//! Port of a repository: where the nouns are kept. Pure.

use super::PortError;
use crate::{Inventory, Noun, NounKey};
use async_trait::async_trait;

/// One change of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Add the noun, or replace the one of the same name.
    Put(Noun),
    /// Remove the noun of this name.
    Remove(NounKey),
}

impl Change {
    /// The noun it is about.
    #[must_use]
    pub fn key(&self) -> NounKey {
        match self {
            Self::Put(noun) => noun.key(),
            Self::Remove(key) => key.clone(),
        }
    }
}

/// Where workspaces, providers, clusters and apps are kept. Disks and what runs are not: their own places are the truth.
#[async_trait]
pub trait Repository: Send + Sync {
    /// All nouns. What another program saved is seen by the next load.
    ///
    /// # Errors
    /// Invalid when what is kept contradicts itself, otherwise what the store says.
    async fn load(&self) -> Result<Inventory, PortError>;

    /// Makes the changes one after the other on what is kept now, and returns what is kept then. All of them are made,
    /// or none; a noun that is as it shall be is left alone.
    ///
    /// # Errors
    /// NotFound for removing what is not there, Conflict for a missing parent or a child that still needs its parent,
    /// Unsupported when this store cannot make the change without losing something.
    async fn save(&self, changes: &[Change]) -> Result<Inventory, PortError>;
}

/// Makes the changes on an inventory, as every [`Repository`] must.
///
/// # Errors
/// NotFound and Conflict as [`Repository::save`] says; `inventory` is then of no use any more.
pub fn apply(adapter: &'static str, inventory: &mut Inventory, changes: &[Change]) -> Result<(), PortError> {
    use super::ErrorKind;
    use crate::InventoryError;
    for change in changes {
        let made = match change {
            Change::Put(noun) => inventory.put(noun.clone()),
            Change::Remove(key) => inventory.remove(key).map(drop),
        };
        made.map_err(|error| {
            let kind = match error {
                InventoryError::Unknown(_) => ErrorKind::NotFound,
                InventoryError::NoParent { .. } | InventoryError::HasChild { .. } => ErrorKind::Conflict,
            };
            PortError::new(kind, adapter, "save", change.key().to_string()).detail(error.to_string())
        })?;
    }
    Ok(())
}
