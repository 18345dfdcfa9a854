//! PersistentVolumes and claims of disks. Pure.

use crate::VolumeBinding;
use crate::metadata::Metadata;
use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, LocalVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
    ObjectReference, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeSpec, VolumeNodeAffinity, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kompox_model::{VolumeClass, VolumeKind, label, resource_name};
use std::collections::BTreeMap;

/// The static PersistentVolume of a disk: kept when its claim goes, and bound beforehand to exactly one claim, so
/// that no other Namespace can take it.
pub(crate) fn persistent_volume(metadata: &Metadata, binding: &VolumeBinding) -> PersistentVolume {
    let volume = &binding.volume.name;
    let class = &binding.class;
    let name = resource_name::persistent_volume(metadata.identity(), volume, &binding.handle);
    let mut spec = PersistentVolumeSpec {
        access_modes: Some(access_modes(class)),
        capacity: Some(storage(binding)),
        claim_ref: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("PersistentVolumeClaim".to_owned()),
            namespace: Some(metadata.namespace().to_owned()),
            name: Some(resource_name::persistent_volume_claim(volume, &binding.handle)),
            ..ObjectReference::default()
        }),
        mount_options: some(&class.mount_options),
        persistent_volume_reclaim_policy: Some("Retain".to_owned()),
        storage_class_name: Some(class.storage_class.clone().unwrap_or_default()),
        volume_mode: Some("Filesystem".to_owned()),
        ..PersistentVolumeSpec::default()
    };
    match &class.kind {
        VolumeKind::Local => {
            spec.local = Some(LocalVolumeSource { path: binding.handle.clone(), fs_type: None });
            spec.node_affinity = binding.node.as_deref().map(on_node);
        }
        VolumeKind::Csi { driver, fs_type, attributes } => {
            spec.csi = Some(CSIPersistentVolumeSource {
                driver: driver.clone(),
                volume_handle: binding.handle.clone(),
                fs_type: fs_type.clone(),
                volume_attributes: (!attributes.is_empty()).then(|| attributes.clone()),
                ..CSIPersistentVolumeSource::default()
            });
        }
    }
    PersistentVolume {
        metadata: metadata.cluster_scoped(&name, label::PART_APP),
        spec: Some(spec),
        ..PersistentVolume::default()
    }
}

/// The claim of a disk.
pub(crate) fn persistent_volume_claim(metadata: &Metadata, binding: &VolumeBinding) -> PersistentVolumeClaim {
    let volume = &binding.volume.name;
    let name = resource_name::persistent_volume_claim(volume, &binding.handle);
    PersistentVolumeClaim {
        metadata: metadata.named(&name),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(access_modes(&binding.class)),
            resources: Some(VolumeResourceRequirements { requests: Some(storage(binding)), limits: None }),
            storage_class_name: Some(binding.class.storage_class.clone().unwrap_or_default()),
            volume_mode: Some("Filesystem".to_owned()),
            volume_name: Some(resource_name::persistent_volume(metadata.identity(), volume, &binding.handle)),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// The API server wants one; without an opinion of the driver it is the widest that one Pod needs.
fn access_modes(class: &VolumeClass) -> Vec<String> {
    if class.access_modes.is_empty() { vec!["ReadWriteOnce".to_owned()] } else { class.access_modes.clone() }
}

/// Empty means "no opinion" and is left out (VOL-26).
fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn storage(binding: &VolumeBinding) -> BTreeMap<String, Quantity> {
    [("storage".to_owned(), Quantity(binding.size.to_string()))].into()
}

fn on_node(node: &str) -> VolumeNodeAffinity {
    let term = NodeSelectorTerm {
        match_expressions: Some(vec![NodeSelectorRequirement {
            key: "kubernetes.io/hostname".to_owned(),
            operator: "In".to_owned(),
            values: Some(vec![node.to_owned()]),
        }]),
        match_fields: None,
    };
    VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: vec![term] }) }
}
