//! The Namespace's annotations: which disk each volume uses and used before. Pure.

use kompox_model::{Object, VolumeName, label, object};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Current and previous disk of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Remembered {
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

/// Handles that the annotations of a Namespace name as current.
pub(crate) fn current_handles(namespace: Option<&Value>) -> BTreeSet<String> {
    read(namespace)
        .1
        .into_values()
        .map(|disk| disk.current)
        .chain(read(namespace).0.map(|disk| disk.current))
        .collect()
}

/// The plain annotations (the first volume) and the map of all volumes.
fn read(namespace: Option<&Value>) -> (Option<Remembered>, BTreeMap<String, Remembered>) {
    let Some(namespace) = namespace else { return (None, BTreeMap::new()) };
    let text = |key| object::annotation(namespace, key).map(ToOwned::to_owned);
    let first =
        text(label::DISK_CURRENT).map(|current| Remembered { current, previous: text(label::DISK_PREVIOUS) });
    let all = text(label::DISKS).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    (first, all)
}

/// The Namespace with the disks in use recorded; a changed disk moves the former one to "previous".
pub(crate) fn record(namespace: &Object, live: Option<&Value>, in_use: &[(VolumeName, String)]) -> Object {
    let (first, all) = read(live);
    let mut disks = BTreeMap::new();
    for (index, (volume, handle)) in in_use.iter().enumerate() {
        let former = all.get(volume.as_str()).or(first.as_ref().filter(|_| index == 0));
        let previous = match former {
            Some(former) if former.current == *handle => former.previous.clone(),
            Some(former) => Some(former.current.clone()),
            None => None,
        };
        disks.insert(volume.to_string(), Remembered { current: handle.clone(), previous });
    }
    let mut annotations = serde_json::Map::new();
    if let Some(disk) = in_use.first().and_then(|(volume, _)| disks.get(volume.as_str())) {
        annotations.insert(label::DISK_CURRENT.to_owned(), json!(disk.current));
        if let Some(previous) = &disk.previous {
            annotations.insert(label::DISK_PREVIOUS.to_owned(), json!(previous));
        }
    }
    if disks.len() > 1 {
        annotations.insert(label::DISKS.to_owned(), json!(json!(disks).to_string()));
    }
    let mut object = namespace.clone();
    if let Some(own) = object.body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        own.append(&mut annotations);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace() -> Object {
        Object::from_body(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "annotations": {"a": "b"}}})).unwrap()
    }

    fn disk(volume: &str, handle: &str) -> (VolumeName, String) {
        (volume.parse().unwrap(), handle.to_owned())
    }

    #[test]
    fn a_switch_remembers_the_former_disk() {
        let first = record(&namespace(), None, &[disk("default", "h1")]);
        assert_eq!(first.annotation(label::DISK_CURRENT), Some("h1"));
        assert_eq!(first.annotation(label::DISK_PREVIOUS), None);
        assert_eq!(first.annotation(label::DISKS), None);
        let same = record(&namespace(), Some(&first.body), &[disk("default", "h1")]);
        assert_eq!(same, first);
        let second = record(&namespace(), Some(&first.body), &[disk("default", "h2")]);
        assert_eq!(second.annotation(label::DISK_PREVIOUS), Some("h1"));
        assert_eq!(record(&namespace(), Some(&second.body), &[disk("default", "h2")]), second);
        assert_eq!(current_handles(Some(&second.body)).into_iter().collect::<Vec<_>>(), ["h2"]);
    }

    #[test]
    fn several_volumes_are_a_map() {
        let volumes = [disk("default", "h1"), disk("db", "h2")];
        let recorded = record(&namespace(), None, &volumes);
        assert_eq!(
            recorded.annotation(label::DISKS),
            Some(r#"{"db":{"current":"h2"},"default":{"current":"h1"}}"#)
        );
        let switched = record(&namespace(), Some(&recorded.body), &[disk("default", "h1"), disk("db", "h3")]);
        assert_eq!(
            switched.annotation(label::DISKS),
            Some(r#"{"db":{"current":"h3","previous":"h2"},"default":{"current":"h1"}}"#)
        );
        assert_eq!(current_handles(Some(&switched.body)).len(), 2);
    }
}
