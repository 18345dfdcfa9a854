//! A repository for tests and for one run. No IO.

use async_trait::async_trait;
use kompox_model::Inventory;
use kompox_model::port::{Change, PortError, Repository, apply};
use std::sync::{Mutex, PoisonError};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Mutex<Inventory>,
}

impl Memory {
    /// A repository that keeps `inventory`.
    #[must_use]
    pub fn new(inventory: Inventory) -> Self {
        Self { kept: Mutex::new(inventory) }
    }
}

#[async_trait]
impl Repository for Memory {
    async fn load(&self) -> Result<Inventory, PortError> {
        // What is kept is replaced as a whole, so a panic elsewhere leaves it consistent.
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, changes: &[Change]) -> Result<Inventory, PortError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = kept.clone();
        apply("memory", &mut changed, changes)?;
        kept.clone_from(&changed);
        Ok(changed)
    }
}
