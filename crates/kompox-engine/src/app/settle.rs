//! How long a container that nothing but its running shows to be up must run before it counts as up. IO: one request, to
//! see how fast the cluster is, and the logs, to see whether they end.

use crate::app::wait::{APPLIED, Expectation};
use crate::app::{act, live};
use crate::{Error, Event, Scope};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kompox_model::port::{ErrorKind, LogRequest};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a container without a healthcheck must run before it counts as up. Kubernetes calls it ready at once, and
/// needs about a second to notice that it ended.
const SETTLE: Duration = Duration::from_millis(2500);
/// The same in units of the time that one request takes: a cluster that is slow in everything notices an end later, too.
const SETTLE_REQUESTS: u32 = 20;
/// And in units of the time that its node takes to open a log, counted from then.
const SETTLE_LOGS: u32 = 3;
/// It is not waited for longer than that, for the logs to open neither.
const SETTLE_LIMIT: Duration = Duration::from_secs(15);
/// How long the ends of logs are believed while Kubernetes still calls the containers ready. No node is that late; a
/// proxy that does not pass on what comes later ends every log at once.
const DOUBT_LIMIT: Duration = Duration::from_secs(60);
/// A container that has ended before must run for longer: one in a crash loop looks between two ends like one that is up,
/// and a busy node tells late of the next end.
const SETTLE_AFTER_END: Duration = Duration::from_secs(10);
/// How many times longer, and how many times as long as it was called ready although it ended.
const LONGER_AFTER_END: u32 = 4;
/// It is not waited for longer than that.
const LIMIT_AFTER_END: Duration = Duration::from_secs(60);
/// A run of this length is none of a crash loop; Kubernetes forgets the former ones then, too.
const LONG_RUN: Duration = Duration::from_secs(600);
/// Between looks at the clock.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// Whether the containers of a Pod that nothing but their running shows to be up have settled.
#[derive(Default)]
pub(super) struct Settle<'a> {
    settling: Option<Settling<'a>>,
    /// For how long containers were called ready, at most, that then ended.
    deceived: Duration,
}

impl<'a> Settle<'a> {
    /// True while it is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        self.settling.is_some()
    }

    /// The Pod is not ready any more.
    pub(super) fn interrupt(&mut self) {
        if let Some(settling) = self.settling.take() {
            self.deceived = self.deceived.max(settling.begun.elapsed());
        }
    }

    /// Whether every container that nothing but its running shows to be up has been running for a while. A Pod that was
    /// there before and never restarted has. To be asked again after [`TICK`].
    ///
    /// # Errors
    /// Interrupted.
    pub(super) async fn settled(
        &mut self,
        scope: &'a Scope<'a>,
        pod: &Value,
        expected: &Expectation,
    ) -> Result<bool, Error> {
        let Some(runs) = runs_to_settle(pod, expected) else { return Ok(true) };
        if self.settling.as_ref().is_some_and(|settling| settling.runs != runs) {
            self.interrupt();
        }
        let settling = self.settling.get_or_insert_with(|| Settling::new(runs));
        if !settling.look(scope, pod).await? {
            return Ok(false);
        }
        Ok(!has_ended_lately(pod, expected)
            || settling.since.elapsed() >= time_after_end(settling.takes, self.deceived))
    }
}

/// How long a container must run that has ended before.
fn time_after_end(takes: Option<Duration>, deceived: Duration) -> Duration {
    takes
        .unwrap_or(SETTLE)
        .max(deceived)
        .saturating_mul(LONGER_AFTER_END)
        .clamp(SETTLE_AFTER_END, LIMIT_AFTER_END)
}

/// Containers that have to run for a while before they count as up.
struct Settling<'a> {
    /// Each with its restarts.
    runs: Vec<(String, i64)>,
    /// When they were first seen to run.
    begun: Instant,
    /// When they were seen to run and no log had ended.
    since: Instant,
    /// How long; none until it was measured.
    takes: Option<Duration>,
    /// Each is over when the container has ended.
    ends: Vec<BoxFuture<'a, ()>>,
    /// Logs that are not open yet: their ends are not seen.
    opening: Arc<AtomicUsize>,
    /// How long the logs took to open, or were waited for.
    opened: Option<Duration>,
    /// When the first log ended.
    doubted: Option<Instant>,
}

impl<'a> Settling<'a> {
    fn new(runs: Vec<(String, i64)>) -> Self {
        let now = Instant::now();
        Self {
            runs,
            begun: now,
            since: now,
            takes: None,
            ends: Vec::new(),
            opening: Arc::default(),
            opened: None,
            doubted: None,
        }
    }

    /// From the beginning, since a log has ended.
    fn again(&mut self) -> Self {
        let doubted = self.doubted.unwrap_or_else(Instant::now);
        Self { doubted: Some(doubted), begun: self.begun, ..Self::new(std::mem::take(&mut self.runs)) }
    }

    /// Whether the ends of logs say anything.
    fn believes_logs(&self) -> bool {
        self.doubted.is_none_or(|since| since.elapsed() < DOUBT_LIMIT)
    }

    /// Notes when the logs are open. One that cannot be read counts as open.
    fn note_opened(&mut self) {
        let waited = self.since.elapsed();
        if self.opened.is_none() && (self.opening.load(Ordering::Acquire) == 0 || waited >= SETTLE_LIMIT) {
            self.opened = Some(waited);
        }
    }

    fn is_over(&self) -> bool {
        let (Some(takes), Some(opened)) = (self.takes, self.opened) else { return false };
        let watched = opened.saturating_mul(SETTLE_LOGS).min(SETTLE_LIMIT);
        self.since.elapsed() >= takes.max(opened.saturating_add(watched))
    }

    /// Looks at the logs and the clock; true when they have run for long enough.
    async fn look(&mut self, scope: &'a Scope<'a>, pod: &Value) -> Result<bool, Error> {
        if self.takes.is_none() {
            let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            if self.believes_logs() {
                self.opening.store(self.runs.len(), Ordering::Release);
                let end = |run: &(String, i64)| end_of(scope, name, &run.0, Arc::clone(&self.opening));
                self.ends = self.runs.iter().map(end).collect();
            } else {
                let why = "the logs of the containers end at once, so nothing but the time they run shows that they are up";
                scope.progress.event(Event::Warning(why.to_owned()));
            }
            self.takes = Some(time_to_settle(request_time(scope).await?));
        }
        if self.ends.iter_mut().any(|end| end.now_or_never().is_some()) {
            *self = self.again();
        }
        self.note_opened();
        Ok(self.is_over())
    }
}

/// Is over when the container has ended: then its log does, too, which the node asks its container runtime. A busy node
/// tells of the end elsewhere only seconds later. A log that cannot be read says nothing.
/// Takes one off `opening` when it knows which.
fn end_of<'a>(
    scope: &'a Scope<'a>,
    pod: &str,
    container: &str,
    opening: Arc<AtomicUsize>,
) -> BoxFuture<'a, ()> {
    let request = LogRequest {
        namespace: scope.namespace(),
        pod: pod.to_owned(),
        container: Some(container.to_owned()),
        follow: true,
        tail: Some(0),
        ..LogRequest::default()
    };
    async move {
        let call = scope.call();
        let opened = scope.kubernetes.logs(&call, &request).await;
        opening.fetch_sub(1, Ordering::AcqRel);
        if let Ok(mut log) = opened
            && futures::io::copy(&mut log, &mut futures::io::sink()).await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
    .boxed()
}

/// How long one request takes.
async fn request_time(scope: &Scope<'_>) -> Result<Duration, Error> {
    let begun = Instant::now();
    let answer = scope.kubernetes.get(&scope.call(), &live::namespace_reference(scope)).await;
    match answer {
        Err(error) if error.kind == ErrorKind::Cancelled => act::or_interrupted(Err(error.into()), APPLIED),
        // An answer or not, it took its time; what lasts, the watch reports.
        _ => Ok(begun.elapsed()),
    }
}

fn time_to_settle(request: Duration) -> Duration {
    request.saturating_mul(SETTLE_REQUESTS).clamp(SETTLE, SETTLE_LIMIT)
}

/// The containers that have to run for a while, if there are any.
fn runs_to_settle(pod: &Value, expected: &Expectation) -> Option<Vec<(String, i64)>> {
    let unproven = unproven(pod);
    let restarted = unproven.iter().any(|(_, restarts)| *restarts > 0);
    (!unproven.is_empty() && (expected.fresh || restarted)).then_some(unproven)
}

/// True when one of these containers has ended before, in this deploy or after a short run.
fn has_ended_lately(pod: &Value, expected: &Expectation) -> bool {
    unproven(pod)
        .iter()
        .filter(|(_, restarts)| *restarts > 0)
        .any(|(name, _)| expected.fresh || last_run(pod, name).is_none_or(|length| length < LONG_RUN))
}

/// How long a container ran before it was restarted.
fn last_run(pod: &Value, name: &str) -> Option<Duration> {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"].into_iter();
    let mut statuses = statuses.filter_map(|path| pod.pointer(path)?.as_array()).flatten();
    let ended = statuses.find(|status| status["name"] == name)?.pointer("/lastState/terminated")?;
    let time = |key: &str| ended[key].as_str()?.parse::<jiff::Timestamp>().ok();
    time("finishedAt")?.duration_since(time("startedAt")?).try_into().ok()
}

/// Long-running containers without a readiness probe, with their restarts.
fn unproven(pod: &Value) -> Vec<(String, i64)> {
    let list = |path: &str| pod.pointer(path).and_then(Value::as_array).into_iter().flatten();
    let sidecars = list("/spec/initContainers").filter(|container| container["restartPolicy"] == "Always");
    let statuses: BTreeMap<&str, i64> = list("/status/initContainerStatuses")
        .chain(list("/status/containerStatuses"))
        .filter_map(|status| Some((status["name"].as_str()?, status["restartCount"].as_i64()?)))
        .collect();
    sidecars
        .chain(list("/spec/containers"))
        .filter(|container| container.get("readinessProbe").is_none())
        .filter_map(|container| container["name"].as_str())
        .map(|name| (name.to_owned(), statuses.get(name).copied().unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(probe: bool, restarts: i64) -> Value {
        let mut container = json!({"name": "web"});
        if probe {
            container["readinessProbe"] = json!({"exec": {}});
        }
        json!({"spec": {"containers": [container]}, "status": {"containerStatuses": [{"name": "web", "restartCount": restarts}]}})
    }

    #[test]
    fn only_containers_that_nothing_proves_up_must_settle() {
        let expected = |fresh| Expectation { fresh, ..Expectation::default() };
        for (pod, fresh, runs) in [
            (pod(true, 0), true, None),
            (pod(false, 0), false, None),
            (pod(false, 1), false, Some(1)),
            (pod(false, 0), true, Some(0)),
        ] {
            let runs = runs.map(|restarts| vec![("web".to_owned(), restarts)]);
            assert_eq!(runs_to_settle(&pod, &expected(fresh)), runs, "{pod} {fresh}");
        }
    }

    #[test]
    fn nothing_is_settled_before_it_is_known_how_long_it_takes() {
        let mut settling = Settling::new(Vec::new());
        settling.since = Instant::now().checked_sub(SETTLE).unwrap();
        assert!(!settling.is_over());
        settling.takes = Some(SETTLE);
        assert!(!settling.is_over());
        settling.opened = Some(Duration::ZERO);
        assert!(settling.is_over());
    }

    #[test]
    fn logs_that_open_late_are_watched_for_longer() {
        let mut settling = Settling::new(Vec::new());
        settling.takes = Some(SETTLE);
        settling.opening.store(1, Ordering::Release);
        let mut after = |seconds| {
            settling.since = Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
            settling.note_opened();
            settling.is_over()
        };
        assert!(!after(4), "no log is open");
        assert!(!after(15), "they are not waited for any longer, and what came late is watched");
        assert!(!after(29));
        assert!(after(31));
    }

    #[test]
    fn logs_that_always_end_are_not_believed_for_ever() {
        let mut settling = Settling::new(vec![("web".to_owned(), 1)]);
        assert!(settling.believes_logs());
        settling = settling.again().again();
        assert!(settling.believes_logs() && settling.takes.is_none());
        assert_eq!(settling.runs, [("web".to_owned(), 1)]);
        settling.doubted = Instant::now().checked_sub(DOUBT_LIMIT);
        settling = settling.again();
        assert!(!settling.believes_logs());
    }

    #[test]
    fn a_container_that_has_ended_before_must_run_for_longer() {
        let seconds = Duration::from_secs;
        for (takes, deceived, needed) in [
            (None, seconds(0), 10),
            (Some(SETTLE), seconds(0), 10),
            (Some(seconds(5)), seconds(0), 20),
            (Some(SETTLE), seconds(4), 16),
            (Some(seconds(15)), seconds(40), 60),
        ] {
            assert_eq!(time_after_end(takes, deceived), seconds(needed), "{takes:?} {deceived:?}");
        }
    }

    #[test]
    fn what_ended_long_after_its_start_is_in_no_crash_loop() {
        let expected = |fresh| Expectation { fresh, ..Expectation::default() };
        let ended = |restarts, last: Value| {
            let mut pod = pod(false, restarts);
            pod["status"]["containerStatuses"][0]["lastState"] = json!({"terminated": last});
            pod
        };
        let short = json!({"startedAt": "2026-01-31T08:15:00Z", "finishedAt": "2026-01-31T08:24:59Z"});
        let long = json!({"startedAt": "2026-01-31T08:15:00Z", "finishedAt": "2026-01-31T08:25:00Z"});
        for (pod, fresh, lately) in [
            (ended(0, json!({})), true, false),
            (ended(1, short.clone()), true, true),
            (ended(1, long.clone()), true, true),
            (ended(1, short), false, true),
            (ended(1, json!({})), false, true),
            (ended(1, long), false, false),
        ] {
            assert_eq!(has_ended_lately(&pod, &expected(fresh)), lately, "{pod}");
        }
    }

    #[test]
    fn how_long_an_end_was_not_seen_is_kept() {
        let mut settle = Settle { settling: Some(Settling::new(Vec::new())), ..Settle::default() };
        settle.settling.as_mut().unwrap().begun = Instant::now().checked_sub(Duration::from_secs(4)).unwrap();
        settle.interrupt();
        assert!(!settle.is_waiting() && settle.deceived >= Duration::from_secs(4));
        settle.interrupt();
        assert!(settle.deceived >= Duration::from_secs(4));
    }

    #[test]
    fn a_slow_cluster_is_given_more_time() {
        let milliseconds = Duration::from_millis;
        for (request, takes) in [(5, 2500), (125, 2500), (300, 6000), (5000, 15_000)] {
            assert_eq!(time_to_settle(milliseconds(request)), milliseconds(takes));
        }
    }
}
