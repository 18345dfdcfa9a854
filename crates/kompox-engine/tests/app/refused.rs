//! What `app deploy` refuses before it writes anything.

use crate::bed::{Bed, COMPOSE, going, hint, kind, lease};
use kompox_model::port::{DiskGap, ErrorKind, GapKind};
use kompox_model::{DiskState, resource_name};
use kompox_testkit::{Fault, When};
use serde_json::{Value, json};

/// What is there, the code of the refusal, and what it says.
type Case = (fn(&mut Bed), &'static str, &'static str);

const OURS: &str = "ops/mem/shop";
const OTHER: &str = "ops/mem/other";

fn namespace(bed: &Bed, identity: &str, more: &Value) {
    let mut annotations = json!({"kompox.dev/identity": identity});
    annotations.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bed.api.put(
        &bed.namespace_path(),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bed.namespace(), "annotations": annotations}}),
    );
}

const HOST: &str = "shop.c1.example.org";

pub(crate) fn claim(bed: &Bed, host: &str, labels: &Value) {
    let name = resource_name::host_claim(host);
    bed.api.put(
        &format!("/api/v1/namespaces/traefik/configmaps/{name}"),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"owner": OTHER, "host": host},
               "metadata": {"name": name, "namespace": "traefik", "labels": labels,
                            "annotations": {"kompox.dev/identity": OTHER}}}),
    );
}

fn gap(bed: &Bed, kind: GapKind) {
    bed.memory.set_gaps(vec![DiskGap { kind, message: "node n9".to_owned() }]);
}

const CASES: &[Case] = &[
    (|bed| namespace(bed, OTHER, &json!({})), "app.namespace.foreign", "belongs to app ops/mem/other"),
    (
        |bed| {
            namespace(bed, OURS, &json!({}));
            bed.tamper(&bed.namespace_path(), going);
        },
        "app.object.deleting",
        "is being deleted",
    ),
    (
        |bed| {
            bed.insert_disk("a", true, |_| {});
            let volume = "default".parse().unwrap();
            let name = resource_name::persistent_volume(&bed.identity(), &volume, "handle-a");
            let body = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}});
            bed.api.put(&format!("/api/v1/persistentvolumes/{name}"), body);
        },
        "app.object.foreign",
        "PersistentVolume kompox-default",
    ),
    (
        |bed| {
            namespace(bed, OURS, &json!({}));
            let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}});
            bed.api.put(&bed.path("api/v1", "services/app"), body);
        },
        "app.object.foreign",
        "exists already and is not managed by Kompox",
    ),
    (
        |bed| {
            namespace(bed, OURS, &json!({}));
            let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}});
            let path = bed.path("api/v1", "services/app");
            bed.api.put(&path, body);
            let fault = Fault::status(422, "Invalid", "spec.clusterIP: Invalid value: field is immutable");
            bed.api.plant(When::Every { method: http::Method::PATCH, path }, fault);
        },
        "app.object.foreign",
        "Service k4x-",
    ),
    (
        |bed| claim(bed, HOST, &json!({})),
        "app.host.taken",
        "host shop.c1.example.org already belongs to app ops/mem/other",
    ),
    // Its hash is ours, its identity is not.
    (
        |bed| {
            claim(
                bed,
                HOST,
                &json!({"kompox.dev/app-id-hash": bed.identity().app_hash(), "kompox.dev/part": "app"}),
            );
        },
        "app.host.taken",
        "host shop.c1.example.org already belongs to app ops/mem/other",
    ),
    (
        |bed| bed.insert_disk("a", false, |_| {}),
        "app.disk.none-assigned",
        "volume default has disks (a) but none is assigned",
    ),
    (
        |bed| ["a", "b"].into_iter().for_each(|name| bed.insert_disk(name, true, |_| {})),
        "app.disk.several-assigned",
        "volume default has several assigned disks: a, b",
    ),
    (
        |bed| bed.insert_disk("a", true, |disk| disk.holder.cluster = "c2".parse().unwrap()),
        "app.disk.held",
        "is held by cluster c2",
    ),
    (
        |bed| bed.insert_disk("a", true, |disk| disk.holder.uid = "u0".to_owned()),
        "app.disk.held",
        "is held by another cluster of the name c1",
    ),
    (|bed| gap(bed, GapKind::Unreachable), "disk.unseen.unreachable", "not all disks can be seen: node n9"),
    (|bed| gap(bed, GapKind::Foreign), "disk.unseen.foreign", "not all disks can be seen: node n9"),
    (
        |bed| namespace(bed, OURS, &json!({"kompox.dev/disk-current-id": "h1"})),
        "app.disk.lost",
        "the Namespace remembers disk h1",
    ),
    (
        |bed| namespace(bed, OURS, &json!({"kompox.dev/disks": "{"})),
        "app.disk.memory-unreadable",
        "annotation kompox.dev/disks of the Namespace cannot be read",
    ),
    (
        |bed| {
            namespace(bed, OURS, &json!({}));
            bed.api.put(&bed.lease_path(), lease("2100-01-01T00:00:00.000000Z"));
        },
        "kubernetes.conflict",
        "another operation is under way, by somebody",
    ),
    (
        |bed| bed.cluster.ingress.class = "nginx".to_owned(),
        "cluster.ingress.class-unknown",
        "the cluster has no ingress class `nginx`",
    ),
    (
        |bed| bed.insert_disk("a", true, |disk| disk.state = DiskState::Deleting),
        "app.disk.deleting",
        "is assigned but being deleted",
    ),
    (
        |bed| {
            bed.insert_disk("a", true, |_| {});
            bed.insert_disk("own", true, |disk| disk.volume = "data".parse().unwrap());
        },
        "app.volume.vanished",
        "compose volume `data` has disk own of its own",
    ),
];

#[tokio::test]
async fn nothing_is_written_by_what_is_refused() {
    for (arrange, expected, says) in CASES {
        let mut bed = Bed::new().await;
        arrange(&mut bed);
        let disks = bed.memory.fingerprint();
        let error = bed.deploy(COMPOSE).await.expect_err(says);
        assert_eq!(error.code(), *expected, "{says}: {error}");
        assert!(hint(&error).is_some_and(|hint| !hint.is_empty()), "{says}: no remedy");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_eq!((bed.writes(), bed.memory.fingerprint()), (Vec::new(), disks), "{says}");
    }
}

/// What is going and would be applied: it would vanish afterwards.
#[tokio::test]
async fn an_object_that_is_going_is_not_applied() {
    let bed = Bed::deployed().await;
    bed.tamper(&bed.deployment_path(), going);
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert!(
        error.to_string().starts_with("Deployment ") && error.to_string().ends_with(" is being deleted"),
        "{error}"
    );
    assert_eq!((kind(&error), bed.writes()), (ErrorKind::Conflict, Vec::new()));
}

#[tokio::test]
async fn places_that_appear_once_the_driver_is_installed_are_looked_into_before_a_disk_is_made() {
    let bed = Bed::new().await;
    namespace(&bed, OURS, &json!({"kompox.dev/disk-current-id": "h1"}));
    gap(&bed, GapKind::NotInstalled);
    let planned = bed.deploy_with(COMPOSE, |options| options.dry_run = true).await.unwrap();
    assert!(planned.plan.disks[0].contains("unknown"), "{:?}", planned.plan.disks);
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert!(error.to_string().contains("the Namespace remembers disk h1"), "{error}");
    assert_eq!(bed.disks().await, []);
}

/// Seen on a real cluster that had been restarted: kompox-node's Pod counted as ready, then not, then again.
#[tokio::test]
async fn a_place_that_is_not_ready_for_a_moment_is_waited_for_and_its_disk_is_used() {
    for lists in 0..6 {
        let bed = Bed::new().await;
        let gap = DiskGap { kind: GapKind::NotInstalled, message: "node n9".to_owned() };
        bed.memory.set_passing_gap(lists, gap);
        bed.deploy(COMPOSE).await.unwrap_or_else(|error| panic!("after {lists}: {error}"));
        let disks = bed.disks().await;
        assert_eq!(disks.len(), 1, "after {lists}");
        let objects = bed.api.objects();
        let volumes = objects.iter().filter(|object| object["kind"] == "PersistentVolume");
        let handles: Vec<_> = volumes.map(|volume| &volume["spec"]["csi"]["volumeHandle"]).collect();
        assert_eq!(handles, [&disks[0].handle], "after {lists}");
    }
}

/// Whoever is first owns the host; one that came and went in between leaves it open.
#[tokio::test]
async fn a_host_that_somebody_claims_and_gives_up_is_contended() {
    let bed = Bed::new().await;
    let when = When::Request { method: http::Method::POST, path: "/configmaps".to_owned(), nth: 1 };
    bed.api.plant(when, Fault::status(409, "AlreadyExists", "it is there"));
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert_eq!(error.code(), "app.host.contended", "{error}");
    bed.deploy(COMPOSE).await.unwrap();
}

#[tokio::test]
async fn commands_about_a_pod_say_that_there_is_none() {
    let bed = Bed::deployed().await;
    bed.api.remove(&bed.kubelet.pod());
    let error = bed.exec(None).await.unwrap_err();
    assert_eq!(error.code(), "app.pod.none", "{error}");
}

#[tokio::test]
async fn a_service_must_be_named_and_known() {
    let bed = Bed::new().await;
    let two = format!("{COMPOSE}\n").replace("services:\n", "services:\n  db: {image: example/db:1}\n");
    bed.deploy(&two).await.unwrap();
    for (service, code) in [(None, "app.service.ambiguous"), (Some("cache"), "app.service.unknown")] {
        let error = bed.exec(service).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}
