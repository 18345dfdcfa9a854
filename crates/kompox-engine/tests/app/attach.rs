//! `disk attach` and `disk detach`: the switch, the way back, and what is refused before anything is stopped.

use crate::bed::{Bed, COMPOSE, in_order, kind};
use kompox_engine::app;
use kompox_engine::disk::Target;
use kompox_model::DiskState;
use kompox_model::port::ErrorKind;
use kompox_provider::memory::{Fault, Moment, Operation};
use serde_json::{Value, json};

const CURRENT: &str = "kompox.dev/disk-current-id";
const PREVIOUS: &str = "kompox.dev/disk-previous-id";

fn named(name: &str) -> Target {
    Target::Named(name.parse().unwrap())
}

/// Deployed, with a second disk that is ready.
async fn two() -> Bed {
    let bed = Bed::deployed().await;
    bed.insert_disk("second", false, |_| {});
    bed
}

#[tokio::test]
async fn a_switch_stops_assigns_deploys_and_remembers() {
    let bed = two().await;
    let first = bed.disks().await.into_iter().find(|disk| disk.assigned).unwrap();
    let done = bed.attach(named("second")).await.unwrap();
    assert_eq!((done.disk.name.as_str(), done.former.as_ref()), ("second", Some(&first.name)));
    assert!(done.outage_seconds.is_some() && done.deployed.pod.is_some());
    assert_eq!(bed.assigned().await, ["second"]);
    assert_eq!(
        (bed.remembered(CURRENT), bed.remembered(PREVIOUS)),
        (json!("handle-second"), json!(first.handle))
    );
    let pod = bed.only("PersistentVolume");
    assert_eq!(pod["spec"]["csi"]["volumeHandle"], "handle-second");
    in_order(
        &bed.writes(),
        &[
            "POST",
            "PATCH deployments/app",
            "PATCH namespaces",
            "PATCH persistentvolumes/",
            "DELETE persistentvolumeclaims",
        ],
    );

    bed.attach(Target::Previous).await.unwrap();
    assert_eq!(bed.assigned().await, [first.name.to_string()]);
    assert_eq!(
        (bed.remembered(CURRENT), bed.remembered(PREVIOUS)),
        (json!(first.handle), json!("handle-second"))
    );
    assert_eq!(bed.remembered("kompox.dev/disk-switching"), Value::Null);
    bed.attach(Target::Previous).await.unwrap();
    assert_eq!(bed.assigned().await, ["second"], "and back again");
}

#[tokio::test]
async fn a_dry_run_and_a_repeat_write_nothing_of_the_app() {
    let bed = two().await;
    let before = bed.memory.writes();
    let planned = bed.attach_with(&bed.scope(&bed.client), named("second"), true).await.unwrap();
    assert!(!planned.deployed.plan.is_empty());
    assert_eq!((bed.writes(), bed.memory.writes()), (Vec::new(), before));
    bed.attach(named("second")).await.unwrap();
    bed.api.forget();
    let done = bed.attach(named("second")).await.unwrap();
    assert_eq!((done.former, done.outage_seconds), (None, None));
    assert!(bed.writes().iter().all(|write| write.contains("leases")), "{:?}", bed.writes());
}

#[tokio::test]
async fn what_must_not_be_switched_to_is_refused_before_anything_stops() {
    type Case = (fn(&Bed), &'static str, &'static str);
    let cases: [Case; 7] = [
        (|_| {}, "disk.unknown", "has no disk third"),
        (
            |bed| bed.insert_disk("third", false, |disk| disk.state = DiskState::Creating),
            "disk.not-ready",
            "is creating, not ready",
        ),
        (
            |bed| bed.insert_disk("third", false, |disk| disk.holder.cluster = "c2".parse().unwrap()),
            "app.disk.held",
            "is held by cluster c2",
        ),
        (
            |bed| bed.insert_disk("third", false, |disk| disk.holder.uid = "reborn".into()),
            "app.disk.held",
            "another cluster of the name c1",
        ),
        (
            |bed| {
                bed.insert_disk("third", false, |_| {});
                bed.insert_disk("fourth", true, |_| {});
            },
            "app.disk.several-assigned",
            "has several assigned disks",
        ),
        (
            |bed| {
                bed.insert_disk("third", false, |_| {});
                let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "theirs"},
                    "spec": {"csi": {"volumeHandle": "handle-third"}, "claimRef": {"namespace": "x", "name": "y"}}});
                bed.api.put("/api/v1/persistentvolumes/theirs", volume);
            },
            "disk.used",
            "claim x/y uses the disk",
        ),
        (
            |bed| {
                bed.insert_disk("third", false, |_| {});
                let namespace = bed.namespace();
                let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "theirs"},
                    "spec": {"csi": {"volumeHandle": "handle-third"}, "claimRef": {"namespace": namespace, "name": "y"}}});
                bed.api.put("/api/v1/persistentvolumes/theirs", volume);
                let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "debug"},
                    "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "y"}}]}});
                bed.api.put(&bed.path("api/v1", "pods/debug"), pod);
            },
            "disk.used",
            "/debug uses the disk",
        ),
    ];
    for (arrange, expected, says) in cases {
        let bed = Bed::deployed().await;
        arrange(&bed);
        let error = bed.attach(named("third")).await.expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!((&*error.code(), bed.writes()), (expected, Vec::new()), "{says}");
    }
    let bed = two().await;
    let error = bed.attach(Target::Previous).await.unwrap_err();
    assert!(error.to_string().contains("is remembered from before"), "{error}");
    assert_eq!(error.code(), "disk.no-previous");
    assert_eq!((kind(&error), bed.writes()), (ErrorKind::NotFound, Vec::new()));
}

#[tokio::test]
async fn a_switch_that_fails_before_it_is_recorded_lets_the_app_run_on() {
    let bed = two().await;
    let first = bed.assigned().await;
    bed.memory.fail_next(Fault {
        operation: Operation::Assign,
        moment: Moment::Before,
        kind: ErrorKind::Denied,
    });
    let error = bed.attach(named("second")).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Denied);
    assert!(bed.told.has("the app starts again on disk"), "it is said");
    assert_eq!(bed.assigned().await, first);
    assert_eq!(bed.api.object(&bed.deployment_path()).unwrap()["spec"]["replicas"], 1);
    assert!(bed.api.object(&bed.kubelet.pod()).is_some());
    assert!(bed.api.object(&bed.lease_path()).is_none());
}

/// Two records are assigned, or the answer was lost: the app stays stopped, and the same command finishes the switch.
#[tokio::test]
async fn a_switch_that_fails_half_way_is_finished_by_its_repeat() {
    for moment in [Moment::During, Moment::After] {
        let bed = two().await;
        bed.memory.fail_next(Fault { operation: Operation::Assign, moment, kind: ErrorKind::Unavailable });
        bed.attach(named("second")).await.unwrap_err();
        assert!(bed.told.has("repeat the command to finish it"), "{moment:?}");
        assert_eq!(bed.api.object(&bed.deployment_path()).unwrap()["spec"]["replicas"], 0, "{moment:?}");
        bed.attach(named("second")).await.unwrap();
        assert_eq!(bed.assigned().await, ["second"], "{moment:?}");
        assert_eq!(bed.remembered(CURRENT), "handle-second", "{moment:?}");
    }
}

#[tokio::test]
async fn a_stopped_app_is_switched_and_stays_stopped() {
    let bed = two().await;
    app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
    let done = bed.attach(named("second")).await.unwrap();
    assert!(done.deployed.stopped && done.outage_seconds.is_none());
    app::start(&bed.scope(&bed.client), false, "tester").await.unwrap();
    assert_eq!(bed.only("PersistentVolume")["spec"]["csi"]["volumeHandle"], "handle-second");
}

#[tokio::test]
async fn a_disk_is_detached_when_nobody_uses_it_and_can_be_deleted_then() {
    let bed = Bed::deployed().await;
    let name = bed.assigned().await.remove(0);
    let scope = bed.scope(&bed.client);
    let error = bed.detach(&scope, &name).await.unwrap_err();
    assert!(error.to_string().contains("uses disk"), "{error}");
    assert_eq!(error.code(), "disk.used");
    assert_eq!((kind(&error), bed.writes()), (ErrorKind::Conflict, Vec::new()));
    app::stop(&scope, "tester").await.unwrap();
    assert!(!bed.detach(&scope, &name).await.unwrap().assigned);
    let error = app::start(&scope, false, "tester").await.unwrap_err();
    assert!(error.to_string().contains("not on an assigned disk"), "{error}");
    assert_eq!(error.code(), "app.stopped-disk-changed");
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert!(error.to_string().contains("none is assigned"), "{error}");
    let error = bed.attach(named(&name)).await.unwrap_err();
    assert!(error.to_string().contains("has no assigned disk"), "{error}");
    assert_eq!(error.code(), "disk.none-assigned");
    bed.api.forget();
    let before = bed.memory.writes();
    assert!(!bed.detach(&scope, &name).await.unwrap().assigned);
    assert_eq!((bed.writes(), bed.memory.writes()), (Vec::new(), before), "a repeat writes nothing");
    bed.destroy(false).await.unwrap();
    let deleted =
        kompox_engine::disk::delete(&scope, None, &name.parse().unwrap(), Default::default(), "tester")
            .await
            .unwrap();
    assert!(deleted && bed.disks().await.is_empty());
    let error = bed.detach(&scope, &name).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::NotFound);
    bed.deploy(COMPOSE).await.unwrap();
    assert_eq!(bed.assigned().await.len(), 1, "what was deleted by name is forgotten");
}

/// The disk from before was deleted since.
#[tokio::test]
async fn a_previous_disk_that_is_gone_is_said() {
    let bed = two().await;
    let former = bed.assigned().await.remove(0);
    bed.attach(named("second")).await.unwrap();
    let scope = bed.scope(&bed.client);
    let former = former.parse().unwrap();
    kompox_engine::disk::delete(&scope, None, &former, Default::default(), "tester").await.unwrap();
    let error = bed.attach(Target::Previous).await.unwrap_err();
    assert_eq!(error.code(), "disk.previous-gone", "{error}");
}
