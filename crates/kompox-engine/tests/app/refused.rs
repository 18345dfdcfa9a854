//! What `app deploy` refuses before it writes anything.

use crate::bed::{Bed, COMPOSE, going, kind, lease};
use kompox_model::port::{DiskGap, ErrorKind, GapKind};
use kompox_model::resource_name;
use serde_json::{Value, json};

/// What is there, the kind of the refusal, and what it says.
type Case = (fn(&mut Bed), ErrorKind, &'static str);

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

fn claim(bed: &Bed, labels: &Value) {
    let name = resource_name::host_claim("shop.c1.example.org");
    bed.api.put(
        &format!("/api/v1/namespaces/traefik/configmaps/{name}"),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"owner": OTHER, "host": "shop.c1.example.org"},
               "metadata": {"name": name, "namespace": "traefik", "labels": labels,
                            "annotations": {"kompox.dev/identity": OTHER}}}),
    );
}

fn gap(bed: &Bed, kind: GapKind) {
    bed.memory.set_gaps(vec![DiskGap { kind, message: "node n9".to_owned() }]);
}

const CASES: &[Case] = &[
    (|bed| namespace(bed, OTHER, &json!({})), ErrorKind::Conflict, "belongs to app ops/mem/other"),
    (
        |bed| {
            namespace(bed, OURS, &json!({}));
            bed.tamper(&bed.namespace_path(), going);
        },
        ErrorKind::Conflict,
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
        ErrorKind::Conflict,
        "PersistentVolume kompox-default",
    ),
    (
        |bed| {
            namespace(bed, OURS, &json!({}));
            let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}});
            bed.api.put(&bed.path("api/v1", "services/app"), body);
        },
        ErrorKind::Conflict,
        "exists already and is not managed by Kompox",
    ),
    (
        |bed| claim(bed, &json!({})),
        ErrorKind::Conflict,
        "host shop.c1.example.org already belongs to app ops/mem/other",
    ),
    // Its hash is ours, its identity is not.
    (
        |bed| {
            claim(
                bed,
                &json!({"kompox.dev/app-id-hash": bed.identity().app_hash(), "kompox.dev/part": "app"}),
            );
        },
        ErrorKind::Conflict,
        "host shop.c1.example.org already belongs to app ops/mem/other",
    ),
    (
        |bed| bed.insert_disk("a", false, |_| {}),
        ErrorKind::Conflict,
        "volume default has disks (a) but none is assigned",
    ),
    (
        |bed| ["a", "b"].into_iter().for_each(|name| bed.insert_disk(name, true, |_| {})),
        ErrorKind::Conflict,
        "volume default has several assigned disks: a, b",
    ),
    (
        |bed| bed.insert_disk("a", true, |disk| disk.holder.cluster = "c2".parse().unwrap()),
        ErrorKind::Conflict,
        "is held by cluster c2",
    ),
    (
        |bed| bed.insert_disk("a", true, |disk| disk.holder.uid = "u0".to_owned()),
        ErrorKind::Conflict,
        "is held by another cluster of the name c1",
    ),
    (|bed| gap(bed, GapKind::Unreachable), ErrorKind::Unavailable, "not all disks can be seen: node n9"),
    (|bed| gap(bed, GapKind::Foreign), ErrorKind::Conflict, "not all disks can be seen: node n9"),
    (
        |bed| namespace(bed, OURS, &json!({"kompox.dev/disk-current-id": "h1"})),
        ErrorKind::Conflict,
        "the Namespace remembers disk h1",
    ),
    (
        |bed| namespace(bed, OURS, &json!({"kompox.dev/disks": "{"})),
        ErrorKind::Conflict,
        "annotation kompox.dev/disks of the Namespace cannot be read",
    ),
    (
        |bed| {
            namespace(bed, OURS, &json!({}));
            bed.api.put(&bed.lease_path(), lease("2100-01-01T00:00:00.000000Z"));
        },
        ErrorKind::Conflict,
        "another operation is under way, by somebody",
    ),
    (
        |bed| bed.cluster.ingress.class = "nginx".to_owned(),
        ErrorKind::NotFound,
        "the cluster has no ingress class `nginx`",
    ),
];

#[tokio::test]
async fn nothing_is_written_by_what_is_refused() {
    for (arrange, expected, says) in CASES {
        let mut bed = Bed::new().await;
        arrange(&mut bed);
        let disks = bed.memory.fingerprint();
        let error = bed.deploy(COMPOSE).await.expect_err(says);
        assert_eq!(kind(&error), *expected, "{says}: {error}");
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
