//! Labels and annotations that every object of an app carries. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kompox_model::{AppIdentity, label, resource_name};
use std::collections::BTreeMap;

/// Makes the metadata of an app's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    identity: AppIdentity,
    namespace: String,
}

impl Metadata {
    pub(crate) fn new(identity: AppIdentity) -> Self {
        let namespace = resource_name::namespace(&identity);
        Self { identity, namespace }
    }

    pub(crate) fn identity(&self) -> &AppIdentity {
        &self.identity
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// An object in the app's Namespace.
    pub(crate) fn named(&self, name: &str) -> ObjectMeta {
        ObjectMeta { namespace: Some(self.namespace.clone()), ..self.cluster_scoped(name, label::PART_APP) }
    }

    /// An object outside any Namespace.
    pub(crate) fn cluster_scoped(&self, name: &str, part: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(self.labels(part)),
            annotations: Some([(label::IDENTITY.to_owned(), self.identity.to_string())].into()),
            ..ObjectMeta::default()
        }
    }

    fn labels(&self, part: &str) -> BTreeMap<String, String> {
        let mut labels = self.selector();
        labels.insert(label::MANAGED_BY.to_owned(), label::MANAGER.to_owned());
        labels.insert(label::APP_ID_HASH.to_owned(), self.identity.app_hash());
        labels.insert(label::PART.to_owned(), part.to_owned());
        labels
    }

    /// What selects the app's Pod.
    pub(crate) fn selector(&self) -> BTreeMap<String, String> {
        [
            (label::NAME.to_owned(), self.identity.app.to_string()),
            (label::INSTANCE.to_owned(), resource_name::instance(&self.identity)),
        ]
        .into()
    }

    /// Labels of the Pod.
    pub(crate) fn pod(&self) -> ObjectMeta {
        ObjectMeta { labels: Some(self.labels(label::PART_APP)), ..ObjectMeta::default() }
    }
}
