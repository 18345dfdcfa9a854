//! The configuration of one command: one workspace, provider and cluster, and the app if there is one. Pure.

use crate::{App, AppIdentity, Cluster, Noun, Provider, Workspace};

/// The nouns that one command works on, each the parent of the next.
///
/// Version 1 of kompoxops.yml holds exactly one chain. A source that holds several nouns of a kind yields one
/// such chain per choice, so everything behind the loader sees the same type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The workspace.
    pub workspace: Workspace,
    /// The provider of the cluster.
    pub provider: Provider,
    /// The cluster.
    pub cluster: Cluster,
    /// The app; none for commands on the cluster alone.
    pub app: Option<App>,
}

impl Configuration {
    /// The identity of the app, if there is one.
    #[must_use]
    pub fn app_identity(&self) -> Option<AppIdentity> {
        self.app.as_ref().map(|app| AppIdentity {
            workspace: self.workspace.name.clone(),
            provider: self.provider.name.clone(),
            app: app.name.clone(),
        })
    }

    /// The domain under which default hosts live (C-11).
    #[must_use]
    pub fn app_domain(&self) -> String {
        self.cluster.app_domain(&self.workspace.domain)
    }

    /// The nouns one by one, parents first.
    #[must_use]
    pub fn into_nouns(self) -> Vec<Noun> {
        let Self { workspace, provider, cluster, app } = self;
        let (workspace_name, provider_name) = (workspace.name.clone(), provider.name.clone());
        let app = app.map(|app| Noun::App {
            workspace: workspace_name.clone(),
            provider: provider_name.clone(),
            cluster: cluster.name.clone(),
            app: Box::new(app),
        });
        let nouns = [
            Noun::Workspace(workspace),
            Noun::Provider { workspace: workspace_name.clone(), provider },
            Noun::Cluster { workspace: workspace_name, provider: provider_name, cluster: Box::new(cluster) },
        ];
        nouns.into_iter().chain(app).collect()
    }
}
