//! Which containers of a Pod that was told to stop did not end by themselves. Pure.

use crate::app::live;
use crate::app::readiness::{KILLED, OUT_OF_MEMORY};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// Looks at a Pod as long as it is there.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Uid and container of what was told.
    told: BTreeSet<(String, String)>,
}

impl Leaving {
    /// What must be said of these Pods and was not yet, one text for each container.
    pub(crate) fn look(&mut self, pods: &[Value]) -> Vec<String> {
        let mut found = Vec::new();
        for pod in pods.iter().filter(|pod| live::is_terminating(pod)) {
            let Some(begun) = begun(pod) else { continue };
            let uid = pod.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
            for (name, after) in killed(pod, begun) {
                if self.told.insert((uid.to_owned(), name.to_owned())) {
                    found.push(message(name, after));
                }
            }
        }
        found
    }
}

/// When the Pod was told to stop: its deletion is due when its time is over.
fn begun(pod: &Value) -> Option<Timestamp> {
    let due = time(pod.pointer("/metadata/deletionTimestamp")?)?;
    let grace = pod.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64)?;
    due.checked_sub(jiff::SignedDuration::from_secs(grace)).ok()
}

/// Containers that ended by SIGKILL since then, after how many seconds. One that was killed for its memory, or that had
/// ended before, has nothing to do with the stop.
fn killed(pod: &Value, begun: Timestamp) -> impl Iterator<Item = (&str, i64)> {
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"].into_iter();
    let statuses = lists.filter_map(|list| pod.pointer(list)?.as_array()).flatten();
    statuses.filter_map(move |status| {
        let end = status.pointer("/state/terminated")?;
        let after = time(&end["finishedAt"])?.as_second() - begun.as_second();
        let killed = end["exitCode"].as_i64() == Some(KILLED) && end["reason"] != OUT_OF_MEMORY && after >= 0;
        killed.then_some((status["name"].as_str()?, after))
    })
}

fn time(text: &Value) -> Option<Timestamp> {
    text.as_str()?.parse().ok()
}

fn message(name: &str, after: i64) -> String {
    let seconds = if after == 1 { "second" } else { "seconds" };
    format!(
        "container `{name}` did not stop by itself and was killed (SIGKILL) after {after} {seconds}: what it had not \
         written by then may be lost; give it a longer `stop_grace_period`, or the `stop_signal` that it listens to"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ended(name: &str, code: i64, reason: &str, at: &str) -> Value {
        json!({"name": name, "state": {"terminated": {"exitCode": code, "reason": reason, "finishedAt": at}}})
    }

    fn pod(deleted: Option<&str>) -> Value {
        let mut pod = json!({
            "metadata": {"uid": "1"},
            "status": {
                "initContainerStatuses": [
                    ended("setup", 0, "Completed", "2026-01-01T00:00:00Z"),
                    ended("db", 137, "Error", "2026-01-01T01:00:12Z"),
                ],
                "containerStatuses": [
                    ended("web", 137, "Error", "2026-01-01T01:00:01Z"),
                    ended("large", 137, "OOMKilled", "2026-01-01T01:00:01Z"),
                    ended("job", 137, "Error", "2026-01-01T00:59:00Z"),
                    ended("good", 143, "Error", "2026-01-01T01:00:01Z"),
                    {"name": "slow", "state": {"running": {}}},
                ],
            },
        });
        if let Some(deleted) = deleted {
            pod["metadata"]["deletionTimestamp"] = json!(deleted);
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(10);
        }
        pod
    }

    #[test]
    fn what_was_killed_is_named_once() {
        let mut leaving = Leaving::default();
        assert!(leaving.look(&[pod(None)]).is_empty(), "it was not told to stop");
        let mut pod = pod(Some("2026-01-01T01:00:10Z"));
        let texts = leaving.look(&[pod.clone()]);
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(
            texts[0].starts_with("container `db` did not stop by itself")
                && texts[0].contains("after 12 seconds")
        );
        assert!(texts[1].starts_with("container `web`") && texts[1].contains("after 1 second:"), "{texts:?}");
        assert!(leaving.look(&[pod.clone()]).is_empty(), "that was said");
        pod["status"]["containerStatuses"][4] = ended("slow", 137, "Error", "2026-01-01T01:00:13Z");
        assert_eq!(leaving.look(&[pod.clone()]).len(), 1);
        pod["metadata"]["uid"] = json!("2");
        assert_eq!(leaving.look(&[pod]).len(), 3, "another Pod");
    }
}
