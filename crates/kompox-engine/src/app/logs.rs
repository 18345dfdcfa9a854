//! `app logs`: container logs of the app's Pod. IO through the cluster port.

use crate::app::live;
use crate::app::log_line::{Form, Line, LogStyle};
use crate::app::log_source::{self, Sent, Source};
use crate::{Error, Event, Scope, refusal};
use futures::stream::FuturesUnordered;
use futures::{AsyncWrite, AsyncWriteExt, StreamExt};
use jiff::Timestamp;
use kompox_model::port::{ErrorKind, PortError};
use kompox_model::resource_name;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::sync::mpsc::{Receiver, channel};

/// Lines that wait to be written; then whoever reads more has to wait.
const QUEUE: usize = 256;

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The compose service (or container); none means all, each line with its container's name.
    pub service: Option<String>,
    /// Stay and deliver new lines, those of later Pods too.
    pub follow: bool,
    /// Only the last lines of each container.
    pub tail: Option<i64>,
    /// Only lines of the last seconds.
    pub since_seconds: Option<i64>,
    /// Lines of the containers' previous run.
    pub previous: bool,
    /// Put the time before each line.
    pub timestamps: bool,
    /// How lines look.
    pub style: LogStyle,
}

type Out<'a> = &'a mut (dyn AsyncWrite + Send + Unpin);

/// Writes log lines to `out` in the order of their times until they end, or, when they are followed, until the user
/// interrupts. A connection that is cut is taken up again; a restart and a new Pod are told.
///
/// # Errors
/// NotFound without a Pod or such a container; those of the cluster and of `out`.
pub async fn logs(scope: &Scope<'_>, options: &LogOptions, out: Out<'_>) -> Result<(), Error> {
    let pods = live::pods(scope).await?;
    let pod = newest(scope, &pods)?;
    let all = containers(pod);
    if let Some(service) = &options.service {
        find_container(&all, service)?;
    }
    let work = async {
        if options.follow {
            follow(scope, options, pod, out).await
        } else {
            once(scope, options, pod, out).await
        }
    };
    tokio::select! {
        // First, since the streams end with an error of their own when they are cancelled.
        biased;
        () = scope.cancel.cancelled() => Err(Error::Interrupted { done: "the log was being read".to_owned() }),
        result = work => result,
    }
}

/// The containers of a Pod that are wanted and have started.
fn sources(pod: &Value, options: &LogOptions) -> Vec<Source> {
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let wanted = options.service.as_deref().map(|service| resource_name::dns_label(service, 63));
    let source = |(number, container): (usize, ContainerState)| Source {
        pod: text("/metadata/name"),
        uid: text("/metadata/uid"),
        container: container.name,
        number,
    };
    containers(pod)
        .into_iter()
        .enumerate()
        .filter(|(_, container)| match &wanted {
            // One that was named is asked for in any case: the server says why it has no log.
            Some(wanted) => container.name == *wanted && (container.started || !options.follow),
            None => container.started && !container.ours,
        })
        .map(source)
        .collect()
}

fn form(pod: &Value, options: &LogOptions) -> Form {
    let shown: Vec<_> = containers(pod).into_iter().filter(|container| !container.ours).collect();
    Form {
        style: options.style,
        timestamps: options.timestamps,
        names: options.service.is_none() && shown.len() > 1,
        width: shown.iter().map(|container| container.name.len()).max().unwrap_or_default(),
    }
}

/// Everything there is, merged by time.
async fn once(scope: &Scope<'_>, options: &LogOptions, pod: &Value, out: Out<'_>) -> Result<(), Error> {
    let form = form(pod, options);
    let mut readers = FuturesUnordered::new();
    let mut heads = Vec::new();
    for source in sources(pod, options) {
        let (sender, receiver) = channel(QUEUE);
        heads.push(Head { lines: receiver, next: None, at: Timestamp::MIN, ended: false });
        readers.push(async {
            match log_source::read(scope, options, source, sender).await {
                // Of all containers, one without a previous run or not yet started is no reason to show none.
                Err(Error::Port(error)) if options.service.is_none() && has_none(error.kind) => Ok(()),
                other => other,
            }
        });
    }
    let reading = async {
        while let Some(result) = readers.next().await {
            result?;
        }
        Ok::<_, Error>(())
    };
    let writing = async {
        loop {
            for head in &mut heads {
                head.fill().await;
            }
            // The first of equal times, so that start order decides.
            let next = heads.iter_mut().filter(|head| head.next.is_some()).min_by_key(|head| head.at);
            let Some(sent) = next.and_then(|head| head.next.take()) else { break };
            write(out, &form, &sent).await?;
        }
        out.flush().await.map_err(unwritable)
    };
    futures::future::try_join(reading, writing).await?;
    Ok(())
}

fn has_none(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict)
}

/// The next line of a container.
struct Head {
    lines: Receiver<Sent>,
    next: Option<Sent>,
    /// Its time, or that of the line before when it has none.
    at: Timestamp,
    ended: bool,
}

impl Head {
    async fn fill(&mut self) {
        if self.next.is_some() || self.ended {
            return;
        }
        self.next = self.lines.recv().await;
        self.ended = self.next.is_none();
        if let Some(at) = self.next.as_ref().and_then(|sent| sent.line.at) {
            self.at = at;
        }
    }
}

/// Everything as it comes, from one Pod after the other.
async fn follow(scope: &Scope<'_>, options: &LogOptions, first: &Value, out: Out<'_>) -> Result<(), Error> {
    let call = scope.call();
    let mut snapshots = scope.kubernetes.watch(&call, &live::pod_query(scope));
    // What comes later is read from its beginning.
    let later = LogOptions { tail: None, since_seconds: None, ..options.clone() };
    let (sender, mut lines) = channel(QUEUE);
    let mut form = form(first, options);
    let mut readers = FuturesUnordered::new();
    let mut followed = BTreeSet::new();
    for source in sources(first, options) {
        followed.insert((source.uid.clone(), source.container.clone()));
        readers.push(log_source::read(scope, options, source, sender.clone()));
    }
    let mut current = Some(pod_name(first).to_owned());
    loop {
        tokio::select! {
            Some(sent) = lines.recv() => {
                write(out, &form, &sent).await?;
                if lines.is_empty() {
                    out.flush().await.map_err(unwritable)?;
                }
            }
            Some(ended) = readers.next(), if !readers.is_empty() => ended?,
            snapshot = snapshots.next() => {
                let pods = snapshot.ok_or_else(watch_ended)??;
                let going = pods.iter().filter(|pod| !live::is_terminating(pod));
                let made = |pod: &&Value| pod.pointer("/metadata/creationTimestamp").map(ToString::to_string);
                let Some(pod) = going.max_by_key(made) else {
                    if let Some(gone) = current.take() {
                        note(scope, format!("Pod {gone} is stopped; waiting for the next"));
                    }
                    continue;
                };
                if current.as_deref() != Some(pod_name(pod)) {
                    current = Some(pod_name(pod).to_owned());
                    form = self::form(pod, options);
                    note(scope, format!("going on with Pod {}", pod_name(pod)));
                }
                for source in sources(pod, &later) {
                    if followed.insert((source.uid.clone(), source.container.clone())) {
                        readers.push(log_source::read(scope, &later, source, sender.clone()));
                    }
                }
            }
        }
    }
}

fn note(scope: &Scope<'_>, text: String) {
    scope.progress.event(Event::Note(text));
}

fn watch_ended() -> PortError {
    PortError::new(ErrorKind::Unavailable, "engine", "watch", "Pods").detail("the watch ended")
}

async fn write(out: Out<'_>, form: &Form, sent: &Sent) -> Result<(), Error> {
    let line: &Line = &sent.line;
    out.write_all(&form.line(&sent.source.container, sent.source.number, line)).await.map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> Error {
    PortError::new(ErrorKind::Internal, "engine", "write log", "line").because(error).into()
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
