//! Waiting until the Pod of a deploy is Ready, or saying why not. IO through the cluster port.

use crate::app::leaving::Leaving;
use crate::app::readiness::{self, Verdict};
use crate::app::report::{hint, others, report};
use crate::app::{act, cause, live, settle};
use crate::progress::Step;
use crate::refusal::pod as row;
use crate::{Error, Event, FailureReport, Scope};
use kompox_model::port::{ErrorKind, Query};
use kompox_model::{Gvk, Object, label};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What an interruption of the wait leaves behind.
pub(super) const APPLIED: &str = "the app was applied and starts by itself; `app status` shows it";

/// What a deploy waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// Value of the Pod template's revision annotation: Pods with another one belong to an earlier deploy.
    pub(crate) revision: Option<String>,
    /// Value of the Pod's restart annotation, if a restart is waited for.
    pub(crate) restarted: Option<String>,
    /// Init containers that must end with exit code 0.
    pub(crate) one_shots: Vec<String>,
    /// True when this deploy changed something, so that a Ready Pod may be one that has just started.
    pub(crate) fresh: bool,
    /// After how long running without becoming healthy Compose calls a container unhealthy.
    pub(crate) unhealthy_after: BTreeMap<String, Duration>,
}

impl Expectation {
    /// The revision that a Deployment stamps on its Pods.
    pub(crate) fn revision_of(deployment: &Object) -> Option<String> {
        revision(deployment.body.pointer("/spec/template")?).map(ToOwned::to_owned)
    }
}

fn revision(pod: &Value) -> Option<&str> {
    kompox_model::object::annotation(pod, label::REVISION)
}

/// Waits for the Pod and returns its name.
///
/// # Errors
/// Failed when it cannot become ready, NotReady when a healthcheck's time or the command's time is over.
pub(crate) async fn ready(scope: &Scope<'_>, expected: &Expectation) -> Result<String, Error> {
    let step = Step::start(scope.progress, "waiting for the Pod to be Ready");
    let call = scope.call();
    let mut snapshots = scope.kubernetes.watch(&call, &live::pod_query(scope));
    let mut waiting = String::new();
    let mut unhealthy = Unhealthy::new();
    let mut settle = settle::Settle::default();
    let mut pods: Vec<Value> = Vec::new();
    let mut unmade: Option<Instant> = None;
    let mut retries = Retries::default();
    let mut leaving = Leaving::default();
    loop {
        let mut ticked = false;
        let tick =
            tokio::time::sleep(if settle.is_waiting() { settle::TICK } else { Duration::from_secs(1) });
        tokio::select! {
            snapshot = act::next(scope, &mut snapshots, APPLIED) => {
                pods = match snapshot {
                    Ok(pods) => {
                        act::tell_killed(scope, &mut leaving, &pods);
                        pods
                    }
                    Err(Error::Port(error)) if error.kind == ErrorKind::Timeout => {
                        return Err(timed_out(scope, &pods, expected, &waiting).await);
                    }
                    Err(error) => return Err(error),
                };
            }
            () = tick => ticked = true,
        }
        let Some(pod) = current(&pods, expected) else {
            if ticked && let Some(headline) = cannot_be_made(scope, expected, &mut unmade).await? {
                let hint =
                    Some("raise the quota or mend the policy that refuses it, then deploy again".to_owned());
                return Err(Error::Failed(Box::new(FailureReport {
                    cause: Some(row::NOT_MADE),
                    headline,
                    hint,
                    ..FailureReport::default()
                })));
            }
            tell(scope, &mut waiting, "the former Pod to stop and the new one to be made".to_owned());
            continue;
        };
        match readiness::judge(pod, &expected.one_shots) {
            Verdict::Ready => {
                if !settle.settled(scope, pod, expected).await? {
                    continue;
                }
                let name =
                    pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
                step.done("Pod is Ready");
                return Ok(name);
            }
            Verdict::Failed { container, reason, retried: true, .. }
                if retries.are_left(container.as_deref(), Instant::now()) =>
            {
                tell(scope, &mut waiting, format!("Kubernetes to try again: {reason}"));
            }
            Verdict::Failed { container, reason, previous_log, cause, .. } => {
                let mut report = report(scope, pod, container.as_deref(), previous_log, reason).await;
                report.cause = Some(cause::classify(&cause, &report.log));
                report.hint = hint(&cause, &report.log, &others(pod, container.as_deref()));
                return Err(Error::Failed(Box::new(report)));
            }
            Verdict::Waiting(what) => {
                settle.interrupt();
                if let Some(container) = overdue(pod, expected, &mut unhealthy) {
                    let reason = format!(
                        "container `{container}` did not become healthy in the time its healthcheck allows"
                    );
                    let mut report = report(scope, pod, Some(&container), false, reason).await;
                    report.cause = Some(row::UNHEALTHY);
                    report.hint = Some(
                        "the Pod is left as it is and may still become ready: see `app status`".to_owned(),
                    );
                    return Err(Error::NotReady(Box::new(report)));
                }
                tell(scope, &mut waiting, what);
            }
        }
    }
}

/// The Pod of this deploy that is not on its way out: the newest, but one that failed as a whole (an evicted one is left
/// lying about) only if there is no other.
fn current<'a>(pods: &'a [Value], expected: &Expectation) -> Option<&'a Value> {
    let text = |pod: &'a Value, path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    pods.iter()
        .filter(|pod| !live::is_terminating(pod) && is_expected(pod, expected))
        .max_by_key(|pod| (text(pod, "/status/phase") != "Failed", text(pod, "/metadata/creationTimestamp")))
}

/// Whether a Pod, or the template of Pods, is what this command made.
fn is_expected(pod: &Value, expected: &Expectation) -> bool {
    let restarted = kompox_model::object::annotation(pod, label::RESTARTED);
    revision(pod) == expected.revision.as_deref()
        && (expected.restarted.is_none() || restarted == expected.restarted.as_deref())
}

/// How long a container may fail in a way that Kubernetes tries again: its second try comes 10 to 15 s after the first.
const RETRIED: Duration = Duration::from_secs(20);

/// When each container first failed so.
#[derive(Default)]
struct Retries(BTreeMap<String, Instant>);

impl Retries {
    fn are_left(&mut self, container: Option<&str>, now: Instant) -> bool {
        let first = self.0.entry(container.unwrap_or_default().to_owned()).or_insert(now);
        now.duration_since(*first) < RETRIED
    }
}

/// How long the cluster may refuse to make a new Pod before that counts as final.
const UNMADE: Duration = Duration::from_secs(3);
/// The same for one that was refused before this command began: what is said of it may be old, and it is tried again ever
/// more rarely.
const UNMADE_BEFORE: Duration = Duration::from_secs(15);

/// Why the cluster does not make the Pod at all, once it has refused for a while: a quota or a policy, for instance.
async fn cannot_be_made(
    scope: &Scope<'_>,
    expected: &Expectation,
    since: &mut Option<Instant>,
) -> Result<Option<String>, Error> {
    let query = Query { gvk: Gvk::new("apps", "v1", "ReplicaSet"), ..live::pod_query(scope) };
    let sets = match scope.kubernetes.list(&scope.call(), &query).await {
        Ok(sets) => sets,
        // As short as the trouble is, the watch outlives it; what lasts, the watch reports.
        Err(error)
            if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Timeout) =>
        {
            return Ok(None);
        }
        Err(error) => return act::or_interrupted(Err(error.into()), APPLIED),
    };
    // The Deployment would tell of the ReplicaSets of earlier deploys, too.
    let message = sets.iter().find_map(|set| {
        set.pointer("/spec/template").filter(|template| is_expected(template, expected))?;
        let conditions = set.pointer("/status/conditions")?.as_array()?;
        let failure = conditions.iter().find(|c| c["type"] == "ReplicaFailure" && c["status"] == "True")?;
        failure["message"].as_str()
    });
    let Some(message) = message else {
        *since = None;
        return Ok(None);
    };
    let refused = since.get_or_insert_with(Instant::now).elapsed();
    let patience = if expected.fresh { UNMADE } else { UNMADE_BEFORE };
    Ok((refused >= patience).then(|| format!("the Pod cannot be made: {message}")))
}

fn tell(scope: &Scope<'_>, former: &mut String, now: String) {
    if *former != now {
        scope.progress.event(Event::Waiting(now.clone()));
        *former = now;
    }
}

/// For how long containers have not been healthy, and whether they had been before.
type Unhealthy = BTreeMap<String, (bool, Instant)>;

/// The first container that runs longer than its healthcheck allows without having become healthy, or healthy again. Times
/// are those of this process, so that clocks need not agree.
fn overdue(pod: &Value, expected: &Expectation, unhealthy: &mut Unhealthy) -> Option<String> {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let statuses = statuses.into_iter().filter_map(|path| pod.pointer(path)?.as_array()).flatten();
    for status in statuses {
        let name = status["name"].as_str().unwrap_or_default();
        let Some(limit) = expected.unhealthy_after.get(name) else { continue };
        if status.pointer("/state/running").is_none() || status["ready"] == true {
            unhealthy.remove(name);
            continue;
        }
        let started = status["started"] == true;
        let since = unhealthy.entry(name.to_owned()).or_insert_with(|| (started, Instant::now()));
        if since.0 != started {
            *since = (started, Instant::now());
        }
        if since.1.elapsed() > *limit {
            return Some(name.to_owned());
        }
    }
    None
}

async fn timed_out(scope: &Scope<'_>, pods: &[Value], expected: &Expectation, waiting: &str) -> Error {
    // The command's time is over, but the report still needs a few requests.
    let extended = Scope { deadline: Some(Instant::now() + Duration::from_secs(10)), ..*scope };
    let waiting = if waiting.is_empty() { "the cluster to show it" } else { waiting };
    let headline = format!("the Pod was not Ready in time; still waiting for {waiting}");
    let mut report = match current(pods, expected) {
        Some(pod) => {
            let container = waiting.split('`').nth(1).map(ToOwned::to_owned);
            report(&extended, pod, container.as_deref(), false, headline).await
        }
        None => FailureReport { headline, ..FailureReport::default() },
    };
    report.hint = Some("the Pod is left as it is and may still become ready: see `app status`".to_owned());
    Error::NotReady(Box::new(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_container_has_its_own_retries() {
        let mut retries = Retries::default();
        let begun = Instant::now();
        for (container, seconds, left) in [
            ("web", 0, true),
            ("web", 19, true),
            ("db", 19, true),
            ("web", 20, false),
            ("db", 38, true),
            ("db", 39, false),
        ] {
            let now = begun + Duration::from_secs(seconds);
            assert_eq!(retries.are_left(Some(container), now), left, "{container} {seconds}");
        }
    }
}
