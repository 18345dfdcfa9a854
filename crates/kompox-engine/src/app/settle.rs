//! How long a container that nothing but its running shows to be up must run before it counts as up. IO: one request, to
//! see how fast the cluster is.

use crate::app::wait::{APPLIED, Expectation};
use crate::app::{act, live};
use crate::{Error, Scope};
use kompox_model::port::ErrorKind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a container without a healthcheck must run before it counts as up. Kubernetes calls it ready at once, and
/// needs about a second to notice that it ended.
const SETTLE: Duration = Duration::from_millis(2500);
/// The same in units of the time that one request takes: a cluster that is slow in everything notices an end later, too.
const SETTLE_REQUESTS: u32 = 20;
/// It is not waited for longer than that.
const SETTLE_LIMIT: Duration = Duration::from_secs(15);
/// Between looks at the clock.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// Containers that have to run for a while before they count as up.
pub(super) struct Settling {
    /// Each with its restarts.
    runs: Vec<String>,
    since: Instant,
    /// How long; none until it was measured.
    takes: Option<Duration>,
}

impl Settling {
    /// Measures how long it takes, once.
    pub(super) async fn measure(&mut self, scope: &Scope<'_>) -> Result<(), Error> {
        if self.takes.is_none() {
            self.takes = Some(time_to_settle(request_time(scope).await?));
        }
        Ok(())
    }
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

/// Whether every container that nothing but its running shows to be up has been running for a while. A Pod that was there
/// before and never restarted has.
pub(super) fn settled(pod: &Value, expected: &Expectation, settling: &mut Option<Settling>) -> bool {
    let unproven = unproven(pod);
    let restarted = unproven.iter().any(|(_, restarts)| *restarts > 0);
    if unproven.is_empty() || !(expected.fresh || restarted) {
        return true;
    }
    let runs: Vec<String> =
        unproven.into_iter().map(|(name, restarts)| format!("{name} {restarts}")).collect();
    match settling {
        Some(settling) if settling.runs == runs => {
            settling.takes.is_some_and(|takes| settling.since.elapsed() >= takes)
        }
        _ => {
            *settling = Some(Settling { runs, since: Instant::now(), takes: None });
            false
        }
    }
}

/// Long-running containers without a readiness probe, with their restarts.
fn unproven(pod: &Value) -> Vec<(&str, i64)> {
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
        .map(|name| (name, statuses.get(name).copied().unwrap_or_default()))
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
        for (pod, fresh, at_once) in [
            (pod(true, 0), true, true),
            (pod(false, 0), false, true),
            (pod(false, 1), false, false),
            (pod(false, 0), true, false),
        ] {
            assert_eq!(settled(&pod, &expected(fresh), &mut None), at_once, "{pod} {fresh}");
        }
    }

    #[test]
    fn a_restart_while_settling_starts_anew() {
        let long_ago = Instant::now().checked_sub(SETTLE).unwrap();
        let fresh = Expectation { fresh: true, ..Expectation::default() };
        let runs = vec!["web 0".to_owned()];
        let mut settling = Some(Settling { runs, since: long_ago, takes: None });
        assert!(!settled(&pod(false, 0), &fresh, &mut settling), "how long it takes is not known yet");
        settling.as_mut().unwrap().takes = Some(SETTLE);
        assert!(settled(&pod(false, 0), &fresh, &mut settling));
        assert!(!settled(&pod(false, 1), &fresh, &mut settling));
        assert!(settling.unwrap().since > long_ago);
    }

    #[test]
    fn a_slow_cluster_is_given_more_time() {
        let milliseconds = Duration::from_millis;
        for (request, takes) in [(5, 2500), (125, 2500), (300, 6000), (5000, 15_000)] {
            assert_eq!(time_to_settle(milliseconds(request)), milliseconds(takes));
        }
    }
}
