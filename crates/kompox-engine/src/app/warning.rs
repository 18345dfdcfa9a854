//! Which of a Pod's events still matter, and how they are told. Pure.

use jiff::Timestamp;
use serde_json::Value;

/// How many are told.
const TOLD: usize = 5;

/// The last warnings about a Pod that still matter, oldest first, as `reason: message`.
///
/// That no node fitted matters until one was found, everything else until the Pod became Ready after it: of trouble that
/// goes on, Kubernetes tells again.
pub(crate) fn current(pod: &Value, events: &[Value]) -> Vec<String> {
    let scheduled = condition(pod, "PodScheduled").is_some();
    let ready = condition(pod, "Ready").and_then(|since| since["lastTransitionTime"].as_str()?.parse().ok());
    let matters = |event: &&Value| {
        event["type"] == "Warning"
            && !(scheduled && event["reason"] == "FailedScheduling")
            && ready.is_none_or(|ready: Timestamp| {
                // Conditions know whole seconds only.
                last_seen(event).is_none_or(|seen| seen.as_second() > ready.as_second())
            })
    };
    let mut warnings: Vec<&Value> = events.iter().filter(matters).collect();
    warnings.sort_by_key(|event| last_seen(event));
    warnings.iter().skip(warnings.len().saturating_sub(TOLD)).map(|event| told(event)).collect()
}

/// A condition of the Pod that is true.
fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = pod.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// When an event happened last: those of a series, of older and of newer reporters tell it in different places.
fn last_seen(event: &Value) -> Option<Timestamp> {
    ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
        .into_iter()
        .find_map(|path| event.pointer(path)?.as_str()?.parse().ok())
}

fn told(event: &Value) -> String {
    let reason = event["reason"].as_str().unwrap_or("Event");
    format!("{reason}: {}", event["message"].as_str().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(reason: &str, time: &str) -> Value {
        json!({"type": "Warning", "reason": reason, "message": "why\n", "lastTimestamp": time})
    }

    fn pod(conditions: Value) -> Value {
        json!({"status": {"conditions": conditions}})
    }

    #[test]
    fn what_a_pod_has_left_behind_is_not_told() {
        let events = [
            event("Unhealthy", "2026-01-01T00:00:05Z"),
            event("FailedScheduling", "2026-01-01T00:00:01Z"),
            event("BackOff", "2026-01-01T00:00:09Z"),
            json!({"type": "Normal", "reason": "Pulled", "lastTimestamp": "2026-01-01T00:00:10Z"}),
        ];
        let scheduled = json!({"type": "PodScheduled", "status": "True"});
        let ready = |status: &str| json!({"type": "Ready", "status": status, "lastTransitionTime": "2026-01-01T00:00:05Z"});
        for (conditions, expected) in [
            (json!([]), &["FailedScheduling: why", "Unhealthy: why", "BackOff: why"][..]),
            (
                json!([{"type": "PodScheduled", "status": "False"}]),
                &["FailedScheduling: why", "Unhealthy: why", "BackOff: why"],
            ),
            (json!([scheduled, ready("False")]), &["Unhealthy: why", "BackOff: why"]),
            (json!([scheduled, ready("True")]), &["BackOff: why"]),
        ] {
            assert_eq!(current(&pod(conditions.clone()), &events), expected, "{conditions}");
        }
    }

    #[test]
    fn the_last_ones_are_told_by_the_time_they_were_seen_last() {
        let old = "2026-01-01T00:00:00Z";
        let mut events: Vec<_> =
            (1..=6).map(|n| event(&format!("E{n}"), &format!("2026-01-01T00:00:0{n}Z"))).collect();
        events[0]["series"] = json!({"lastObservedTime": "2026-01-01T00:00:08.123456Z"});
        events.push(json!({"type": "Warning", "reason": "New", "lastTimestamp": null, "eventTime": "2026-01-01T00:00:07.5Z",
            "metadata": {"creationTimestamp": old}}));
        let told = current(&pod(json!([])), &events);
        let reasons: Vec<_> = told.iter().map(|text| text.split(':').next().unwrap()).collect();
        assert_eq!(reasons, ["E4", "E5", "E6", "New", "E1"]);
    }
}
