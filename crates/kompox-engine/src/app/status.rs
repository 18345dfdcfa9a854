//! `app status`: what is there and how it does. IO through the ports; writes nothing.

use crate::app::readiness::{self, Verdict};
use crate::app::{live, logs, report};
use crate::{Error, Scope, disk};
use futures::future::try_join;
use kompox_model::port::ErrorKind;
use kompox_model::{Disk, ObjectRef, label, object};
use serde_json::Value;

/// State of an app.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AppStatus {
    /// The app's identity.
    pub app: String,
    /// Its Namespace.
    pub namespace: String,
    /// `absent`, `stopped`, `starting`, `ready` or `failed`.
    pub state: State,
    /// What it is waiting for, or why it failed.
    pub reason: Option<String>,
    /// The Pod, if there is one.
    pub pod: Option<String>,
    /// Its containers in start order.
    pub containers: Vec<ContainerStatus>,
    /// Hosts that lead to the app.
    pub hosts: Vec<String>,
    /// The app's disks.
    pub disks: Vec<Disk>,
    /// Why disks could not be seen, if so.
    pub disks_unknown: Vec<String>,
    /// The Pod's last warnings.
    pub events: Vec<String>,
}

/// How an app does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing of it is on the cluster.
    Absent,
    /// Its Namespace is there, its Pod is not.
    Stopped,
    /// Its Pod is on its way.
    Starting,
    /// Its Pod is Ready.
    Ready,
    /// Its Pod failed.
    Failed,
}

/// State of one container.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// `running`, `waiting` or `terminated`, with the reason.
    pub state: String,
    /// Its readiness.
    pub ready: bool,
    /// How often it was restarted.
    pub restarts: i64,
}

/// Looks at the app.
///
/// # Errors
/// Conflict when the Namespace is foreign; those of the cluster.
pub async fn status(scope: &Scope<'_>) -> Result<AppStatus, Error> {
    let (facts, namespace) = live::facts_and_namespace(scope).await?;
    let (objects, pods) = try_join(live::by_label(scope, namespace.is_some()), live::pods(scope)).await?;
    let inventory = match disk::inventory(scope, &facts.uid).await {
        Ok(inventory) => inventory,
        Err(Error::Port(error)) if error.kind == ErrorKind::Unsupported => Default::default(),
        Err(error) => return Err(error),
    };
    let identity = scope.identity().to_string();
    let ours = |body: &&Value| object::annotation(body, label::IDENTITY) == Some(identity.as_str());
    let mut status = AppStatus {
        app: identity.clone(),
        namespace: scope.namespace(),
        state: if namespace.is_some() { State::Stopped } else { State::Absent },
        reason: None,
        pod: None,
        containers: Vec::new(),
        hosts: hosts(objects.iter().filter(|(_, body)| ours(body))),
        disks: inventory.disks,
        disks_unknown: inventory.gaps.into_iter().map(|gap| gap.message).collect(),
        events: Vec::new(),
    };
    if let Ok(pod) = logs::newest(scope, &pods) {
        let name = logs::pod_name(pod).to_owned();
        status.containers = containers(pod);
        status.events = report::events(scope, &name).await?;
        (status.state, status.reason) = match readiness::judge(pod, &[]) {
            Verdict::Ready => (State::Ready, unhealthy(&status.containers)),
            Verdict::Waiting(what) => (State::Starting, Some(format!("waiting for {what}"))),
            Verdict::Failed { reason, .. } => (State::Failed, Some(reason)),
        };
        status.pod = Some(name);
    }
    Ok(status)
}

fn unhealthy(containers: &[ContainerStatus]) -> Option<String> {
    let names: Vec<_> = containers
        .iter()
        .filter(|container| !container.ready && container.state == "running")
        .map(|container| container.name.as_str())
        .collect();
    (!names.is_empty()).then(|| format!("not ready: {}", names.join(", ")))
}

fn hosts<'a>(objects: impl Iterator<Item = (&'a ObjectRef, &'a Value)>) -> Vec<String> {
    let mut hosts: Vec<String> = objects
        .filter(|(reference, _)| reference.gvk.kind == "Ingress")
        .filter_map(|(_, body)| body.pointer("/spec/rules")?.as_array())
        .flatten()
        .filter_map(|rule| rule.get("host")?.as_str().map(ToOwned::to_owned))
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn containers(pod: &Value) -> Vec<ContainerStatus> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|path| pod.pointer(path)?.as_array())
        .flatten()
        .map(|status| ContainerStatus {
            name: status["name"].as_str().unwrap_or_default().to_owned(),
            state: state(status),
            ready: status["ready"] == true,
            restarts: status["restartCount"].as_i64().unwrap_or_default(),
        })
        .collect()
}

fn state(status: &Value) -> String {
    let reason = |kind: &str| {
        status.pointer(&format!("/state/{kind}/reason")).and_then(Value::as_str).unwrap_or_default()
    };
    if status.pointer("/state/running").is_some() {
        "running".to_owned()
    } else if status.pointer("/state/terminated").is_some() {
        format!("terminated ({})", reason("terminated"))
    } else {
        format!("waiting ({})", reason("waiting"))
    }
}
