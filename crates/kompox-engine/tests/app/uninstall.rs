//! `cluster uninstall-node`: what goes, what stays, and when it is refused.

use crate::bed::{Bed, COMPOSE, kind};
use kompox_engine::Error;
use kompox_engine::cluster::{UninstallOptions, Uninstalled, uninstall_node};
use kompox_model::port::ErrorKind;
use serde_json::{Value, json};

const NAMESPACE: &str = "/api/v1/namespaces/kompox-system";

/// An object of kompox-system, ours or not.
fn put(bed: &Bed, group: &str, plural: &str, object: (&str, &str), ours: bool) {
    let (kind, name) = object;
    let labels = if ours {
        json!({"app.kubernetes.io/managed-by": "kompox", "kompox.dev/part": "system"})
    } else {
        json!({})
    };
    let version = group.trim_start_matches("api/").trim_start_matches("apis/");
    bed.api.put(
        &format!("/{group}/namespaces/kompox-system/{plural}/{name}"),
        json!({"apiVersion": version, "kind": kind,
               "metadata": {"name": name, "namespace": "kompox-system", "labels": labels}}),
    );
}

fn install(bed: &Bed) {
    bed.api.put(
        NAMESPACE,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kompox-system",
            "labels": {"app.kubernetes.io/managed-by": "kompox", "kompox.dev/part": "system"}}}),
    );
    put(bed, "apis/apps/v1", "daemonsets", ("DaemonSet", "kompox-node"), true);
    put(bed, "api/v1", "serviceaccounts", ("ServiceAccount", "kompox-node"), true);
    put(bed, "api/v1", "serviceaccounts", ("ServiceAccount", "default"), false);
    put(bed, "api/v1", "configmaps", ("ConfigMap", "kube-root-ca.crt"), false);
}

async fn uninstall(bed: &Bed, dry_run: bool) -> Result<Uninstalled, Error> {
    let now = jiff::Timestamp::now();
    uninstall_node(&bed.cluster_scope(), UninstallOptions { dry_run, now }).await
}

fn names(bed: &Bed) -> Vec<String> {
    let inside = |object: &&Value| {
        object["metadata"]["namespace"] == "kompox-system" || object["metadata"]["name"] == "kompox-system"
    };
    let name = |object: &Value| {
        format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
    };
    bed.api.objects().iter().filter(inside).map(name).collect()
}

#[tokio::test]
async fn everything_of_ours_goes_and_a_repeat_has_nothing_to_do() {
    let bed = Bed::deployed().await;
    install(&bed);
    let disks = bed.disks().await;
    let whole = [
        "DaemonSet kompox-system/kompox-node",
        "ServiceAccount kompox-system/kompox-node",
        "Namespace kompox-system",
    ];
    let planned = uninstall(&bed, true).await.unwrap();
    assert_eq!(
        (planned.deleted.as_slice(), planned.left.is_empty()),
        (whole.map(String::from).as_slice(), true)
    );
    assert_eq!(bed.writes(), Vec::<String>::new());
    assert_eq!(uninstall(&bed, false).await.unwrap(), planned);
    assert!(
        !names(&bed).iter().any(|name| whole.iter().any(|gone| gone.replace("kompox-system/", "") == *name))
    );
    assert_eq!(bed.disks().await, disks, "no disk is touched");
    assert_eq!(uninstall(&bed, false).await.unwrap(), Uninstalled { deleted: Vec::new(), left: Vec::new() });
}

#[tokio::test]
async fn what_is_somebody_elses_stays_and_keeps_the_namespace() {
    let bed = Bed::new().await;
    install(&bed);
    put(&bed, "api/v1", "secrets", ("Secret", "theirs"), false);
    put(&bed, "apis/apps/v1", "daemonsets", ("DaemonSet", "theirs"), false);
    let done = uninstall(&bed, false).await.unwrap();
    assert_eq!(done.left, ["DaemonSet kompox-system/theirs", "Secret kompox-system/theirs"]);
    let left = names(&bed);
    for name in ["Namespace kompox-system", "Secret theirs", "DaemonSet theirs"] {
        assert!(left.iter().any(|found| found == name), "{left:?}");
    }
    assert!(!left.iter().any(|found| found.ends_with("kompox-node")), "{left:?}");
}

#[tokio::test]
async fn it_is_refused_while_a_command_works_or_when_the_namespace_is_foreign() {
    let bed = Bed::new().await;
    install(&bed);
    let lease = |renewed: jiff::Timestamp, holder: &str| {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "kompox-operation", "namespace": bed.namespace(), "labels": {"app.kubernetes.io/managed-by": "kompox"}},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30, "renewTime": format!("{renewed:.6}")}})
    };
    let now = jiff::Timestamp::now();
    bed.api.put(&bed.lease_path(), lease(now, "ann@desk"));
    let error = uninstall(&bed, false).await.unwrap_err();
    assert_eq!((&*error.code(), kind(&error)), ("cluster.busy", ErrorKind::Conflict));
    assert!(error.to_string().contains("ann@desk"), "{error}");
    let error = uninstall(&bed, true).await.unwrap_err();
    assert_eq!(error.code(), "cluster.busy", "a dry run says so too");
    bed.tamper(NAMESPACE, |namespace| namespace["metadata"]["labels"] = json!({}));
    let error = uninstall(&bed, false).await.unwrap_err();
    assert_eq!(error.code(), "cluster.object.foreign", "{error}");
    assert_eq!(bed.writes(), Vec::<String>::new());
    install(&bed);
    bed.api.put(&bed.lease_path(), lease(now - jiff::SignedDuration::from_secs(60), "ann@desk"));
    assert_eq!(uninstall(&bed, false).await.unwrap().deleted.len(), 3, "a crashed command's Lease expires");
    bed.deploy(COMPOSE).await.unwrap();
}
