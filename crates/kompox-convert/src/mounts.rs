//! The Pod's volumes and what each container mounts, each path once. Pure.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, HostPathVolumeSource, KeyToPath,
    PersistentVolumeClaimVolumeSource, SecretVolumeSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kompox_compose::{Diagnostic, Diagnostics, Span};
use kompox_model::quantity::Bytes;
use kompox_model::resource_name;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What is known of a Pod volume: its name and where it comes from.
pub(crate) struct PodVolume(Volume);

impl PodVolume {
    /// Name of the volume in the Pod.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// An empty folder that lives as long as the Pod.
    pub(crate) fn empty(name: String) -> Self {
        Self(Volume { name, empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() })
    }

    /// Memory.
    pub(crate) fn memory(name: String, size: Option<u64>) -> Self {
        let source = EmptyDirVolumeSource {
            medium: Some("Memory".to_owned()),
            size_limit: size.filter(|size| *size > 0).map(|size| Quantity(Bytes(size).to_string())),
        };
        Self(Volume { name, empty_dir: Some(source), ..Volume::default() })
    }

    /// A claim.
    pub(crate) fn claim(name: String, claim: String) -> Self {
        let source = PersistentVolumeClaimVolumeSource { claim_name: claim, read_only: None };
        Self(Volume { name, persistent_volume_claim: Some(source), ..Volume::default() })
    }

    /// A path of the node.
    pub(crate) fn host_path(name: String, path: String) -> Self {
        let source = HostPathVolumeSource { path, type_: None };
        Self(Volume { name, host_path: Some(source), ..Volume::default() })
    }

    /// Items of a Secret; its name in the Pod says which items.
    pub(crate) fn secret(secret: String, items: Vec<KeyToPath>) -> Self {
        let name = Self::of_items("secret", &secret, &items);
        let source = SecretVolumeSource {
            secret_name: Some(secret),
            items: Some(items),
            ..SecretVolumeSource::default()
        };
        Self(Volume { name, secret: Some(source), ..Volume::default() })
    }

    /// Items of a ConfigMap; its name in the Pod says which items.
    pub(crate) fn config_map(config_map: String, items: Vec<KeyToPath>) -> Self {
        let name = Self::of_items("config", &config_map, &items);
        let source = ConfigMapVolumeSource {
            name: config_map,
            items: Some(items),
            ..ConfigMapVolumeSource::default()
        };
        Self(Volume { name, config_map: Some(source), ..Volume::default() })
    }

    fn of_items(kind: &str, object: &str, items: &[KeyToPath]) -> String {
        let mut unique = format!("{kind}\0{object}");
        for item in items {
            unique.push_str(&format!("\0{}\0{}\0{}", item.key, item.path, item.mode.unwrap_or_default()));
        }
        resource_name::content("files", object, unique.as_bytes())
    }
}

/// An item of a Secret or ConfigMap.
pub(crate) fn item(key: impl Into<String>, path: impl Into<String>, mode: u32) -> KeyToPath {
    KeyToPath { key: key.into(), path: path.into(), mode: i32::try_from(mode & 0o777).ok() }
}

/// One mount of a container.
pub(crate) struct Mount<'a> {
    pub(crate) container: &'a str,
    pub(crate) target: &'a str,
    pub(crate) sub_path: Option<String>,
    pub(crate) read_only: bool,
    pub(crate) span: Span,
}

/// All volumes and mounts of the Pod.
#[derive(Default)]
pub(crate) struct Mounts {
    volumes: BTreeMap<String, Volume>,
    containers: BTreeMap<String, BTreeMap<String, (VolumeMount, Span)>>,
}

impl Mounts {
    /// Makes a volume part of the Pod, once, and gives its name.
    pub(crate) fn volume(&mut self, volume: PodVolume) -> String {
        let name = volume.0.name.clone();
        self.volumes.entry(name.clone()).or_insert(volume.0);
        name
    }

    /// Whether a container mounts something at this path.
    pub(crate) fn has(&self, container: &str, target: &str) -> bool {
        self.containers.get(container).is_some_and(|mounts| mounts.contains_key(target))
    }

    /// Mounts a volume; a second mount at one path is refused.
    pub(crate) fn mount(&mut self, volume: PodVolume, mount: Mount<'_>, diagnostics: &mut Diagnostics) {
        let target = clean(mount.target);
        if target == "/"
            || !target.starts_with('/')
            || target.contains(':')
            || target.contains(char::is_control)
        {
            let message = format!("nothing can be mounted at `{}`", mount.target.escape_debug());
            diagnostics.push(
                Diagnostic::error("convert.mount-target", message)
                    .at(mount.span)
                    .help("write an absolute path below `/`, without colons and control characters"),
            );
            return;
        }
        let name = self.volume(volume);
        let mounts = self.containers.entry(mount.container.to_owned()).or_default();
        match mounts.entry(target) {
            Entry::Occupied(place) => {
                let (_, span) = place.get();
                let message = format!("two things are mounted at `{}`", place.key());
                diagnostics.push(
                    Diagnostic::error("convert.mount-twice", message)
                        .at(mount.span)
                        .label(*span, "the other one"),
                );
            }
            Entry::Vacant(place) => {
                let volume_mount = VolumeMount {
                    mount_path: place.key().clone(),
                    name,
                    read_only: mount.read_only.then_some(true),
                    sub_path: mount.sub_path,
                    ..VolumeMount::default()
                };
                place.insert((volume_mount, mount.span));
            }
        }
    }

    /// What a container mounts, sorted by path.
    pub(crate) fn of(&self, container: &str) -> Option<Vec<VolumeMount>> {
        let mounts = self.containers.get(container)?;
        Some(mounts.values().map(|(mount, _)| mount.clone()).collect())
    }

    /// The Pod's volumes, sorted by name.
    pub(crate) fn volumes(&self) -> Option<Vec<Volume>> {
        (!self.volumes.is_empty()).then(|| self.volumes.values().cloned().collect())
    }
}

/// The path without doubled and trailing slashes and without `.`; `..` is refused by whoever wrote the path.
fn clean(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if path.starts_with('/') { format!("/{}", parts.join("/")) } else { parts.join("/") }
}
