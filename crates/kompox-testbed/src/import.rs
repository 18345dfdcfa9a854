//! Images on a cluster's node. Runs ctr inside the cluster.

use crate::error::Result;
use crate::image::{self, Image, ImageArchive};
use crate::layout::Layout;
use crate::namespaces::Namespaces;
use crate::steps::Steps;

/// The label on an imported image that tells which archive it came from.
const ARCHIVE_LABEL: &str = "testbed.kompox.dev/archive";

/// The images no cluster is without.
pub(crate) struct NodeImages {
    pub(crate) pause: ImageArchive,
    pub(crate) coredns: ImageArchive,
    pub(crate) traefik: ImageArchive,
}

impl NodeImages {
    pub(crate) fn ensure(layout: &Layout, steps: &Steps<'_>) -> Result<Self> {
        Ok(Self {
            pause: image::ensure(Image::Pause, layout, steps)?,
            coredns: image::ensure(Image::Coredns, layout, steps)?,
            traefik: image::ensure(Image::Traefik, layout, steps)?,
        })
    }

    pub(crate) fn all(&self) -> [ImageArchive; 3] {
        [self.pause.clone(), self.coredns.clone(), self.traefik.clone()]
    }
}

/// Imports archives that are not on the node yet.
pub(crate) fn import(namespaces: &Namespaces, archives: &[ImageArchive], steps: &Steps<'_>) -> Result<()> {
    let ctr = |arguments: &[&str]| {
        namespaces.program("ctr").args(["--namespace", "k8s.io", "images"]).args(arguments)
    };
    let present = ctr(&["list"]).run()?;
    for archive in archives {
        let label = format!("{ARCHIVE_LABEL}={}", archive.key);
        let there = |line: &str| line.split(' ').next() == Some(&*archive.reference) && line.contains(&label);
        if present.lines().any(there) {
            continue;
        }
        steps.step(&format!("import {}", archive.reference), || -> Result<()> {
            ctr(&["import"]).arg(&archive.path).run()?;
            ctr(&["label", &archive.reference, &label]).run().map(|_| ())
        })?;
    }
    Ok(())
}
