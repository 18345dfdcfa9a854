//! Who may talk to the Pod, and to whom the Pod may talk. Pure.

use crate::facts::{Cidr, Facts};
use crate::metadata::Metadata;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kompox_model::resource_name;
use std::collections::BTreeSet;

/// Link-local addresses, among them the metadata services of clouds and node-local DNS.
const LINK_LOCAL: &str = "169.254.0.0/16";
/// Azure's host address, which answers from every virtual network.
const AZURE_HOST: &str = "168.63.129.16/32";
/// Unique local and link-local IPv6 addresses.
const PRIVATE_V6: [&str; 2] = ["fc00::/7", "fe80::/10"];
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The policy of the app's Namespace; `internet` is false when every network of the compose file is internal.
pub(crate) fn network_policy(
    metadata: &Metadata,
    facts: &Facts,
    ingress_namespace: &str,
    internet: bool,
) -> NetworkPolicy {
    let mut egress = vec![
        to(vec![dns_pods()], &[("TCP", 53), ("UDP", 53)]),
        to(vec![block(cidr(LINK_LOCAL), BTreeSet::new())], &[("TCP", 53), ("UDP", 53)]),
        to(vec![itself()], &[]),
    ];
    if internet {
        let ports = [("TCP", facts.ingress.web_port), ("TCP", facts.ingress.websecure_port)];
        egress.push(to(vec![ingress_pods(facts, ingress_namespace)], &ports));
        egress.push(to(internet_blocks(facts), &[]));
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

/// Everything but the addresses of the cluster and of the cloud's own services.
///
/// Nodes are excluded too: otherwise the API server and the kubelets stay reachable by their addresses.
fn internet_blocks(facts: &Facts) -> Vec<NetworkPolicyPeer> {
    let hosts = facts.node_addresses.iter().chain(&facts.api_endpoints).map(|address| Cidr::host(*address));
    let networks = facts.pod_cidrs.iter().chain(&facts.denied_cidrs).copied();
    let (mut v4, mut v6): (BTreeSet<_>, BTreeSet<_>) = hosts.chain(networks).partition(Cidr::is_ipv4);
    v4.extend([cidr(LINK_LOCAL), cidr(AZURE_HOST)]);
    let mut blocks = vec![block(cidr("0.0.0.0/0"), v4)];
    if facts.dual_stack {
        v6.extend(PRIVATE_V6.map(cidr));
        blocks.push(block(cidr("::/0"), v6));
    }
    blocks
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
        facts.denied_cidrs = ["10.151.0.0/24", "0.0.0.0/0"].iter().map(|a| a.parse().unwrap()).collect();
        facts
    }

    fn excepted(facts: &Facts) -> Vec<Vec<String>> {
        internet_blocks(facts).into_iter().map(|peer| peer.ip_block.unwrap().except.unwrap()).collect()
    }

    #[test]
    fn nodes_pods_and_api_server_are_unreachable() {
        let mut facts = facts();
        let v4 = [
            "10.99.0.1/32",
            "10.151.0.0/24",
            "10.201.0.0/24",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "203.0.113.7/32",
        ];
        assert_eq!(excepted(&facts), [v4]);
        facts.dual_stack = true;
        assert_eq!(excepted(&facts)[1], ["fc00::/7", "fd00::1/128", "fd01::/64", "fe80::/10"]);
    }

    #[test]
    fn internal_networks_reach_dns_and_themselves_only() {
        let metadata = Metadata::new("ops/k3s/app".parse().unwrap());
        let egress = |internet| {
            let policy = network_policy(&metadata, &facts(), "traefik", internet);
            policy.spec.unwrap().egress.unwrap()
        };
        assert_eq!((egress(false).len(), egress(true).len()), (3, 5));
        assert!(!serde_json::to_string(&egress(false)).unwrap().contains("0.0.0.0"));
    }
}
