//! One cluster: its names and addresses, and what can be done with it while it runs. Runs programs
//! inside it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::components;
use crate::error::{Error, Result};
use crate::golang;
use crate::image::ImageArchive;
use crate::import::import;
use crate::kubectl::Kubectl;
use crate::layout::Layout;
use crate::machine::{self, Record};
use crate::namespaces::Namespaces;
use crate::slot::Slot;
use crate::steps::Steps;

/// A cluster's names and addresses, with what can be done with it.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) layout: Layout,
    pub(crate) slot: Slot,
}

impl Cluster {
    /// Its name, one letter.
    #[must_use]
    pub fn name(&self) -> String {
        self.slot.letter().to_string()
    }

    /// A kubeconfig of its administrator, keys included.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder().join("pki/admin.conf")
    }

    /// Address of the only node: API server, NodePorts, LoadBalancer Services, ingress.
    #[must_use]
    pub fn node_address(&self) -> Ipv4Addr {
        self.slot.address()
    }

    /// Name of the only node.
    #[must_use]
    pub fn node_name(&self) -> String {
        self.slot.node()
    }

    /// The authority that signed the ingress controller's certificate.
    #[must_use]
    pub fn ingress_authority(&self) -> PathBuf {
        self.layout.authority().join("ca.crt")
    }

    /// A folder with the same path on the machine and on the node, for a disk store. `down` keeps it.
    #[must_use]
    pub fn disk_store(&self) -> PathBuf {
        self.layout.disks(self.slot)
    }

    /// kubectl as the administrator.
    ///
    /// # Errors
    /// When the sources that fix its version cannot be read.
    pub fn kubectl(&self) -> Result<Kubectl> {
        let path = golang::kubernetes_folder(&self.layout)?.join("kubectl");
        Ok(Kubectl { path, kubeconfig: self.kubeconfig() })
    }

    /// Whether its namespaces exist.
    ///
    /// # Errors
    /// When the machine's record cannot be read.
    pub fn is_up(&self) -> Result<bool> {
        Ok(self.record()?.is_some_and(|record| record.holder.alive()))
    }

    /// Imports image archives into the node, unless the very same are there.
    ///
    /// # Errors
    /// [`Error::NotUp`], and those of the import.
    pub fn load(&self, archives: &[ImageArchive]) -> Result<()> {
        let name = self.name();
        import(&self.namespaces()?, archives, &Steps::new(&name))
    }

    /// Imports an image archive that something else built.
    ///
    /// # Errors
    /// As [`Cluster::load`].
    pub fn load_file(&self, path: &Path) -> Result<()> {
        let path = path.canonicalize().map_err(Error::file("open", path))?;
        let namespaces = self.namespaces()?;
        let name = self.name();
        Steps::new(&name).step(&format!("import {}", path.display()), || {
            let ctr = namespaces.program("ctr").args(["--namespace", "k8s.io", "images", "import"]);
            ctr.arg(path).run().map(|_| ())
        })
    }

    /// What a shell needs to work with it; `PATH` is a folder to put in front.
    ///
    /// # Errors
    /// As [`Cluster::kubectl`].
    pub fn environment(&self) -> Result<Vec<(&'static str, String)>> {
        let folder = golang::kubernetes_folder(&self.layout)?;
        Ok(vec![
            ("KUBECONFIG", self.kubeconfig().display().to_string()),
            ("KOMPOX_TESTBED_CLUSTER", self.name()),
            ("KOMPOX_TESTBED_NODE", self.node_name()),
            ("KOMPOX_TESTBED_NODE_ADDRESS", self.node_address().to_string()),
            ("KOMPOX_TESTBED_INGRESS", self.node_address().to_string()),
            ("KOMPOX_TESTBED_CA", self.ingress_authority().display().to_string()),
            ("KOMPOX_TESTBED_DISK_STORE", self.disk_store().display().to_string()),
            ("PATH", folder.display().to_string()),
        ])
    }

    /// The log file of a component.
    ///
    /// # Errors
    /// [`Error::UnknownComponent`] for a name that `status` does not show.
    pub fn log(&self, component: &str) -> Result<PathBuf> {
        if !components::NAMES.contains(&component) {
            let known = components::NAMES.join(", ");
            return Err(Error::UnknownComponent { name: component.to_owned(), known });
        }
        Ok(self.folder().join("log").join(format!("{component}.log")))
    }

    /// What runs of it.
    ///
    /// # Errors
    /// When the machine's record cannot be read.
    pub fn status(&self) -> Result<Status> {
        let namespaces = match self.namespaces() {
            Ok(namespaces) => Some(namespaces),
            Err(Error::NotUp(_)) => None,
            Err(error) => return Err(error),
        };
        let of = |name| {
            let process = namespaces.as_ref()?.started(name)?.process;
            Some(Running { pid: process.pid, resident: process.resident().unwrap_or_default() })
        };
        let components = components::NAMES.iter().map(|name| (*name, of(name))).collect();
        let holder = namespaces.map(|namespaces| namespaces.holder.pid);
        Ok(Status { holder, components, memory: machine::memory(self.slot) })
    }

    /// Everything it keeps.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.layout.cluster(self.slot)
    }

    /// The namespaces of the running cluster.
    pub(crate) fn namespaces(&self) -> Result<Namespaces> {
        let record = self.record()?.filter(|record| record.holder.alive());
        let record = record.ok_or_else(|| Error::NotUp(self.slot.letter()))?;
        Ok(Namespaces::existing(self.slot, &self.folder(), Path::new("testbed-agent"), record.holder))
    }

    /// This state folder's record of the slot.
    pub(crate) fn record(&self) -> Result<Option<Record>> {
        Ok(Record::read(self.slot)?.filter(|record| record.root == self.layout.root))
    }

    /// Refuses a letter that runs from another state folder.
    pub(crate) fn check_owner(&self) -> Result<()> {
        match Record::read(self.slot)? {
            Some(record) if record.root != self.layout.root && record.holder.alive() => {
                Err(Error::SlotTaken { slot: self.slot.letter(), root: record.root })
            }
            _ => Ok(()),
        }
    }
}

/// What runs of a cluster.
#[derive(Debug, Clone)]
pub struct Status {
    /// The process that holds its namespaces; without it nothing runs.
    pub holder: Option<u32>,
    /// Every component, with its process if it runs.
    pub components: Vec<(&'static str, Option<Running>)>,
    /// Anonymous memory of all its processes and Pods, in bytes.
    pub memory: Option<u64>,
}

/// A component's process.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// Its number on the machine.
    pub pid: u32,
    /// Resident memory in bytes, shared pages included.
    pub resident: u64,
}
