//! How patches change an object. Pure. Server-side apply is simplified: lists are replaced as a whole, and who owns a
//! field is known only of managers that applied it here. What real servers do is tested on a real one.

use serde_json::{Map, Value, json};

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), change);
        }
    }
}

/// RFC 6902 without `move` and `copy`; all operations or none. False when one of them does not fit.
pub(crate) fn json_patch(target: &mut Value, operations: &Value) -> bool {
    let mut changed = target.clone();
    let done = operations.as_array().is_some_and(|operations| {
        operations.iter().all(|operation| operate(&mut changed, operation).is_some())
    });
    if done {
        *target = changed;
    }
    done
}

fn operate(target: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    let (parent, key) = path.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match operation["op"].as_str()? {
        "test" => (target.pointer(path)? == operation.get("value")?).then_some(()),
        "remove" => match target.pointer_mut(parent)? {
            Value::Object(fields) => fields.remove(&key).map(|_| ()),
            Value::Array(items) => {
                let index = key.parse().ok().filter(|index| *index < items.len())?;
                items.remove(index);
                Some(())
            }
            _ => None,
        },
        "replace" => {
            *target.pointer_mut(path)? = operation.get("value")?.clone();
            Some(())
        }
        "add" => {
            let value = operation.get("value")?.clone();
            match target.pointer_mut(parent)? {
                Value::Object(fields) => {
                    fields.insert(key, value);
                }
                Value::Array(items) if key == "-" => items.push(value),
                Value::Array(items) => {
                    let index = key.parse().ok().filter(|index| *index <= items.len())?;
                    items.insert(index, value);
                }
                _ => return None,
            }
            Some(())
        }
        _ => None,
    }
}

/// Server-side apply of `body` over `live`; `before` is what the same manager applied last.
pub(crate) fn apply(live: &Value, before: Option<&Value>, body: &Value) -> Value {
    let mut result = live.clone();
    for path in before.map(leaves).unwrap_or_default() {
        if body.pointer(&path).is_none() {
            remove_leaf(&mut result, &path);
        }
    }
    overlay(&mut result, body);
    result
}

/// Fields of `body` that other managers applied with another value: pointer and manager.
pub(crate) fn conflicts<'a>(
    others: impl Iterator<Item = (&'a String, &'a Value)>,
    body: &Value,
) -> Vec<(String, String)> {
    others
        .flat_map(|(manager, applied)| {
            leaves(body)
                .into_iter()
                .filter(|path| applied.pointer(path).is_some_and(|value| Some(value) != body.pointer(path)))
                .map(|path| (path, manager.clone()))
        })
        .collect()
}

/// Pointers to all values that are no objects, but for those that name the object.
fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    let identity = ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"];
    found.retain(|path| !identity.contains(&path.as_str()));
    found
}

fn collect(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{path}/{key}"), found);
            }
        }
        _ => found.push(path),
    }
}

fn overlay(target: &mut Value, body: &Value) {
    match (target, body) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (key, change) in changes {
                overlay(fields.entry(key).or_insert_with(|| Value::Object(Map::new())), change);
            }
        }
        (target, body) => *target = body.clone(),
    }
}

/// Removes a value and the objects that become empty by it.
fn remove_leaf(target: &mut Value, path: &str) {
    let Some((parent, key)) = path.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    let Some(Value::Object(fields)) = target.pointer_mut(parent) else { return };
    fields.remove(&key);
    if fields.is_empty() && !parent.is_empty() {
        remove_leaf(target, parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patches_set_and_remove() {
        let mut object = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        merge(&mut object, &json!({"a": {"b": null, "e": {"f": 1}}, "d": [3]}));
        assert_eq!(object, json!({"a": {"c": 2, "e": {"f": 1}}, "d": [3]}));
    }

    #[test]
    fn json_patches_are_all_or_nothing() {
        let mut object = json!({"a": {"x/y": 1}, "l": [1, 2]});
        assert!(json_patch(
            &mut object,
            &json!([
                {"op": "test", "path": "/a/x~1y", "value": 1},
                {"op": "remove", "path": "/a/x~1y"},
                {"op": "add", "path": "/l/-", "value": 3},
                {"op": "replace", "path": "/l/0", "value": 0},
            ])
        ));
        assert_eq!(object, json!({"a": {}, "l": [0, 2, 3]}));
        let before = object.clone();
        assert!(!json_patch(
            &mut object,
            &json!([{"op": "remove", "path": "/l"}, {"op": "test", "path": "/a/x", "value": 1}])
        ));
        assert_eq!(object, before);
    }

    #[test]
    fn apply_removes_what_its_manager_no_longer_wants_and_keeps_the_rest() {
        let live = json!({"data": {"a": "1", "b": "2", "foreign": "3"}, "metadata": {"labels": {"l": "1"}}});
        let before = json!({"data": {"a": "1", "b": "2"}, "metadata": {"labels": {"l": "1"}}});
        let result = apply(&live, Some(&before), &json!({"data": {"a": "9"}}));
        assert_eq!(result, json!({"data": {"a": "9", "foreign": "3"}}));
    }

    #[test]
    fn conflicts_name_field_and_manager() {
        let other = ("other".to_owned(), json!({"data": {"a": "1", "b": "2"}}));
        let body = json!({"data": {"a": "9", "b": "2"}});
        let found = conflicts([(&other.0, &other.1)].into_iter(), &body);
        assert_eq!(found, [("/data/a".to_owned(), "other".to_owned())]);
    }
}
