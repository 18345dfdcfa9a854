//! Kubernetes objects as ordered sets of JSON, independent of any client. Pure.

use crate::hash;
use serde_json::Value;
use std::fmt;

/// Group, version and kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvk {
    /// API group, empty for the core group.
    pub group: String,
    /// Version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

impl Gvk {
    /// Builds a group, version and kind.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// A kind of the core group, version v1.
    #[must_use]
    pub fn core(kind: &str) -> Self {
        Self::new("", "v1", kind)
    }

    /// `group/version`, or the version alone in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// What names one object on a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its group, version and kind.
    pub gvk: Gvk,
    /// Its Namespace, none for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object.
    #[must_use]
    pub fn new(gvk: Gvk, namespace: Option<&str>, name: &str) -> Self {
        Self { gvk, namespace: namespace.map(ToOwned::to_owned), name: name.to_owned() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.gvk.kind, self.name),
            None => write!(f, "{} {}", self.gvk.kind, self.name),
        }
    }
}

/// Why a JSON body is no object we can send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an object without {missing} cannot be applied")]
pub struct ObjectError {
    missing: &'static str,
}

/// One object: its name on the server and its body as it is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What names it.
    pub reference: ObjectRef,
    /// The whole body, with apiVersion, kind and metadata.
    pub body: Value,
}

impl Object {
    /// Takes the reference out of a body.
    ///
    /// # Errors
    /// A body without apiVersion, kind or name: an object nobody can identify must not be skipped (c-01).
    pub fn from_body(body: Value) -> Result<Self, ObjectError> {
        let text =
            |pointer: &str| body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let api_version = text("/apiVersion").ok_or(ObjectError { missing: "apiVersion" })?;
        let kind = text("/kind").ok_or(ObjectError { missing: "kind" })?;
        let name = text("/metadata/name").ok_or(ObjectError { missing: "metadata.name" })?;
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let reference = ObjectRef::new(Gvk::new(group, version, kind), text("/metadata/namespace"), name);
        Ok(Self { reference, body })
    }

    /// The value of a label, if set.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        label(&self.body, key)
    }

    /// The value of an annotation, if set.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        annotation(&self.body, key)
    }

    /// The body with Secret data replaced by `sha256:…`, for printing.
    #[must_use]
    pub fn redacted(&self) -> Value {
        let mut body = self.body.clone();
        if self.reference.gvk.kind == "Secret" {
            for field in ["data", "stringData"] {
                if let Some(data) = body.get_mut(field).and_then(Value::as_object_mut) {
                    for value in data.values_mut() {
                        let digest = hash::hex(value.as_str().unwrap_or_default().as_bytes(), 64);
                        *value = Value::String(format!("sha256:{digest}"));
                    }
                }
            }
        }
        body
    }

    /// The step of a deploy that applies it; objects of one step do not depend on each other.
    #[must_use]
    pub fn step(&self) -> Step {
        match self.reference.gvk.kind.as_str() {
            "Namespace" => Step::Namespace,
            "Deployment" | "DaemonSet" | "StatefulSet" | "Job" | "Pod" => Step::Workload,
            "Service" | "Ingress" => Step::Route,
            _ => Step::Base,
        }
    }
}

/// The value of a label in an object's body, if set.
#[must_use]
pub fn label<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get("metadata")?.get("labels")?.get(key)?.as_str()
}

/// The value of an annotation in an object's body, if set.
#[must_use]
pub fn annotation<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// Steps of applying, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The Namespace everything else lives in.
    Namespace,
    /// What the Pod refers to: accounts, secrets, configs, volumes, policies.
    Base,
    /// The Pod itself.
    Workload,
    /// What leads to the Pod.
    Route,
}

/// Objects in the order in which they are applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectSet {
    objects: Vec<Object>,
}

impl ObjectSet {
    /// An ordered set; the order inside one step is kept.
    ///
    /// # Errors
    /// The first object that occurs twice.
    pub fn new(mut objects: Vec<Object>) -> Result<Self, ObjectRef> {
        objects.sort_by_key(Object::step);
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = objects.iter().find(|object| !seen.insert(&object.reference)) {
            return Err(twice.reference.clone());
        }
        Ok(Self { objects })
    }

    /// All objects in order.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter()
    }

    /// The objects of each step that has any, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<&[Object]> {
        self.objects.chunk_by(|a, b| a.step() == b.step()).collect()
    }

    /// The object with this reference.
    #[must_use]
    pub fn find(&self, reference: &ObjectRef) -> Option<&Object> {
        self.objects.iter().find(|object| object.reference == *reference)
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// True without objects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_without_identity_is_refused() {
        for (body, missing) in [
            (json!({"kind": "Pod", "metadata": {"name": "a"}}), "apiVersion"),
            (json!({"apiVersion": "v1", "metadata": {"name": "a"}}), "kind"),
            (json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ""}}), "metadata.name"),
        ] {
            assert_eq!(Object::from_body(body).unwrap_err(), ObjectError { missing });
        }
    }

    #[test]
    fn sets_are_ordered_by_step_and_refuse_duplicates() {
        let object = |api: &str, kind: &str| {
            Object::from_body(
                json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a", "namespace": "n"}}),
            )
            .unwrap()
        };
        let set = ObjectSet::new(vec![
            object("networking.k8s.io/v1", "Ingress"),
            object("apps/v1", "Deployment"),
            object("v1", "Secret"),
            object("v1", "ConfigMap"),
        ])
        .unwrap();
        let kinds: Vec<_> = set.iter().map(|o| o.reference.gvk.kind.as_str()).collect();
        assert_eq!(kinds, ["Secret", "ConfigMap", "Deployment", "Ingress"]);
        assert_eq!(set.steps().len(), 3);
        assert_eq!(
            ObjectSet::new(vec![object("v1", "Secret"), object("v1", "Secret")]).unwrap_err().name,
            "a"
        );
    }

    #[test]
    fn secrets_are_redacted() {
        let secret = Object::from_body(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "Y2FuYXJ5"}})).unwrap();
        let shown = secret.redacted().to_string();
        assert!(!shown.contains("Y2FuYXJ5") && shown.contains("sha256:"), "{shown}");
    }
}
