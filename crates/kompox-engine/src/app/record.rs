//! The Namespace's annotations: which disk each volume uses and used before. Pure.

use crate::{Error, refusal};
use kompox_model::port::DiskInventory;
use kompox_model::{Disk, Object, VolumeName, label, object};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Current and previous disk of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Remembered {
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

/// What a Namespace remembers of disks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// By volume, in its name.
    volumes: BTreeMap<String, Remembered>,
    /// Of a volume that is not known: the plain annotations name none, and the disk is not listed.
    unknown: Option<Remembered>,
}

impl Memory {
    /// Reads the annotations. `disks` are those listed: they tell whose disk the plain annotations mean.
    ///
    /// # Errors
    /// Conflict when they cannot be read: what they remember must not be forgotten.
    pub(crate) fn read(namespace: Option<&Value>, disks: &[Disk]) -> Result<Self, Error> {
        let text = |key| namespace.and_then(|found| object::annotation(found, key));
        let mut memory = Self::default();
        if let Some(json) = text(label::DISKS) {
            memory.volumes = serde_json::from_str(json).map_err(|error| {
                Error::refused(
                    refusal::app::DISK_MEMORY_UNREADABLE,
                    format!("annotation {} of the Namespace cannot be read: {error}", label::DISKS),
                    "nothing was changed; mend the annotation, or remove it if every disk is there",
                )
            })?;
        }
        let Some(current) = text(label::DISK_CURRENT) else { return Ok(memory) };
        if memory.volumes.values().any(|known| known.current == current) {
            return Ok(memory);
        }
        let plain =
            Remembered { current: current.to_owned(), previous: text(label::DISK_PREVIOUS).map(Into::into) };
        match disks.iter().find(|disk| disk.handle == current) {
            Some(disk) => drop(memory.volumes.insert(disk.volume.to_string(), plain)),
            None => memory.unknown = Some(plain),
        }
        Ok(memory)
    }

    fn of(&self, volume: &VolumeName) -> Option<&Remembered> {
        self.volumes.get(volume.as_str()).or(self.unknown.as_ref())
    }

    /// Handle of the disk that the volume is remembered to use.
    pub(crate) fn current(&self, volume: &VolumeName) -> Option<&str> {
        self.of(volume).map(|known| known.current.as_str())
    }

    /// Handle of the disk that the volume used before.
    pub(crate) fn previous(&self, volume: &VolumeName) -> Option<&str> {
        self.of(volume)?.previous.as_deref()
    }

    /// A remembered disk of the volume (or of nobody knows which) that is not among those listed.
    pub(crate) fn lost(&self, volume: &VolumeName, disks: &[Disk]) -> Option<&str> {
        let listed: BTreeSet<_> = disks.iter().map(|disk| disk.handle.as_str()).collect();
        let candidates = self.volumes.get(volume.as_str()).into_iter().chain(&self.unknown);
        candidates.map(|known| known.current.as_str()).find(|handle| !listed.contains(handle))
    }

    /// What to set in the annotations (null: remove) so that the disk is no volume's current one; none if it is not.
    pub(crate) fn without(&self, handle: &str) -> Option<Value> {
        let kept = |known: &&Remembered| known.current != handle;
        let rest: BTreeMap<&String, &Remembered> =
            self.volumes.iter().filter(|(_, known)| kept(known)).collect();
        let unknown = self.unknown.as_ref().filter(kept);
        if rest.len() == self.volumes.len() && unknown.is_some() == self.unknown.is_some() {
            return None;
        }
        let first = unknown.or_else(|| rest.values().next().copied());
        let map = (rest.len() + usize::from(unknown.is_some()) > 1).then(|| json!(rest).to_string());
        Some(json!({
            label::DISK_CURRENT: first.map(|known| &known.current),
            label::DISK_PREVIOUS: first.and_then(|known| known.previous.as_ref()),
            label::DISKS: map,
        }))
    }

    /// The Namespace with the disks in use recorded. A changed disk moves the former one to "previous"; the disk of a
    /// volume that is not in use now stays remembered unless it is known to be gone.
    pub(crate) fn record(
        &self,
        namespace: &Object,
        in_use: &[(VolumeName, String)],
        inventory: &DiskInventory,
    ) -> Object {
        let unseen = !inventory.gaps.is_empty();
        let listed = |handle: &str| unseen || inventory.disks.iter().any(|disk| disk.handle == handle);
        let kept = self.volumes.iter().filter(|(_, known)| listed(&known.current));
        let mut all: BTreeMap<String, Remembered> =
            kept.map(|(v, known)| (v.clone(), known.clone())).collect();
        for (index, (volume, handle)) in in_use.iter().enumerate() {
            let former = self.volumes.get(volume.as_str()).or(self.unknown.as_ref().filter(|_| index == 0));
            let previous = match former {
                Some(former) if former.current == *handle => former.previous.clone(),
                Some(former) => Some(former.current.clone()),
                None => None,
            };
            all.insert(volume.to_string(), Remembered { current: handle.clone(), previous });
        }
        let first = match in_use.first() {
            Some((volume, _)) => all.get(volume.as_str()),
            None => all.values().next().or(self.unknown.as_ref().filter(|_| unseen)),
        };
        let mut annotations = serde_json::Map::new();
        if let Some(disk) = first {
            annotations.insert(label::DISK_CURRENT.to_owned(), json!(disk.current));
            if let Some(previous) = &disk.previous {
                annotations.insert(label::DISK_PREVIOUS.to_owned(), json!(previous));
            }
        }
        if all.len() > 1 {
            annotations.insert(label::DISKS.to_owned(), json!(json!(all).to_string()));
        }
        let mut object = namespace.clone();
        if let Some(own) = object.body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            own.append(&mut annotations);
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_model::{DiskSource, DiskState, Holder, Volume};

    fn namespace() -> Object {
        Object::from_body(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "annotations": {"a": "b"}}})).unwrap()
    }

    fn used(volume: &str, handle: &str) -> (VolumeName, String) {
        (volume.parse().unwrap(), handle.to_owned())
    }

    fn disk(volume: &str, handle: &str) -> Disk {
        Disk {
            name: handle.parse().unwrap(),
            volume: volume.parse().unwrap(),
            size: Volume::DEFAULT_SIZE,
            size_enforced: false,
            atomic_snapshots: true,
            handle: handle.to_owned(),
            assigned: true,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            node: None,
            zone: None,
            source: DiskSource::Empty,
            state: DiskState::Ready,
            holder: Holder { cluster: "c".parse().unwrap(), uid: String::new() },
        }
    }

    fn record(live: Option<&Object>, in_use: &[(VolumeName, String)], disks: &[Disk]) -> Object {
        let memory = Memory::read(live.map(|object| &object.body), disks).unwrap();
        memory.record(
            &namespace(),
            in_use,
            &DiskInventory { disks: disks.to_vec(), ..DiskInventory::default() },
        )
    }

    #[test]
    fn a_switch_remembers_the_former_disk() {
        let disks = [disk("default", "h1"), disk("default", "h2")];
        let first = record(None, &[used("default", "h1")], &disks);
        assert_eq!(first.annotation(label::DISK_CURRENT), Some("h1"));
        assert_eq!(first.annotation(label::DISK_PREVIOUS), None);
        assert_eq!(first.annotation(label::DISKS), None);
        assert_eq!(record(Some(&first), &[used("default", "h1")], &disks), first);
        let second = record(Some(&first), &[used("default", "h2")], &disks);
        assert_eq!(second.annotation(label::DISK_PREVIOUS), Some("h1"));
        assert_eq!(record(Some(&second), &[used("default", "h2")], &disks), second);
        let gone = record(Some(&first), &[used("default", "h2")], &disks[1..]);
        assert_eq!(gone, second, "also when the former one is not there any more");
    }

    #[test]
    fn several_volumes_are_a_map() {
        let disks = [disk("default", "h1"), disk("db", "h2"), disk("db", "h3")];
        let recorded = record(None, &[used("default", "h1"), used("db", "h2")], &disks);
        assert_eq!(
            recorded.annotation(label::DISKS),
            Some(r#"{"db":{"current":"h2"},"default":{"current":"h1"}}"#)
        );
        let switched = record(Some(&recorded), &[used("default", "h1"), used("db", "h3")], &disks);
        assert_eq!(
            switched.annotation(label::DISKS),
            Some(r#"{"db":{"current":"h3","previous":"h2"},"default":{"current":"h1"}}"#)
        );
    }

    #[test]
    fn a_disk_is_forgotten_without_the_others() {
        let disks = [disk("default", "h1"), disk("db", "h2"), disk("db", "h3")];
        let one = record(None, &[used("default", "h1")], &disks);
        let two = record(Some(&one), &[used("default", "h1"), used("db", "h2")], &disks);
        let three = record(Some(&two), &[used("default", "h1"), used("db", "h3")], &disks);
        let without = |object: &Object, handle: &str, disks: &[Disk]| {
            Memory::read(Some(&object.body), disks).unwrap().without(handle)
        };
        let left = |current: Option<&str>, previous: Option<&str>| {
            Some(json!({label::DISK_CURRENT: current, label::DISK_PREVIOUS: previous, label::DISKS: null}))
        };
        assert_eq!(without(&one, "h1", &disks), left(None, None));
        assert_eq!(without(&one, "h1", &disks[1..]), left(None, None), "also when it is not listed");
        assert_eq!(without(&three, "h1", &disks), left(Some("h3"), Some("h2")));
        assert_eq!(without(&three, "h3", &disks), left(Some("h1"), None));
        assert_eq!(without(&three, "h2", &disks), None, "the former disk may be named as such");
        let mut stray = three;
        stray.body["metadata"]["annotations"][label::DISK_CURRENT] = json!("h9");
        let kept = json!({label::DISK_CURRENT: "h9", label::DISK_PREVIOUS: null,
            label::DISKS: r#"{"db":{"current":"h3","previous":"h2"}}"#});
        assert_eq!(
            without(&stray, "h1", &disks),
            Some(kept),
            "what nobody knows the volume of stays beside the others"
        );
    }

    #[test]
    fn the_disk_of_a_volume_out_of_use_stays_remembered() {
        let disks = [disk("default", "h1"), disk("db", "h2")];
        let first = record(None, &[used("default", "h1")], &disks);
        let none = record(Some(&first), &[], &disks);
        assert_eq!(none, first);
        let other = record(Some(&none), &[used("db", "h2")], &disks);
        assert_eq!(other.annotation(label::DISK_CURRENT), Some("h2"));
        assert_eq!(other.annotation(label::DISK_PREVIOUS), None, "h1 is another volume's");
        let memory = Memory::read(Some(&other.body), &disks[1..]).unwrap();
        assert_eq!(memory.lost(&"default".parse().unwrap(), &disks[1..]), Some("h1"));
        assert_eq!(memory.lost(&"db".parse().unwrap(), &disks[1..]), None);
        let deleted = record(Some(&other), &[used("db", "h2")], &disks[1..]);
        assert_eq!(deleted.annotation(label::DISKS), None, "a disk that was deleted is forgotten");
    }
}
