//! Nodes and the Pods of kompox-node on them, as the API server shows them. Pure.

use crate::install;
use kompox_model::{label, object};
use serde_json::Value;

/// Clouds whose nodes take their disks with them, by the beginning of `spec.providerID`.
const EPHEMERAL: [&str; 5] = ["aws://", "azure://", "gce://", "oci://", "ocid1."];
/// Taints that come and go with the node's health or maintenance; they say nothing about what may run there.
const PASSING_TAINTS: &str = "node.kubernetes.io/";

/// What to say of a node without kompox-node.
pub(crate) const ABSENT: &str = "no Pod of kompox-node is there";

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) resource_version: String,
    /// The id of the store that it is known to have.
    pub(crate) store: Option<String>,
    /// New disks go here.
    pub(crate) chosen: bool,
    /// Apps' Pods may come here.
    pub(crate) schedulable: bool,
    /// Its kubelet has been heard of lately.
    pub(crate) alive: bool,
    /// It may be replaced at any time, and its disks with it.
    pub(crate) ephemeral: bool,
    /// Its address within the network of the nodes.
    pub(crate) internal_ip: Option<String>,
    linux: bool,
}

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str)
}

fn items<'a>(body: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    body.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// The status of a condition.
fn condition<'a>(body: &'a Value, kind: &str) -> Option<&'a str> {
    items(body, "/status/conditions").find(|condition| condition["type"] == kind)?.get("status")?.as_str()
}

impl Node {
    /// Reads a Node object; none without a name.
    pub(crate) fn read(body: &Value) -> Option<Self> {
        let provider = text(body, "/spec/providerID").unwrap_or_default();
        let keeps_pods_away = |taint: &Value| {
            matches!(taint["effect"].as_str(), Some("NoSchedule" | "NoExecute"))
                && !taint["key"].as_str().is_some_and(|key| key.starts_with(PASSING_TAINTS))
        };
        let cordoned = body.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true);
        Some(Self {
            name: text(body, "/metadata/name")?.to_owned(),
            resource_version: text(body, "/metadata/resourceVersion").unwrap_or_default().to_owned(),
            store: object::annotation(body, label::DISK_STORE).map(ToOwned::to_owned),
            chosen: object::label(body, label::DISK_NODE) == Some("true"),
            schedulable: !cordoned && !items(body, "/spec/taints").any(keeps_pods_away),
            alive: condition(body, "Ready") != Some("Unknown"),
            ephemeral: EPHEMERAL.iter().any(|prefix| provider.starts_with(prefix)),
            internal_ip: items(body, "/status/addresses")
                .find(|address| address["type"] == "InternalIP")
                .and_then(|address| Some(address["address"].as_str()?.to_owned())),
            linux: object::label(body, "kubernetes.io/os").is_none_or(|os| os == "linux"),
        })
    }
}

/// The nodes that may have a disk store, by name; the others are counted.
pub(crate) fn store_nodes(bodies: &[Value], allow_ephemeral: bool) -> (Vec<Node>, usize) {
    let all = bodies.iter().filter_map(Node::read).filter(|node| node.linux);
    let (mut nodes, refused): (Vec<_>, Vec<_>) = all.partition(|node| allow_ephemeral || !node.ephemeral);
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    (nodes, refused.len())
}

/// How far the Pod of kompox-node on a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PodState {
    /// Its name; requests can be sent.
    Ready(String),
    /// It is starting; how far it is.
    Waiting(String),
    /// There is none.
    Absent,
    /// It will not become ready without help; why.
    Stuck(String),
}

/// The state of kompox-node on `node`: its Pods of `revision`, or of any.
pub(crate) fn pod_on(pods: &[Value], node: &str, revision: Option<&str>) -> PodState {
    let there = pods.iter().filter(|pod| text(pod, "/spec/nodeName") == Some(node));
    let (leaving, staying): (Vec<_>, Vec<_>) =
        there.partition(|pod| text(pod, "/metadata/deletionTimestamp").is_some());
    let mut states = staying
        .into_iter()
        .filter(|pod| revision.is_none() || install::revision(pod) == revision)
        .map(pod_state)
        .collect::<Vec<_>>();
    states.sort_by_key(|state| match state {
        PodState::Ready(_) => 0,
        PodState::Stuck(_) => 1,
        PodState::Waiting(_) => 2,
        PodState::Absent => 3,
    });
    states.into_iter().next().unwrap_or_else(|| match leaving.first() {
        // A DaemonSet makes the next one when this one is gone.
        Some(pod) => PodState::Waiting(format!(
            "Pod {} of kompox-node is being replaced",
            text(pod, "/metadata/name").unwrap_or_default()
        )),
        None => PodState::Absent,
    })
}

fn pod_state(pod: &Value) -> PodState {
    let name = text(pod, "/metadata/name").unwrap_or_default().to_owned();
    if condition(pod, "Ready") == Some("True") {
        return PodState::Ready(name);
    }
    let waiting = items(pod, "/status/containerStatuses").find_map(|status| status.pointer("/state/waiting"));
    let Some(waiting) = waiting else {
        let phase = text(pod, "/status/phase").unwrap_or("Pending");
        return PodState::Waiting(format!("Pod {name} is {phase} but not ready"));
    };
    let reason = waiting["reason"].as_str().unwrap_or("waiting");
    let why = match waiting["message"].as_str() {
        Some(message) => format!("Pod {name}: {reason}: {message}"),
        None => format!("Pod {name}: {reason}"),
    };
    match reason {
        "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "CrashLoopBackOff" => PodState::Stuck(why),
        _ => PodState::Waiting(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(body: &Value) -> Node {
        Node::read(body).unwrap()
    }

    #[test]
    fn what_a_node_says_of_itself() {
        let plain = node(&json!({"metadata": {"name": "a", "resourceVersion": "7"}}));
        assert!(plain.schedulable && plain.alive && plain.linux && !plain.chosen && !plain.ephemeral);
        assert_eq!((plain.resource_version.as_str(), plain.store), ("7", None));
        let known = node(&json!({"metadata": {"name": "a",
            "annotations": {"kompox.dev/disk-store": "abc"}, "labels": {"kompox.dev/disk-node": "true"}}}));
        assert_eq!((known.store.as_deref(), known.chosen), (Some("abc"), true));
        let named = node(&json!({"metadata": {"name": "a", "labels": {"kompox.dev/disk-node": "false"}}}));
        assert!(!named.chosen);
    }

    #[test]
    fn only_lasting_taints_and_cordons_keep_pods_away() {
        for (spec, schedulable) in [
            (json!({}), true),
            (json!({"unschedulable": true}), false),
            (
                json!({"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}),
                false,
            ),
            (json!({"taints": [{"key": "dedicated", "effect": "NoExecute"}]}), false),
            (json!({"taints": [{"key": "dedicated", "effect": "PreferNoSchedule"}]}), true),
            (json!({"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}), true),
        ] {
            assert_eq!(
                node(&json!({"metadata": {"name": "a"}, "spec": spec})).schedulable,
                schedulable,
                "{spec}"
            );
        }
    }

    #[test]
    fn nodes_of_clouds_are_refused_unless_allowed() {
        let body = |name: &str, id: &str| json!({"metadata": {"name": name}, "spec": {"providerID": id}});
        let bodies = [
            body("own", "k3s://own"),
            body("aws", "aws:///eu-central-1a/i-1"),
            body("azure", "azure:///subscriptions/x"),
            body("gce", "gce://project/zone/name"),
            body("oci", "ocid1.instance.oc1.phx.x"),
            body("none", ""),
            json!({"metadata": {"name": "win", "labels": {"kubernetes.io/os": "windows"}}}),
        ];
        let names = |nodes: &[Node]| nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
        let (nodes, refused) = store_nodes(&bodies, false);
        assert_eq!((names(&nodes), refused), (vec!["none".to_owned(), "own".to_owned()], 4));
        let (nodes, refused) = store_nodes(&bodies, true);
        assert_eq!((nodes.len(), refused), (6, 0));
    }

    fn pod(name: &str, extra: &Value) -> Value {
        let mut pod = json!({"metadata": {"name": name}, "spec": {"nodeName": "a"}});
        for (key, value) in extra.as_object().unwrap() {
            pod[key] = value.clone();
        }
        pod
    }

    #[test]
    fn the_state_of_a_pod_is_told_with_its_reason() {
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let waiting = |reason: &str| json!({"status": {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": "why"}}}]}});
        assert_eq!(pod_on(&[pod("p", &ready)], "a", None), PodState::Ready("p".to_owned()));
        assert_eq!(pod_on(&[pod("p", &ready)], "b", None), PodState::Absent);
        assert_eq!(
            pod_on(&[pod("p", &waiting("ImagePullBackOff"))], "a", None),
            PodState::Stuck("Pod p: ImagePullBackOff: why".to_owned())
        );
        assert_eq!(
            pod_on(&[pod("p", &waiting("ContainerCreating"))], "a", None),
            PodState::Waiting("Pod p: ContainerCreating: why".to_owned())
        );
        let both = [pod("old", &waiting("CrashLoopBackOff")), pod("new", &ready)];
        assert_eq!(pod_on(&both, "a", None), PodState::Ready("new".to_owned()));
    }

    #[test]
    fn leaving_and_earlier_pods_are_not_ready() {
        let mut leaving = pod("p", &json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}));
        assert_eq!(pod_on(std::slice::from_ref(&leaving), "a", Some("r2")), PodState::Absent);
        leaving["metadata"]["annotations"] = json!({"kompox.dev/revision": "r2"});
        assert_eq!(pod_on(std::slice::from_ref(&leaving), "a", Some("r2")), PodState::Ready("p".to_owned()));
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let replaced = PodState::Waiting("Pod p of kompox-node is being replaced".to_owned());
        assert_eq!(pod_on(&[leaving], "a", Some("r2")), replaced);
    }
}
