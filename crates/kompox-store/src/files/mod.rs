//! A repository of files: a kompoxops.yml, KOM documents, or both. IO: reads and writes them.
//!
//! Everything is read anew by each load. Saving writes KOM documents only, and only into files that this program wrote
//! itself: a file that holds anything more than its nouns (comments, another order, another layout) is the user's, and
//! a change of it is refused as Unsupported instead of losing that.

mod read;
mod save;

pub use read::{ReadError, Reading, read_text};

use async_trait::async_trait;
use kompox_model::Inventory;
use kompox_model::port::{Change, ErrorKind, PortError, Repository};
use std::path::{Path, PathBuf};

/// The adapter's name in errors.
const ADAPTER: &str = "files";

/// Where configuration is read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    configuration: Option<PathBuf>,
    kom: Vec<PathBuf>,
}

impl Files {
    /// The file `configuration`, a kompoxops.yml or KOM documents, and KOM documents: each of `kom` is a file, or a
    /// folder whose `*.yml` and `*.yaml` are read (its own, not those of folders in it).
    #[must_use]
    pub fn new(configuration: Option<PathBuf>, kom: Vec<PathBuf>) -> Self {
        Self { configuration, kom }
    }

    /// Reads all files. What is wrong in them is in the answer, with its places.
    ///
    /// # Errors
    /// When a file or folder cannot be read.
    pub fn read(&self) -> Result<Reading, ReadError> {
        read::read(self.configuration.as_deref(), &self.kom)
    }

    /// The folder that new documents go to: the first of `kom` that is one, or is not there yet.
    fn folder(&self) -> Option<&Path> {
        self.kom.iter().map(PathBuf::as_path).find(|path| !path.is_file())
    }

    fn load_now(&self) -> Result<(Inventory, Reading), PortError> {
        let mut reading = self.read().map_err(|error| error.into_port("load"))?;
        match reading.loaded.take() {
            Some(loaded) => {
                let inventory = loaded.inventory.clone();
                reading.loaded = Some(loaded);
                Ok((inventory, reading))
            }
            None => {
                let what = self.configuration.iter().chain(&self.kom);
                let what: Vec<_> = what.map(|path| path.display().to_string()).collect();
                let found = reading.diagnostics.render(&reading.sources);
                Err(PortError::new(ErrorKind::Invalid, ADAPTER, "load", what.join(", "))
                    .detail(found.trim_end()))
            }
        }
    }
}

#[async_trait]
impl Repository for Files {
    async fn load(&self) -> Result<Inventory, PortError> {
        self.load_now().map(|(inventory, _)| inventory)
    }

    async fn save(&self, changes: &[Change]) -> Result<Inventory, PortError> {
        save::save(self, changes)
    }
}
