//! What follows the installation: waiting for kompox-node, and knowing each node's store from then on.

use crate::cluster::{ExecFault, ready_pod};
use crate::scene::{Scene, configured, told};
use kompox_model::port::{Call, Cancel, Driver, ErrorKind};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn id_in(scene: &Scene, node: &str) -> String {
    let text = std::fs::read_to_string(scene.fake.store(node).join("store.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_store_is_made_and_known_once() {
    let scene = Scene::new(&["a", "b"]);
    scene.after_install().await.unwrap();
    for node in ["a", "b"] {
        assert_eq!(scene.fake.known_store(node).unwrap(), id_in(&scene, node));
    }
    assert_ne!(id_in(&scene, "a"), id_in(&scene, "b"));
    assert_eq!(scene.fake.counts().0, 2);
    scene.after_install().await.unwrap();
    assert_eq!(scene.fake.counts().0, 2, "a repeat writes nothing");
}

#[tokio::test]
async fn a_store_that_was_made_but_not_made_known_is_made_known() {
    let scene = Scene::new(&["a"]);
    scene.after_install().await.unwrap();
    let id = id_in(&scene, "a");
    scene.fake.edit_node("a", |body| body["metadata"]["annotations"] = json!({}));
    scene.after_install().await.unwrap();
    assert_eq!(scene.fake.known_store("a"), Some(id));
}

#[tokio::test]
async fn a_node_that_joined_later_is_made_known_with_its_first_disk() {
    let scene = Scene::new(&["a"]);
    scene.after_install().await.unwrap();
    scene.fake.add_node("b");
    scene.fake.label("b", "kompox.dev/disk-node", "true");
    scene.create("default", "one").await.unwrap();
    assert_eq!(scene.fake.known_store("b").unwrap(), id_in(&scene, "b"));
}

#[tokio::test]
async fn a_lost_store_is_a_conflict_and_is_not_made_anew() {
    let scene = Scene::new(&["a"]);
    scene.after_install().await.unwrap();
    let known = id_in(&scene, "a");
    std::fs::remove_dir_all(scene.fake.store("a")).unwrap();
    let error = scene.after_install().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        told(&error).contains(&format!("the disk store {known} is not at /var/lib/kompox/disks")),
        "{}",
        told(&error)
    );
    assert!(!scene.fake.store("a").exists());
    assert_eq!(scene.fake.known_store("a"), Some(known.clone()));

    scene.fake.edit_node("a", |body| body["metadata"]["annotations"] = json!({}));
    scene.after_install().await.unwrap();
    let other = id_in(&scene, "a");
    scene.fake.edit_node("a", |body| body["metadata"]["annotations"]["kompox.dev/disk-store"] = json!(known));
    let error = scene.after_install().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        told(&error).contains(&format!("is the disk store {other}, but the node is known to have {known}"))
    );
}

#[tokio::test]
async fn two_nodes_with_one_store_are_a_conflict() {
    let scene = Scene::new(&["a"]);
    scene.after_install().await.unwrap();
    scene.fake.add_node("b");
    std::fs::create_dir(scene.fake.store("b")).unwrap();
    let record = |node: &str| scene.fake.store(node).join("store.json");
    std::fs::copy(record("a"), record("b")).unwrap();
    let error = scene.after_install().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(told(&error).contains("nodes a and b both have the disk store"), "{}", told(&error));
    assert_eq!(scene.fake.known_store("b"), None);
}

#[tokio::test]
async fn a_node_changed_meanwhile_is_read_again() {
    let scene = Scene::new(&["a"]);
    // The interloper acts after the node was read and before it is written.
    scene.fake.interlope(|fake| fake.edit_node("a", |body| body["metadata"]["resourceVersion"] = json!("7")));
    scene.after_install().await.unwrap();
    assert_eq!(scene.fake.known_store("a").unwrap(), id_in(&scene, "a"));
    assert_eq!(scene.fake.counts().0, 2);

    let scene = Scene::new(&["a"]);
    scene.fake.interlope(|fake| {
        fake.edit_node("a", |body| {
            body["metadata"]["resourceVersion"] = json!("7");
            body["metadata"]["annotations"]["kompox.dev/disk-store"] = json!("another");
        });
    });
    let error = scene.after_install().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{}", told(&error));
    assert_eq!(scene.fake.known_store("a").as_deref(), Some("another"));
}

#[tokio::test]
async fn it_waits_for_the_installed_version_on_every_node_that_is_alive() {
    let scene = Scene::new(&["a", "b", "dead"]);
    scene.fake.edit_node("dead", |body| body["status"]["conditions"][0]["status"] = json!("Unknown"));
    scene.fake.set_pod("dead", None);
    scene.fake.set_pod("a", None);
    let mut earlier = ready_pod("b");
    earlier["metadata"]["annotations"]["kompox.dev/revision"] = json!("r0");
    scene.fake.set_pod("b", Some(earlier));
    let waiting = scene.after_install();
    let working = async {
        // Each change is seen by the waiter before the next one, since both share one thread.
        for node in ["a", "b"] {
            tokio::task::yield_now().await;
            assert_eq!(scene.fake.counts(), (0, 0), "it did not wait");
            scene.fake.set_pod(node, Some(ready_pod(node)));
        }
    };
    let (result, ()) = tokio::join!(waiting, working);
    result.unwrap();
    assert!(scene.fake.known_store("a").is_some() && scene.fake.known_store("b").is_some());
    assert_eq!(scene.fake.known_store("dead"), None);
}

#[tokio::test]
async fn a_pod_that_cannot_start_ends_the_waiting_with_its_reason() {
    let scene = Scene::new(&["a"]);
    let mut pod = ready_pod("a");
    pod["status"] = json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {
        "reason": "ImagePullBackOff", "message": "Back-off pulling image \"kompox-node:test\""}}}]});
    scene.fake.set_pod("a", Some(pod));
    let error = scene.after_install().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(
        told(&error),
        "Unavailable: k3s: install kompox-node on cluster here: kompox-node cannot start on node a: Pod kompox-node-a: \
         ImagePullBackOff: Back-off pulling image \"kompox-node:test\" | is the image in cluster.images.node right, and \
         present or reachable on every node?"
    );
}

#[tokio::test]
async fn the_deadline_ends_the_waiting_and_says_for_what() {
    let scene = Scene::new(&["a"]);
    scene.fake.set_pod("a", None);
    let cancel = Cancel::new();
    let call = Call::new(&cancel)
        .with_cluster(&scene.fake)
        .with_deadline(Instant::now() + Duration::from_millis(50));
    let error = scene.driver.after_install(&call, &scene.cluster).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(told(&error).contains("node a: no Pod of kompox-node is there"), "{}", told(&error));
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    let scene = Scene::new(&["a"]);
    scene.fake.set_daemon_set(None);
    assert_eq!(scene.after_install().await.unwrap_err().kind, ErrorKind::NotFound);

    let scene = Scene::new(&["a"]);
    scene.fake.deny("patch");
    assert_eq!(scene.after_install().await.unwrap_err().kind, ErrorKind::Denied);

    let scene = Scene::new(&["a"]);
    scene.fake.set_fault("a", Some(ExecFault::Says("nonsense")));
    assert_eq!(scene.after_install().await.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_cluster_of_cloud_nodes_is_unsupported_unless_allowed() {
    let mut scene = Scene::new(&["a"]);
    scene.fake.edit_node("a", |body| body["spec"]["providerID"] = json!("gce://project/zone/a"));
    assert_eq!(scene.after_install().await.unwrap_err().kind, ErrorKind::Unsupported);
    scene.cluster = configured(&[("K3S_ALLOW_EPHEMERAL_NODES", "true")]);
    scene.after_install().await.unwrap();
    assert_eq!(scene.fake.known_store("a").unwrap(), id_in(&scene, "a"));
}
