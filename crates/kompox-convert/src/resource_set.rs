//! The typed objects of one app and their way into an object set. Pure.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolume, PersistentVolumeClaim, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kompox_model::{Object, ObjectSet};
use serde::Serialize;

/// Every object of one app except its [host claims](crate::HostClaim). Lists are sorted by name.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSet {
    /// The Namespace.
    pub namespace: Namespace,
    /// The Pod's account, without any right or token.
    pub service_account: ServiceAccount,
    /// Environments, secrets, and what is secret in bind mounts.
    pub secrets: Vec<Secret>,
    /// Configs, read-only bind mounts, hosts files, plans.
    pub config_maps: Vec<ConfigMap>,
    /// One per disk in use.
    pub persistent_volumes: Vec<PersistentVolume>,
    /// One per disk in use.
    pub persistent_volume_claims: Vec<PersistentVolumeClaim>,
    /// Who may talk to the app, and to whom the app may talk.
    pub network_policy: NetworkPolicy,
    /// What those may who are let in, and who they are.
    pub access: Option<(Role, RoleBinding)>,
    /// The Pod.
    pub deployment: Deployment,
    /// The published ports, if there are any.
    pub service: Option<Service>,
    /// One for all default hosts, one for each custom host.
    pub ingresses: Vec<Ingress>,
}

impl ResourceSet {
    /// The objects in the order in which they are applied.
    ///
    /// The destructuring has no rest pattern: a new field that is forgotten here does not compile (c-01).
    #[must_use]
    pub fn into_objects(self) -> ObjectSet {
        let Self {
            namespace,
            service_account,
            secrets,
            config_maps,
            persistent_volumes,
            persistent_volume_claims,
            network_policy,
            access,
            deployment,
            service,
            ingresses,
        } = self;
        let mut objects = vec![object(&namespace), object(&service_account)];
        objects.extend(secrets.iter().map(object));
        objects.extend(config_maps.iter().map(object));
        objects.extend(persistent_volumes.iter().map(object));
        objects.extend(persistent_volume_claims.iter().map(object));
        objects.push(object(&network_policy));
        if let Some((role, binding)) = &access {
            objects.extend([object(role), object(binding)]);
        }
        objects.push(object(&deployment));
        objects.extend(service.iter().map(object));
        objects.extend(ingresses.iter().map(object));
        ObjectSet::new(objects).expect("every list was made without duplicate names")
    }
}

/// The untyped form of an object that the converter made.
pub(crate) fn object<T: Serialize>(typed: &T) -> Object {
    let body = serde_json::to_value(typed).expect("Kubernetes types have string keys only");
    Object::from_body(body).expect("the converter names every object")
}
