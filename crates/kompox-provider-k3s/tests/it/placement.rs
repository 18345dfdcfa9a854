//! Where new disks go.

use crate::cluster::run_program;
use crate::scene::{Scene, told};
use kompox_model::DiskSource;
use kompox_model::port::{DiskCreate, ErrorKind};
use kompox_model::quantity::Bytes;
use kompox_node_protocol::{AppRef, CreateDisk, Holder, Identity, Operation, Request, VolumeRef};
use serde_json::json;

const CHOSEN: &str = "kompox.dev/disk-node";

#[tokio::test]
async fn the_only_node_gets_every_disk() {
    let scene = Scene::new(&["a"]);
    assert_eq!(scene.create("default", "one").await.unwrap().node.as_deref(), Some("a"));
}

#[tokio::test]
async fn nodes_that_take_no_pods_do_not_count() {
    let scene = Scene::new(&["a", "b", "c"]);
    scene.fake.edit_node("a", |body| body["spec"]["unschedulable"] = json!(true));
    scene.fake.edit_node("c", |body| {
        body["spec"]["taints"] =
            json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
    });
    assert_eq!(scene.create("default", "one").await.unwrap().node.as_deref(), Some("b"));
}

#[tokio::test]
async fn without_a_choice_several_nodes_are_refused_with_the_remedy() {
    let scene = Scene::new(&["a", "b"]);
    let error = scene.create("default", "one").await.unwrap_err();
    assert_eq!(
        told(&error),
        "Conflict: k3s: create disk one of volume default of app ws/prv/app: several nodes could have the new disk: \
         a, b | choose the node for new disks: label exactly one with kompox.dev/disk-node=true"
    );
    scene.fake.label("a", CHOSEN, "true");
    scene.fake.label("b", CHOSEN, "true");
    let error = scene.create("default", "one").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        told(&error).contains("several nodes are labelled kompox.dev/disk-node=true: a, b"),
        "{}",
        told(&error)
    );
    for node in ["a", "b"] {
        scene.fake.label(node, CHOSEN, "false");
        scene.fake.edit_node(node, |body| body["spec"]["unschedulable"] = json!(true));
    }
    let error = scene.create("default", "one").await.unwrap_err();
    assert!(told(&error).contains("no node takes Pods of apps"), "{}", told(&error));
    assert_eq!(scene.fake.counts().0, 0);
}

#[tokio::test]
async fn the_chosen_node_gets_new_volumes_and_an_app_stays_together() {
    let mut scene = Scene::new(&["a", "b"]);
    scene.fake.label("a", CHOSEN, "true");
    scene.create("default", "one").await.unwrap();
    scene.fake.label("a", CHOSEN, "false");
    scene.fake.label("b", CHOSEN, "true");
    scene.create("default", "two").await.unwrap();
    scene.create("data", "one").await.unwrap();
    let mut shown = scene.shown().await;
    shown.sort();
    assert_eq!(shown, ["data/one@a*", "default/one@a*", "default/two@a"]);
    scene.identity = "ws/prv/another".parse().unwrap();
    scene.create("default", "one").await.unwrap();
    assert_eq!(scene.shown().await, ["default/one@b*"]);
}

#[tokio::test]
async fn a_volume_with_disks_on_two_nodes_is_refused() {
    let scene = Scene::new(&["a", "b"]);
    scene.fake.label("a", CHOSEN, "true");
    scene.create("default", "one").await.unwrap();
    let request = Request::new(Operation::Create(CreateDisk {
        volume: VolumeRef {
            app: AppRef {
                identity: Identity {
                    workspace: "ws".to_owned(),
                    provider: "prv".to_owned(),
                    app: "app".to_owned(),
                },
                app_hash: scene.identity.app_hash(),
            },
            holder: Holder { cluster: "here".to_owned(), cluster_uid: "uid-1".to_owned() },
            volume: "default".to_owned(),
        },
        generation: 0,
        disk: "stray".to_owned(),
        size_bytes: 1,
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        source: "empty".to_owned(),
        at_rest: false,
        if_not_exists: false,
    }));
    let (code, ..) =
        run_program(&scene.fake.store("b"), &["store".to_owned()], request.encode().into_bytes(), None);
    assert_eq!(code, 0);
    assert_eq!(scene.shown().await, ["default/stray@b*", "default/one@a*"], "a list shows what is there");
    for error in [
        scene.create("default", "two").await.unwrap_err(),
        scene.assign("default", "stray").await.unwrap_err(),
        scene.delete("default", "stray").await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(told(&error).contains("volume default has disks on several nodes: a, b"), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_provider_id_is_no_source_here() {
    let scene = Scene::new(&["a"]);
    for (source, kind, part) in [
        ("/some/where", ErrorKind::Unsupported, "a provider id is no source here"),
        ("snapshot:s1", ErrorKind::NotFound, "has no snapshot"),
        ("disk:nine", ErrorKind::NotFound, "has no disk"),
    ] {
        let options = DiskCreate {
            name: "one".parse().unwrap(),
            size: Bytes(1),
            source: DiskSource::parse(source).unwrap(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            at_rest: true,
            if_not_exists: false,
        };
        let error = scene.create_with("default", &options).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(told(&error).contains(part), "{}", told(&error));
    }
    assert_eq!(scene.list().await.unwrap().disks, []);
}
