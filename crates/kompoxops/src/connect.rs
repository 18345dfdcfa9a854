//! From the configuration to a connected cluster. IO: reads kubeconfig files and the environment, never writes.

use crate::configuration::Opened;
use crate::exit::Failure;
use kompox_engine::Error;
use kompox_kube::{Client, Options};
use kompox_model::port::{Call, Driver, ErrorKind, PortError};
use kompox_model::{AuthKind, ClusterAuth};
use std::path::PathBuf;

/// Names a kubeconfig that is used instead of the configured one (CFG-06).
pub(crate) const KUBECONFIG_OVERRIDE: &str = "KOMPOXOPS_KUBECONFIG";

/// Connects by the cluster's `auth`, or, without one, with the kubeconfig that the driver gives (C-10).
///
/// Sends no request to the cluster: a server that is away shows at the first use.
pub(crate) async fn connect(
    opened: &Opened,
    driver: &dyn Driver,
    call: &Call<'_>,
    module: &str,
) -> Result<Client, Failure> {
    let cluster = &opened.configuration.cluster;
    let options = |auth: Option<&ClusterAuth>| Options {
        user_agent: format!("kompoxops/{module}"),
        context: auth.and_then(|auth| auth.context.clone()),
        ..Options::default()
    };
    let connecting = async {
        Ok(match (&cluster.auth, instead()) {
            (auth, Some(path)) => {
                let named = || format!("{KUBECONFIG_OVERRIDE} names it");
                Client::from_path(&path, options(auth.as_ref())).await.map_err(|error| say(error, named))?
            }
            (Some(auth), None) => match &auth.kubeconfig {
                _ if auth.kind == AuthKind::Environment => Client::from_variables(options(None)).await?,
                Some(written) => {
                    let named =
                        || format!("cluster.auth.kubeconfig in {} names it", opened.cluster_file().display());
                    let path = opened.cluster_path(written);
                    Client::from_path(&path, options(Some(auth))).await.map_err(|error| say(error, named))?
                }
                None => Client::from_environment(options(Some(auth))).await?,
            },
            (None, None) => {
                let kubeconfig = driver.cluster_kubeconfig(call, cluster).await.map_err(suggest_auth)?;
                Client::from_kubeconfig(&kubeconfig, options(None)).await?
            }
        })
    };
    // A kubeconfig's plugin may wait for a login.
    tokio::select! {
        client = connecting => client,
        () = call.cancel.cancelled() => {
            Err(Error::Interrupted { done: "nothing was changed".to_owned() }.into())
        }
    }
}

/// The kubeconfig of the environment that replaces the configured one.
fn instead() -> Option<PathBuf> {
    std::env::var_os(KUBECONFIG_OVERRIDE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Refuses a command on two clusters while the environment names one for all.
pub(crate) fn refuse_override() -> Result<(), Failure> {
    match instead() {
        None => Ok(()),
        Some(_) => Err(Failure::Usage {
            message: format!("{KUBECONFIG_OVERRIDE} names one cluster, and this command needs two"),
            hint: "unset it, and say in the configuration how each cluster is reached".to_owned(),
        }),
    }
}

/// Adds a hint to an error that has none.
fn say(error: PortError, hint: impl FnOnce() -> String) -> PortError {
    if error.hint.is_some() { error } else { error.hint(hint()) }
}

fn suggest_auth(error: PortError) -> PortError {
    match error.kind {
        ErrorKind::Unsupported => say(error, || "say how to connect with cluster.auth".to_owned()),
        _ => error,
    }
}
