//! Claims of host names: two apps never share one (ING-12). Pure.

use crate::metadata::Metadata;
use crate::resource_set::object;
use k8s_openapi::api::core::v1::ConfigMap;
use kompox_model::{AppIdentity, Object, resource_name};

/// The claim of one host for one app: a ConfigMap in the Namespace of the ingress controller.
///
/// It is created, never applied: whoever creates it first owns the host. On AlreadyExists the owner of the existing
/// one decides ([`HostClaim::owner_of`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostClaim {
    /// The host.
    pub host: String,
    /// Name of the ConfigMap.
    pub name: String,
    /// Namespace of the ConfigMap: that of the ingress controller.
    pub namespace: String,
    /// The app that claims the host.
    pub owner: AppIdentity,
    metadata: Metadata,
}

/// The key of the claim's data that holds the owner's identity.
const OWNER: &str = "owner";
/// The key of the claim's data that holds the host.
const HOST: &str = "host";

impl HostClaim {
    pub(crate) fn new(host: &str, namespace: &str, metadata: &Metadata) -> Self {
        Self {
            host: host.to_owned(),
            name: resource_name::host_claim(host),
            namespace: namespace.to_owned(),
            owner: metadata.identity().clone(),
            metadata: metadata.clone(),
        }
    }

    /// The ConfigMap to create.
    #[must_use]
    pub fn object(&self) -> Object {
        let mut metadata = self.metadata.named(&self.name);
        metadata.namespace = Some(self.namespace.clone());
        let data = [(HOST.to_owned(), self.host.clone()), (OWNER.to_owned(), self.owner.to_string())];
        object(&ConfigMap {
            metadata,
            data: Some(data.into()),
            immutable: Some(true),
            ..ConfigMap::default()
        })
    }

    /// The identity of the app that a claim on the server belongs to, as text; none if it is no claim of Kompox.
    #[must_use]
    pub fn owner_of(live: &serde_json::Value) -> Option<&str> {
        live.get("data")?.get(OWNER)?.as_str()
    }
}
