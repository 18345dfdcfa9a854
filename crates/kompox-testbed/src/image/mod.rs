//! Images for the test bed's nodes, built without a container daemon. Reads inputs, writes archives.

mod archive;
mod debian;
mod php;
mod recipes;
mod servers;
mod tree;

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::lock::Lock;
use crate::steps::Steps;

/// The sandbox image named in containerd's configuration.
pub(crate) const PAUSE_REFERENCE: &str = "localhost/pause:1";

/// An image this test bed can build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Image {
    /// The first process of every Pod's sandbox.
    Pause,
    /// A shell and its tools.
    Busybox,
    /// The cluster's DNS.
    Coredns,
    /// The ingress controller.
    Traefik,
    /// A web server with its well-known image's paths.
    Nginx,
    /// PostgreSQL 15 with its well-known image's variables.
    Postgres,
    /// MariaDB 10 with its well-known image's variables.
    Mariadb,
    /// WordPress 6 with its well-known image's variables.
    Wordpress,
    /// DokuWiki with its well-known image's paths.
    Dokuwiki,
    /// Miniflux 2, a feed reader, as its own project puts it into an image.
    Miniflux,
    /// Redmine 5 with its well-known image's variables.
    Redmine,
    /// An HTTP server of our own with faults on demand.
    Testserver,
    /// kompox-node.
    KompoxNode,
    /// The server and prober of Kubernetes' end-to-end suite.
    Agnhost,
}

impl Image {
    /// All images of our own tests and the demo, the quickest to build first.
    pub const ALL: &'static [Self] = &[
        Self::Pause,
        Self::Busybox,
        Self::Coredns,
        Self::Nginx,
        Self::Postgres,
        Self::Redmine,
        Self::Mariadb,
        Self::Wordpress,
        Self::Dokuwiki,
        Self::Miniflux,
        Self::Testserver,
        Self::KompoxNode,
        Self::Traefik,
    ];

    /// Its name on the command line and in its reference.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Busybox => "busybox",
            Self::Coredns => "coredns",
            Self::Traefik => "traefik",
            Self::Nginx => "nginx",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Wordpress => "wordpress",
            Self::Dokuwiki => "dokuwiki",
            Self::Miniflux => "miniflux",
            Self::Redmine => "redmine",
            Self::Testserver => "testserver",
            Self::KompoxNode => "kompox-node",
            Self::Agnhost => "agnhost",
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Image {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|image| image.name() == name).ok_or_else(|| Error::UnknownImage {
            name: name.to_owned(),
            known: Self::ALL.iter().map(|image| image.name()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// An image as a file that `ctr images import` reads.
#[derive(Debug, Clone)]
pub struct ImageArchive {
    /// What a Pod names, such as `localhost/busybox:1`.
    pub reference: String,
    /// The docker-archive.
    pub path: PathBuf,
    /// Hash of what it was built from.
    pub key: String,
}

/// Builds an image unless that was done before from the same inputs.
pub(crate) fn ensure(image: Image, layout: &Layout, steps: &Steps<'_>) -> Result<ImageArchive> {
    let recipe = recipes::of(image, layout, steps)?;
    let folder = layout.images();
    fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    let archive = ImageArchive {
        path: folder.join(format!("{image}-{}.tar", recipe.key)),
        reference: recipe.reference.clone(),
        key: recipe.key.clone(),
    };
    if archive.path.is_file() {
        return Ok(archive);
    }
    let _lock = Lock::take(&layout.build_lock(), "building programs or images")?;
    if archive.path.is_file() {
        return Ok(archive);
    }
    steps.step(&format!("image {image}"), || {
        let tree = (recipe.tree)(layout)?;
        archive::write(&archive.path, &recipe.reference, &recipe.config, &tree)
    })?;
    remove_older(image, &archive)?;
    Ok(archive)
}

fn remove_older(image: Image, current: &ImageArchive) -> Result<()> {
    let Some(folder) = current.path.parent() else { return Ok(()) };
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))?.flatten() {
        let path = entry.path();
        let of_image = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.rsplit_once('-'))
            .is_some_and(|(name, _)| name == image.name());
        if of_image && path != current.path {
            fs::remove_file(&path).map_err(Error::file("remove", path))?;
        }
    }
    Ok(())
}
