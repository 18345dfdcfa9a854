//! One kubeconfig merged into another: nothing of the other is lost. Pure.

use crate::ending;
use kompox_engine::Error;
use kompox_yaml::{Limits, Node, Severity, Sources, Value as Yaml};
use serde_json::{Map, Value, json};

/// The lists of a kubeconfig, each with the key of its content.
const LISTS: [(&str, &str); 3] = [("clusters", "cluster"), ("users", "user"), ("contexts", "context")];

/// Puts the one cluster, user and context of `own`, all called `name`, into the text of an existing kubeconfig.
/// Entries of that name are replaced only if they are about the same server. The current context stays as it is,
/// unless it is to be set or there is none.
///
/// # Errors
/// Invalid when the text is no kubeconfig, Conflict when it has entries of that name for another server. `place` is
/// the file, for messages. No message holds anything of the text.
pub(crate) fn merge(
    existing: &str,
    own: &Value,
    name: &str,
    set_current: bool,
    place: &str,
) -> Result<Value, Error> {
    let mut merged = read(existing, place)?;
    let foreign = LISTS.iter().any(|(list, _)| find(&merged, list, name).is_some())
        && server(&merged, name) != server(own, name);
    if foreign {
        return Err(Error::refused(
            ending::KUBECONFIG_FOREIGN,
            format!("{place} has a context, cluster or user `{name}` that does not belong to this cluster"),
            "choose another name with --context",
        ));
    }
    for (list, _) in LISTS {
        let Some(entry) = find(own, list, name).cloned() else { continue };
        let entries = merged.entry(list).or_insert_with(|| json!([]));
        if entries.is_null() {
            *entries = json!([]);
        }
        // `read` has refused anything else.
        let Some(entries) = entries.as_array_mut() else { continue };
        match entries.iter_mut().find(|entry| entry["name"] == name) {
            Some(former) => *former = entry,
            None => entries.push(entry),
        }
    }
    let none = merged.get("current-context").and_then(Value::as_str).is_none_or(str::is_empty);
    if set_current || none {
        merged.insert("current-context".to_owned(), json!(name));
    }
    Ok(Value::Object(merged))
}

/// Whether an existing text says exactly this.
pub(crate) fn same(existing: &str, merged: &Value) -> bool {
    read(existing, "").is_ok_and(|existing| Value::Object(existing) == *merged)
}

fn find<'a>(kubeconfig: impl Lists<'a>, list: &str, name: &str) -> Option<&'a Value> {
    kubeconfig.list(list)?.as_array()?.iter().find(|entry| entry["name"] == name)
}

/// The server that the cluster of this name has.
fn server<'a>(kubeconfig: impl Lists<'a>, name: &str) -> Option<&'a str> {
    find(kubeconfig, "clusters", name)?.pointer("/cluster/server")?.as_str()
}

/// A kubeconfig as a value or as its fields.
trait Lists<'a> {
    fn list(self, key: &str) -> Option<&'a Value>;
}

impl<'a> Lists<'a> for &'a Value {
    fn list(self, key: &str) -> Option<&'a Value> {
        self.get(key)
    }
}

impl<'a> Lists<'a> for &'a Map<String, Value> {
    fn list(self, key: &str) -> Option<&'a Value> {
        self.get(key)
    }
}

/// An existing kubeconfig; an empty text is an empty one.
fn read(text: &str, place: &str) -> Result<Map<String, Value>, Error> {
    let mut sources = Sources::new();
    let id = sources.add(place, text);
    let (documents, found) = kompox_yaml::parse(&sources, id, Limits::default());
    if let Some(error) = found.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
        let at = error.span().map(|span| format!(":{}:{}", span.start.line, span.start.column));
        return Err(unusable(&format!("{place}{}", at.unwrap_or_default()), "it is no YAML"));
    }
    let root = match documents.as_slice() {
        [] => return Ok(fresh()),
        [root] => json_of(root).map_err(|why| unusable(place, why))?,
        _ => return Err(unusable(place, "it holds several documents")),
    };
    let root = match root {
        Value::Null => return Ok(fresh()),
        Value::Object(root) => root,
        _ => return Err(unusable(place, "it is no mapping")),
    };
    if root.get("kind").is_some_and(|kind| kind != "Config") {
        return Err(unusable(place, "its kind is not Config"));
    }
    for (list, key) in LISTS {
        let entries = match root.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(unusable(place, &format!("its `{list}` is no list"))),
        };
        let sound = |entry: &Value| entry["name"].is_string() && entry.get(key).is_some();
        if !entries.iter().all(sound) {
            return Err(unusable(place, &format!("an entry of its `{list}` lacks `name` or `{key}`")));
        }
    }
    Ok(root)
}

fn fresh() -> Map<String, Value> {
    [("apiVersion".to_owned(), json!("v1")), ("kind".to_owned(), json!("Config"))].into_iter().collect()
}

fn unusable(place: &str, why: &str) -> Error {
    Error::refused(
        ending::KUBECONFIG_INVALID,
        format!("{place} is no kubeconfig: {why}; it was left as it is"),
        "repair the file, or write to another one with --to",
    )
}

/// The same values in JSON; what would not come out as it went in is refused.
fn json_of(node: &Node) -> Result<Value, &'static str> {
    if node.tag.is_some() {
        return Err("it has a tag of its own");
    }
    Ok(match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Int(value) if node.raw.as_deref().is_none_or(|raw| raw == value.to_string()) => json!(value),
        Yaml::Int(_) | Yaml::Float(_) => {
            return Err("it has a number that may be meant as text, without quotes");
        }
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => Value::Array(items.iter().map(json_of).collect::<Result<_, _>>()?),
        Yaml::Mapping(mapping) => {
            let field = |entry: &kompox_yaml::Entry| Ok((entry.key.clone(), json_of(&entry.value)?));
            Value::Object(mapping.iter().map(field).collect::<Result<_, &'static str>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(server: &str, token: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "home",
            "clusters": [{"name": "home", "cluster": {"server": server}}],
            "users": [{"name": "home", "user": {"token": token}}],
            "contexts": [{"name": "home", "context": {"cluster": "home", "user": "home"}}],
        })
    }

    const OTHERS: &str = "
# mine
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: work
extra: {kept: [1, 'x']}
clusters:
- {name: work, cluster: {server: 'https://work', insecure-skip-tls-verify: true}}
users:
- {name: work, user: {token: 'work-canary'}}
contexts:
- {name: work, context: {cluster: work, user: work}}
";

    #[test]
    fn everything_else_stays() {
        let merged = merge(OTHERS, &own("https://home", "t1"), "home", false, "config").unwrap();
        assert_eq!(merged["current-context"], "work");
        assert_eq!(merged["extra"], json!({"kept": [1, "x"]}));
        assert_eq!(merged["preferences"], json!({"colors": true}));
        assert_eq!(merged["users"][0], json!({"name": "work", "user": {"token": "work-canary"}}));
        assert_eq!(merged["clusters"][0]["cluster"]["insecure-skip-tls-verify"], true);
        assert_eq!(merged["users"][1]["user"]["token"], "t1");
        let text = merged.to_string();
        let again = merge(&text, &own("https://home", "t2"), "home", true, "config").unwrap();
        assert_eq!(again["users"].as_array().map(Vec::len), Some(2));
        assert_eq!(again["users"][1]["user"]["token"], "t2");
        assert_eq!(again["current-context"], "home");
    }

    #[test]
    fn an_empty_file_becomes_a_whole_one() {
        for text in ["", "\n", "# nothing\n", "null\n"] {
            let merged = merge(text, &own("https://home", "t"), "home", false, "config").unwrap();
            assert_eq!(merged, own("https://home", "t"), "{text:?}");
        }
        let merged = merge("kind: Config\nclusters: null\n", &own("https://home", "t"), "home", false, "c");
        assert_eq!(merged.unwrap()["clusters"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn the_same_name_for_another_server_is_refused() {
        let existing = own("https://elsewhere", "canary").to_string();
        let error = merge(&existing, &own("https://home", "t"), "home", false, "config").unwrap_err();
        assert_eq!(error.code(), "kubeconfig.foreign", "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused_without_quoting_it() {
        for (text, part) in [
            ("token: canary: [", "config:1:"),
            ("a: 1\n---\nb: canary\n", "several documents"),
            ("- canary\n", "no mapping"),
            ("kind: Secret\ndata: canary\n", "not Config"),
            ("users: canary\n", "`users` is no list"),
            ("users: [{name: canary}]\n", "lacks `name` or `user`"),
            ("users: [{name: a, user: {token: 0123}}]\n", "meant as text"),
            ("users: [{name: a, user: {token: 1e5}}]\n", "meant as text"),
            ("users: [{name: a, user: {token: !secret canary}}]\n", "tag"),
            ("users: []\nusers: [canary]\n", "config:2:"),
        ] {
            let error = merge(text, &own("https://home", "t"), "home", false, "config").unwrap_err();
            assert_eq!(error.code(), "kubeconfig.invalid", "{text}: {error}");
            let message = error.to_string();
            assert!(message.contains(part) && !message.contains("canary"), "{text}: {message}");
        }
    }
}
