//! Secrets and ConfigMaps whose name carries a hash of their content, each kept once. Pure.

use crate::metadata::Metadata;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kompox_model::resource_name;
use std::collections::BTreeMap;

/// Bytes by key.
pub(crate) type Data = BTreeMap<String, Vec<u8>>;

/// The most that one Secret or ConfigMap may hold: the API server's limit, keys and values together.
pub(crate) const LIMIT: usize = 1 << 20;

/// Collects Secrets and ConfigMaps.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    metadata: &'a Metadata,
    secrets: BTreeMap<String, Secret>,
    config_maps: BTreeMap<String, ConfigMap>,
}

impl<'a> Contents<'a> {
    pub(crate) fn new(metadata: &'a Metadata) -> Self {
        Self { metadata, secrets: BTreeMap::new(), config_maps: BTreeMap::new() }
    }

    /// Adds a Secret and gives its name.
    ///
    /// `data`, not `stringData`: keys removed from `stringData` stay under server-side apply.
    pub(crate) fn secret(&mut self, purpose: &str, key: &str, data: Data) -> String {
        let name = resource_name::content(purpose, key, &fingerprint(&data));
        let data = data.into_iter().map(|(key, value)| (key, ByteString(value))).collect();
        let secret = Secret {
            metadata: self.metadata.named(&name),
            type_: Some("Opaque".to_owned()),
            immutable: Some(true),
            data: Some(data),
            ..Secret::default()
        };
        self.secrets.insert(name.clone(), secret);
        name
    }

    /// Adds a ConfigMap and gives its name; what is not UTF-8 goes to `binaryData`.
    pub(crate) fn config_map(&mut self, purpose: &str, key: &str, data: Data) -> String {
        let name = resource_name::content(purpose, key, &fingerprint(&data));
        let (mut text, mut binary) = (BTreeMap::new(), BTreeMap::new());
        for (key, value) in data {
            match String::from_utf8(value) {
                Ok(value) => drop(text.insert(key, value)),
                Err(error) => drop(binary.insert(key, ByteString(error.into_bytes()))),
            }
        }
        let map = ConfigMap {
            metadata: self.metadata.named(&name),
            immutable: Some(true),
            data: (!text.is_empty()).then_some(text),
            binary_data: (!binary.is_empty()).then_some(binary),
        };
        self.config_maps.insert(name.clone(), map);
        name
    }

    /// Everything, sorted by name.
    pub(crate) fn into_objects(self) -> (Vec<Secret>, Vec<ConfigMap>) {
        (self.secrets.into_values().collect(), self.config_maps.into_values().collect())
    }
}

/// Keys and values as bytes that no other data gives: each is preceded by its length.
fn fingerprint(data: &Data) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in data.iter().flat_map(|(key, value)| [key.as_bytes(), value]) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

/// What counts against [`LIMIT`].
pub(crate) fn size(data: &Data) -> usize {
    data.iter().map(|(key, value)| key.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &[u8])]) -> Data {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec())).collect()
    }

    #[test]
    fn moving_bytes_between_key_and_value_changes_the_name() {
        assert_ne!(fingerprint(&data(&[("ab", b"c")])), fingerprint(&data(&[("a", b"bc")])));
    }

    #[test]
    fn equal_content_is_one_object_and_bytes_survive() {
        let metadata = Metadata::new("ops/k3s/app".parse().unwrap());
        let mut contents = Contents::new(&metadata);
        let first = contents.config_map("bind", "a", data(&[("t", b"text"), ("b", b"\xff\0")]));
        let second = contents.config_map("bind", "a", data(&[("t", b"text"), ("b", b"\xff\0")]));
        assert_eq!(first, second);
        let (_, maps) = contents.into_objects();
        assert_eq!(maps.len(), 1);
        assert_eq!(maps[0].data.as_ref().unwrap()["t"], "text");
        assert_eq!(maps[0].binary_data.as_ref().unwrap()["b"].0, b"\xff\0");
    }
}
