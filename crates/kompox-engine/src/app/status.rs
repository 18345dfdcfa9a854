//! `app status`: what is there and how it does, once or after each change. IO through the ports; writes nothing.

use crate::app::foreign::{self, ForeignFields};
use crate::app::{act, list, live, logs, report, workload};
use crate::{Error, Event, Scope, cluster, disk};
use futures::StreamExt as _;
use futures::future::try_join;
use kompox_model::port::{ErrorKind, Query};
use kompox_model::{Disk, Gvk, label, object};
use serde_json::Value;
use std::time::Duration;

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
    /// Those of them that are the app's own, not below the cluster's domain.
    pub custom_hosts: Vec<String>,
    /// Address of the ingress controller, if it tells one and the app has hosts.
    pub ingress_ip: Option<String>,
    /// Host name of the ingress controller, if it tells one and the app has hosts.
    pub ingress_fqdn: Option<String>,
    /// The app's disks.
    pub disks: Vec<Disk>,
    /// Why disks could not be seen, if so.
    pub disks_unknown: Vec<String>,
    /// The Pod's last warnings that still matter.
    pub events: Vec<String>,
    /// Fields under `spec` that others than Kompox set; deploys leave them alone.
    pub foreign_fields: Vec<ForeignFields>,
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
    /// How its last run ended, if it had one before.
    pub last_end: Option<String>,
    /// The containers that must be up, or done, before it starts; none once it has started.
    pub waits_for: Vec<String>,
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
    let ingresses = || objects.iter().filter(|(r, body)| r.gvk.kind == "Ingress" && ours(body));
    let mut status = AppStatus {
        app: identity.clone(),
        namespace: scope.namespace(),
        state: if namespace.is_some() { State::Stopped } else { State::Absent },
        reason: None,
        pod: None,
        containers: Vec::new(),
        hosts: list::hosts(ingresses().map(|(_, body)| body)),
        custom_hosts: list::hosts(
            ingresses().filter(|(r, _)| r.name.starts_with("host-")).map(|(_, body)| body),
        ),
        ingress_ip: None,
        ingress_fqdn: None,
        disks: inventory.disks,
        disks_unknown: inventory.gaps.into_iter().map(|gap| gap.message).collect(),
        events: Vec::new(),
        foreign_fields: foreign::fields(objects.iter().filter(|(_, body)| ours(body))),
    };
    if !status.hosts.is_empty() {
        (status.ingress_ip, status.ingress_fqdn) = ingress(scope).await?;
    }
    let pod = logs::newest_of(&pods);
    let deployment = objects.get(&workload::reference(scope)).filter(|body| ours(body));
    if namespace.is_some() {
        (status.state, status.reason) = list::state(deployment, pod);
        if deployment.is_some_and(workload::is_stopped) && status.reason.is_none() {
            status.reason = Some("by app stop; app start lets it run again".to_owned());
        }
    }
    if let Some(pod) = pod {
        let name = logs::pod_name(pod).to_owned();
        status.containers = containers(pod);
        status.events = report::events(scope, pod).await?;
        if status.state == State::Ready {
            status.reason = unhealthy(&status.containers);
        }
        status.pod = Some(name);
    }
    Ok(status)
}

/// Address and name of the ingress controller, as its Service tells them.
async fn ingress(scope: &Scope<'_>) -> Result<(Option<String>, Option<String>), Error> {
    let query = Query::new(Gvk::core("Service"), Some(&scope.cluster.ingress.namespace));
    let services = scope.kubernetes.list(&scope.call(), &query).await?;
    Ok((cluster::ingress_address(&services, "ip"), cluster::ingress_address(&services, "hostname")))
}

/// Changes that come closer together than this are shown as one.
const TOGETHER: Duration = Duration::from_millis(200);

/// Gives the status to `show`: at once, whenever it has changed, and after each `again` in which nothing did, since no watch
/// tells of disks, nor of what `show` itself looks up. Ends when the user interrupts. Watches that are cut are taken up again;
/// while the server is away this is told, and once more when it is back.
///
/// # Errors
/// Those of [`status`] that do not pass by themselves, Timeout at the deadline, and those of `show`.
pub async fn watch<E: From<Error>>(
    scope: &Scope<'_>,
    again: Duration,
    mut show: impl AsyncFnMut(AppStatus) -> Result<(), E>,
) -> Result<(), E> {
    let call = scope.call();
    let namespace = scope.namespace();
    let watched = |gvk: Gvk| Query::new(gvk, Some(&namespace));
    let mut changes = futures::stream::select_all([
        scope.kubernetes.watch(&call, &live::pod_query(scope)),
        scope.kubernetes.watch(&call, &watched(Gvk::new("apps", "v1", "Deployment"))),
        scope.kubernetes.watch(&call, &watched(Gvk::new("networking.k8s.io", "v1", "Ingress"))),
        scope.kubernetes.watch(&call, &watched(Gvk::core("Event"))),
    ])
    .boxed();
    let (mut shown, mut away) = (None, false);
    loop {
        let change = act::next(scope, &mut changes, "the app was being watched");
        let quiet = match tokio::time::timeout(again, change).await {
            Ok(Ok(_)) => false,
            Ok(Err(Error::Interrupted { .. })) => return Ok(()),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => true,
        };
        // Whatever else happens now is part of the same look.
        let together = tokio::time::sleep(TOGETHER);
        tokio::pin!(together);
        loop {
            tokio::select! {
                biased;
                () = &mut together => break,
                change = changes.next() => match change {
                    Some(change) => drop(change.map_err(Error::Port)?),
                    None => break,
                },
            }
        }
        match status(scope).await {
            Ok(now) => {
                if std::mem::take(&mut away) {
                    scope.progress.event(Event::Note("the app can be looked at again".to_owned()));
                }
                if quiet || shown.as_ref() != Some(&now) {
                    show(now.clone()).await?;
                    shown = Some(now);
                }
            }
            Err(Error::Port(error)) if error.kind == ErrorKind::Cancelled => return Ok(()),
            Err(Error::Port(error)) if passes(error.kind) => {
                if !std::mem::replace(&mut away, true) {
                    scope.progress.event(Event::Warning(format!("the app cannot be looked at now: {error}")));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// True for trouble that may be over soon.
fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Throttled)
}

fn unhealthy(containers: &[ContainerStatus]) -> Option<String> {
    let names: Vec<_> = containers
        .iter()
        .filter(|container| !container.ready && container.state == "running")
        .map(|container| container.name.as_str())
        .collect();
    (!names.is_empty()).then(|| format!("not ready: {}", names.join(", ")))
}

fn containers(pod: &Value) -> Vec<ContainerStatus> {
    let list = |path: &str| pod.pointer(path).and_then(Value::as_array).into_iter().flatten();
    let init: Vec<&Value> = list("/status/initContainerStatuses").collect();
    // An init container that starts later waits for every earlier one, a container of the Pod for all of them.
    let unfinished = |before: usize| {
        let open = init[..before].iter().filter(|status| !is_passed(status));
        open.filter_map(|status| status["name"].as_str().map(ToOwned::to_owned)).collect::<Vec<_>>()
    };
    let first = init.iter().enumerate().map(|(index, status)| (index, *status));
    let then = list("/status/containerStatuses").map(|status| (init.len(), status));
    first
        .chain(then)
        .map(|(before, status)| ContainerStatus {
            name: status["name"].as_str().unwrap_or_default().to_owned(),
            state: state(status),
            ready: status["ready"] == true,
            restarts: status["restartCount"].as_i64().unwrap_or_default(),
            last_end: last_end(status),
            waits_for: if status.pointer("/state/waiting").is_some() {
                unfinished(before)
            } else {
                Vec::new()
            },
        })
        .collect()
}

/// True for an init container that lets the next one start: it is done, or a sidecar that is up.
fn is_passed(status: &Value) -> bool {
    let done = status.pointer("/state/terminated/exitCode").and_then(Value::as_i64) == Some(0);
    done || (status.pointer("/state/running").is_some() && status["started"] == true)
}

/// How the run before this one ended.
fn last_end(status: &Value) -> Option<String> {
    let end = status.pointer("/lastState/terminated")?;
    let code = end["exitCode"].as_i64().map_or_else(String::new, |code| format!(", exit code {code}"));
    let at = end["finishedAt"].as_str().map_or_else(String::new, |at| format!(", {at}"));
    Some(format!("{}{code}{at}", end["reason"].as_str().unwrap_or("ended")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_tell_whom_they_wait_for_and_how_they_ended() {
        let waiting = |name: &str| json!({"name": name, "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}});
        let pod = json!({"status": {
            "initContainerStatuses": [
                {"name": "setup", "ready": true, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
                {"name": "db", "ready": false, "started": false, "restartCount": 1, "state": {"running": {}},
                 "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-01T00:00:00Z"}}},
                waiting("migrate"),
            ],
            "containerStatuses": [waiting("web")],
        }});
        let found = containers(&pod);
        let waits: Vec<_> = found.iter().map(|container| container.waits_for.join(" ")).collect();
        assert_eq!(waits, ["", "", "db", "db migrate"]);
        assert_eq!(found[1].last_end.as_deref(), Some("OOMKilled, exit code 137, 2026-01-01T00:00:00Z"));
        assert_eq!((found[0].last_end.as_ref(), found[1].restarts), (None, 1));
    }
}
