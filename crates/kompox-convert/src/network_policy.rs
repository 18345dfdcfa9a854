//! Who may talk to the Pod, and to whom the Pod may talk. Pure.

use crate::facts::Facts;
use crate::metadata::Metadata;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kompox_compose::{Diagnostic, Diagnostics};
use kompox_model::{AppNetwork, Cidr, ClusterNetwork, Egress, PortRange, resource_name};
use std::collections::BTreeSet;

/// Link-local addresses, among them the metadata services of clouds and node-local DNS.
const LINK_LOCAL: &str = "169.254.0.0/16";
/// Azure's host address, which answers from every virtual network.
const AZURE_HOST: &str = "168.63.129.16/32";
/// Link-local IPv6 addresses.
const LINK_LOCAL_V6: &str = "fe80::/10";
/// Unique local IPv6 addresses: never the Internet.
const UNIQUE_LOCAL_V6: &str = "fc00::/7";
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What the policy depends on.
pub(crate) struct Surroundings<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) ingress_namespace: &'a str,
    pub(crate) cluster: &'a ClusterNetwork,
    pub(crate) app: &'a AppNetwork,
}

impl Surroundings<'_> {
    /// What no app may reach, whatever its configuration says: the cluster itself, other apps, the cloud's own services.
    fn closed(&self) -> BTreeSet<Cidr> {
        let facts = self.facts;
        let hosts =
            facts.node_addresses.iter().chain(&facts.api_endpoints).map(|address| Cidr::host(*address));
        let cluster = self.cluster.pod_cidrs.iter().chain(&self.cluster.service_cidrs);
        let networks = facts.pod_cidrs.iter().chain(&facts.denied_cidrs).chain(cluster).copied();
        let known = [LINK_LOCAL, AZURE_HOST, LINK_LOCAL_V6].map(cidr);
        hosts.chain(networks).chain(known).collect()
    }

    fn dual_stack(&self) -> bool {
        self.facts.dual_stack || self.cluster.pod_cidrs.iter().any(|network| !network.is_ipv4())
    }
}

/// The policy of the app's Namespace; `internet` is false when every network of the compose file is internal.
pub(crate) fn network_policy(
    metadata: &Metadata,
    surroundings: &Surroundings<'_>,
    internet: bool,
    diagnostics: &mut Diagnostics,
) -> NetworkPolicy {
    let Surroundings { facts, ingress_namespace, app, .. } = surroundings;
    let mut egress = vec![
        to(vec![dns_pods()], &[("TCP", 53), ("UDP", 53)]),
        to(vec![block(cidr(LINK_LOCAL), BTreeSet::new())], &[("TCP", 53), ("UDP", 53)]),
        to(vec![itself()], &[]),
    ];
    if internet {
        let ports = [("TCP", facts.ingress.web_port), ("TCP", facts.ingress.websecure_port)];
        egress.push(to(vec![ingress_pods(facts, ingress_namespace)], &ports));
        let blocks = internet_blocks(surroundings);
        if !blocks.is_empty() {
            egress.push(to(blocks, &[]));
        }
    }
    for rule in &app.allow {
        egress.extend(allowed(rule, surroundings).map_err(|refused| diagnostics.push(refused)).ok());
    }
    NetworkPolicy {
        metadata: metadata.named(resource_name::APP),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector::default()),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule {
                from: Some(vec![in_namespace(ingress_namespace), itself()]),
                ports: None,
            }]),
            egress: Some(egress),
        }),
    }
}

fn to(peers: Vec<NetworkPolicyPeer>, ports: &[(&str, u16)]) -> NetworkPolicyEgressRule {
    let ports: BTreeSet<_> = ports.iter().collect();
    let ports: Vec<_> = ports
        .into_iter()
        .map(|(protocol, port)| NetworkPolicyPort {
            protocol: Some((*protocol).to_owned()),
            port: Some(IntOrString::Int(i32::from(*port))),
            end_port: None,
        })
        .collect();
    NetworkPolicyEgressRule { to: Some(peers), ports: (!ports.is_empty()).then_some(ports) }
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> LabelSelector {
    let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    LabelSelector { match_labels: Some(pairs.collect()), match_expressions: None }
}

/// Every Pod of the app's own Namespace.
fn itself() -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() }
}

fn in_namespace(namespace: &str) -> NetworkPolicyPeer {
    let selector = labels([(NAMESPACE_NAME, namespace)]);
    NetworkPolicyPeer { namespace_selector: Some(selector), ..NetworkPolicyPeer::default() }
}

fn dns_pods() -> NetworkPolicyPeer {
    let pods = labels([("k8s-app", "kube-dns")]);
    NetworkPolicyPeer { pod_selector: Some(pods), ..in_namespace("kube-system") }
}

/// Without this the app could not reach its own public host (OIDC, cron by URL).
fn ingress_pods(facts: &Facts, namespace: &str) -> NetworkPolicyPeer {
    let pods =
        LabelSelector { match_labels: Some(facts.ingress.pod_labels.clone()), match_expressions: None };
    NetworkPolicyPeer { pod_selector: Some(pods), ..in_namespace(namespace) }
}

/// Everything but the addresses of the cluster and of the cloud's own services, and what the app denies itself.
///
/// Nodes are excluded too: otherwise the API server and the kubelets stay reachable by their addresses.
fn internet_blocks(surroundings: &Surroundings<'_>) -> Vec<NetworkPolicyPeer> {
    let own = surroundings.cluster.node_cidrs.iter().chain(&surroundings.app.deny).copied();
    let (v4, mut v6): (BTreeSet<_>, BTreeSet<_>) =
        surroundings.closed().into_iter().chain(own).partition(Cidr::is_ipv4);
    v6.insert(cidr(UNIQUE_LOCAL_V6));
    let mut blocks = Vec::new();
    for (everything, except, wanted) in [("0.0.0.0/0", v4, true), ("::/0", v6, surroundings.dual_stack())] {
        let denied = surroundings.app.deny.contains(&cidr(everything));
        if wanted && !denied {
            blocks.push(block(cidr(everything), except));
        }
    }
    blocks
}

/// A network that the app may reach on top. What no app may reach stays closed inside of it.
fn allowed(rule: &Egress, surroundings: &Surroundings<'_>) -> Result<NetworkPolicyEgressRule, Diagnostic> {
    let network = rule.network;
    let closed = surroundings.closed();
    if let Some(around) = closed.iter().find(|closed| closed.contains(&network)) {
        let message = format!(
            "`app.network.egress.allow` names {network}, which lies in {around}: no app may reach it"
        );
        return Err(Diagnostic::error("convert.egress", message).help(
            "the cluster itself, other apps and the cloud's own services stay closed; remove the entry",
        ));
    }
    let nodes = surroundings.cluster.node_cidrs.iter().copied().filter(|nodes| *nodes != network);
    let except = closed.into_iter().chain(nodes).filter(|part| network.contains(part)).collect();
    let port = |range: &PortRange| NetworkPolicyPort {
        protocol: Some(if range.udp { "UDP" } else { "TCP" }.to_owned()),
        port: Some(IntOrString::Int(i32::from(range.first))),
        end_port: (range.last > range.first).then_some(i32::from(range.last)),
    };
    let ports: Vec<_> = rule.ports.iter().map(port).collect();
    let ports = (!ports.is_empty()).then_some(ports);
    Ok(NetworkPolicyEgressRule { to: Some(vec![block(network, except)]), ports })
}

fn block(network: Cidr, except: BTreeSet<Cidr>) -> NetworkPolicyPeer {
    // The API server wants exceptions that are a part of the network.
    let except: Vec<_> =
        except.iter().filter(|part| !part.is_everything()).map(ToString::to_string).collect();
    let ip_block = IPBlock { cidr: network.to_string(), except: (!except.is_empty()).then_some(except) };
    NetworkPolicyPeer { ip_block: Some(ip_block), ..NetworkPolicyPeer::default() }
}

fn cidr(text: &str) -> Cidr {
    text.parse().expect("a network written above")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let mut facts = Facts::offline();
        facts.node_addresses = ["10.99.0.1", "fd00::1"].iter().map(|a| a.parse().unwrap()).collect();
        facts.pod_cidrs = ["10.201.0.0/24", "fd01::/64"].iter().map(|a| a.parse().unwrap()).collect();
        facts.api_endpoints = ["203.0.113.7".parse().unwrap()].into();
        facts.denied_cidrs = ["10.151.0.0/24"].iter().map(|a| a.parse().unwrap()).collect();
        facts
    }

    /// What `work` sees of a cluster and an app with these networks.
    fn with<T>(
        facts: &Facts,
        cluster: &ClusterNetwork,
        app: &AppNetwork,
        work: impl FnOnce(&Surroundings<'_>) -> T,
    ) -> T {
        work(&Surroundings { facts, ingress_namespace: "traefik", cluster, app })
    }

    fn excepted(facts: &Facts, cluster: &ClusterNetwork, app: &AppNetwork) -> Vec<Vec<String>> {
        let blocks = with(facts, cluster, app, internet_blocks);
        blocks.into_iter().map(|peer| peer.ip_block.unwrap().except.unwrap()).collect()
    }

    fn cidrs(texts: &[&str]) -> Vec<Cidr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn nodes_pods_and_api_server_are_unreachable() {
        let (mut facts, cluster, app) = (facts(), ClusterNetwork::default(), AppNetwork::default());
        let v4 = [
            "10.99.0.1/32",
            "10.151.0.0/24",
            "10.201.0.0/24",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "203.0.113.7/32",
        ];
        assert_eq!(excepted(&facts, &cluster, &app), [v4]);
        facts.dual_stack = true;
        let v6 = ["fc00::/7", "fd00::1/128", "fd01::/64", "fe80::/10"];
        assert_eq!(excepted(&facts, &cluster, &app)[1], v6);
    }

    #[test]
    fn configured_networks_are_unreachable_too() {
        let cluster = ClusterNetwork {
            node_cidrs: cidrs(&["10.98.0.0/16"]),
            pod_cidrs: cidrs(&["10.202.0.0/16", "fd02::/48"]),
            service_cidrs: cidrs(&["10.43.0.0/16"]),
        };
        let app = AppNetwork { allow: Vec::new(), deny: cidrs(&["192.168.0.0/16"]) };
        let blocks = excepted(&Facts::offline(), &cluster, &app);
        let v4 = [
            "10.43.0.0/16",
            "10.98.0.0/16",
            "10.202.0.0/16",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "192.168.0.0/16",
        ];
        assert_eq!(blocks, [v4.as_slice(), &["fc00::/7", "fd02::/48", "fe80::/10"]]);
        let app = AppNetwork { allow: Vec::new(), deny: cidrs(&["0.0.0.0/0", "::/0"]) };
        assert!(excepted(&Facts::offline(), &cluster, &app).is_empty());
    }

    #[test]
    fn an_allowance_opens_no_hole_into_the_cluster() {
        let cluster = ClusterNetwork { node_cidrs: cidrs(&["10.99.0.0/16"]), ..ClusterNetwork::default() };
        let (facts, app) = (facts(), AppNetwork::default());
        let rule = |network: &str| {
            let rule = Egress { network: network.parse().unwrap(), ports: vec!["389".parse().unwrap()] };
            with(&facts, &cluster, &app, |surroundings| allowed(&rule, surroundings))
        };
        let except = |network: &str| {
            let mut peers = rule(network).unwrap().to.unwrap();
            peers.remove(0).ip_block.unwrap().except.unwrap_or_default()
        };
        // A machine beside the nodes, and the network of the nodes without the nodes that there are.
        assert!(except("10.99.7.7/32").is_empty());
        assert_eq!(except("10.99.0.0/16"), ["10.99.0.1/32"]);
        assert_eq!(except("10.0.0.0/8"), ["10.99.0.0/16", "10.99.0.1/32", "10.151.0.0/24", "10.201.0.0/24"]);
        for closed in
            ["10.99.0.1/32", "10.201.0.9/32", "169.254.169.254/32", "168.63.129.16/32", "203.0.113.7/32"]
        {
            assert!(rule(closed).is_err(), "{closed}");
        }
    }

    #[test]
    fn internal_networks_reach_dns_and_themselves_only() {
        let metadata = Metadata::new("ops/k3s/app".parse().unwrap());
        let egress = |internet| {
            let (facts, cluster, app) = (facts(), ClusterNetwork::default(), AppNetwork::default());
            let policy = with(&facts, &cluster, &app, |surroundings| {
                network_policy(&metadata, surroundings, internet, &mut Diagnostics::new())
            });
            policy.spec.unwrap().egress.unwrap()
        };
        assert_eq!((egress(false).len(), egress(true).len()), (3, 5));
        assert!(!serde_json::to_string(&egress(false)).unwrap().contains("0.0.0.0"));
    }
}
