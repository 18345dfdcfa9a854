//! Which path each kind has on the API server, as a table: no discovery call is ever made. Pure.
//!
//! A kind that is not in the table is an error for the caller, never a reason to skip an object (c-01).

use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling,
    batch::v1 as batch, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    events::v1 as events, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
    scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource};
use kompox_model::{Gvk, ObjectRef};
use kube::core::ApiResource;

/// Where objects of one kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    version: &'static str,
    kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) namespaced: bool,
}

/// A kind whose objects live in a Namespace; the compiler checks that it is one.
pub(crate) const fn inside<T: Resource<Scope = NamespaceResourceScope>>() -> Kind {
    Kind {
        group: T::GROUP,
        version: T::VERSION,
        kind: T::KIND,
        plural: T::URL_PATH_SEGMENT,
        namespaced: true,
    }
}

/// A kind whose objects live beside the Namespaces.
pub(crate) const fn beside<T: Resource<Scope = ClusterResourceScope>>() -> Kind {
    Kind {
        group: T::GROUP,
        version: T::VERSION,
        kind: T::KIND,
        plural: T::URL_PATH_SEGMENT,
        namespaced: false,
    }
}

/// Every kind that Kompox sends, reads or meets in manifests of its own.
const KINDS: &[Kind] = &[
    beside::<core::Namespace>(),
    beside::<core::Node>(),
    beside::<core::PersistentVolume>(),
    inside::<core::ConfigMap>(),
    inside::<core::Endpoints>(),
    inside::<core::Event>(),
    inside::<core::LimitRange>(),
    inside::<core::PersistentVolumeClaim>(),
    inside::<core::Pod>(),
    inside::<core::ResourceQuota>(),
    inside::<core::Secret>(),
    inside::<core::Service>(),
    inside::<core::ServiceAccount>(),
    inside::<apps::ControllerRevision>(),
    inside::<apps::DaemonSet>(),
    inside::<apps::Deployment>(),
    inside::<apps::ReplicaSet>(),
    inside::<apps::StatefulSet>(),
    inside::<batch::CronJob>(),
    inside::<batch::Job>(),
    inside::<networking::Ingress>(),
    beside::<networking::IngressClass>(),
    inside::<networking::NetworkPolicy>(),
    inside::<coordination::Lease>(),
    inside::<discovery::EndpointSlice>(),
    inside::<events::Event>(),
    inside::<rbac::Role>(),
    inside::<rbac::RoleBinding>(),
    beside::<rbac::ClusterRole>(),
    beside::<rbac::ClusterRoleBinding>(),
    beside::<storage::StorageClass>(),
    beside::<storage::VolumeAttachment>(),
    beside::<storage::CSIDriver>(),
    beside::<storage::CSINode>(),
    inside::<policy::PodDisruptionBudget>(),
    inside::<autoscaling::HorizontalPodAutoscaler>(),
    beside::<scheduling::PriorityClass>(),
    beside::<admission::ValidatingAdmissionPolicy>(),
    beside::<admission::ValidatingAdmissionPolicyBinding>(),
    beside::<extensions::CustomResourceDefinition>(),
];

/// The kinds that have a place: what this adapter can read and write.
pub fn kinds() -> impl Iterator<Item = Gvk> {
    KINDS.iter().map(|row| Gvk::new(row.group, row.version, row.kind))
}

/// Why an object has no place on a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KindError {
    /// The table does not have it.
    #[error("the kind {0} cannot be identified")]
    Unknown(String),
    /// Its objects live in Namespaces, and none is given.
    #[error("a {0} lives in a Namespace, and none is given")]
    NamespaceMissing(String),
    /// Its objects live in no Namespace, and one is given.
    #[error("a {kind} lives in no Namespace, but `{namespace}` is given")]
    NamespaceGiven {
        /// The kind.
        kind: String,
        /// The Namespace that was given.
        namespace: String,
    },
    /// The name would lead to another path.
    #[error("`{0}` cannot be the name of an object")]
    Name(String),
}

/// Refuses names that would change the path of a request. Whether a name is allowed for its kind is the server's rule.
fn check_name(name: &str) -> Result<(), KindError> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-._:~@+".contains(c);
    if name.is_empty() || name == "." || name == ".." || !name.chars().all(harmless) {
        return Err(KindError::Name(name.to_owned()));
    }
    Ok(())
}

impl Kind {
    /// Finds a kind in the table.
    pub(crate) fn find(gvk: &Gvk) -> Result<Self, KindError> {
        KINDS
            .iter()
            .find(|row| row.group == gvk.group && row.version == gvk.version && row.kind == gvk.kind)
            .copied()
            .ok_or_else(|| KindError::Unknown(format!("{} {}", gvk.api_version(), gvk.kind)))
    }

    /// The path of the collection that holds one object.
    pub(crate) fn of(reference: &ObjectRef) -> Result<String, KindError> {
        let kind = Self::find(&reference.gvk)?;
        if kind.namespaced && reference.namespace.is_none() {
            return Err(KindError::NamespaceMissing(reference.gvk.kind.clone()));
        }
        check_name(&reference.name)?;
        kind.collection(reference.namespace.as_deref())
    }

    /// The path of a collection: of one Namespace, or of all of them.
    pub(crate) fn collection(self, namespace: Option<&str>) -> Result<String, KindError> {
        let base = match self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        match namespace {
            None => Ok(format!("{base}/{}", self.plural)),
            Some(namespace) if self.namespaced => {
                check_name(namespace)?;
                Ok(format!("{base}/namespaces/{namespace}/{}", self.plural))
            }
            Some(namespace) => {
                Err(KindError::NamespaceGiven { kind: self.kind.to_owned(), namespace: namespace.to_owned() })
            }
        }
    }

    /// The same in the words of the kube crate.
    pub(crate) fn api_resource(self) -> ApiResource {
        let api_version = match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        };
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version,
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(api: (&str, &str, &str), namespace: Option<&str>) -> Result<String, String> {
        Kind::of(&ObjectRef::new(Gvk::new(api.0, api.1, api.2), namespace, "x")).map_err(|e| e.to_string())
    }

    #[test]
    fn paths_of_core_and_grouped_kinds() {
        for (api, namespace, expected) in [
            (("", "v1", "Namespace"), None, "/api/v1/namespaces"),
            (("", "v1", "Endpoints"), Some("a"), "/api/v1/namespaces/a/endpoints"),
            (("apps", "v1", "Deployment"), Some("a"), "/apis/apps/v1/namespaces/a/deployments"),
            (
                ("networking.k8s.io", "v1", "NetworkPolicy"),
                Some("a"),
                "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies",
            ),
            (("networking.k8s.io", "v1", "IngressClass"), None, "/apis/networking.k8s.io/v1/ingressclasses"),
            (("storage.k8s.io", "v1", "StorageClass"), None, "/apis/storage.k8s.io/v1/storageclasses"),
        ] {
            assert_eq!(path(api, namespace).unwrap(), expected);
        }
    }

    #[test]
    fn what_has_no_place_is_an_error() {
        assert_eq!(
            path(("example.com", "v1", "Widget"), Some("a")).unwrap_err(),
            "the kind example.com/v1 Widget cannot be identified"
        );
        assert_eq!(
            path(("apps", "v1beta1", "Deployment"), Some("a")).unwrap_err(),
            "the kind apps/v1beta1 Deployment cannot be identified"
        );
        assert_eq!(
            path(("", "v1", "Secret"), None).unwrap_err(),
            "a Secret lives in a Namespace, and none is given"
        );
        assert_eq!(
            path(("", "v1", "Namespace"), Some("a")).unwrap_err(),
            "a Namespace lives in no Namespace, but `a` is given"
        );
    }

    #[test]
    fn names_cannot_lead_elsewhere() {
        for name in ["", ".", "..", "a/b", "a?b", "a b", "a%2fb", "a#b"] {
            let gvk = Gvk::core("Secret");
            assert!(Kind::of(&ObjectRef::new(gvk.clone(), Some("a"), name)).is_err(), "{name}");
            assert!(Kind::of(&ObjectRef::new(gvk, Some(name), "a")).is_err(), "{name}");
        }
        assert!(Kind::of(&ObjectRef::new(Gvk::core("Node"), None, "system:node.1")).is_ok());
    }

    #[test]
    fn no_kind_is_listed_twice() {
        let mut seen: Vec<_> = KINDS.iter().map(|row| (row.group, row.version, row.kind)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), KINDS.len());
    }
}
