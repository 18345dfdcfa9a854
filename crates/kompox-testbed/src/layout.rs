//! Where the test bed keeps things: one state folder per checkout, and what is machine-wide.
//! Only names; the folders are made by those who write into them.

use std::path::{Path, PathBuf};

use crate::slot::Slot;

/// Records and locks of what is machine-wide (addresses, links, control groups). Emptied by `down`.
pub(crate) const MACHINE: &str = "/run/kompox-testbed";

/// The state folder, by default `target/testbed` of the checkout.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The checkout this program was built from: module files, image inputs, crates.
    pub(crate) repository: PathBuf,
    /// The state folder.
    pub(crate) root: PathBuf,
}

impl Layout {
    /// Programs built from a Go module, by the hash of what they are built from.
    pub(crate) fn programs(&self, module: &str, key: &str) -> PathBuf {
        self.root.join("bin").join(format!("{module}-{key}"))
    }

    /// Image archives.
    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("img")
    }

    /// Debian packages for images.
    pub(crate) fn packages(&self) -> PathBuf {
        self.root.join("debs")
    }

    /// The certificate authority of all ingress certificates; it outlives clusters, so that a
    /// browser has to be told about it once.
    pub(crate) fn authority(&self) -> PathBuf {
        self.root.join("ca")
    }

    /// A file of the checkout.
    pub(crate) fn source(&self, path: &str) -> PathBuf {
        self.repository.join(path)
    }

    /// Everything of one cluster.
    pub(crate) fn cluster(&self, slot: Slot) -> PathBuf {
        self.root.join("clusters").join(slot.letter().to_string())
    }

    /// Where a cluster's disks are, on the machine and in its namespaces alike.
    pub(crate) fn disks(&self, slot: Slot) -> PathBuf {
        self.cluster(slot).join("disks")
    }

    /// The lock that lets one process at a time build or download.
    pub(crate) fn build_lock(&self) -> PathBuf {
        self.root.join("build.lock")
    }
}

/// The lock on one cluster's machine-wide things.
pub(crate) fn slot_lock(slot: Slot) -> PathBuf {
    Path::new(MACHINE).join(format!("{}.lock", slot.letter()))
}

/// The record of who owns a slot and of the process that holds its namespaces.
pub(crate) fn slot_record(slot: Slot) -> PathBuf {
    Path::new(MACHINE).join(format!("{}.json", slot.letter()))
}

/// The lock on what all clusters share.
pub(crate) fn machine_lock() -> PathBuf {
    Path::new(MACHINE).join("machine.lock")
}
