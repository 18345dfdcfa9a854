//! `app destroy`: what goes, what stays, what is refused.

use crate::bed::{Bed, COMPOSE, going, in_order, kind};
use kompox_engine::app::{self, DestroyOptions};
use kompox_model::port::ErrorKind;
use serde_json::{Value, json};

#[tokio::test]
async fn only_the_namespace_and_the_disks_stay() {
    let bed = Bed::deployed().await;
    let before = bed.memory.fingerprint();
    let done = bed.destroy(false).await.unwrap();
    assert_eq!(done.deleted.len(), 9, "{:#?}", done.deleted);
    assert_eq!(bed.objects(), [format!("Namespace {}", bed.namespace())]);
    let order = [
        "POST",
        "DELETE ingresses",
        "DELETE configmaps/host-",
        "DELETE deployments",
        "DELETE persistentvolumeclaims",
        "DELETE persistentvolumes/",
        "DELETE leases",
    ];
    in_order(&bed.writes(), &order);
    bed.api.forget();
    assert_eq!(bed.destroy(false).await.unwrap().deleted, Vec::<String>::new());
    assert_eq!((bed.writes(), bed.memory.fingerprint()), (Vec::new(), before));
}

#[tokio::test]
async fn a_deploy_afterwards_finds_the_disk_again() {
    for delete_namespace in [false, true] {
        let bed = Bed::deployed().await;
        let before = bed.disks().await;
        let done = bed.destroy(delete_namespace).await.unwrap();
        assert_eq!(done.namespace_deleted, delete_namespace);
        assert_eq!(bed.objects().is_empty(), delete_namespace, "{:?}", bed.objects());
        bed.deploy(COMPOSE).await.unwrap();
        assert_eq!(bed.disks().await, before);
        bed.destroy(delete_namespace).await.unwrap();
        bed.api.forget();
        let again = bed.destroy(delete_namespace).await.unwrap();
        assert_eq!((again.deleted, bed.writes()), (Vec::new(), Vec::new()));
    }
}

#[tokio::test]
async fn the_namespace_goes_under_the_lease() {
    let bed = Bed::deployed().await;
    bed.destroy(true).await.unwrap();
    let writes = bed.writes();
    in_order(&writes, &["POST", "DELETE persistentvolumes/", "DELETE namespaces/"]);
    assert!(!writes.iter().any(|write| write.contains("leases/")), "the Lease goes with it: {writes:#?}");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let bed = Bed::deployed().await;
    let options = DestroyOptions { delete_namespace: true, dry_run: true };
    let planned = app::destroy(&bed.scope(&bed.client), options, "tester").await.unwrap();
    assert_eq!((planned.deleted.len(), bed.writes()), (9, Vec::new()));
}

fn not_kept(volume: &mut Value) {
    volume["spec"]["persistentVolumeReclaimPolicy"] = json!("Delete");
}

#[tokio::test]
async fn what_would_take_a_disk_along_is_refused() {
    /// What is there, whether the Namespace shall go too, and what the refusal says.
    type Case = (fn(&Bed), bool, &'static str);
    let cases: [Case; 3] = [
        (|bed| bed.tamper(&bed.pair().1, not_kept), false, "has reclaim policy Delete"),
        (
            // Not found by its label, but by our claim.
            |bed| {
                bed.tamper(&bed.pair().1, |volume| {
                    not_kept(volume);
                    volume["metadata"]["labels"] = json!({});
                });
            },
            false,
            "has reclaim policy Delete",
        ),
        (
            |bed| {
                let body = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mine"}});
                bed.api.put(&bed.path("api/v1", "persistentvolumeclaims/mine"), body);
            },
            true,
            "holds claim mine, which is not of this app",
        ),
    ];
    for (arrange, delete_namespace, says) in cases {
        let bed = Bed::deployed().await;
        arrange(&bed);
        let error = bed.destroy(delete_namespace).await.expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
        let code = if delete_namespace { "app.namespace.foreign-claim" } else { "app.volume.not-retained" };
        assert_eq!(error.code(), code);
        assert_eq!((kind(&error), bed.writes()), (ErrorKind::Conflict, Vec::new()), "{says}");
    }
}

#[tokio::test]
async fn what_is_not_ours_stays() {
    let bed = Bed::deployed().await;
    let mut foreign = bed.only("Secret");
    foreign["metadata"]["name"] = json!("theirs");
    foreign["metadata"]["annotations"]["kompox.dev/identity"] = json!("ops/mem/other");
    let inside = bed.path("api/v1", "secrets/theirs");
    bed.api.put(&inside, foreign.clone());
    let claim = "/api/v1/namespaces/traefik/configmaps/theirs";
    foreign["kind"] = json!("ConfigMap");
    bed.api.put(claim, foreign);
    bed.destroy(false).await.unwrap();
    assert!(bed.api.object(&inside).is_some() && bed.api.object(claim).is_some());
}

#[tokio::test]
async fn a_namespace_that_is_going_is_waited_for() {
    let bed = Bed::deployed().await;
    bed.tamper(&bed.namespace_path(), going);
    let gone = async {
        while !bed.told.has("waiting for the Namespace to go") {
            tokio::task::yield_now().await;
        }
        bed.api.remove(&bed.namespace_path());
    };
    let both = async { tokio::join!(bed.destroy(true), gone) };
    let (done, ()) = tokio::time::timeout(bed.limit, both).await.unwrap();
    assert!(done.unwrap().namespace_deleted);
    assert_eq!(bed.objects(), Vec::<String>::new(), "the volume and the host claim are outside of it");
}

#[tokio::test]
async fn what_has_a_finalizer_is_waited_for() {
    let bed = Bed::deployed().await;
    let (_, path) = bed.pair();
    bed.tamper(&path, |volume| volume["metadata"]["finalizers"] = json!(["example.org/hold"]));
    let finalize = async {
        while !bed.told.has(" to go") {
            tokio::task::yield_now().await;
        }
        bed.api.remove(&path);
    };
    let both = async { tokio::join!(bed.destroy(false), finalize) };
    let (done, ()) = tokio::time::timeout(bed.limit, both).await.unwrap();
    done.unwrap();
    assert_eq!(bed.objects().len(), 1);
}

/// Somebody who makes an object again while it is removed is not taken for success.
#[tokio::test]
async fn an_object_that_returns_is_said() {
    let bed = Bed::deployed().await;
    let (service, pod) = (bed.path("api/v1", "services/app"), bed.kubelet.pod());
    let body = bed.api.object(&service).unwrap();
    bed.api.react(move |written| match written["details"]["kind"].as_str() {
        Some("services") => vec![(service.clone(), body.clone())],
        Some("deployments") => vec![(pod.clone(), Value::Null)],
        _ => Vec::new(),
    });
    let error = bed.destroy(false).await.unwrap_err();
    assert_eq!(error.code(), "app.object.returned", "{error}");
    bed.api.react(|_| Vec::new());
    bed.destroy(false).await.unwrap();
}
