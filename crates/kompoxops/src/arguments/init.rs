//! `init`.

use clap::Args;
use kompox_model::{AppName, ClusterName, NameError, WorkspaceName};
use std::str::FromStr;

/// Arguments of `init`. What is left out is found out, or gets a value to be changed in the file.
#[derive(Debug, Clone, Args)]
pub(crate) struct InitArguments {
    /// Replace an existing file
    #[arg(long)]
    pub(crate) force: bool,

    /// Path of the compose file, or of the folder with it, relative to the new file [default: the one that is found]
    #[arg(long, value_name = "PATH")]
    pub(crate) compose: Option<String>,

    #[command(flatten)]
    pub(crate) starter: StarterArguments,
}

/// What a starter configuration says besides the compose files.
#[derive(Debug, Clone, Args)]
pub(crate) struct StarterArguments {
    /// Name of the app [default: that of the folder]
    // The same argument as the global one, with the meaning that it has here.
    #[arg(id = "app", short = 'a', long = "app", value_name = "NAME", value_parser = legal::<AppName>)]
    pub(crate) app: Option<String>,

    /// Name of the workspace
    #[arg(long, value_name = "NAME", default_value = "ops")]
    pub(crate) workspace: WorkspaceName,

    /// Base domain of default host names
    #[arg(long, value_name = "DOMAIN", default_value = "apps.example.com", value_parser = kompox_model::host::parse)]
    pub(crate) domain: String,

    /// Name of the cluster [default: that of the kubeconfig context]
    #[arg(id = "cluster", short = 'c', long = "cluster", value_name = "NAME", value_parser = legal::<ClusterName>)]
    pub(crate) cluster: Option<String>,

    /// Driver of the cluster [default: k3s]
    #[arg(long, value_name = "ID")]
    pub(crate) driver: Option<String>,

    /// Path of the kubeconfig [default: the usual places]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<String>,

    /// Context in the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// Image of kompox-node
    #[arg(long, value_name = "IMAGE")]
    pub(crate) node_image: Option<String>,
}

/// The text of a legal name.
fn legal<T: FromStr<Err = NameError>>(text: &str) -> Result<String, NameError> {
    text.parse::<T>().map(|_| text.to_owned())
}
