//! Judgements by what was found.

use super::*;
use Outcome::{Fail, Ok as Fine, Warn};
use kompox_model::port::DiskGap;
use serde_json::json;

fn error(kind: ErrorKind) -> PortError {
    PortError::new(kind, "kubernetes", "list", "Node").because("the cause")
}

/// Each with its outcome and a part of what it says; whatever is not fine names a way out.
#[test]
fn each_finding_has_its_outcome_and_remedy() {
    let node = |ready: &str| json!({"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
    let right = |verb: &str, group: &str, resource: &str, allowed| Right {
        verb: verb.into(),
        group: group.into(),
        resource: resource.into(),
        allowed,
    };
    let status = |installed| Ok(ClusterStatus { installed, ..ClusterStatus::default() });
    let gap = |kind| {
        let gaps = vec![DiskGap { kind, message: "node n9".into() }];
        Ok(DiskInventory { gaps, ..DiskInventory::default() })
    };
    let classes = || Ok(vec![json!({"metadata": {"name": "nginx"}})]);
    let no_service = || Error::from(error(ErrorKind::NotFound).detail("no Service"));
    let service = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}});
    let denied = vec![
        right("get", "", "pods/log", true),
        right("create", "apps", "deployments", false),
        right("patch", "apps", "deployments", false),
        right("list", "", "secrets", false),
    ];
    for (check, outcome, part) in [
        (unreachable(&error(ErrorKind::Unavailable)), Fail, "kubernetes: list Node: unavailable: the cause"),
        (version((1, 32)), Fail, "older than 1.33"),
        (version((1, 33)), Fine, "1.33"),
        (version((1, 36)), Fine, "1.36"),
        (version((2, 0)), Warn, "newer than 1.36"),
        (clock(None), Warn, "does not tell"),
        (clock(Some(-10)), Fine, "agree"),
        (clock(Some(11)), Warn, "11 s ahead of"),
        (clock(Some(-3600)), Warn, "3600 s behind"),
        (rights(&Err(error(ErrorKind::Timeout))), Fail, "timed out"),
        (rights(&Ok(vec![right("get", "", "pods/log", true)])), Fine, "all 1 rights"),
        (rights(&Ok(denied)), Fail, "may not: create/patch deployments.apps; list secrets"),
        (nodes(&Err(error(ErrorKind::Denied))), Fail, "denied"),
        (nodes(&Ok(vec![])), Fail, "no node"),
        (nodes(&Ok(vec![node("True")])), Fine, "1 of 1"),
        (nodes(&Ok(vec![node("Unknown")])), Fail, "none of 1"),
        (nodes(&Ok(vec![node("True"), node("False")])), Warn, "not ready: n1"),
        (ingress_class("nginx", &classes()), Fine, "nginx"),
        (ingress_class("traefik", &classes()), Fail, "no ingress class `traefik`"),
        (ingress_class("traefik", &Ok(vec![])), Fail, "no ingress class"),
        (ingress_controller::<()>("t", Ok((Err(no_service()), vec![]))), Fail, "no Service"),
        (ingress_controller("t", Ok((Ok(()), vec![]))), Warn, "no address"),
        (ingress_controller("t", Ok((Ok(()), vec![service]))), Fine, "192.0.2.1"),
        (driver("k3s", &status(Some(true))), Fine, "ready"),
        (driver("k3s", &status(Some(false))), Warn, "not installed"),
        (driver("k3s", &status(None)), Warn, "could not be found out"),
        (driver("k3s", &Err(error(ErrorKind::Unsupported))), Fine, "nothing to tell"),
        (driver("k3s", &Err(error(ErrorKind::Invalid))), Fail, "invalid"),
        (disks(&Ok(DiskInventory::default())), Fine, "answers"),
        (disks(&gap(GapKind::NotInstalled)), Warn, "node n9"),
        (disks(&gap(GapKind::Unreachable)), Fail, "node n9"),
        (disks(&gap(GapKind::Foreign)), Fail, "node n9"),
        (disks(&Err(error(ErrorKind::Conflict))), Fail, "conflict"),
        (policies(&Ok(Enforcement::By("Cilium".into()))), Fine, "Cilium"),
        (policies(&Ok(Enforcement::Unseen("none".into()))), Warn, "(none)"),
        (policies(&Err(error(ErrorKind::Timeout))), Fail, "timed out"),
    ] {
        assert_eq!(check.outcome, outcome, "{check:?}");
        assert!(check.finding.contains(part), "{part}: {check:?}");
        assert_eq!(check.remedy.as_deref().is_none_or(str::is_empty), outcome == Fine, "{check:?}");
    }
}
