//! `cluster …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of the cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show whether the cluster is reachable and has what apps need
    Status,
    /// Give the kubeconfig that this configuration connects with
    ///
    /// Only the cluster, user and context in use are in it, with their certificates. It is printed; a file is written
    /// only if you name one, readable by you alone.
    Kubeconfig(KubeconfigArguments),
    /// Take kompox-node out of the cluster; disks stay and apps run on
    ///
    /// The next command that needs kompox-node installs it again and finds the disks that were there.
    UninstallNode(UninstallNodeArguments),
}

/// Arguments of `cluster uninstall-node`.
#[derive(Debug, Args)]
pub(crate) struct UninstallNodeArguments {
    /// Show what would be removed; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `cluster kubeconfig`.
#[derive(Debug, Args)]
pub(crate) struct KubeconfigArguments {
    /// Write a new file
    #[arg(long, value_name = "FILE", conflicts_with = "merge_into")]
    pub(crate) to: Option<PathBuf>,

    /// Add the context to this kubeconfig; what it was before stays beside it as FILE.bak
    #[arg(long, value_name = "FILE")]
    pub(crate) merge_into: Option<PathBuf>,

    /// Name of the context [default: that of the cluster]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// With --merge-into, make it the current context
    #[arg(long, requires = "merge_into")]
    pub(crate) set_current: bool,
}
