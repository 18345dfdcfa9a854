//! Who enforces NetworkPolicies, and which policies do not know every node yet. Deciding is pure; one function asks.
//!
//! A cluster without an engine accepts policies and ignores them, and nothing in the API says so. What can be seen is
//! that a known engine runs; whether it does its work cannot.

use kompox_model::port::{Call, Cluster, ErrorKind, PortError, Query};
use kompox_model::{Cidr, Gvk, label};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Engines by the DaemonSet they run as.
const DAEMON_SETS: [(&str, &str); 13] = [
    ("anetd", "GKE Dataplane V2"),
    ("antrea-agent", "Antrea"),
    ("aws-node", "Amazon VPC CNI"),
    ("azure-npm", "Azure Network Policy Manager"),
    ("calico-node", "Calico"),
    ("canal", "Calico (Canal)"),
    ("cilium", "Cilium"),
    ("kube-network-policies", "kube-network-policies"),
    ("kube-ovn-cni", "Kube-OVN"),
    ("kube-router", "kube-router"),
    ("ovnkube-node", "OVN-Kubernetes"),
    ("rke2-canal", "Calico (Canal)"),
    ("weave-net", "Weave Net"),
];
/// The engine inside K3s is on unless one of its servers says otherwise.
const K3S_ARGUMENTS: &str = "k3s.io/node-args";
const K3S_WITHOUT: &str = "--disable-network-policy";

/// Whether policies are enforced, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// This engine was seen to run on every node.
    By(String),
    /// None was seen, with the reason.
    Unseen(String),
}

impl Enforcement {
    /// What a deploy warns of, with the way out; none when an engine was seen.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Self::Unseen(why) = self else { return None };
        Some(format!(
            "no NetworkPolicy engine was seen in this cluster ({why}): its apps may reach each other, the nodes and the \
             API server; hint: install an engine, or, if one runs that is not known here, name it on every node: kubectl \
             annotate nodes --all {}=NAME",
            label::POLICY_ENGINE
        ))
    }
}

/// Policy of an app that was made before some node was there, and therefore lets the app reach it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OlderPolicy {
    /// The Namespace it is in.
    pub namespace: String,
    /// Identity of its app, `{workspace}/{provider}/{app}`.
    pub app: String,
    /// The nodes it leaves reachable.
    pub nodes: Vec<String>,
}

/// Looks for an engine. DaemonSets are asked for only where the nodes do not tell.
///
/// # Errors
/// Those of the cluster, but for a refusal to list DaemonSets: then no engine was seen.
pub async fn enforcement(
    kubernetes: &dyn Cluster,
    call: &Call<'_>,
    nodes: &[Value],
) -> Result<Enforcement, PortError> {
    if let Some(known) = of_nodes(nodes) {
        return Ok(known);
    }
    match kubernetes.list(call, &Query::new(Gvk::new("apps", "v1", "DaemonSet"), None)).await {
        Ok(daemon_sets) => Ok(of_daemon_sets(&daemon_sets)),
        Err(error) if error.kind == ErrorKind::Denied => {
            Ok(Enforcement::Unseen("these credentials may not list DaemonSets".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// What the nodes tell: an administrator named an engine on each, or all are nodes of K3s.
fn of_nodes(nodes: &[Value]) -> Option<Enforcement> {
    let first = nodes.first()?;
    if let Some(name) = annotation(first, label::POLICY_ENGINE).filter(|name| !name.is_empty()) {
        let all = nodes.iter().all(|node| annotation(node, label::POLICY_ENGINE) == Some(name));
        return all.then(|| Enforcement::By(name.to_owned()));
    }
    let version = |node: &Value| text(node, "/status/nodeInfo/kubeletVersion").contains("+k3s");
    if !nodes.iter().all(version) {
        return None;
    }
    let arguments: Vec<Vec<String>> =
        nodes.iter().filter_map(|node| serde_json::from_str(annotation(node, K3S_ARGUMENTS)?).ok()).collect();
    let servers: Vec<_> =
        arguments.iter().filter(|words| words.first().is_some_and(|word| word == "server")).collect();
    if servers.is_empty() || servers.into_iter().any(|words| k3s_goes_without(words)) {
        return None;
    }
    Some(Enforcement::By("K3s".to_owned()))
}

fn k3s_goes_without(words: &[String]) -> bool {
    words.iter().enumerate().any(|(index, word)| match word.strip_prefix(K3S_WITHOUT) {
        Some("") => words.get(index + 1).is_none_or(|next| next != "false"),
        Some(value) => value.starts_with('=') && value != "=false",
        None => false,
    })
}

/// A known engine that is ready wherever it is meant to run.
fn of_daemon_sets(daemon_sets: &[Value]) -> Enforcement {
    let mut why = "no known one is installed".to_owned();
    for set in daemon_sets {
        let name = text(set, "/metadata/name");
        let Some((_, engine)) = DAEMON_SETS.iter().find(|(known, _)| *known == name) else { continue };
        let count =
            |field: &str| set.pointer(&format!("/status/{field}")).and_then(Value::as_u64).unwrap_or(0);
        let (wanted, ready) = (count("desiredNumberScheduled"), count("numberReady"));
        if !enforces(name, set) {
            why = format!("{engine} runs with its policies switched off");
        } else if wanted == 0 || ready < wanted {
            why = format!("{engine} is ready on {ready} of {wanted} nodes");
        } else {
            return Enforcement::By((*engine).to_owned());
        }
    }
    Enforcement::Unseen(why)
}

/// Some do more than policies, and may be told to leave those alone.
fn enforces(name: &str, set: &Value) -> bool {
    let containers = set.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let mut words = containers.into_iter().flatten().flat_map(|container| {
        ["command", "args"].into_iter().filter_map(|field| container.get(field)?.as_array()).flatten()
    });
    let mut says = |wanted: &str| words.any(|word| word.as_str() == Some(wanted));
    match name {
        "aws-node" => says("--enable-network-policy=true"),
        "kube-router" => !says("--run-firewall=false"),
        _ => true,
    }
}

/// Policies of apps that do not leave out every node and its Pods.
#[must_use]
pub fn older_policies(policies: &[Value], nodes: &[Value]) -> Vec<OlderPolicy> {
    let mut older: Vec<_> = policies
        .iter()
        .filter_map(|policy| {
            let nodes: Vec<_> = nodes
                .iter()
                .filter(|node| networks(node).iter().any(|network| reaches(policy, network)))
                .map(|node| text(node, "/metadata/name").to_owned())
                .collect();
            (!nodes.is_empty()).then(|| OlderPolicy {
                namespace: text(policy, "/metadata/namespace").to_owned(),
                app: annotation(policy, label::IDENTITY).unwrap_or_default().to_owned(),
                nodes,
            })
        })
        .collect();
    older.sort_by(|a, b| a.namespace.cmp(&b.namespace));
    older
}

/// A node's addresses and those of its Pods.
fn networks(node: &Value) -> BTreeSet<Cidr> {
    let addresses = list(node, "/status/addresses")
        .filter_map(|address| address.get("address")?.as_str()?.parse::<IpAddr>().ok())
        .map(Cidr::host);
    let pods = list(node, "/spec/podCIDRs").filter_map(|cidr| cidr.as_str()?.parse().ok());
    addresses.chain(pods).collect()
}

/// Through any of its networks: whatever an app is allowed, every node known at its deploy is left out.
fn reaches(policy: &Value, network: &Cidr) -> bool {
    let parse = |cidr: &Value| cidr.as_str().and_then(|cidr| cidr.parse::<Cidr>().ok());
    let blocks = list(policy, "/spec/egress")
        .flat_map(|rule| list(rule, "/to"))
        .filter_map(|peer| peer.get("ipBlock"));
    blocks.into_iter().any(|block| {
        block.get("cidr").and_then(parse).is_some_and(|whole| whole.contains(network))
            && !list(block, "/except").filter_map(parse).any(|except| except.contains(network))
    })
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(version: &str, annotations: &Value) -> Value {
        json!({"metadata": {"annotations": annotations}, "status": {"nodeInfo": {"kubeletVersion": version}}})
    }

    fn by(name: &str) -> Option<Enforcement> {
        Some(Enforcement::By(name.to_owned()))
    }

    #[test]
    fn an_engine_counts_that_is_named_on_every_node() {
        let named = |name: &str| node("v1.36.3", &json!({label::POLICY_ENGINE: name}));
        assert_eq!(of_nodes(&[named("own"), named("own")]), by("own"));
        for nodes in [
            vec![named("own"), named("other")],
            vec![named("own"), node("v1.36.3", &json!({}))],
            vec![named("")],
        ] {
            assert_eq!(of_nodes(&nodes), None, "{nodes:?}");
        }
        assert_eq!(of_nodes(&[]), None);
    }

    #[test]
    fn k3s_enforces_unless_a_server_says_otherwise() {
        let k3s = |arguments: &[&str]| {
            node("v1.34.1+k3s1", &json!({K3S_ARGUMENTS: serde_json::to_string(arguments).unwrap()}))
        };
        assert_eq!(of_nodes(&[k3s(&["server"]), k3s(&["agent"])]), by("K3s"));
        assert_eq!(of_nodes(&[k3s(&["server", K3S_WITHOUT, "false"])]), by("K3s"));
        assert_eq!(
            of_nodes(&[k3s(&["server", "--disable-network-policy=false", "--flannel-backend", "none"])]),
            by("K3s")
        );
        let without = [
            vec![k3s(&["server", K3S_WITHOUT])],
            vec![k3s(&["server"]), k3s(&["server", K3S_WITHOUT, "true"])],
            vec![k3s(&["server", "--disable-network-policy=true"])],
            vec![k3s(&["agent"])],
            vec![k3s(&["server"]), node("v1.34.1", &json!({}))],
            vec![node("v1.34.1+k3s1", &json!({}))],
        ];
        for nodes in without {
            assert_eq!(of_nodes(&nodes), None, "{nodes:?}");
        }
    }

    #[test]
    fn a_known_daemon_set_has_to_be_ready_and_switched_on() {
        let set = |name: &str, ready: u64, arguments: &[&str]| {
            json!({"metadata": {"name": name}, "status": {"desiredNumberScheduled": 2, "numberReady": ready},
                "spec": {"template": {"spec": {"containers": [{"command": ["/x"]}, {"args": arguments}]}}}})
        };
        let seen = |set: Value| of_daemon_sets(&[json!({"metadata": {"name": "kube-proxy"}}), set]);
        assert_eq!(Some(seen(set("cilium", 2, &[]))), by("Cilium"));
        assert_eq!(Some(seen(set("aws-node", 2, &["--enable-network-policy=true"]))), by("Amazon VPC CNI"));
        assert_eq!(Some(seen(set("kube-router", 2, &["--run-router=true"]))), by("kube-router"));
        let unseen = |text: &str| Enforcement::Unseen(text.to_owned());
        assert_eq!(seen(set("cilium", 1, &[])), unseen("Cilium is ready on 1 of 2 nodes"));
        assert_eq!(
            seen(set("aws-node", 2, &[])),
            unseen("Amazon VPC CNI runs with its policies switched off")
        );
        assert_eq!(
            seen(set("kube-router", 2, &["--run-firewall=false"])),
            unseen("kube-router runs with its policies switched off")
        );
        assert_eq!(seen(set("kube-flannel-ds", 2, &[])), unseen("no known one is installed"));
        assert!(
            seen(set("own", 2, &[])).warning().unwrap().contains("kubectl annotate nodes --all kompox.dev/")
        );
        assert_eq!(by("Cilium").unwrap().warning(), None);
    }

    #[test]
    fn policies_that_leave_a_node_reachable_are_named() {
        let node = |name: &str, address: &str, pods: &str| {
            json!({"metadata": {"name": name}, "spec": {"podCIDRs": [pods]},
                "status": {"addresses": [{"address": name}, {"address": address}]}})
        };
        let nodes = [node("a", "10.0.0.1", "10.1.0.0/24"), node("b", "10.0.0.2", "10.1.1.0/24")];
        let policy = |namespace: &str, except: &[&str]| {
            json!({"metadata": {"namespace": namespace, "annotations": {label::IDENTITY: "o/p/x"}},
                "spec": {"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": except}}]}]}})
        };
        let opened = json!({"metadata": {"namespace": "opened"},
            "spec": {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.1/32"]}}, {"podSelector": {}}]}]}});
        let older = older_policies(
            &[
                policy("z", &["10.0.0.1/32", "10.1.0.0/24", "10.1.1.0/24"]),
                policy("whole", &["10.0.0.0/8"]),
                policy("each", &["10.0.0.1/32", "10.0.0.2/32", "10.1.0.0/16"]),
                policy("m", &[]),
                opened,
            ],
            &nodes,
        );
        let older: Vec<_> = older.iter().map(|o| (&*o.namespace, &*o.app, o.nodes.join(" "))).collect();
        let expected = [("m", "o/p/x", "a b"), ("opened", "", "b"), ("z", "o/p/x", "b")];
        assert_eq!(older, expected.map(|(namespace, app, nodes)| (namespace, app, nodes.to_owned())));
    }
}
