//! From policies to nftables rules. Pure.
//!
//! One chain for each isolated direction of each Pod: what a policy allows returns from it, the rest is refused at once
//! (a prober need not wait). Replies pass before any chain. Filtered is what the node forwards and what Pods send to the
//! node itself; what the node sends, probes among it, is not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::address::Network;
use crate::object::{IpBlock, Labels, Namespace, Peer, Pod, Policy, Rule};
use crate::ports;

/// Which way a packet goes, seen from the Pod that a policy selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

/// A Pod with an address of its own.
struct Live<'a> {
    pod: &'a Pod,
    address: Ipv4Addr,
}

/// Who the far end of a rule may be.
enum Far<'a> {
    /// Matches of addresses; empty for everybody.
    Addresses(String),
    /// One Pod.
    Pod(&'a Live<'a>),
}

/// The whole table, ready to replace the one that is loaded.
pub(crate) fn ruleset<'a>(
    policies: impl Iterator<Item = &'a Policy>,
    pods: impl Iterator<Item = &'a Pod>,
    namespaces: impl Iterator<Item = &'a Namespace>,
) -> String {
    let policies: Vec<&Policy> = policies.collect();
    let live = living(pods);
    let namespaces: BTreeMap<&str, &Labels> =
        namespaces.map(|namespace| (&*namespace.metadata.name, &namespace.metadata.labels)).collect();
    let mut chains = String::new();
    let mut jumps = [String::new(), String::new()];
    for (direction, jumps) in [Direction::Egress, Direction::Ingress].into_iter().zip(&mut jumps) {
        let mut isolated = Vec::new();
        for pod in &live {
            let Some(rules) = rules(direction, pod, &policies, &live, &namespaces) else { continue };
            let name = format!("{}_{}", direction.word(), pod.address.to_string().replace('.', "_"));
            isolated.push(format!("{} : jump {name}", pod.address));
            chain(&mut chains, &name, &rules);
        }
        if !isolated.is_empty() {
            *jumps = format!("    ip {} vmap {{ {} }}\n", direction.own(), isolated.join(", "));
        }
    }
    let [egress, ingress] = jumps;
    // Deleting needs something to delete: the first line makes an empty table where there is none.
    format!(
        "table inet kompox_policy\n\
         delete table inet kompox_policy\n\
         table inet kompox_policy {{\n\
         {chains}\
         \x20 chain forward {{\n\
         \x20   type filter hook forward priority filter - 5; policy accept;\n\
         \x20   ct state established,related accept\n\
         {egress}{ingress}\
         \x20 }}\n\
         \x20 chain input {{\n\
         \x20   type filter hook input priority filter - 5; policy accept;\n\
         \x20   ct state established,related accept\n\
         {egress}\
         \x20 }}\n\
         }}\n"
    )
}

fn chain(chains: &mut String, name: &str, rules: &[String]) {
    let mut lines = String::new();
    for rule in rules {
        writeln!(lines, "    {rule}").unwrap_or_else(|_| unreachable!("a String takes all text"));
    }
    let refuse = "    counter reject with icmp type admin-prohibited\n";
    chains.push_str(&format!("  chain {name} {{\n{lines}{refuse}  }}\n"));
}

/// The newest Pod of each address: after a restart of the cluster older ones still claim theirs for a moment.
fn living<'a>(pods: impl Iterator<Item = &'a Pod>) -> Vec<Live<'a>> {
    let mut by_address: BTreeMap<Ipv4Addr, Live<'a>> = BTreeMap::new();
    for pod in pods.filter_map(live) {
        let created = &pod.pod.metadata.creation_timestamp;
        let known = by_address.get(&pod.address);
        if known.is_none_or(|known| known.pod.metadata.creation_timestamp <= *created) {
            by_address.insert(pod.address, pod);
        }
    }
    by_address.into_values().collect()
}

/// Pods of the host network are the node; a Pod that ended may have given its address to another.
fn live(pod: &Pod) -> Option<Live<'_>> {
    let ended = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    if pod.spec.host_network || ended {
        return None;
    }
    let address = pod.status.pod_ips.iter().find_map(|address| address.ip.parse().ok())?;
    Some(Live { pod, address })
}

/// What a Pod may send or receive; none where no policy isolates it.
fn rules(
    direction: Direction,
    pod: &Live<'_>,
    policies: &[&Policy],
    live: &[Live<'_>],
    namespaces: &BTreeMap<&str, &Labels>,
) -> Option<Vec<String>> {
    let metadata = &pod.pod.metadata;
    let selecting: Vec<&&Policy> = policies
        .iter()
        .filter(|policy| policy.metadata.namespace == metadata.namespace)
        .filter(|policy| policy.spec.pod_selector.matches(&metadata.labels) && direction.isolated_by(policy))
        .collect();
    if selecting.is_empty() {
        return None;
    }
    // Nothing can keep a Pod from itself.
    let mut allowed = vec![format!("ip {} {} return", direction.far(), pod.address)];
    for policy in selecting {
        for rule in direction.rules(policy) {
            for far in far_ends(direction, rule, &policy.metadata.namespace, live, namespaces) {
                allow(&mut allowed, direction, rule, &far, pod, live);
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    allowed.retain(|rule| seen.insert(rule.clone()));
    Some(allowed)
}

/// Adds the rules for one far end.
fn allow(
    allowed: &mut Vec<String>,
    direction: Direction,
    rule: &Rule,
    far: &Far<'_>,
    pod: &Live<'_>,
    live: &[Live<'_>],
) {
    let mut add = |from: &str, receiver: &str, port: String| {
        let words = [from, receiver, &port, "return"];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        allowed.push(words.join(" "));
    };
    let (addresses, receiver) = match far {
        Far::Addresses(addresses) => (addresses.clone(), None),
        Far::Pod(far) => (format!("ip {} {}", direction.far(), far.address), Some(far.pod)),
    };
    let receiver = if direction == Direction::Ingress { Some(pod.pod) } else { receiver };
    for port in ports::matches(&rule.ports, receiver) {
        add(&addresses, "", port);
    }
    // Towards addresses a named port means whatever each Pod there calls so.
    if receiver.is_none() && ports::any_named(&rule.ports) {
        for other in live {
            let receiver = format!("ip daddr {}", other.address);
            for port in ports::matches(&rule.ports, Some(other.pod)) {
                add(&addresses, &receiver, port);
            }
        }
    }
}

fn far_ends<'a>(
    direction: Direction,
    rule: &Rule,
    namespace: &str,
    live: &'a [Live<'a>],
    namespaces: &BTreeMap<&str, &Labels>,
) -> Vec<Far<'a>> {
    if rule.peers.is_empty() {
        return vec![Far::Addresses(String::new())];
    }
    let mut ends = Vec::new();
    for peer in &rule.peers {
        match &peer.ip_block {
            Some(block) => ends.extend(block_match(direction, block).map(Far::Addresses)),
            None => ends.extend(
                live.iter().filter(|pod| selects(peer, namespace, pod.pod, namespaces)).map(Far::Pod),
            ),
        }
    }
    ends
}

fn selects(peer: &Peer, namespace: &str, pod: &Pod, namespaces: &BTreeMap<&str, &Labels>) -> bool {
    let metadata = &pod.metadata;
    let in_namespace = match &peer.namespace_selector {
        Some(selector) => namespaces.get(&*metadata.namespace).is_some_and(|labels| selector.matches(labels)),
        None => metadata.namespace == namespace,
    };
    in_namespace && peer.pod_selector.as_ref().is_none_or(|selector| selector.matches(&metadata.labels))
}

/// None for an IPv6 block. Exceptions may overlap, so each is a match of its own.
fn block_match(direction: Direction, block: &IpBlock) -> Option<String> {
    let far = direction.far();
    let network = Network::parse(&block.cidr)?;
    let mut text =
        if network.is_everything() { "meta nfproto ipv4".to_owned() } else { format!("ip {far} {network}") };
    for except in &block.except {
        text.push_str(&format!(" ip {far} != {}", Network::parse(except)?));
    }
    Some(text)
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The field of a packet that holds the selected Pod's address.
    fn own(self) -> &'static str {
        match self {
            Self::Ingress => "daddr",
            Self::Egress => "saddr",
        }
    }

    /// The field that holds the other's.
    fn far(self) -> &'static str {
        match self {
            Self::Ingress => "saddr",
            Self::Egress => "daddr",
        }
    }

    fn rules(self, policy: &Policy) -> &[Rule] {
        match self {
            Self::Ingress => &policy.spec.ingress,
            Self::Egress => &policy.spec.egress,
        }
    }

    /// Without policyTypes a policy is about ingress, and about egress if it has such rules.
    fn isolated_by(self, policy: &Policy) -> bool {
        match (&policy.spec.policy_types, self) {
            (Some(types), Self::Ingress) => types.iter().any(|kind| kind == "Ingress"),
            (Some(types), Self::Egress) => types.iter().any(|kind| kind == "Egress"),
            (None, Self::Ingress) => true,
            (None, Self::Egress) => !policy.spec.egress.is_empty(),
        }
    }
}
