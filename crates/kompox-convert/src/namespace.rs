//! The app's Namespace and its account. Pure.

use crate::Input;
use crate::metadata::Metadata;
use crate::pod_security::Level;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kompox_model::{label, resource_name};

/// The Pod Security level that the admission of the API server enforces.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// The Namespace, without the annotations on disks that a deploy records when it is done.
pub(crate) fn namespace(input: &Input<'_>, metadata: &Metadata, level: Level) -> Namespace {
    let mut object = metadata.cluster_scoped(metadata.namespace(), label::PART_STATE);
    object.labels.get_or_insert_default().insert(ENFORCE.to_owned(), level.word().to_owned());
    object.annotations.get_or_insert_default().extend([
        (label::APP.to_owned(), metadata.identity().location(&input.cluster.name)),
        (label::PROVIDER.to_owned(), input.provider.driver.clone()),
        (label::PROVIDER_NAME.to_owned(), input.provider.name.to_string()),
    ]);
    Namespace { metadata: object, ..Namespace::default() }
}

/// The Pod's account. It has no rights, and no token of it is mounted.
pub(crate) fn service_account(metadata: &Metadata) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata.named(resource_name::APP),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
