//! Paths and queries of requests to an API server. Pure.

use std::collections::BTreeMap;

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// `api/v1` or `apis/<group>/<version>`.
    pub(crate) base: String,
    /// The kind's plural.
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    /// None for a collection.
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Place {
    /// Reads a path. None for one that belongs to no object or collection.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (base, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => (format!("api/{version}"), rest),
            ["apis", group, version, rest @ ..] => (format!("apis/{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // The Namespace itself and what hangs on it, or a collection inside it.
            ["namespaces", name, "status" | "finalize", ..] => (None, &["namespaces", *name][..]),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (plural, None, None),
            [plural, name] => (plural, Some(*name), None),
            [plural, name, subresource] => (plural, Some(*name), Some(*subresource)),
            _ => return None,
        };
        Some(Self {
            base,
            plural: (*plural).to_owned(),
            namespace,
            name: name.map(ToOwned::to_owned),
            subresource: subresource.map(ToOwned::to_owned),
        })
    }

    /// The place of an object inside this collection.
    pub(crate) fn with_name(&self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), subresource: None, ..self.clone() }
    }

    /// True when an object of this collection is meant by `self`, whose Namespace may be open.
    pub(crate) fn holds(&self, object: &Self) -> bool {
        self.base == object.base
            && self.plural == object.plural
            && (self.namespace.is_none() || self.namespace == object.namespace)
    }
}

/// The parameters of a query, decoded.
pub(crate) fn query(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let code = std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                bytes.push(code.unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> (String, String, Option<String>, Option<String>, Option<String>) {
        let place = Place::parse(path).unwrap();
        (place.base, place.plural, place.namespace, place.name, place.subresource)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn paths_are_taken_apart() {
        assert_eq!(parsed("/api/v1/namespaces"), ("api/v1".into(), "namespaces".into(), None, None, None));
        assert_eq!(
            parsed("/api/v1/namespaces/a"),
            ("api/v1".into(), "namespaces".into(), None, some("a"), None)
        );
        assert_eq!(
            parsed("/api/v1/namespaces/a/pods/p/log"),
            ("api/v1".into(), "pods".into(), some("a"), some("p"), some("log"))
        );
        assert_eq!(
            parsed("/apis/apps/v1/deployments"),
            ("apis/apps/v1".into(), "deployments".into(), None, None, None)
        );
        assert_eq!(Place::parse("/version"), None);
    }

    #[test]
    fn queries_are_decoded() {
        let query = query("labelSelector=a%3Db%2Cc&watch=true&x=a+b");
        assert_eq!(query["labelSelector"], "a=b,c");
        assert_eq!(query["watch"], "true");
        assert_eq!(query["x"], "a b");
    }
}
