//! The nouns with their parents, and what each is called among all others. Pure.

use crate::{
    App, AppIdentity, AppName, Cluster, ClusterName, Provider, ProviderName, Workspace, WorkspaceName,
};
use std::fmt;

/// What a noun is called, its parents included. The order has parents before children.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NounKey {
    /// A workspace.
    Workspace(WorkspaceName),
    /// A provider of a workspace.
    Provider(WorkspaceName, ProviderName),
    /// A cluster of a provider.
    Cluster(WorkspaceName, ProviderName, ClusterName),
    /// An app. The cluster that holds it is no part of its identity.
    App(AppIdentity),
}

impl NounKey {
    /// The kind as a KOM document names it: `Workspace`, `Provider`, `Cluster` or `App`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Workspace(_) => "Workspace",
            Self::Provider(..) => "Provider",
            Self::Cluster(..) => "Cluster",
            Self::App(_) => "App",
        }
    }

    /// The names from the workspace down to the noun itself, joined with `/`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Workspace(workspace) => workspace.to_string(),
            Self::Provider(workspace, provider) => format!("{workspace}/{provider}"),
            Self::Cluster(workspace, provider, cluster) => format!("{workspace}/{provider}/{cluster}"),
            Self::App(identity) => identity.to_string(),
        }
    }

    /// Its own name, the last of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Workspace(name) => name.as_str(),
            Self::Provider(_, name) => name.as_str(),
            Self::Cluster(_, _, name) => name.as_str(),
            Self::App(identity) => identity.app.as_str(),
        }
    }
}

/// For messages, such as `app ops/k3s/redmine`.
impl fmt::Display for NounKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().to_lowercase(), self.path())
    }
}

/// A noun with the names of its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noun {
    /// A workspace.
    Workspace(Workspace),
    /// A provider.
    Provider {
        /// The workspace it belongs to.
        workspace: WorkspaceName,
        /// The provider.
        provider: Provider,
    },
    /// A cluster.
    Cluster {
        /// The workspace of its provider.
        workspace: WorkspaceName,
        /// The provider it belongs to.
        provider: ProviderName,
        /// The cluster.
        cluster: Box<Cluster>,
    },
    /// An app.
    App {
        /// The workspace of its provider.
        workspace: WorkspaceName,
        /// The provider of its cluster.
        provider: ProviderName,
        /// The cluster it runs on.
        cluster: ClusterName,
        /// The app.
        app: Box<App>,
    },
}

impl Noun {
    /// What it is called.
    #[must_use]
    pub fn key(&self) -> NounKey {
        match self {
            Self::Workspace(workspace) => NounKey::Workspace(workspace.name.clone()),
            Self::Provider { workspace, provider } => {
                NounKey::Provider(workspace.clone(), provider.name.clone())
            }
            Self::Cluster { workspace, provider, cluster } => {
                NounKey::Cluster(workspace.clone(), provider.clone(), cluster.name.clone())
            }
            Self::App { workspace, provider, app, .. } => {
                let (workspace, provider, app): (_, _, AppName) =
                    (workspace.clone(), provider.clone(), app.name.clone());
                NounKey::App(AppIdentity { workspace, provider, app })
            }
        }
    }

    /// What the noun it belongs to is called; a workspace belongs to none.
    #[must_use]
    pub fn parent(&self) -> Option<NounKey> {
        match self {
            Self::Workspace(_) => None,
            Self::Provider { workspace, .. } => Some(NounKey::Workspace(workspace.clone())),
            Self::Cluster { workspace, provider, .. } => {
                Some(NounKey::Provider(workspace.clone(), provider.clone()))
            }
            Self::App { workspace, provider, cluster, .. } => {
                Some(NounKey::Cluster(workspace.clone(), provider.clone(), cluster.clone()))
            }
        }
    }
}
