//! `app deploy` and PersistentVolumes: switches, volumes set free, pairs that must be made again, and what is refused.

use crate::bed::{Bed, COMPOSE, going, hint, in_order, kind};
use kompox_model::Volume;
use kompox_model::port::{AppScope, Call, Disks as _, ErrorKind};
use kompox_testkit::{Fault, When};
use serde_json::json;

async fn switch(bed: &Bed) {
    bed.insert_disk("second", false, |_| {});
    bed.assign("second").await.unwrap();
    bed.api.forget();
}

#[tokio::test]
async fn a_switch_makes_a_new_pair_and_forgets_no_disk() {
    let bed = Bed::deployed().await;
    switch(&bed).await;
    bed.deploy(COMPOSE).await.unwrap();
    assert_eq!(bed.only("PersistentVolume")["spec"]["csi"]["volumeHandle"], "handle-second");
    in_order(
        &bed.writes(),
        &["PATCH deployments", "DELETE persistentvolumeclaims", "DELETE persistentvolumes/"],
    );
    let annotations = &bed.api.object(&bed.namespace_path()).unwrap()["metadata"]["annotations"];
    assert_eq!(annotations["kompox.dev/disk-current-id"], "handle-second");
    assert_eq!(annotations["kompox.dev/disk-previous-id"], "memory-1");
    assert_eq!(bed.disks().await.len(), 2);
}

#[tokio::test]
async fn a_volume_that_is_not_kept_is_not_given_up() {
    let bed = Bed::deployed().await;
    let (_, volume) = bed.pair();
    switch(&bed).await;
    bed.tamper(&volume, |volume| volume["spec"]["persistentVolumeReclaimPolicy"] = json!("Delete"));
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert!(error.to_string().contains("has reclaim policy Delete"), "{error}");
    assert_eq!(error.code(), "app.volume.not-retained");
    assert_eq!((kind(&error), bed.writes()), (ErrorKind::Conflict, Vec::new()));
}

#[tokio::test]
async fn a_released_volume_is_set_free() {
    for claim_is_there in [false, true] {
        let bed = Bed::deployed().await;
        let (claim, volume) = bed.pair();
        bed.tamper(&volume, |volume| volume["spec"]["claimRef"]["uid"] = json!("of a former claim"));
        if !claim_is_there {
            bed.api.remove(&claim);
        }
        bed.deploy(COMPOSE).await.unwrap();
        assert_eq!(
            bed.api.object(&volume).unwrap()["spec"]["claimRef"]["uid"],
            json!(null),
            "{claim_is_there}"
        );
        bed.api.forget();
        bed.deploy(COMPOSE).await.unwrap();
        assert_eq!(bed.writes(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_volume_bound_to_another_claim_is_refused() {
    let bed = Bed::deployed().await;
    let (_, volume) = bed.pair();
    bed.tamper(&volume, |volume| {
        volume["spec"]["claimRef"] = json!({"namespace": "x", "name": "y", "uid": "z"});
    });
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert!(error.to_string().contains("is bound to claim x/y"), "{error}");
    assert_eq!(error.code(), "app.volume.bound-elsewhere");
    assert_eq!((kind(&error), bed.writes()), (ErrorKind::Conflict, Vec::new()));
}

/// The server refuses to change an object in place, which differs from what is wanted.
fn immutable(bed: &Bed, path: &str) {
    for _ in 0..2 {
        let fault = Fault::status(422, "Invalid", "spec is immutable after creation");
        let when = When::Request { method: http::Method::PATCH, path: path.to_owned(), nth: 1 };
        bed.api.plant(when, fault);
    }
    bed.tamper(path, |object| object["spec"]["volumeMode"] = json!("Block"));
}

/// What cannot be changed any more is made again: the Pod goes first, then the claim, then the volume, never the disk.
#[tokio::test]
async fn a_pair_that_cannot_be_changed_is_made_again() {
    let cases: [fn(&Bed, &str, &str); 4] = [
        |bed, claim, _| immutable(bed, claim),
        |bed, _, volume| immutable(bed, volume),
        |bed, claim, _| bed.tamper(claim, going),
        |bed, claim, _| bed.tamper(claim, |claim| claim["status"] = json!({"phase": "Lost"})),
    ];
    for arrange in cases {
        let bed = Bed::deployed().await;
        let (claim, volume) = bed.pair();
        let before = bed.memory.fingerprint();
        arrange(&bed, &claim, &volume);
        bed.deploy(COMPOSE).await.unwrap();
        let order = [
            "DELETE deployments/app",
            "DELETE persistentvolumeclaims/",
            "DELETE persistentvolumes/",
            "PATCH persistentvolumes/",
            "PATCH deployments/app",
        ];
        in_order(&bed.writes(), &order);
        assert_eq!(bed.memory.fingerprint(), before);
        let claim = bed.api.object(&claim).unwrap();
        assert_eq!(
            (&claim["status"]["phase"], &claim["spec"]["volumeMode"]),
            (&json!("Bound"), &json!("Filesystem"))
        );
        assert_eq!(bed.api.object(&volume).unwrap()["spec"]["volumeMode"], "Filesystem");
    }
}

/// Invalid for another reason than a change of what is there: nothing is torn down for it.
#[tokio::test]
async fn a_pair_that_is_as_wanted_is_not_made_again() {
    let bed = Bed::deployed().await;
    let (claim, _) = bed.pair();
    let when = When::Every { method: http::Method::PATCH, path: claim };
    bed.api.plant(when, Fault::status(422, "Invalid", "no storage class of that name"));
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert_eq!((kind(&error), bed.writes()), (ErrorKind::Invalid, Vec::new()), "{error}");
}

/// Before its first own disk, the data of a compose volume is on the shared one, which the app may then use no longer.
#[tokio::test]
async fn an_own_disk_does_not_start_empty_unasked() {
    let mut bed = Bed::deployed().await;
    let shared = bed.disks().await.remove(0);
    let identity = bed.identity();
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &shared.holder.uid };
    let call = Call::new(&bed.cancel);
    bed.memory.fill(&call, scope, &shared.volume, &shared.name, "volumes/data", b"archive").await.unwrap();
    let own = Volume { name: "data".parse().unwrap(), compose: Some("data".into()), ..Volume::implicit() };
    bed.app.volumes.push(own);
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert!(
        error.to_string().contains("compose volume `data` would move to an empty disk of volume data"),
        "{error}"
    );
    assert_eq!((kind(&error), bed.writes()), (ErrorKind::Conflict, Vec::new()));

    assert_eq!(error.code(), "app.volume.would-start-empty");
    assert!(
        hint(&error).unwrap().contains("--volume data --source sub-path:default/volumes/data; or"),
        "{error:?}"
    );
    bed.deploy_with(COMPOSE, |options| options.start_empty.extend(["data".to_owned()])).await.unwrap();
    assert_eq!(bed.disks().await.len(), 2);
    assert_eq!(bed.only("PersistentVolume")["spec"]["csi"]["volumeHandle"], "memory-2");
    bed.deploy(COMPOSE).await.expect("once it was accepted, it is not asked again");
}

/// Nor does one that was made by hand and left empty.
#[tokio::test]
async fn an_own_disk_made_by_hand_does_not_start_empty_unasked() {
    for filled in [false, true] {
        let mut bed = Bed::deployed().await;
        let shared = bed.disks().await.remove(0);
        let identity = bed.identity();
        let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &shared.holder.uid };
        let call = Call::new(&bed.cancel);
        bed.insert_disk("own", true, |disk| disk.volume = "data".parse().unwrap());
        let own: kompox_model::VolumeName = "data".parse().unwrap();
        bed.memory
            .fill(&call, scope, &shared.volume, &shared.name, "volumes/data", b"archive")
            .await
            .unwrap();
        if filled {
            let name = "own".parse().unwrap();
            bed.memory.fill(&call, scope, &own, &name, "volumes/data", b"archive").await.unwrap();
        }
        bed.app.volumes.push(Volume { name: own, compose: Some("data".into()), ..Volume::implicit() });
        match bed.deploy(COMPOSE).await {
            Ok(_) => assert!(filled, "it would have started empty"),
            Err(error) => {
                assert!(error.to_string().contains("to an empty disk of volume data"), "{error}");
                assert_eq!((filled, kind(&error), bed.writes()), (false, ErrorKind::Conflict, Vec::new()));
            }
        }
    }
}

/// Claims of hosts in the Namespace where the ingress controller was before are given up.
#[tokio::test]
async fn host_claims_of_a_former_ingress_namespace_go() {
    let mut bed = Bed::deployed().await;
    let claims = |bed: &Bed, namespace: &str| {
        let objects = bed.api.objects();
        let of = |o: &&serde_json::Value| o["kind"] == "ConfigMap" && o["metadata"]["namespace"] == namespace;
        objects.iter().filter(of).count()
    };
    assert_eq!(claims(&bed, "traefik"), 1);
    for object in ["namespaces/ingress", "namespaces/ingress/services/traefik"] {
        let mut body =
            bed.api.object(&format!("/api/v1/{}", object.replacen("ingress", "traefik", 1))).unwrap();
        if object.ends_with("ingress") {
            body["metadata"]["name"] = json!("ingress");
        } else {
            body["metadata"]["namespace"] = json!("ingress");
        }
        bed.api.put(&format!("/api/v1/{object}"), body);
    }
    bed.cluster.ingress.namespace = "ingress".into();
    bed.deploy(COMPOSE).await.unwrap();
    assert_eq!((claims(&bed, "traefik"), claims(&bed, "ingress")), (0, 1));
    bed.cluster.ingress.namespace = "traefik".into();
    bed.destroy(false).await.unwrap();
    assert_eq!((claims(&bed, "traefik"), claims(&bed, "ingress")), (0, 0), "a destroy finds them too");
}
