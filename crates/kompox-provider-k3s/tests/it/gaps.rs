//! What could not be looked into is said, and never taken for "nothing there".

use crate::cluster::{ExecFault, live_daemon_set};
use crate::scene::{Scene, configured, told};
use kompox_model::port::{ErrorKind, GapKind};
use serde_json::json;

async fn gaps(scene: &Scene) -> Vec<(GapKind, String)> {
    scene.list().await.unwrap().gaps.into_iter().map(|gap| (gap.kind, gap.message)).collect()
}

#[tokio::test]
async fn fresh_nodes_are_no_gaps() {
    let scene = Scene::new(&["a", "b"]);
    let inventory = scene.list().await.unwrap();
    assert!(inventory.disks.is_empty() && inventory.gaps.is_empty());
    assert_eq!(scene.fake.counts().0, 0, "a list writes nothing");
    assert!(!scene.fake.store("a").join("store.json").exists());
}

#[tokio::test]
async fn a_cluster_without_kompox_node_says_so() {
    let scene = Scene::new(&["a"]);
    for (daemon_set, message) in [
        (None, "kompox-node is not installed in cluster here"),
        (
            Some(live_daemon_set("/data/disks")),
            "kompox-node of cluster here looks after /data/disks, not after /var/lib/kompox/disks",
        ),
        (Some(json!({})), "kompox-node of cluster here does not say which disk store it looks after"),
    ] {
        scene.fake.set_daemon_set(daemon_set);
        assert_eq!(gaps(&scene).await, [(GapKind::NotInstalled, message.to_owned())]);
        let error = scene.create("default", "one").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{}", told(&error));
        assert!(told(&error).contains(message), "{}", told(&error));
    }
    assert_eq!(scene.fake.counts(), (0, 0));
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_a_gap() {
    let scene = Scene::new(&["a", "b"]);
    let unreachable = |why: &str| vec![(GapKind::Unreachable, format!("node b: {why}"))];

    scene.fake.set_fault("b", Some(ExecFault::Fails(ErrorKind::Internal)));
    assert_eq!(gaps(&scene).await, unreachable("kompox-node cannot be asked: fake: exec cluster: failed"));
    scene.fake.set_fault("b", Some(ExecFault::Says("Segmentation fault")));
    let why = "kompox-node ended with code 0, it said: it is broken; the answer is not understood: \
               expected value at line 1 column 1";
    assert_eq!(gaps(&scene).await, unreachable(why));
    scene.fake.set_fault("b", Some(ExecFault::Says(r#"{"version":1,"outcome":{}}"#)));
    let why = "node b: kompox-node there is of another version: \
               the answer has protocol version 1, this program speaks version 5";
    assert_eq!(gaps(&scene).await, vec![(GapKind::NotInstalled, why.to_owned())]);
    scene.fake.set_fault(
        "b",
        Some(ExecFault::Says(
            r#"{"version":5,"outcome":{"error":{"kind":"unavailable","message":"the disk is gone"}}}"#,
        )),
    );
    assert_eq!(gaps(&scene).await, unreachable("the disk is gone"));
    scene.fake.set_fault("b", None);

    scene.fake.set_pod("b", None);
    assert_eq!(gaps(&scene).await, unreachable("no Pod of kompox-node is there"));
    scene.fake.edit_node("b", |body| body["status"]["conditions"][0]["status"] = json!("Unknown"));
    assert_eq!(gaps(&scene).await, unreachable("it has not been heard of for a while"));
}

#[tokio::test]
async fn a_starting_pod_can_be_waited_for_and_a_stuck_one_cannot() {
    let scene = Scene::new(&["a", "b"]);
    let waiting = |reason: &str| {
        json!({
            "metadata": { "name": "p" },
            "spec": { "nodeName": "b" },
            "status": { "containerStatuses": [{ "state": { "waiting": { "reason": reason } } }] },
        })
    };
    for (reason, kind) in
        [("ContainerCreating", GapKind::NotInstalled), ("ImagePullBackOff", GapKind::Unreachable)]
    {
        scene.fake.set_pod("b", Some(waiting(reason)));
        assert_eq!(gaps(&scene).await, [(kind, format!("node b: Pod p: {reason}"))]);
    }
}

#[tokio::test]
async fn a_pod_that_is_to_come_can_be_waited_for() {
    let scene = Scene::new(&["a", "b"]);
    scene.fake.set_pod("b", None);
    let mut applied_just_now = live_daemon_set("/var/lib/kompox/disks");
    applied_just_now["status"] = json!({});
    scene.fake.set_daemon_set(Some(applied_just_now));
    let starting = "node b: kompox-node is being started there".to_owned();
    assert_eq!(gaps(&scene).await, [(GapKind::NotInstalled, starting)]);

    scene.fake.set_daemon_set(Some(live_daemon_set("/var/lib/kompox/disks")));
    let replaced = json!({
        "metadata": { "name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "nodeName": "b" },
    });
    scene.fake.set_pod("b", Some(replaced));
    let leaving = "node b: Pod p of kompox-node is being replaced".to_owned();
    assert_eq!(gaps(&scene).await, [(GapKind::NotInstalled, leaving)]);
}

#[tokio::test]
async fn what_was_not_seen_is_not_taken_for_absent() {
    let scene = Scene::new(&["a", "b"]);
    scene.fake.label("a", "kompox.dev/disk-node", "true");
    scene.fake.set_pod("b", None);
    for error in [
        scene.create("default", "one").await.unwrap_err(),
        scene.assign("default", "one").await.unwrap_err(),
        scene.delete("default", "one").await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Unavailable, "{}", told(&error));
        assert!(told(&error).contains("node b: no Pod of kompox-node is there"), "{}", told(&error));
    }
    assert!(!scene.fake.store("a").exists());
}

#[tokio::test]
async fn a_silent_node_does_not_stop_work_on_disks_of_another() {
    let scene = Scene::new(&["a", "b"]);
    scene.fake.label("a", "kompox.dev/disk-node", "true");
    scene.create("default", "one").await.unwrap();
    scene.fake.set_pod("b", None);
    scene.create("default", "two").await.unwrap();
    scene.assign("default", "two").await.unwrap();
    assert!(scene.delete("default", "one").await.unwrap());
    assert_eq!(scene.shown().await, ["default/two@a*"]);
    assert_eq!(scene.create("data", "one").await.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn another_store_than_the_known_one_is_foreign() {
    let scene = Scene::new(&["a"]);
    scene.create("default", "one").await.unwrap();
    let known = scene.fake.known_store("a").unwrap();
    let store = scene.fake.store("a");
    let aside = store.with_file_name("aside");

    // Its file system is not mounted: the folder is there, and empty.
    std::fs::rename(&store, &aside).unwrap();
    std::fs::create_dir(&store).unwrap();
    let message = format!(
        "node a: the disk store {known} is not at /var/lib/kompox/disks; its file system may not be mounted"
    );
    assert_eq!(gaps(&scene).await, [(GapKind::Foreign, message.clone())]);
    let error = scene.create("default", "one").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(told(&error).contains(&message), "{}", told(&error));
    assert!(std::fs::read_dir(&store).unwrap().next().is_none(), "nothing was made in its place");
    std::fs::remove_dir(&store).unwrap();
    assert_eq!(gaps(&scene).await, [(GapKind::Foreign, message)]);

    // Another one is mounted.
    scene.fake.edit_node("a", |body| body["metadata"]["annotations"] = json!({}));
    scene.create("default", "other").await.unwrap();
    let other = scene.fake.known_store("a").unwrap();
    assert_ne!(other, known);
    scene.fake.edit_node("a", |body| body["metadata"]["annotations"]["kompox.dev/disk-store"] = json!(known));
    let message = format!(
        "node a: /var/lib/kompox/disks is the disk store {other}, but the node is known to have {known}"
    );
    assert_eq!(gaps(&scene).await, [(GapKind::Foreign, message)]);
    assert_eq!(scene.delete("default", "other").await.unwrap_err().kind, ErrorKind::Conflict);

    // The known one comes back.
    std::fs::rename(&store, store.with_file_name("other")).unwrap();
    std::fs::rename(&aside, &store).unwrap();
    assert_eq!(scene.shown().await, ["default/one@a*"]);
}

#[tokio::test]
async fn a_store_that_lost_its_record_is_foreign() {
    for known in [true, false] {
        let scene = Scene::new(&["a"]);
        scene.create("default", "one").await.unwrap();
        if !known {
            scene.fake.edit_node("a", |body| body["metadata"]["annotations"] = json!({}));
        }
        std::fs::remove_file(scene.fake.store("a").join("store.json")).unwrap();
        let found = gaps(&scene).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, GapKind::Foreign);
        assert_eq!(scene.create("default", "two").await.unwrap_err().kind, ErrorKind::Conflict);
        assert!(!scene.fake.store("a").join("store.json").exists(), "it is not made anew");
    }
}

#[tokio::test]
async fn two_nodes_with_one_store_are_both_foreign() {
    let scene = Scene::new(&["a", "b"]);
    scene.fake.label("a", "kompox.dev/disk-node", "true");
    scene.create("default", "one").await.unwrap();
    let id = scene.fake.known_store("a").unwrap();
    let copy = scene.fake.store("b");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(scene.fake.store("a").join("store.json"), copy.join("store.json")).unwrap();
    assert_eq!(gaps(&scene).await, [(GapKind::Foreign, format!("nodes a, b all have the disk store {id}"))]);
    assert_eq!(scene.assign("default", "one").await.unwrap_err().kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_a_conflict_with_its_place() {
    let scene = Scene::new(&["a"]);
    scene.create("default", "one").await.unwrap();
    let record = scene.fake.store("a").join(scene.identity.app_hash()).join("default/volume.json");
    std::fs::remove_file(record).unwrap();
    let error = scene.list().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(told(&error).contains("node a: ") && told(&error).contains("volume.json"), "{}", told(&error));
}

#[tokio::test]
async fn missing_rights_are_denied_and_no_gap() {
    for kind in ["Node", "DaemonSet", "Pod", "exec"] {
        let scene = Scene::new(&["a"]);
        scene.fake.deny(kind);
        let error = scene.list().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{kind}: {}", told(&error));
        assert!(told(&error).starts_with("Denied: k3s: list disks of app ws/prv/app"), "{}", told(&error));
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn nodes_of_clouds_have_no_store_unless_allowed() {
    let mut scene = Scene::new(&["a", "b"]);
    let id = |name: &str| json!({"providerID": format!("aws:///zone/{name}")});
    scene.fake.edit_node("a", |body| body["spec"] = id("a"));
    scene.create("default", "one").await.unwrap();
    assert_eq!(scene.shown().await, ["default/one@b*"]);
    scene.fake.edit_node("b", |body| body["spec"] = id("b"));
    let error = scene.list().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    let text = told(&error);
    assert!(text.contains("all 2 nodes") && text.contains("K3S_ALLOW_EPHEMERAL_NODES: \"true\""), "{text}");
    scene.cluster = configured(&[("K3S_ALLOW_EPHEMERAL_NODES", "true")]);
    assert_eq!(scene.shown().await, ["default/one@b*"]);
}

#[tokio::test]
async fn bad_settings_are_invalid_before_anything_is_asked() {
    let mut scene = Scene::new(&["a"]);
    for (key, value) in
        [("K3S_DISK_STORE", "disks"), ("K3S_DISK_STORE", "/a/../b"), ("K3S_ALLOW_EPHEMERAL_NODES", "yes")]
    {
        scene.cluster = configured(&[(key, value)]);
        for error in [
            scene.list().await.unwrap_err(),
            scene.create("default", "one").await.unwrap_err(),
            scene.after_install().await.unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(told(&error).contains(key), "{}", told(&error));
        }
    }
    assert_eq!(scene.fake.counts(), (0, 0));
}
