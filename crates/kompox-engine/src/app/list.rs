//! `app list`: the apps of a cluster, each in one line. IO through the cluster port: one request per kind, whatever the
//! number of apps.

use crate::Error;
use crate::app::readiness::{self, Verdict};
use crate::app::{State, workload};
use crate::cluster::ClusterScope;
use futures::future::try_join4;
use kompox_model::port::Query;
use kompox_model::{AppIdentity, Gvk, label, object};
use serde_json::Value;
use std::collections::BTreeMap;

/// One app.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AppLine {
    /// Its identity, `{workspace}/{provider}/{app}`.
    pub app: String,
    /// Its Namespace, none when nothing of it is on the cluster.
    pub namespace: Option<String>,
    /// True when the configuration has it.
    pub configured: bool,
    /// How it does.
    pub state: State,
    /// What it waits for, or why it failed.
    pub reason: Option<String>,
    /// Its Pod.
    pub pod: Option<String>,
    /// Containers that are ready, of those that run for good.
    pub ready: usize,
    /// Containers that run for good.
    pub containers: usize,
    /// Hosts that lead to it.
    pub hosts: Vec<String>,
    /// When it came to this cluster, RFC 3339.
    pub created: Option<String>,
}

/// The apps of the configuration, and all others of Kompox on the cluster, by identity.
///
/// # Errors
/// Those of the cluster.
pub async fn list(scope: &ClusterScope<'_>, configured: &[AppIdentity]) -> Result<Vec<AppLine>, Error> {
    let call = scope.call();
    let ours = format!("{}={},{}={}", label::MANAGED_BY, label::MANAGER, label::PART, label::PART_APP);
    let state = format!("{}={},{}={}", label::MANAGED_BY, label::MANAGER, label::PART, label::PART_STATE);
    let list = |gvk: Gvk, labels: String| async move {
        scope.kubernetes.list(&call, &Query::new(gvk, None).labels(labels)).await
    };
    let (namespaces, deployments, pods, ingresses) = try_join4(
        list(Gvk::core("Namespace"), state),
        list(Gvk::new("apps", "v1", "Deployment"), ours.clone()),
        list(Gvk::core("Pod"), label::APP_ID_HASH.to_owned()),
        list(Gvk::new("networking.k8s.io", "v1", "Ingress"), ours),
    )
    .await?;
    let deployments = by_namespace(&deployments);
    let (pods, ingresses) = (by_namespace(&pods), by_namespace(&ingresses));
    let mut lines: BTreeMap<String, AppLine> = BTreeMap::new();
    for identity in configured {
        lines.insert(identity.to_string(), absent(identity.to_string()));
    }
    for namespace in &namespaces {
        let Some(identity) = object::annotation(namespace, label::IDENTITY) else { continue };
        let name = text(namespace, "/metadata/name");
        let of = |all: &BTreeMap<&str, Vec<Value>>| all.get(name).cloned().unwrap_or_default();
        let found =
            Found { namespace, deployments: of(&deployments), pods: of(&pods), ingresses: of(&ingresses) };
        let configured = lines.contains_key(identity);
        lines.insert(identity.to_owned(), found.line(identity, configured));
    }
    Ok(lines.into_values().collect())
}

fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn by_namespace(objects: &[Value]) -> BTreeMap<&str, Vec<Value>> {
    let mut sorted: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for object in objects {
        sorted.entry(text(object, "/metadata/namespace")).or_default().push(object.clone());
    }
    sorted
}

fn absent(app: String) -> AppLine {
    AppLine {
        app,
        namespace: None,
        configured: true,
        state: State::Absent,
        reason: None,
        pod: None,
        ready: 0,
        containers: 0,
        hosts: Vec::new(),
        created: None,
    }
}

/// What was found of one app.
struct Found<'a> {
    namespace: &'a Value,
    deployments: Vec<Value>,
    pods: Vec<Value>,
    ingresses: Vec<Value>,
}

impl Found<'_> {
    fn line(&self, identity: &str, configured: bool) -> AppLine {
        let pod = super::logs::newest_of(&self.pods);
        let deployment = self
            .deployments
            .iter()
            .find(|found| object::annotation(found, label::IDENTITY) == Some(identity));
        let (state, reason) = state(deployment, pod);
        let lasting = pod.map(lasting).unwrap_or_default();
        AppLine {
            app: identity.to_owned(),
            namespace: Some(text(self.namespace, "/metadata/name").to_owned()),
            configured,
            state,
            reason,
            pod: pod.map(|pod| text(pod, "/metadata/name").to_owned()),
            ready: lasting.iter().filter(|ready| **ready).count(),
            containers: lasting.len(),
            hosts: hosts(self.ingresses.iter()),
            created: Some(text(self.namespace, "/metadata/creationTimestamp").to_owned()),
        }
    }
}

/// How an app with a Namespace does: by its Pod, and without one by whether there shall be one.
pub(crate) fn state(deployment: Option<&Value>, pod: Option<&Value>) -> (State, Option<String>) {
    let wanted = deployment.is_some_and(workload::wants_pod);
    match pod {
        None if wanted => (State::Starting, Some("waiting for the Pod to be made".to_owned())),
        None => (State::Stopped, None),
        Some(_) if !wanted => (State::Stopped, Some("its Pod is stopping".to_owned())),
        Some(pod) => match readiness::judge(pod, &[]) {
            Verdict::Ready => (State::Ready, None),
            Verdict::Waiting(what) => (State::Starting, Some(format!("waiting for {what}"))),
            Verdict::Failed { reason, .. } => (State::Failed, Some(reason)),
        },
    }
}

/// The readiness of each container that runs for good: those of the Pod, and its sidecars.
fn lasting(pod: &Value) -> Vec<bool> {
    let specs = |path: &str| pod.pointer(path).and_then(Value::as_array).into_iter().flatten();
    let sidecars = specs("/spec/initContainers").filter(|container| container["restartPolicy"] == "Always");
    let statuses: BTreeMap<&str, bool> = specs("/status/initContainerStatuses")
        .chain(specs("/status/containerStatuses"))
        .filter_map(|status| Some((status["name"].as_str()?, status["ready"] == true)))
        .collect();
    let names = sidecars.chain(specs("/spec/containers")).filter_map(|container| container["name"].as_str());
    names.map(|name| statuses.get(name).copied().unwrap_or_default()).collect()
}

/// Hosts of Ingresses, sorted.
pub(crate) fn hosts<'a>(ingresses: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut hosts: Vec<String> = ingresses
        .filter_map(|body| body.pointer("/spec/rules")?.as_array())
        .flatten()
        .filter_map(|rule| rule.get("host")?.as_str().map(ToOwned::to_owned))
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}
