//! The driver on a real cluster of the test bed: its own installation, and the conformance suite by every way to kompox-node.
//! Needs root. The store is a folder of this machine, in which the tests arrange what they need.

#![allow(clippy::unwrap_used)]

mod bed;
#[path = "../disk_store/mod.rs"]
mod disk_store;
#[path = "../it/program.rs"]
mod program;
mod ssh;
mod ssh_server;
mod subject;

use bed::{Bed, disk};
use kompox_model::port::{AppScope, Cluster as _, Disks, Driver as _, ErrorKind};
use kompox_model::{DiskName, Gvk, ObjectRef, VolumeName, label, object};
use kompox_provider::conformance::{self, ConformanceSubject as _, Outcome, Report};
use program::kompox_node;
use serde_json::Value;
use ssh_server::SshServer;
use std::path::Path;
use subject::ATOMIC;

/// Whether cluster tests are switched off, said by name.
pub(crate) fn skipped(test: &str) -> bool {
    let skipped = std::env::var_os("KOMPOX_TESTS_NO_CLUSTER").is_some_and(|value| value == "1");
    if skipped {
        eprintln!("SKIPPED {test}: KOMPOX_TESTS_NO_CLUSTER is set");
    }
    skipped
}

/// The tests in one, since they share the only DaemonSet of the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_cluster_keeps_disks() {
    if skipped("a_real_cluster_keeps_disks") {
        return;
    }
    let bed = Bed::new().await;
    the_installation_is_known_and_repeatable(&bed).await;
    a_disk_is_a_folder_of_the_node(&bed).await;
    let reports =
        [conformance::disks(&bed).await, conformance::snapshots(&bed).await, conformance::moves(&bed).await];
    obeyed(&bed, &reports);
    // The other ways differ in how a request goes, with its streams and without: one suite each shows it.
    let node = kompox_node().to_str().unwrap();
    let local = bed.by(&[("K3S_NODE_TRANSPORT", "local"), ("K3S_NODE_COMMAND", node)]);
    obeyed(&local, &[conformance::moves(&local).await]);
    let server = SshServer::start();
    let ssh = bed.by_ssh(&server, &[]);
    obeyed(&ssh, &[conformance::disks(&ssh).await]);
}

fn obeyed(bed: &Bed, reports: &[Report]) {
    for report in reports {
        assert_eq!(report.failed().count(), 0, "{report}");
        for skipped in report.skipped() {
            assert_eq!(skipped.outcome, Outcome::Skipped(ATOMIC.to_owned()), "{report}");
        }
    }
    bed.clean();
}

async fn the_installation_is_known_and_repeatable(bed: &Bed) {
    let status = bed.driver.cluster_status(&bed.call(), &bed.cluster).await.unwrap();
    assert_eq!((status.provisioned, status.installed), (Some(true), Some(true)));

    let node = ObjectRef::new(Gvk::core("Node"), None, &bed.node);
    let body = bed.client.get(&bed.call(), &node).await.unwrap().unwrap();
    let known = object::annotation(&body, label::DISK_STORE).unwrap().to_owned();
    let record = std::fs::read_to_string(bed.store.join("store.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&record).unwrap()["id"], known.as_str());

    let daemon_set =
        ObjectRef::new(Gvk::new("apps", "v1", "DaemonSet"), Some(label::SYSTEM_NAMESPACE), "kompox-node");
    let before = bed.client.get(&bed.call(), &daemon_set).await.unwrap().unwrap();
    bed.install().await;
    let after = bed.client.get(&bed.call(), &daemon_set).await.unwrap().unwrap();
    assert_eq!(before["metadata"]["generation"], after["metadata"]["generation"]);
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
}

async fn a_disk_is_a_folder_of_the_node(bed: &Bed) {
    let identity = bed.identity("folder");
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &bed.uid };
    let (volume, name): (VolumeName, DiskName) = ("default".parse().unwrap(), "one".parse().unwrap());
    let made = Disks::create(&bed.driver, &bed.call(), scope, &volume, &disk("one")).await.unwrap();
    assert_eq!(made.node.as_deref(), Some(bed.node.as_str()));
    assert!(Path::new(&made.handle).starts_with(&bed.store) && Path::new(&made.handle).is_dir());

    // More than one frame of the connection, and an owner that the program must be able to give it.
    let content = vec![b'x'; 300_000];
    let archive = ustar("big", 1234, &content);
    let filled = bed.driver.fill(&bed.call(), scope, &volume, &name, "binds/data", &archive).await.unwrap();
    assert!(filled);
    let file = Path::new(&made.handle).join("binds/data/big");
    assert_eq!(std::fs::read(&file).unwrap(), content);
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&file).unwrap()), 1234);

    let again = bed.driver.fill(&bed.call(), scope, &volume, &name, "binds/data", &archive).await.unwrap();
    assert!(!again);

    // Refused after all of it was sent, though the store wants none of it.
    let stranger = AppScope { cluster_uid: "another", ..scope };
    let refused = bed.driver.fill(&bed.call(), stranger, &volume, &name, "binds/new", &archive).await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Conflict);
}

/// A tar archive with one file.
fn ustar(name: &str, uid: u32, content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, &format!("{uid:07o}\0"));
    put(116, &format!("{uid:07o}\0"));
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}
