//! Fields under `spec` that others than Kompox set on an app's objects; a deploy does not see and does not change them.
//! Pure.

use kompox_model::{ObjectRef, label};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one other field manager set on one object.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ForeignFields {
    /// The object, as `Kind namespace/name`.
    pub object: String,
    /// The field manager, such as `kubectl-edit`.
    pub manager: String,
    /// The fields, as paths from the object's root.
    pub fields: Vec<String>,
}

/// Kinds whose spec is the configuration's alone. Claims and volumes are completed by the cluster's controllers.
const KINDS: [&str; 4] = ["Deployment", "Service", "Ingress", "NetworkPolicy"];

/// The foreign fields of these objects.
pub(crate) fn fields<'a>(objects: impl Iterator<Item = (&'a ObjectRef, &'a Value)>) -> Vec<ForeignFields> {
    let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (reference, body) in objects.filter(|(reference, _)| KINDS.contains(&reference.gvk.kind.as_str())) {
        let managed = body.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
        for entry in
            managed.filter(|entry| entry["manager"] != label::MANAGER && entry["subresource"] != "status")
        {
            let manager = entry["manager"].as_str().unwrap_or("(unknown)").to_owned();
            let mut paths = Vec::new();
            if let Some(spec) = entry.pointer("/fieldsV1/f:spec") {
                leaves("spec", spec, &mut paths);
            }
            if !paths.is_empty() {
                found.entry((reference.to_string(), manager)).or_default().extend(paths);
            }
        }
    }
    let line = |((object, manager), mut fields): ((String, String), Vec<String>)| {
        fields.sort();
        fields.dedup();
        ForeignFields { object, manager, fields }
    };
    found.into_iter().map(line).collect()
}

/// Paths of the fields without fields of their own: `f:` names a field, `k:` an item of a list by its keys.
fn leaves(path: &str, node: &Value, paths: &mut Vec<String>) {
    let children = node.as_object().into_iter().flatten().filter(|(key, _)| *key != ".");
    let mut leaf = true;
    for (key, child) in children {
        leaf = false;
        let step = match key.split_once(':') {
            Some(("f", name)) => format!("{path}.{name}"),
            Some((_, item)) => format!("{path}[{item}]"),
            None => format!("{path}.{key}"),
        };
        leaves(&step, child, paths);
    }
    if leaf {
        paths.push(path.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_model::Gvk;
    use serde_json::json;

    #[test]
    fn only_what_others_set_in_the_spec_is_foreign() {
        let env = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
            ".": {}, "f:env": {".": {}, "k:{\"name\":\"DEBUG\"}": {".": {}, "f:value": {}}}}}}}}});
        let body = json!({"metadata": {"managedFields": [
            {"manager": "kompox", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:spec": {"f:x": {}}}},
            {"manager": "kube-controller-manager", "fieldsV1": {"f:metadata": {"f:annotations": {}}}},
            {"manager": "kubectl-edit", "fieldsV1": env},
        ]}});
        let of = |kind: &str| ObjectRef::new(Gvk::new("apps", "v1", kind), Some("n"), "app");
        let (deployment, claim) = (of("Deployment"), of("PersistentVolumeClaim"));
        let found = fields([(&deployment, &body), (&claim, &body)].into_iter());
        let path = "spec.template.spec.containers[{\"name\":\"web\"}].env[{\"name\":\"DEBUG\"}].value";
        assert_eq!(
            found,
            [ForeignFields {
                object: "Deployment n/app".into(),
                manager: "kubectl-edit".into(),
                fields: vec![path.into()]
            }]
        );
    }
}
