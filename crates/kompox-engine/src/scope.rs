//! What every use case works on: the nouns, the driver and the connected cluster. Pure.

use crate::Progress;
use kompox_model::port::{self, AppScope, Call, Cancel, Driver};
use kompox_model::{App, AppIdentity, Cluster, Provider, Workspace, resource_name};
use std::time::Instant;

/// One app on one cluster, with the ports to reach both.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The provider.
    pub provider: &'a Provider,
    /// The cluster noun.
    pub cluster: &'a Cluster,
    /// The app.
    pub app: &'a App,
    /// The provider's driver.
    pub driver: &'a dyn Driver,
    /// The connection to the cluster.
    pub kubernetes: &'a dyn port::Cluster,
    /// Set by Ctrl-C.
    pub cancel: &'a Cancel,
    /// When the whole operation must have ended.
    pub deadline: Option<Instant>,
    /// Who listens.
    pub progress: &'a dyn Progress,
}

impl<'a> Scope<'a> {
    /// The app's identity.
    #[must_use]
    pub fn identity(&self) -> AppIdentity {
        AppIdentity {
            workspace: self.workspace.name.clone(),
            provider: self.provider.name.clone(),
            app: self.app.name.clone(),
        }
    }

    /// The app's Namespace.
    #[must_use]
    pub fn namespace(&self) -> String {
        resource_name::namespace(&self.identity())
    }

    /// The call that accompanies every request.
    #[must_use]
    pub fn call(&self) -> Call<'a> {
        let call = Call::new(self.cancel).with_cluster(self.kubernetes);
        self.deadline.map_or(call, |deadline| call.with_deadline(deadline))
    }

    /// The scope for the driver's disks.
    #[must_use]
    pub fn disks<'b>(&self, identity: &'b AppIdentity, cluster_uid: &'b str) -> AppScope<'b>
    where
        'a: 'b,
    {
        AppScope { identity, cluster: self.cluster, cluster_uid }
    }
}
