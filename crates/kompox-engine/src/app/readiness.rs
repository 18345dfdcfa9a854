//! Whether a Pod is ready, still on its way, or has failed. Pure: reads Pod JSON, knows no clock.

use serde_json::Value;

/// A Pod's state as a deploy sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every container runs and is ready.
    Ready,
    /// Not yet; says what is being waited for.
    Waiting(String),
    /// It will not get better by waiting.
    Failed {
        /// The container, or none when the whole Pod failed.
        container: Option<String>,
        /// What happened, in one sentence.
        reason: String,
        /// True when the log that shows it is that of the container's previous run.
        previous_log: bool,
        /// Kubernetes' own reason, such as `CrashLoopBackOff`.
        cause: String,
        /// True when Kubernetes had one try and makes another some ten seconds later, which may go well.
        retried: bool,
    },
}

/// What Kubernetes calls a container that was killed for its use of memory.
pub(crate) const OUT_OF_MEMORY: &str = "OOMKilled";

/// What Kubernetes calls the end of a container whose process could not be started.
pub(crate) const START_ERROR: &str = "StartError";

/// The exit code of a process that SIGKILL ended.
pub(super) const KILLED: i64 = 137;

/// Restarts after which a crash loop is final: by then a container has crashed three times in about half a minute,
/// which leaves time for one that only waits for its database.
const RESTARTS_UNTIL_FAILED: i64 = 2;

/// Judges one Pod; `one_shots` names the init containers that must end with exit code 0.
pub(crate) fn judge(pod: &Value, one_shots: &[String]) -> Verdict {
    let phase = pod.pointer("/status/phase").and_then(Value::as_str).unwrap_or("Pending");
    if phase == "Failed" {
        let text = |key: &str| pod.pointer(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let cause = text("/status/reason");
        let message = text("/status/message");
        return Verdict::Failed {
            container: None,
            reason: format!(
                "the Pod failed: {} {message}",
                if cause.is_empty() { "unknown reason" } else { &cause }
            ),
            previous_log: false,
            cause,
            retried: false,
        };
    }
    let statuses = container_statuses(pod);
    if let Some(failed) = statuses.iter().find_map(|status| container_failure(pod, status, one_shots)) {
        return failed;
    }
    if condition(pod, "Ready") == Some("True") {
        return Verdict::Ready;
    }
    Verdict::Waiting(waiting_for(pod, &statuses))
}

/// Statuses of init containers and containers in start order.
fn container_statuses(pod: &Value) -> Vec<&Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|path| pod.pointer(path).and_then(Value::as_array))
        .flatten()
        .collect()
}

/// Status of a Pod condition.
fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = pod.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|c| c["type"] == kind)?.get("status")?.as_str()
}

fn container_failure(pod: &Value, status: &Value, one_shots: &[String]) -> Option<Verdict> {
    let name = status["name"].as_str().unwrap_or_default();
    let failed = |reason: String, previous_log: bool, cause: &str| {
        Some(Verdict::Failed {
            container: Some(name.to_owned()),
            reason,
            previous_log,
            cause: cause.to_owned(),
            retried: false,
        })
    };
    let not_created = |message: &str, cause: &str, retried: bool| {
        Some(Verdict::Failed {
            container: Some(name.to_owned()),
            reason: format!("container `{name}` cannot be created: {message}"),
            previous_log: false,
            cause: cause.to_owned(),
            retried,
        })
    };
    let ended =
        |path: &str| status.pointer(path).and_then(|ended| Some((ended.get("exitCode")?.as_i64()?, ended)));
    let now = ended("/state/terminated");
    let last = ended("/lastState/terminated");
    if one_shots.iter().any(|one_shot| one_shot == name) {
        for (end, previous) in [(now, false), (last, true)] {
            if let Some((code, end)) = end.filter(|(code, _)| *code != 0)
                && status.pointer("/state/terminated/exitCode").and_then(Value::as_i64) != Some(0)
            {
                if end["reason"] == START_ERROR {
                    if previous && status.pointer("/state/running").is_some() {
                        continue;
                    }
                    return not_created(end["message"].as_str().unwrap_or_default(), START_ERROR, true);
                }
                if let Some(killed) = killed_for_memory(pod, name, end) {
                    return failed(format!("one-shot container `{name}` {killed}"), previous, OUT_OF_MEMORY);
                }
                return failed(
                    format!("one-shot container `{name}` ended with exit code {code}"),
                    previous,
                    "Error",
                );
            }
        }
    }
    let waiting = status.pointer("/state/waiting/reason").and_then(Value::as_str)?;
    let message = status.pointer("/state/waiting/message").and_then(Value::as_str).unwrap_or_default();
    let restarts = status["restartCount"].as_i64().unwrap_or_default();
    match waiting {
        "CrashLoopBackOff" if restarts >= RESTARTS_UNTIL_FAILED => {
            let times = format!("{} times so far", restarts + 1);
            if let Some(killed) = last.and_then(|(_, end)| killed_for_memory(pod, name, end)) {
                return failed(format!("container `{name}` {killed}, {times}"), true, OUT_OF_MEMORY);
            }
            let how = match last {
                Some((_, end)) if end["reason"] == START_ERROR => {
                    return not_created(end["message"].as_str().unwrap_or_default(), START_ERROR, false);
                }
                Some((code, end)) => {
                    format!("ends with exit code {code} ({})", end["reason"].as_str().unwrap_or("Error"))
                }
                None => "keeps ending".to_owned(),
            };
            failed(format!("container `{name}` {how}, {times}"), true, waiting)
        }
        "ErrImageNeverPull" | "ImagePullBackOff" | "InvalidImageName" => {
            failed(format!("the image of container `{name}` cannot be pulled: {message}"), false, waiting)
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            not_created(message, waiting, true)
        }
        _ => None,
    }
}

/// That memory was why a container ended, in words. The container runtime learns of the kill and of the end apart; when
/// the end comes first, Kubernetes tells it as an `Error`, and only the limit tells why.
fn killed_for_memory(pod: &Value, name: &str, end: &Value) -> Option<String> {
    let limit = memory_limit(pod, name).map(|limit| format!("more memory than its limit of {limit}"));
    if end["reason"] == OUT_OF_MEMORY {
        let limit = limit.unwrap_or_else(|| "more memory than its limit".to_owned());
        return Some(format!("was killed for using {limit}"));
    }
    let killed = end["exitCode"].as_i64() == Some(KILLED);
    limit.filter(|_| killed).map(|limit| format!("was killed, as happens to one that uses {limit}"))
}

/// The memory limit that a container has run into: its own, or that of the whole Pod.
fn memory_limit<'a>(pod: &'a Value, container: &str) -> Option<&'a str> {
    let containers = ["/spec/initContainers", "/spec/containers"].into_iter();
    let mut containers = containers.filter_map(|path| pod.pointer(path)?.as_array()).flatten();
    let own = containers.find(|found| found["name"] == container);
    let own = own.and_then(|found| found.pointer("/resources/limits/memory"));
    own.or_else(|| pod.pointer("/spec/resources/limits/memory"))?.as_str()
}

/// The first container, in start order, that is not where it should be.
fn waiting_for(pod: &Value, statuses: &[&Value]) -> String {
    if condition(pod, "PodScheduled") == Some("False") {
        let message = pod
            .pointer("/status/conditions")
            .and_then(Value::as_array)
            .and_then(|conditions| conditions.iter().find(|c| c["type"] == "PodScheduled"))
            .and_then(|c| c["message"].as_str())
            .unwrap_or("no node fits");
        return format!("a node: {message}");
    }
    for status in statuses {
        let name = status["name"].as_str().unwrap_or_default();
        if let Some(reason) = status.pointer("/state/waiting/reason").and_then(Value::as_str) {
            if reason == "PodInitializing" {
                continue;
            }
            return format!("container `{name}` ({reason})");
        }
        let running = status.pointer("/state/running").is_some();
        if running && ends(pod, name) {
            return format!("container `{name}` to finish");
        }
        if running && status["started"] != true {
            return format!("container `{name}` to become healthy");
        }
        if running && status["ready"] != true {
            return format!("container `{name}` to become ready");
        }
    }
    "the Pod to start".to_owned()
}

/// True for an init container that runs to its end, not a sidecar.
fn ends(pod: &Value, name: &str) -> bool {
    let init = pod.pointer("/spec/initContainers").and_then(Value::as_array);
    init.is_some_and(|init| {
        init.iter().any(|container| container["name"] == name && container["restartPolicy"] != "Always")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(init: Value, main: Value) -> Value {
        json!({"status": {"phase": "Pending", "initContainerStatuses": init, "containerStatuses": main}})
    }

    fn crashing(restarts: i64, reason: &str) -> Value {
        json!([{"name": "web", "restartCount": restarts, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 3, "reason": reason}}}])
    }

    #[test]
    fn a_ready_pod_is_ready() {
        let pod =
            json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(judge(&pod, &[]), Verdict::Ready);
    }

    #[test]
    fn a_crash_loop_fails_after_the_third_crash() {
        assert_eq!(
            judge(&pod(json!([]), crashing(1, "Error")), &[]),
            Verdict::Waiting("container `web` (CrashLoopBackOff)".into())
        );
        let Verdict::Failed { reason, previous_log: true, .. } =
            judge(&pod(json!([]), crashing(2, "Error")), &[])
        else {
            panic!("not failed")
        };
        assert_eq!(reason, "container `web` ends with exit code 3 (Error), 3 times so far");
    }

    #[test]
    fn out_of_memory_is_said() {
        let mut pod = pod(json!([]), crashing(2, "OOMKilled"));
        for (spec, limit) in [
            (json!({"containers": [{"name": "web"}]}), ""),
            (json!({"containers": [{"name": "web"}], "resources": {"limits": {"memory": "1Gi"}}}), " of 1Gi"),
            (
                json!({"containers": [{"name": "db"}, {"name": "web", "resources": {"limits": {"memory": "64Mi"}}}],
                       "resources": {"limits": {"memory": "1Gi"}}}),
                " of 64Mi",
            ),
        ] {
            pod["spec"] = spec;
            let Verdict::Failed { reason, cause, .. } = judge(&pod, &[]) else { panic!("not failed") };
            let expected = format!(
                "container `web` was killed for using more memory than its limit{limit}, 3 times so far"
            );
            assert_eq!((reason, cause.as_str()), (expected, OUT_OF_MEMORY));
        }
    }

    /// Seen on a real cluster: exit code 137 with the reason `Error`.
    #[test]
    fn a_kill_for_memory_that_is_told_as_an_error_is_known_by_the_limit() {
        let ended = json!({"terminated": {"exitCode": 137, "reason": "Error"}});
        let looping = json!([{"name": "web", "restartCount": 2, "lastState": ended,
                              "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]);
        let one_shot = json!([{"name": "web", "state": ended}]);
        let limited = json!({"containers": [{"name": "web", "resources": {"limits": {"memory": "24Mi"}}}]});
        let one_shots = ["web".to_owned()];
        let verdict = |statuses: &Value, spec: &Value, one_shots: &[String]| {
            let mut pod = pod(json!([]), statuses.clone());
            pod["spec"] = spec.clone();
            let Verdict::Failed { reason, cause, .. } = judge(&pod, one_shots) else { panic!("not failed") };
            (reason, cause)
        };
        let (reason, cause) = verdict(&looping, &limited, &[]);
        assert_eq!(
            (reason.as_str(), cause.as_str()),
            (
                "container `web` was killed, as happens to one that uses more memory than its limit of 24Mi, 3 times so far",
                OUT_OF_MEMORY
            )
        );
        let (reason, cause) = verdict(&one_shot, &limited, &one_shots);
        assert_eq!(
            (reason.as_str(), cause.as_str()),
            (
                "one-shot container `web` was killed, as happens to one that uses more memory than its limit of 24Mi",
                OUT_OF_MEMORY
            )
        );
        assert_eq!(verdict(&looping, &json!({}), &[]).1, "CrashLoopBackOff", "somebody else killed it");
        assert_eq!(verdict(&one_shot, &json!({}), &one_shots).1, "Error");
    }

    #[test]
    fn a_one_shot_fails_at_its_first_exit_code() {
        let status = json!([{"name": "migrate", "state": {"terminated": {"exitCode": 4}}}]);
        let one_shots = ["migrate".to_owned()];
        let Verdict::Failed { reason, previous_log, .. } = judge(&pod(status.clone(), json!([])), &one_shots)
        else {
            panic!("not failed")
        };
        assert_eq!(
            (reason.as_str(), previous_log),
            ("one-shot container `migrate` ended with exit code 4", false)
        );
        assert!(
            matches!(judge(&pod(status, json!([])), &[]), Verdict::Waiting(_)),
            "only one-shots are judged by it"
        );
        let again = json!([{"name": "migrate", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 4}}}]);
        assert!(matches!(
            judge(&pod(again, json!([])), &one_shots),
            Verdict::Failed { previous_log: true, .. }
        ));
        let recovered = json!([{"name": "migrate", "state": {"terminated": {"exitCode": 0}}, "lastState": {"terminated": {"exitCode": 4}}}]);
        assert!(matches!(judge(&pod(recovered, json!([])), &one_shots), Verdict::Waiting(_)));
    }

    #[test]
    fn what_kubernetes_tries_again_may_go_well() {
        let retried = |pod: &Value, one_shots: &[String]| match judge(pod, one_shots) {
            Verdict::Failed { retried, reason, .. } => Some((retried, reason)),
            _ => None,
        };
        let told = || Some((true, "container `web` cannot be created: runc".to_owned()));
        for reason in ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"] {
            let status =
                json!([{"name": "web", "state": {"waiting": {"reason": reason, "message": "runc"}}}]);
            assert_eq!(retried(&pod(json!([]), status), &[]), told(), "{reason}");
        }
        let one_shots = ["web".to_owned()];
        let ended = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "runc"}});
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        for (state, last, expected) in [
            (&ended, &json!({}), told()),
            (&waiting, &ended, told()),
            (&json!({"running": {}}), &ended, None),
            (&json!({"terminated": {"exitCode": 0}}), &ended, None),
        ] {
            let status = json!([{"name": "web", "state": state, "lastState": last}]);
            assert_eq!(retried(&pod(status, json!([])), &one_shots), expected, "{state}");
        }
        let crashed = retried(&pod(json!([]), crashing(2, "Error")), &[]);
        assert!(matches!(crashed, Some((false, _))), "{crashed:?}");
        let mut never_started = crashing(2, START_ERROR);
        never_started[0]["lastState"]["terminated"]["message"] = json!("runc");
        let never_started = retried(&pod(json!([]), never_started), &[]);
        assert_eq!(never_started, told().map(|(_, reason)| (false, reason)));
    }

    #[test]
    fn images_that_cannot_be_pulled_fail() {
        let status = json!([{"name": "web", "state": {"waiting": {"reason": "ErrImageNeverPull", "message": "not present"}}}]);
        assert!(matches!(judge(&pod(json!([]), status), &[]), Verdict::Failed { previous_log: false, .. }));
    }

    #[test]
    fn an_evicted_pod_failed() {
        let pod = json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "disk pressure"}});
        let Verdict::Failed { reason, container: None, .. } = judge(&pod, &[]) else { panic!("not failed") };
        assert_eq!(reason, "the Pod failed: Evicted disk pressure");
    }

    #[test]
    fn waiting_names_what_is_waited_for() {
        let unhealthy = json!([{"name": "db", "started": false, "ready": false, "state": {"running": {}}}]);
        let later = json!([{"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}]);
        assert_eq!(
            judge(&pod(unhealthy, later), &[]),
            Verdict::Waiting("container `db` to become healthy".into())
        );
        let unschedulable = json!({"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}});
        assert_eq!(judge(&unschedulable, &[]), Verdict::Waiting("a node: 0/1 nodes".into()));
    }
}
