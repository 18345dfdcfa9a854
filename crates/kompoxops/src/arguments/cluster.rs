//! `cluster …`.

use clap::Subcommand;

/// Verbs of the cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show whether the cluster is reachable and has what apps need
    Status,
}
