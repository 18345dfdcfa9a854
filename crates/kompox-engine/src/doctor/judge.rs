//! What each finding means and what helps. Pure.

use super::{Check, OLDEST_KUBERNETES, Outcome, TESTED_KUBERNETES};
use crate::Error;
use crate::cluster::ingress_address;
use crate::network::Enforcement;
use kompox_model::port::{ClusterFacts, ClusterStatus, DiskInventory, ErrorKind, GapKind, PortError, Right};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error as _;

/// Seconds between the clocks from which on it is told: times in messages and certificates begin to mislead.
const SKEW: u64 = 10;

type Answer<T> = Result<T, PortError>;

fn ok(name: &'static str, finding: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Ok, finding: finding.into(), remedy: None }
}

fn warn(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Warn, finding: finding.into(), remedy: Some(remedy.into()) }
}

fn fail(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check { outcome: Outcome::Fail, ..warn(name, finding, remedy) }
}

/// A question that was not answered: what it is about is needed, so the check fails.
fn unanswered(name: &'static str, error: &PortError) -> Check {
    let mut finding = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        finding.push_str(": ");
        finding.push_str(&next.to_string());
        cause = next.source();
    }
    let remedy = error.hint.clone().unwrap_or_else(|| {
        match error.kind {
            ErrorKind::Denied => {
                "ask the cluster's administrator for that right, or use another kubeconfig context"
            }
            ErrorKind::Unauthenticated => "log in again, or check the user of the kubeconfig context",
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Throttled => {
                "check that the cluster runs and can be reached from here, then repeat the command"
            }
            _ => "mend what the message names, then repeat the command",
        }
        .to_owned()
    });
    fail(name, finding, remedy)
}

pub(super) fn unreachable(error: &PortError) -> Check {
    unanswered("connection", error)
}

pub(super) fn connection(facts: &ClusterFacts) -> Check {
    ok("connection", format!("the cluster answers; its UID is {}", facts.uid))
}

pub(super) fn version(version: (u32, u32)) -> Check {
    let text = |(major, minor): (u32, u32)| format!("{major}.{minor}");
    let (own, oldest, tested) = (text(version), text(OLDEST_KUBERNETES), text(TESTED_KUBERNETES));
    if version < OLDEST_KUBERNETES {
        return fail(
            "version",
            format!("Kubernetes {own} is older than {oldest}"),
            format!("bring the cluster to {oldest} or later"),
        );
    }
    if version > TESTED_KUBERNETES {
        return warn(
            "version",
            format!("Kubernetes {own} is newer than {tested}, which the tests run on"),
            "try a deploy of an app that nobody needs first",
        );
    }
    ok("version", format!("Kubernetes {own}; {oldest} or later will do"))
}

pub(super) fn clock(ahead: Option<i64>) -> Check {
    let Some(ahead) = ahead else {
        return warn(
            "clock",
            "the server does not tell its time",
            "compare the clocks of this machine and of the control plane yourself",
        );
    };
    let seconds = ahead.unsigned_abs();
    if seconds <= SKEW {
        return ok("clock", "the server's clock and this machine's agree");
    }
    let which = if ahead > 0 { "ahead of" } else { "behind" };
    warn(
        "clock",
        format!("the server's clock is {seconds} s {which} this machine's"),
        "set both clocks by NTP: certificates, logins and times in messages depend on them",
    )
}

/// Denied rights by resource, with their verbs.
pub(super) fn rights(rights: &Answer<Vec<Right>>) -> Check {
    let rights = match rights {
        Ok(rights) => rights,
        Err(error) => return unanswered("rights", error),
    };
    let mut denied: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for right in rights.iter().filter(|right| !right.allowed) {
        let dot = if right.group.is_empty() { "" } else { "." };
        let resource = format!("{}{dot}{}", right.resource, right.group);
        denied.entry(resource).or_default().push(&right.verb);
    }
    if denied.is_empty() {
        return ok("rights", format!("all {} rights that Kompox uses are there", rights.len()));
    }
    let denied: Vec<_> =
        denied.into_iter().map(|(resource, verbs)| format!("{} {resource}", verbs.join("/"))).collect();
    fail(
        "rights",
        format!("these credentials may not: {}", denied.join("; ")),
        "have the cluster's administrator grant them by a ClusterRole and a ClusterRoleBinding",
    )
}

pub(super) fn nodes(nodes: &Answer<Vec<Value>>) -> Check {
    let nodes = match nodes {
        Ok(nodes) => nodes,
        Err(error) => return unanswered("nodes", error),
    };
    let is_ready = |node: &&Value| {
        let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
        conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
    };
    let unready: Vec<_> = nodes
        .iter()
        .filter(|node| !is_ready(node))
        .filter_map(|node| node.pointer("/metadata/name")?.as_str())
        .collect();
    let remedy = "look at that node: its kubelet, its disk and its network";
    match (nodes.len(), unready.len()) {
        (0, _) => fail("nodes", "the cluster has no node", "add a node"),
        (all, 0) => ok("nodes", format!("{all} of {all} are ready")),
        (all, none) if all == none => fail("nodes", format!("none of {all} is ready"), remedy),
        _ => warn("nodes", format!("not ready: {}", unready.join(", ")), remedy),
    }
}

pub(super) fn ingress_class(class: &str, classes: &Answer<Vec<Value>>) -> Check {
    let classes = match classes {
        Ok(classes) => classes,
        Err(error) => return unanswered("ingress-class", error),
    };
    let names: Vec<_> = classes.iter().filter_map(|c| c.pointer("/metadata/name")?.as_str()).collect();
    if names.contains(&class) {
        return ok("ingress-class", format!("the cluster has `{class}`"));
    }
    let remedy = if names.is_empty() {
        "install an ingress controller".to_owned()
    } else {
        format!("set cluster.ingress.class to one of: {}", names.join(", "))
    };
    fail("ingress-class", format!("the cluster has no ingress class `{class}`"), remedy)
}

/// `found` is what a deploy would find of the controller, and the Services of its Namespace.
pub(super) fn ingress_controller<T>(namespace: &str, found: Answer<(Result<T, Error>, Vec<Value>)>) -> Check {
    const NAME: &str = "ingress-controller";
    let services = match found {
        Err(error) => return unanswered(NAME, &error),
        Ok((Err(Error::Port(error)), _)) => return unanswered(NAME, &error),
        Ok((Err(error), _)) => return fail(NAME, error.to_string(), "install an ingress controller"),
        Ok((Ok(_), services)) => services,
    };
    match ingress_address(&services, "ip").or_else(|| ingress_address(&services, "hostname")) {
        Some(address) => ok(NAME, format!("found in Namespace {namespace}, at {address}")),
        None => warn(
            NAME,
            format!("found in Namespace {namespace}; its Service has no address"),
            "point the names of your apps at the nodes, or give the cluster a load balancer",
        ),
    }
}

pub(super) fn driver(id: &str, status: &Answer<ClusterStatus>) -> Check {
    match status {
        Err(error) if error.kind == ErrorKind::Unsupported => {
            ok("driver", format!("{id} has nothing to tell of the cluster"))
        }
        Err(error) => unanswered("driver", error),
        Ok(status) => match status.installed {
            Some(true) => ok("driver", format!("what {id} needs in the cluster is installed and ready")),
            Some(false) => warn(
                "driver",
                format!("what {id} needs in the cluster is not installed, or not ready on every node"),
                "deploy an app: that installs it; if it was installed, see its Pods in Namespace kompox-system",
            ),
            None => warn(
                "driver",
                format!("whether {id} has what it needs in the cluster could not be found out"),
                "repeat the command with --log-level info and see the check of the rights",
            ),
        },
    }
}

pub(super) fn disks(disks: &Answer<DiskInventory>) -> Check {
    let gaps = match disks {
        Ok(inventory) => &inventory.gaps,
        Err(error) => return unanswered("disks", error),
    };
    let say = |wanted: &dyn Fn(GapKind) -> bool| {
        let messages: Vec<_> =
            gaps.iter().filter(|gap| wanted(gap.kind)).map(|gap| gap.message.as_str()).collect();
        (!messages.is_empty()).then(|| messages.join("; "))
    };
    if let Some(foreign) = say(&|kind| kind == GapKind::Foreign) {
        return fail("disks", foreign, "mount the right disk store on that node");
    }
    if let Some(silent) = say(&|kind| kind == GapKind::Unreachable) {
        return fail("disks", silent, "bring that node back: while it is silent no app gets a disk");
    }
    if let Some(absent) = say(&|kind| kind == GapKind::NotInstalled) {
        let remedy =
            "if it is starting, look again in a moment; else deploy an app with a volume, which installs it";
        return warn("disks", absent, remedy);
    }
    ok("disks", "every place that keeps disks answers")
}

pub(super) fn policies(policies: &Answer<Enforcement>) -> Check {
    match policies {
        Err(error) => unanswered("network-policy", error),
        Ok(Enforcement::By(engine)) => ok("network-policy", format!("enforced by {engine}")),
        Ok(unseen @ Enforcement::Unseen(why)) => {
            let text = unseen.warning().unwrap_or_default();
            let remedy = text.split_once("hint: ").map_or("install an engine", |(_, hint)| hint);
            warn(
                "network-policy",
                format!("no NetworkPolicy engine was seen ({why}): apps may reach each other"),
                remedy,
            )
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
