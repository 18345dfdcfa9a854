//! The log of one container of one Pod, read on after every cut without losing or doubling a line. IO through the
//! cluster port.

use crate::app::live;
use crate::app::log_line::{LONGEST, Line, Mark};
use crate::app::logs::LogOptions;
use crate::{Error, Event, Scope};
use futures::AsyncBufReadExt;
use futures::io::BufReader;
use kompox_model::port::{ErrorKind, LogRequest, PortError};
use kompox_model::{Gvk, ObjectRef};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

/// The first and the longest pause before a log is opened again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How often in a row a log that is not followed may be cut without a new line in between.
const PATIENCE: u32 = 5;

/// A container of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) pod: String,
    pub(crate) uid: String,
    pub(crate) container: String,
    /// Its place among all that are shown, which gives its colour.
    pub(crate) number: usize,
}

/// A line and where it comes from.
pub(crate) struct Sent {
    pub(crate) source: Source,
    pub(crate) line: Line,
}

/// How a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It runs, or will run again.
    Goes,
    /// It will not run again.
    Ended,
    /// Its Pod is gone.
    Gone,
}

/// How an opened log ended.
enum End {
    /// With everything there was; perhaps with a line without a line break.
    Whole(Option<Line>),
    /// In the middle.
    Cut(std::io::Error),
    /// Nobody wants more.
    Unwanted,
}

struct Reader<'a> {
    scope: &'a Scope<'a>,
    options: &'a LogOptions,
    source: Source,
    sender: Sender<Sent>,
    mark: Mark,
    started: Instant,
    restarts: Option<i64>,
}

/// Sends the lines of a container until its log ends; a followed one ends with the container.
///
/// # Errors
/// Those of the cluster that trying again does not heal.
pub(crate) async fn read(
    scope: &Scope<'_>,
    options: &LogOptions,
    source: Source,
    sender: Sender<Sent>,
) -> Result<(), Error> {
    let mut mark = Mark::default();
    mark.begin();
    let mut reader = Reader { scope, options, source, sender, mark, started: Instant::now(), restarts: None };
    if options.follow { reader.follow().await } else { reader.once().await }
}

impl Reader<'_> {
    async fn once(&mut self) -> Result<(), Error> {
        let mut cuts = 0;
        loop {
            let before = self.mark.since();
            match self.pass(false, self.options.previous).await? {
                End::Whole(last) => {
                    if let Some(last) = last {
                        self.send(last).await;
                    }
                    return Ok(());
                }
                End::Unwanted => return Ok(()),
                End::Cut(error) => {
                    cuts = if self.mark.since() == before { cuts + 1 } else { 1 };
                    if cuts >= PATIENCE {
                        return Err(cut(&self.source, error));
                    }
                    tokio::time::sleep(PAUSES.0).await;
                }
            }
        }
    }

    async fn follow(&mut self) -> Result<(), Error> {
        let mut pause = PAUSES.0;
        loop {
            let opened = Instant::now();
            let end = match self.pass(true, false).await {
                Ok(End::Unwanted) => return Ok(()),
                Ok(End::Whole(last)) => Some(last),
                Ok(End::Cut(error)) => {
                    self.check_limits(error)?;
                    None
                }
                Err(Error::Port(error)) if self.passes(&error) => None,
                Err(error) => return Err(error),
            };
            match (self.standing().await?, end) {
                (Standing::Goes, _) => {}
                (Standing::Ended | Standing::Gone, Some(last)) => {
                    if let Some(last) = last {
                        self.send(last).await;
                    }
                    return Ok(());
                }
                (Standing::Gone, None) => return Ok(()),
                // What it wrote after the cut is still to be read.
                (Standing::Ended, None) => {}
            }
            if opened.elapsed() > PAUSES.1 {
                pause = PAUSES.0;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Whether trying again may heal an error: not when the user or the time limit stops us, nor what was refused.
    fn passes(&self, error: &PortError) -> bool {
        match error.kind {
            ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Internal => true,
            // Not there yet, or not there any more: the Pod tells.
            ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Invalid => true,
            ErrorKind::Timeout => self.scope.deadline.is_none_or(|deadline| Instant::now() < deadline),
            _ => false,
        }
    }

    /// A cut that is none: the time limit, or the user.
    fn check_limits(&self, error: std::io::Error) -> Result<(), Error> {
        let over = self.scope.cancel.is_cancelled()
            || self.scope.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if !over {
            return Ok(());
        }
        match error.into_inner().map(|inner| inner.downcast::<PortError>()) {
            Some(Ok(error)) => Err((*error).into()),
            _ => {
                Err(PortError::new(ErrorKind::Timeout, "kubernetes", "read log of", &*self.source.pod).into())
            }
        }
    }

    /// Opens the log where it was left and sends what is new.
    async fn pass(&mut self, follow: bool, previous: bool) -> Result<End, Error> {
        let since = self.mark.since();
        if since.is_some() {
            self.mark.resume();
        }
        let elapsed = i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX);
        let request = LogRequest {
            namespace: self.scope.namespace(),
            pod: self.source.pod.clone(),
            container: Some(self.source.container.clone()),
            follow,
            tail: self.options.tail.filter(|_| since.is_none()),
            since_seconds: self
                .options
                .since_seconds
                .filter(|_| since.is_none())
                .map(|seconds| seconds.saturating_add(elapsed)),
            since_time: since,
            previous,
            timestamps: true,
        };
        let log = self.scope.kubernetes.logs(&self.scope.call(), &request).await?;
        let mut log = BufReader::new(log);
        let mut raw = Vec::new();
        loop {
            let whole = match piece(&mut log, &mut raw).await {
                Ok(whole) => whole,
                Err(error) => return Ok(End::Cut(error)),
            };
            if !whole {
                let last = (!raw.is_empty()).then(|| Line::read(&raw));
                return Ok(End::Whole(last));
            }
            if !self.send(Line::read(&raw)).await {
                return Ok(End::Unwanted);
            }
            raw.clear();
        }
    }

    /// Sends a line that was not sent before. False when nobody takes it.
    async fn send(&mut self, line: Line) -> bool {
        if !self.mark.take(&line) {
            return true;
        }
        self.sender.send(Sent { source: self.source.clone(), line }).await.is_ok()
    }

    /// How the container stands; a run of it that ended meanwhile is read to its end first.
    async fn standing(&mut self) -> Result<Standing, Error> {
        let reference = ObjectRef::new(Gvk::core("Pod"), Some(&self.scope.namespace()), &self.source.pod);
        let pod = match self.scope.kubernetes.get(&self.scope.call(), &reference).await {
            Ok(pod) => pod,
            Err(error) if self.passes(&error) => return Ok(Standing::Goes),
            Err(error) => return Err(error.into()),
        };
        let same =
            |pod: &Value| pod.pointer("/metadata/uid").and_then(Value::as_str) == Some(&self.source.uid);
        let Some(pod) = pod.filter(same) else { return Ok(Standing::Gone) };
        let restarts =
            status(&pod, &self.source.container).and_then(|status| status["restartCount"].as_i64());
        if let (Some(now), Some(before)) = (restarts, self.restarts)
            && now > before
        {
            self.scope.progress.event(Event::Note(format!("{} was started again", self.source.container)));
            if let Ok(End::Whole(Some(last))) = self.pass(false, true).await {
                self.send(last).await;
            }
        }
        self.restarts = restarts.or(self.restarts);
        Ok(if ended(&pod, &self.source.container) { Standing::Ended } else { Standing::Goes })
    }
}

fn cut(source: &Source, error: std::io::Error) -> Error {
    match error.downcast::<PortError>() {
        Ok(error) => error.into(),
        Err(error) => PortError::new(ErrorKind::Unavailable, "kubernetes", "read log of", &*source.container)
            .because(error)
            .into(),
    }
}

/// Reads up to the end of a line, or as much as counts for one. False at the end of the log.
async fn piece(log: &mut (impl AsyncBufReadExt + Unpin), raw: &mut Vec<u8>) -> std::io::Result<bool> {
    loop {
        let available = log.fill_buf().await?;
        if available.is_empty() {
            return Ok(false);
        }
        let end = available.iter().position(|byte| *byte == b'\n').map(|position| position + 1);
        let count = end.unwrap_or(available.len());
        raw.extend_from_slice(&available[..count]);
        log.consume_unpin(count);
        if end.is_some() || raw.len() >= LONGEST {
            return Ok(true);
        }
    }
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|path| pod.pointer(path)?.as_array())
        .flatten()
        .find(|status| status["name"] == container)
}

/// Whether a container will not run again: its Pod is on its way out or over, or it was to run only once.
fn ended(pod: &Value, container: &str) -> bool {
    let Some(state) = status(pod, container).and_then(|status| status.pointer("/state/terminated")) else {
        return false;
    };
    let over = matches!(pod.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed"));
    let init = pod.pointer("/spec/initContainers").and_then(Value::as_array).into_iter().flatten();
    let one_shot =
        init.into_iter().any(|init| init["name"] == container && init["restartPolicy"] != "Always");
    live::is_terminating(pod) || over || (one_shot && state["exitCode"] == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_container_ends_with_its_pod_or_its_only_run() {
        let pod = |state: Value, more: Value| {
            let mut pod = json!({
                "metadata": {}, "spec": {"initContainers": [{"name": "once"}]},
                "status": {"containerStatuses": [{"name": "web", "state": state}], "initContainerStatuses":
                    [{"name": "once", "state": {"terminated": {"exitCode": 0}}}]},
            });
            for (path, value) in more.as_object().unwrap() {
                pod[path.as_str()] = value.clone();
            }
            pod
        };
        let done = json!({"terminated": {"exitCode": 0}});
        assert!(!ended(&pod(json!({"running": {}}), json!({})), "web"));
        assert!(!ended(&pod(done.clone(), json!({})), "web"), "it is started again");
        assert!(ended(&pod(done, json!({"metadata": {"deletionTimestamp": "now"}})), "web"));
        assert!(ended(&pod(json!({"running": {}}), json!({})), "once"));
        assert!(!ended(&pod(json!({}), json!({})), "nobody"));
    }

    #[tokio::test]
    async fn an_endless_line_comes_in_pieces() {
        let text = vec![b'x'; LONGEST * 2 + 10];
        let mut log = BufReader::new(text.as_slice());
        let mut lengths = Vec::new();
        loop {
            let mut raw = Vec::new();
            let whole = piece(&mut log, &mut raw).await.unwrap();
            lengths.push(raw.len());
            if !whole {
                break;
            }
        }
        assert_eq!(lengths.iter().sum::<usize>(), text.len());
        assert!(lengths.len() >= 3 && lengths.iter().all(|length| *length <= LONGEST + 8192), "{lengths:?}");
    }
}
