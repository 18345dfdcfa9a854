//! The Namespace's annotation of compose volumes: on the disk of which volume each one lies, so that one which got another
//! name or another place is not begun anew without a word. Pure.

use crate::{Error, refusal};
use kompox_convert::Folder;
use kompox_model::port::DiskInventory;
use kompox_model::{Object, VolumeName, label, object};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where a compose volume lies.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Place {
    volume: String,
    /// A deploy has seen, and said, that the compose file has it no more.
    #[serde(default, skip_serializing_if = "is_false")]
    left: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The compose volumes that an app has had, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lived(BTreeMap<String, Place>);

impl Lived {
    /// Reads the annotation; an app that was deployed before there was one has had nothing.
    ///
    /// # Errors
    /// Conflict when it cannot be read.
    pub(crate) fn read(namespace: Option<&Value>) -> Result<Self, Error> {
        let text = namespace.and_then(|found| object::annotation(found, label::COMPOSE_VOLUMES));
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text).map(Self).map_err(|error| {
            let key = label::COMPOSE_VOLUMES;
            Error::refused(
                refusal::app::DISK_MEMORY_UNREADABLE,
                format!("annotation {key} of the Namespace cannot be read: {error}"),
                "nothing was changed; mend the annotation, or remove it if no compose volume got another name",
            )
        })
    }

    /// The volume on whose disk the app had this compose volume when it was last deployed.
    pub(crate) fn volume_of(&self, key: &str) -> Option<&str> {
        self.0.get(key).filter(|place| !place.left).map(|place| place.volume.as_str())
    }

    /// Compose volumes of the last deploy that the compose file has no more, with their volume.
    pub(crate) fn dropped(&self, declared: &BTreeSet<String>) -> Vec<Folder> {
        let gone = self.0.iter().filter(|(key, place)| !place.left && !declared.contains(*key));
        folders(gone)
    }

    /// Compose volumes that the compose file has no more, whether that was said already or not.
    pub(crate) fn left_on(&self, volume: &VolumeName, declared: &BTreeSet<String>) -> Vec<Folder> {
        let on_it = self.0.iter().filter(|(_, place)| place.volume == volume.as_str());
        folders(on_it.filter(|(key, _)| !declared.contains(*key)))
    }

    /// The Namespace with what the app has now. What it has no more stays known as long as the volume may have disks.
    pub(crate) fn record(
        &self,
        namespace: &mut Object,
        now: &[Folder],
        declared: &BTreeSet<String>,
        inventory: &DiskInventory,
    ) {
        let unseen = !inventory.gaps.is_empty();
        let may_have_disks =
            |place: &Place| unseen || inventory.disks.iter().any(|disk| disk.volume.as_str() == place.volume);
        let kept = self.0.iter().filter(|(_, place)| may_have_disks(place));
        let mut all: BTreeMap<String, Place> = kept
            .map(|(key, place)| {
                let left = place.left || !declared.contains(key);
                (key.clone(), Place { volume: place.volume.clone(), left })
            })
            .collect();
        for folder in now {
            all.insert(folder.key.clone(), Place { volume: folder.volume.to_string(), left: false });
        }
        if !all.is_empty() {
            let annotations = &mut namespace.body["metadata"]["annotations"];
            annotations[label::COMPOSE_VOLUMES] = json!(json!(all).to_string());
        }
    }
}

fn folders<'a>(places: impl Iterator<Item = (&'a String, &'a Place)>) -> Vec<Folder> {
    // A name that is none any more has no disks either.
    places.filter_map(|(key, place)| Some(Folder::of(key, &place.volume.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(lived: &Lived, now: &[(&str, &str)], declared: &[&str]) -> (Lived, Option<String>) {
        let body =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "annotations": {}}});
        let mut namespace = Object::from_body(body).unwrap();
        let now: Vec<_> = now.iter().map(|(key, volume)| Folder::of(key, &volume.parse().unwrap())).collect();
        let gap = kompox_model::port::DiskGap {
            kind: kompox_model::port::GapKind::Unreachable,
            message: String::new(),
        };
        let unseen = DiskInventory { gaps: vec![gap], ..DiskInventory::default() };
        lived.record(&mut namespace, &now, &set(declared), &unseen);
        let text = namespace.annotation(label::COMPOSE_VOLUMES).map(ToOwned::to_owned);
        (Lived::read(Some(&namespace.body)).unwrap(), text)
    }

    fn set(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn what_the_compose_file_drops_stays_known_as_left() {
        let (first, text) = record(&Lived::default(), &[("a", "default"), ("b", "own")], &["a", "b"]);
        assert_eq!(text.as_deref(), Some(r#"{"a":{"volume":"default"},"b":{"volume":"own"}}"#));
        assert_eq!(first.dropped(&set(&["a"])), [Folder::of("b", &"own".parse().unwrap())]);
        let (second, text) = record(&first, &[("a", "default")], &["a"]);
        assert_eq!(text.as_deref(), Some(r#"{"a":{"volume":"default"},"b":{"left":true,"volume":"own"}}"#));
        assert!(second.dropped(&set(&["a"])).is_empty(), "it was said");
        assert_eq!(second.left_on(&"own".parse().unwrap(), &set(&["a"])).len(), 1, "and is not forgotten");
        assert_eq!((first.volume_of("b"), second.volume_of("b")), (Some("own"), None));
        let (third, _) = record(&second, &[("a", "default"), ("b", "own")], &["a", "b"]);
        assert_eq!(third, first, "it came back");
        let (idle, _) = record(&first, &[("a", "default")], &["a", "b"]);
        assert_eq!(idle, first, "no service runs that mounts it");
    }

    #[test]
    fn what_has_no_disks_is_forgotten() {
        let (first, _) = record(&Lived::default(), &[("a", "default")], &["a"]);
        let body =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "annotations": {}}});
        let mut namespace = Object::from_body(body).unwrap();
        first.record(&mut namespace, &[], &set(&[]), &DiskInventory::default());
        assert_eq!(namespace.annotation(label::COMPOSE_VOLUMES), None);
    }
}
