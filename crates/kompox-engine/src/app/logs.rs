//! `app logs`: container logs of the app's Pod. IO through the cluster port.

use crate::app::live;
use crate::{Error, Scope, refusal};
use futures::io::BufReader;
use futures::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use kompox_model::port::{ErrorKind, LogRequest, PortError};
use kompox_model::resource_name;
use serde_json::Value;

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The compose service (or container); none means all, each line with its container's name.
    pub service: Option<String>,
    /// Stay and deliver new lines.
    pub follow: bool,
    /// Only the last lines of each container.
    pub tail: Option<i64>,
    /// Only lines of the last seconds.
    pub since_seconds: Option<i64>,
    /// Lines of the containers' previous run.
    pub previous: bool,
    /// Put the time before each line.
    pub timestamps: bool,
}

/// Writes log lines to `out` until they end, or until the user interrupts a follow.
///
/// # Errors
/// NotFound without a Pod or such a container; those of the cluster and of `out`.
pub async fn logs(
    scope: &Scope<'_>,
    options: &LogOptions,
    out: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<(), Error> {
    let pods = live::pods(scope).await?;
    let pod = newest(scope, &pods)?;
    let name = pod_name(pod);
    let all = containers(pod);
    let wanted: Vec<&str> = match &options.service {
        Some(service) => vec![find_container(&all, service)?],
        None => all.iter().filter(|c| c.started && !c.ours).map(|c| c.name.as_str()).collect(),
    };
    let prefix = wanted.len() > 1;
    let call = scope.call();
    let mut streams = Vec::new();
    for container in wanted {
        let request = LogRequest {
            namespace: scope.namespace(),
            pod: name.to_owned(),
            container: Some(container.to_owned()),
            follow: options.follow,
            tail: options.tail,
            since_seconds: options.since_seconds,
            previous: options.previous,
            timestamps: options.timestamps,
        };
        let log = match scope.kubernetes.logs(&call, &request).await {
            Ok(log) => log,
            // Of all containers, one without a previous run or not yet started is no reason to show none.
            Err(error) if prefix && matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound) => {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let label = if prefix { format!("{container} | ") } else { String::new() };
        streams.push(lines(log, label));
    }
    // Without follow the containers come one after the other, in start order.
    let mut merged = if options.follow {
        futures::stream::select_all(streams).boxed()
    } else {
        futures::stream::iter(streams).flatten().boxed()
    };
    loop {
        tokio::select! {
            // First, since the streams end with an error of their own when they are cancelled.
            biased;
            () = scope.cancel.cancelled() => return Err(Error::Interrupted { done: "the log was being read".to_owned() }),
            line = merged.next() => match line {
                Some(line) => write(out, &line?).await?,
                None => return Ok(()),
            },
        }
    }
}

type Line = Result<Vec<u8>, Error>;

fn lines(
    log: Box<dyn futures::AsyncRead + Send + Unpin>,
    label: String,
) -> futures::stream::BoxStream<'static, Line> {
    let reader = BufReader::new(log);
    futures::stream::unfold((reader, label), |(mut reader, label)| async move {
        let mut line = label.clone().into_bytes();
        match reader.read_until(b'\n', &mut line).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(line), (reader, label))),
            Err(error) => Some((Err(io_error("read log", error)), (BufReader::new(empty()), label))),
        }
    })
    .boxed()
}

/// A reader at its end, so that a stream stops after its error.
fn empty() -> Box<dyn futures::AsyncRead + Send + Unpin> {
    Box::new(futures::io::empty())
}

async fn write(out: &mut (dyn AsyncWrite + Send + Unpin), line: &[u8]) -> Result<(), Error> {
    out.write_all(line).await.map_err(|error| io_error("write log", error))?;
    out.flush().await.map_err(|error| io_error("write log", error))
}

fn io_error(operation: &str, error: std::io::Error) -> Error {
    PortError::new(ErrorKind::Unavailable, "kubernetes", operation, "line").because(error).into()
}

/// A container of a Pod, in start order.
pub(crate) struct ContainerState {
    pub(crate) name: String,
    pub(crate) started: bool,
    /// Made by Kompox, not a compose service.
    pub(crate) ours: bool,
}

/// Containers of a Pod in start order.
pub(crate) fn containers(pod: &Value) -> Vec<ContainerState> {
    let specs = ["/spec/initContainers", "/spec/containers"];
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let status = |name: &str| {
        statuses
            .iter()
            .filter_map(|path| pod.pointer(path)?.as_array())
            .flatten()
            .find(|status| status["name"] == name)
            .is_some_and(|status| {
                status.pointer("/state/waiting").is_none()
                    || status.pointer("/lastState/terminated").is_some()
            })
    };
    specs
        .iter()
        .filter_map(|path| pod.pointer(path)?.as_array())
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .map(|name| ContainerState {
            name: name.to_owned(),
            started: status(name),
            ours: name.starts_with("kompox-"),
        })
        .collect()
}

/// The container of a compose service, by the name it has in the Pod.
pub(crate) fn find_container<'a>(all: &'a [ContainerState], service: &str) -> Result<&'a str, Error> {
    let label = resource_name::dns_label(service, 63);
    all.iter().map(|container| container.name.as_str()).find(|name| *name == label).ok_or_else(|| {
        let known: Vec<_> = all.iter().filter(|c| !c.ours).map(|c| c.name.as_str()).collect();
        Error::refused(
            refusal::app::SERVICE_UNKNOWN,
            format!("the app has no service `{service}`"),
            format!("it has: {}", known.join(", ")),
        )
    })
}

/// The newest Pod that is not on its way out, or the newest at all.
pub(crate) fn newest<'a>(scope: &Scope<'_>, pods: &'a [Value]) -> Result<&'a Value, Error> {
    newest_of(pods).ok_or_else(|| {
        Error::refused(
            refusal::app::POD_NONE,
            format!("app {} has no Pod on this cluster", scope.app.name),
            "deploy it first: kompoxops app deploy",
        )
    })
}

/// The same where none is no error.
pub(crate) fn newest_of(pods: &[Value]) -> Option<&Value> {
    let age = |pod: &&Value| {
        let going = pod.pointer("/metadata/deletionTimestamp").is_some();
        let made =
            pod.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default().to_owned();
        (!going, made)
    };
    pods.iter().max_by_key(age)
}

/// Name of a Pod.
pub(crate) fn pod_name(pod: &Value) -> &str {
    pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}
