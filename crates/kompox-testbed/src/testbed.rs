//! The test bed of one checkout: where it keeps its state, and its clusters.

use std::path::{Path, PathBuf};

use crate::cluster::Cluster;
use crate::down::Wipe;
use crate::error::{Error, Result};
use crate::golang;
use crate::image::{self, Image, ImageArchive};
use crate::layout::Layout;
use crate::packages;
use crate::slot::Slot;
use crate::steps::Steps;
use crate::up::UpOptions;

/// Overrides where the test bed keeps its state.
pub const ROOT_VARIABLE: &str = "KOMPOX_TESTBED_DIR";

/// Folders every cluster has for itself, so that it would not see the machine's.
const COVERED: &[&str] = &["/run", "/var/run", "/proc", "/var/lib/kubelet", "/var/lib/cni"];

/// The test bed of one checkout.
#[derive(Debug, Clone)]
pub struct Testbed {
    layout: Layout,
}

impl Testbed {
    /// The test bed of the checkout this program was built from: `target/testbed` there, or the
    /// folder named by [`ROOT_VARIABLE`].
    ///
    /// # Errors
    /// When the folder cannot be made or is one that a cluster cannot see.
    pub fn of_this_checkout() -> Result<Self> {
        let root = std::env::var_os(ROOT_VARIABLE).filter(|root| !root.is_empty());
        let root = root.map_or_else(|| repository().join("target/testbed"), PathBuf::from);
        Self::open(&root)
    }

    /// A test bed with its state in another folder.
    ///
    /// # Errors
    /// As [`Testbed::of_this_checkout`].
    pub fn open(root: &Path) -> Result<Self> {
        let covered = |path: &Path| COVERED.iter().any(|folder| path.starts_with(folder));
        let refuse =
            |path: &Path| Err(Error::Machine(format!("a cluster covers {} with its own", path.display())));
        if covered(root) {
            return refuse(root);
        }
        std::fs::create_dir_all(root).map_err(Error::file("make", root))?;
        let root = root.canonicalize().map_err(Error::file("resolve", root))?;
        if covered(&root) {
            return refuse(&root);
        }
        Ok(Self { layout: Layout { repository: repository(), root } })
    }

    /// A cluster by name, running or not.
    ///
    /// # Errors
    /// [`Error::Name`] for anything but a letter from a to i.
    pub fn cluster(&self, name: &str) -> Result<Cluster> {
        let slot: Slot = name.parse()?;
        Ok(Cluster { layout: self.layout.clone(), slot })
    }

    /// Brings a cluster up or back to health, building and installing what is missing. What runs
    /// already is left alone; several callers at once take turns.
    ///
    /// # Errors
    /// Anything of the machine, the builds or the cluster.
    pub fn up(&self, name: &str, options: &UpOptions) -> Result<Cluster> {
        let cluster = self.cluster(name)?;
        cluster.up(options)?;
        Ok(cluster)
    }

    /// Takes a cluster down and undoes what it changed on the machine. Its data stay unless wiped.
    ///
    /// # Errors
    /// [`Error::SlotTaken`] if it belongs to another state folder, and those of the machine.
    pub fn down(&self, name: &str, wipe: Option<Wipe>) -> Result<()> {
        self.cluster(name)?.down(wipe)
    }

    /// Every cluster that has data here or is running from here.
    #[must_use]
    pub fn clusters(&self) -> Vec<Cluster> {
        Slot::all()
            .map(|slot| Cluster { layout: self.layout.clone(), slot })
            .filter(|cluster| cluster.folder().is_dir())
            .collect()
    }

    /// Builds Docker Compose's own command unless that was done before, and returns its path: `config` works without a
    /// daemon, which makes it the measure of what a compose file means.
    ///
    /// # Errors
    /// Those of the build.
    pub fn docker_compose(&self) -> Result<PathBuf> {
        Ok(golang::compose(&self.layout, &Steps::new("compose"))?.join("docker-compose"))
    }

    /// Builds Kompose unless that was done before, and returns its path: another converter, whose answers ours are held
    /// against.
    ///
    /// # Errors
    /// Those of the build.
    pub fn kompose(&self) -> Result<PathBuf> {
        Ok(golang::kompose(&self.layout, &Steps::new("kompose"))?.join("kompose"))
    }

    /// Builds images unless they were built from the same inputs before.
    ///
    /// # Errors
    /// Those of the builds.
    pub fn ensure_images(&self, images: &[Image]) -> Result<Vec<ImageArchive>> {
        let steps = Steps::new("image");
        images.iter().map(|image| image::ensure(*image, &self.layout, &steps)).collect()
    }

    /// Installs the Debian packages that clusters and tests need on the machine, if they are missing.
    ///
    /// # Errors
    /// Those of apt-get.
    pub fn ensure_packages(&self) -> Result<()> {
        packages::ensure(&Steps::new("machine"))
    }

    /// Installs an SSH server for tests to start, and what they need beside it, if it is missing.
    ///
    /// # Errors
    /// Those of apt-get, and of writing the file that keeps the machine from starting it by itself.
    pub fn ensure_ssh(&self) -> Result<()> {
        packages::ensure_ssh(&Steps::new("machine"))
    }
}

/// The checkout, known since the program was built.
fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
