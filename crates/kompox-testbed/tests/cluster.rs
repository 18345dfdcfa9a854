//! The test bed against itself: one real cluster through its life. Needs root; brings up and takes
//! down clusters of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kompox_testbed::{Cluster, Image, Testbed, UpOptions, Wipe, https};

/// Only this file uses these letters.
const SHARED: &str = "h";
const SHORT_LIVED: &str = "i";
const LIMIT: Duration = Duration::from_secs(60);

/// One test at a time changes clusters.
static TURN: Mutex<()> = Mutex::new(());

/// Whether cluster tests are switched off, said by name.
fn skipped(test: &str) -> bool {
    let skipped = std::env::var_os("KOMPOX_TESTS_NO_CLUSTER").is_some_and(|value| value == "1");
    if skipped {
        eprintln!("SKIPPED {test}: KOMPOX_TESTS_NO_CLUSTER is set");
    }
    skipped
}

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn testbed() -> Testbed {
    Testbed::of_this_checkout().unwrap()
}

fn up(name: &str) -> Cluster {
    testbed().up(name, &UpOptions::default()).unwrap()
}

fn pids(cluster: &Cluster) -> Vec<(&'static str, Option<u32>)> {
    let status = cluster.status().unwrap();
    status.components.into_iter().map(|(name, running)| (name, running.map(|running| running.pid))).collect()
}

/// Waits for a condition and fails with what was awaited.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "not seen within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A namespace of a test's own; what an earlier run left there is gone.
fn namespace(cluster: &Cluster, name: &str) {
    let kubectl = cluster.kubectl().unwrap();
    kubectl.run(&["delete", "namespace", name, "--ignore-not-found", "--timeout=60s"]).unwrap();
    kubectl.run(&["create", "namespace", name]).unwrap();
}

#[test]
fn up_again_changes_nothing() {
    if skipped("up_again_changes_nothing") {
        return;
    }
    let _turn = turn();
    let before = pids(&up(SHARED));
    assert!(before.iter().all(|(_, pid)| pid.is_some()), "{before:?}");
    assert_eq!(pids(&up(SHARED)), before);
}

#[test]
fn another_state_folder_is_told_who_owns_the_letter() {
    if skipped("another_state_folder_is_told_who_owns_the_letter") {
        return;
    }
    let _turn = turn();
    let cluster = up(SHARED);
    let folder = tempfile::tempdir().unwrap();
    let other = Testbed::open(folder.path()).unwrap();
    let error = other.down(SHARED, None).unwrap_err().to_string();
    let root = cluster.folder().ancestors().nth(2).unwrap().display().to_string();
    assert!(error.contains(&root), "{error}");
    assert!(cluster.is_up().unwrap());
}

#[test]
fn two_at_once_take_turns() {
    if skipped("two_at_once_take_turns") {
        return;
    }
    let _turn = turn();
    testbed().down(SHARED, None).unwrap();
    std::thread::scope(|scope| {
        let both = [scope.spawn(|| pids(&up(SHARED))), scope.spawn(|| pids(&up(SHARED)))];
        let [first, second] = both.map(|handle| handle.join().unwrap());
        assert_eq!(first, second);
    });
}

#[test]
fn up_restarts_what_died() {
    if skipped("up_restarts_what_died") {
        return;
    }
    let _turn = turn();
    let cluster = up(SHARED);
    let before = pids(&cluster);
    let victims = ["kubelet", "apiserver", "policy"];
    for (name, pid) in &before {
        if victims.contains(name) {
            let pid = pid.unwrap().to_string();
            assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        }
    }
    eventually("all are gone", || {
        pids(&cluster).iter().all(|(name, pid)| pid.is_none() == victims.contains(name))
    });
    let after = pids(&up(SHARED));
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        assert_eq!(before != after, victims.contains(name), "{name}");
        assert!(after.is_some(), "{name}");
    }
}

#[test]
fn pod_security_refuses() {
    if skipped("pod_security_refuses") {
        return;
    }
    let _turn = turn();
    let cluster = up(SHARED);
    namespace(&cluster, "restricted");
    let kubectl = cluster.kubectl().unwrap();
    let level = "pod-security.kubernetes.io/enforce=restricted";
    kubectl.run(&["label", "namespace", "restricted", level]).unwrap();
    let run = ["--namespace", "restricted", "run", "root", "--image=localhost/busybox:1"];
    let output = kubectl.output(&run).unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("violates PodSecurity \"restricted"), "{message}");
}

#[test]
fn a_node_may_not_read_every_secret() {
    if skipped("a_node_may_not_read_every_secret") {
        return;
    }
    let _turn = turn();
    let cluster = up(SHARED);
    let kubectl = cluster.kubectl().unwrap();
    let node = format!("--as=system:node:{}", cluster.node_name());
    let may = |verb: &str, what: &str| {
        let arguments =
            ["auth", "can-i", verb, what, &node, "--as-group=system:nodes", "--namespace", "kube-system"];
        kubectl.output(&arguments).unwrap().status.success()
    };
    assert!(!may("list", "secrets"));
    assert!(may("create", "pods"), "mirror Pods are a node's own business");
}

#[test]
fn a_service_answers_at_the_nodes_address_and_by_ingress() {
    if skipped("a_service_answers_at_the_nodes_address_and_by_ingress") {
        return;
    }
    let _turn = turn();
    let cluster = up(SHARED);
    cluster.load(&testbed().ensure_images(&[Image::Testserver]).unwrap()).unwrap();
    namespace(&cluster, "web");
    let kubectl = cluster.kubectl().unwrap();
    kubectl.apply(include_str!("web.yaml")).unwrap();
    kubectl.run(&["--namespace=web", "rollout", "status", "deployment/web", "--timeout=60s"]).unwrap();

    let address = || {
        let path = "jsonpath={.status.loadBalancer.ingress[0].ip}";
        kubectl.run(&["--namespace=web", "get", "service", "web", "--output", path]).unwrap()
    };
    eventually("the Service has the node's address", || address() == cluster.node_address().to_string());

    let ingress = IpAddr::from(cluster.node_address());
    let authority = cluster.ingress_authority();
    let host = "web.local.kompox.test";
    let answer = https::get_until(ingress, host, "/", &authority, 200, LIMIT).unwrap();
    assert_eq!(answer.body, "hello from web\n");

    let other = cluster.folder().join("pki/ca.crt");
    assert!(https::get(ingress, host, "/", &other).is_err(), "an authority that did not sign");
    assert!(
        https::get(ingress, "web.example.org", "/", &authority).is_err(),
        "a host not in the certificate"
    );

    // The same host, from inside a Pod, by the cluster's DNS.
    let inside = ["--namespace=web", "exec", "deployment/web", "--", "/testserver", "get"];
    let url = format!("http://{host}/");
    assert_eq!(kubectl.run(&[&inside[..], &[&url]].concat()).unwrap(), "hello from web\n");
}

#[test]
fn down_leaves_nothing_and_data_stay_unless_wiped() {
    if skipped("down_leaves_nothing_and_data_stay_unless_wiped") {
        return;
    }
    let _turn = turn();
    let cluster = up(SHORT_LIVED);
    let kubectl = cluster.kubectl().unwrap();
    kubectl.run(&["create", "configmap", "kept"]).unwrap();
    let disk = cluster.disk_store().join("disk");
    std::fs::write(&disk, "data").unwrap();

    testbed().down(SHORT_LIVED, None).unwrap();
    assert_eq!(leftovers(&cluster), Vec::<String>::new());

    up(SHORT_LIVED);
    kubectl.run(&["get", "configmap", "kept"]).unwrap();

    // A crash takes the namespaces' first process, and with it all others, but no link or group.
    let holder = cluster.status().unwrap().holder.unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &holder]).status().unwrap().success());
    eventually("the cluster is down", || !cluster.is_up().unwrap());
    up(SHORT_LIVED);
    kubectl.run(&["get", "configmap", "kept"]).unwrap();

    testbed().down(SHORT_LIVED, Some(Wipe::Cluster)).unwrap();
    assert_eq!(leftovers(&cluster), Vec::<String>::new());
    assert_eq!(std::fs::read_to_string(&disk).unwrap(), "data");
    testbed().down(SHORT_LIVED, Some(Wipe::Everything)).unwrap();
    assert!(!cluster.folder().exists());
}

/// Traces of a cluster on the machine outside its own folder.
fn leftovers(cluster: &Cluster) -> Vec<String> {
    let group = format!("kpx-{}", cluster.name());
    let mut found = Vec::new();
    let hierarchies = std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten();
    let groups = hierarchies.map(|hierarchy| hierarchy.path().join(&group));
    found.extend(groups.filter(|path| path.exists()).map(|path| path.display().to_string()));
    let link = Path::new("/sys/class/net").join(&group);
    found.extend(link.exists().then(|| link.display().to_string()));
    let routes = std::process::Command::new("ip").args(["route", "show"]).output().unwrap();
    let via = format!("via {} ", cluster.node_address());
    let routes = String::from_utf8_lossy(&routes.stdout).into_owned();
    found.extend(routes.lines().filter(|line| line.contains(&via)).map(str::to_owned));
    let folder = cluster.folder().display().to_string();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    found.extend(mounts.lines().filter(|line| line.contains(&folder)).map(str::to_owned));
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        // A process of the cluster names its folder on its command line.
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(&format!("{folder}/")) {
            found.push(entry.path().display().to_string());
        }
    }
    found
}
