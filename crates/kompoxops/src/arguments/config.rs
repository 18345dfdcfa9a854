//! `config …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the configuration as it has effect: with every default and the place of each description
    ///
    /// Values of secret settings and compose text are masked. With --app or --cluster, only what that one is made of
    /// is shown.
    Show(ShowArguments),
    /// Check the whole configuration without a cluster; `app validate` checks the compose file too
    Validate,
    /// Write the configuration as KOM documents, which mean the same
    ///
    /// Comments are not taken over. Secrets are written as they are.
    Convert(ConvertArguments),
}

/// Arguments of `config show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// Show secrets, too
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// Arguments of `config convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArguments {
    /// Folder to write the documents into, one file each; no file is written over [default: stdout]
    ///
    /// Relative paths are changed so that they name the same files. The documents on stdout are for the folder of the
    /// first input.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
}
