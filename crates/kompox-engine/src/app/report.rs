//! What a person needs to see of a Pod that is not ready: log, events, hint. IO through the cluster port.

use crate::app::readiness::{self, Verdict};
use crate::app::warning;
use crate::{Error, FailureReport, Scope};
use futures::AsyncReadExt;
use kompox_model::Gvk;
use kompox_model::port::{ErrorKind, LogRequest, PortError, Query};
use serde_json::Value;

/// Lines of a failing container's log that are shown.
const LOG_LINES: i64 = 20;

/// Collects what a person needs to see. What cannot be fetched is said in its place.
pub(crate) async fn report(
    scope: &Scope<'_>,
    pod: &Value,
    container: Option<&str>,
    previous: bool,
    headline: String,
) -> FailureReport {
    let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let log = match container {
        Some(container) => match last_words(scope, name, container, previous).await {
            Ok(lines) => lines,
            Err(error) => vec![format!("(the log could not be read: {error})")],
        },
        None => Vec::new(),
    };
    let events = match events(scope, pod).await {
        Ok(events) => events,
        Err(error) => vec![format!("(events could not be read: {error})")],
    };
    let Verdict::Waiting(waiting) = readiness::judge(pod, &[]) else {
        return FailureReport {
            headline,
            container: container.map(ToOwned::to_owned),
            log,
            events,
            ..FailureReport::default()
        };
    };
    FailureReport {
        headline,
        container: container.map(ToOwned::to_owned),
        waiting: vec![waiting],
        log,
        events,
        ..FailureReport::default()
    }
}

/// The last lines of the run that failed: the container may have been started again since it was looked at, without having
/// written anything yet.
async fn last_words(
    scope: &Scope<'_>,
    pod: &str,
    container: &str,
    previous: bool,
) -> Result<Vec<String>, Error> {
    let lines = log_tail(scope, pod, container, previous).await?;
    if lines.is_empty() && !previous {
        // Most have no previous run.
        return Ok(log_tail(scope, pod, container, true).await.unwrap_or_default());
    }
    Ok(lines)
}

/// The last lines of a container's log.
async fn log_tail(
    scope: &Scope<'_>,
    pod: &str,
    container: &str,
    previous: bool,
) -> Result<Vec<String>, Error> {
    let request = LogRequest {
        namespace: scope.namespace(),
        pod: pod.to_owned(),
        container: Some(container.to_owned()),
        tail: Some(LOG_LINES),
        previous,
        ..LogRequest::default()
    };
    let mut text = Vec::new();
    let mut log = scope.kubernetes.logs(&scope.call(), &request).await?;
    log.read_to_end(&mut text).await.map_err(|error| {
        PortError::new(ErrorKind::Unavailable, "kubernetes", "read log of", container).because(error)
    })?;
    Ok(String::from_utf8_lossy(&text).lines().map(ToOwned::to_owned).collect())
}

/// The last warnings about a Pod that still matter, oldest first, as `reason: message`.
pub(crate) async fn events(scope: &Scope<'_>, pod: &Value) -> Result<Vec<String>, Error> {
    let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let query = Query::new(Gvk::core("Event"), Some(&scope.namespace()))
        .fields(format!("involvedObject.name={name}"));
    Ok(warning::current(pod, &scope.kubernetes.list(&scope.call(), &query).await?))
}

/// What usually helps. `others` are the services that share the Pod with the one that failed.
pub(crate) fn hint(cause: &str, log: &[String], others: &[String]) -> Option<String> {
    let says = |text: &str| log.iter().any(|line| line.to_lowercase().contains(text));
    if says("address already in use") {
        let others = if others.is_empty() { "another service".to_owned() } else { others.join(" or ") };
        return Some(format!(
            "the services of one app share one network, so the port is {others}'s: let one of them listen on another \
             port, by its own setting"
        ));
    }
    if says("no space left on device") {
        let remedy = "free some, make the tmpfs or shm_size larger, or move the data to a larger disk";
        return Some(format!("a file system that the container writes to is full: {remedy}"));
    }
    Some(
        match cause {
            readiness::OUT_OF_MEMORY => {
                "raise mem_limit of the service or app.resources.memory, or let it use less memory"
            }
            "ErrImageNeverPull" | "ImagePullBackOff" | "InvalidImageName" => {
                "check the image name, and that the cluster's nodes can reach its registry"
            }
            "CrashLoopBackOff" | "Error" => {
                "the log above is the container's own; mend the cause and deploy again"
            }
            "Evicted" => {
                "the node ran short of memory or disk space; free some, or give the app smaller limits"
            }
            _ => return None,
        }
        .to_owned(),
    )
}

/// The services of the Pod but the one that failed; containers of ours are none.
pub(crate) fn others(pod: &Value, container: Option<&str>) -> Vec<String> {
    let containers = ["/spec/initContainers", "/spec/containers"].into_iter();
    let names = containers.filter_map(|path| pod.pointer(path)?.as_array()).flatten();
    let names = names.filter_map(|found| found["name"].as_str());
    names
        .filter(|name| !name.starts_with("kompox-") && Some(*name) != container)
        .map(|name| format!("`{name}`"))
        .collect()
}
