//! The app's objects as they are on the cluster. IO through the cluster port.

use crate::{Error, Scope, refusal};
use futures::future::{try_join, try_join_all};
use kompox_model::port::{PortError, Query};
use kompox_model::{Gvk, ObjectRef, ObjectSet, label, object};
use serde_json::Value;
use std::collections::BTreeMap;

/// Live objects by reference.
pub(crate) type Live = BTreeMap<ObjectRef, Value>;

/// Kinds a deploy makes inside the app's Namespace only.
fn namespaced_kinds() -> [Gvk; 9] {
    [
        Gvk::core("ServiceAccount"),
        Gvk::core("Secret"),
        Gvk::core("PersistentVolumeClaim"),
        Gvk::core("Service"),
        Gvk::new("apps", "v1", "Deployment"),
        Gvk::new("networking.k8s.io", "v1", "Ingress"),
        Gvk::new("networking.k8s.io", "v1", "NetworkPolicy"),
        Gvk::new("rbac.authorization.k8s.io", "v1", "Role"),
        Gvk::new("rbac.authorization.k8s.io", "v1", "RoleBinding"),
    ]
}

/// Everything that carries the app's label and part: in its Namespace (when that exists), its PersistentVolumes, and
/// its host claims, wherever they are.
pub(crate) async fn by_label(scope: &Scope<'_>, namespace_exists: bool) -> Result<Live, Error> {
    let identity = scope.identity();
    let namespace = scope.namespace();
    let selector =
        format!("{}={},{}={}", label::APP_ID_HASH, identity.app_hash(), label::PART, label::PART_APP);
    let mut queries = vec![
        Query::new(Gvk::core("PersistentVolume"), None),
        // Of all Namespaces: the ingress controller's may have been another one when hosts were claimed.
        Query::new(Gvk::core("ConfigMap"), None),
    ];
    if namespace_exists {
        queries.extend(namespaced_kinds().into_iter().map(|gvk| Query::new(gvk, Some(&namespace))));
    }
    let call = scope.call();
    let lists = try_join_all(queries.into_iter().map(|query| {
        let query = query.labels(selector.clone());
        async move {
            let found = scope.kubernetes.list(&call, &query).await?;
            Ok::<_, PortError>((query.gvk, found))
        }
    }))
    .await?;
    let mut live = Live::new();
    for (gvk, found) in lists {
        for body in found {
            if let Some(reference) = reference_of(&gvk, &body) {
                live.insert(reference, body);
            }
        }
    }
    Ok(live)
}

/// The objects of `planned` that are not in `live` but exist: somebody else's objects of our names.
pub(crate) async fn by_name(
    scope: &Scope<'_>,
    planned: &ObjectSet,
    live: &Live,
    namespace_exists: bool,
) -> Result<Live, Error> {
    let call = scope.call();
    let missing = planned
        .iter()
        .map(|object| &object.reference)
        .filter(|reference| !live.contains_key(*reference))
        .filter(|reference| namespace_exists || reference.namespace.is_none());
    let found = try_join_all(missing.map(|reference| async move {
        Ok::<_, PortError>(
            scope.kubernetes.get(&call, reference).await?.map(|body| (reference.clone(), body)),
        )
    }))
    .await?;
    Ok(found.into_iter().flatten().collect())
}

/// What names the app's Namespace.
pub(crate) fn namespace_reference(scope: &Scope<'_>) -> ObjectRef {
    ObjectRef::new(Gvk::core("Namespace"), None, &scope.namespace())
}

/// The app's Namespace, or none. Conflict when it exists but is not this app's.
pub(crate) async fn namespace(scope: &Scope<'_>) -> Result<Option<Value>, Error> {
    let name = scope.namespace();
    let Some(found) = scope.kubernetes.get(&scope.call(), &namespace_reference(scope)).await? else {
        return Ok(None);
    };
    let identity = scope.identity().to_string();
    match object::annotation(&found, label::IDENTITY) {
        Some(owner) if owner == identity => Ok(Some(found)),
        owner => Err(Error::refused(
            refusal::app::NAMESPACE_FOREIGN,
            format!(
                "Namespace {name} exists but belongs to {}, not to {identity}",
                owner.map_or_else(|| "nobody that Kompox knows".to_owned(), |owner| format!("app {owner}"))
            ),
            "choose another app name, or remove the foreign Namespace if nobody needs it",
        )),
    }
}

/// Conflict when the Namespace is on its way out: nothing can be made in it.
pub(crate) fn refuse_going(scope: &Scope<'_>, namespace: Option<&Value>) -> Result<(), Error> {
    match namespace {
        Some(found) if is_terminating(found) => Err(going(&format!("Namespace {}", scope.namespace()))),
        _ => Ok(()),
    }
}

/// The refusal to use what is being deleted.
pub(crate) fn going(what: &str) -> Error {
    Error::refused(
        refusal::app::OBJECT_DELETING,
        format!("{what} is being deleted"),
        "wait until it is gone, then repeat the command",
    )
}

/// True when an object is on its way out.
pub(crate) fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// Pods of the app, all of them, in no particular order.
pub(crate) async fn pods(scope: &Scope<'_>) -> Result<Vec<Value>, Error> {
    Ok(scope.kubernetes.list(&scope.call(), &pod_query(scope)).await?)
}

/// Selects the Pods of the app.
pub(crate) fn pod_query(scope: &Scope<'_>) -> Query {
    let selector = format!("{}={}", label::APP_ID_HASH, scope.identity().app_hash());
    Query::new(Gvk::core("Pod"), Some(&scope.namespace())).labels(selector)
}

/// Facts and the Namespace together, the two things every command needs first.
pub(crate) async fn facts_and_namespace(
    scope: &Scope<'_>,
) -> Result<(kompox_model::port::ClusterFacts, Option<Value>), Error> {
    let call = scope.call();
    let facts = async { Ok::<_, Error>(scope.kubernetes.facts(&call).await?) };
    try_join(facts, namespace(scope)).await
}

fn reference_of(gvk: &Gvk, body: &Value) -> Option<ObjectRef> {
    let name = body.pointer("/metadata/name")?.as_str()?;
    Some(ObjectRef::new(gvk.clone(), body.pointer("/metadata/namespace").and_then(Value::as_str), name))
}
