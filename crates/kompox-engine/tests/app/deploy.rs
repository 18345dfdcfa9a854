//! `app deploy` when all goes well: what is written, in which order, and when nothing is.

use crate::bed::{Bed, COMPOSE, LIMIT, changed, in_order, lease};
use crate::kubelet::Mode;
use kompox_model::IngressRule;
use kompox_testkit::{Fault, When};
use serde_json::json;

#[tokio::test]
async fn a_first_deploy_makes_everything_and_a_repeat_writes_nothing() {
    let bed = Bed::new().await;
    let deployed = bed.deploy(COMPOSE).await.unwrap();
    assert!(deployed.pod.is_some());
    assert_eq!(deployed.hosts[0].host, "shop.c1.example.org");
    let writes = bed.writes();
    let order = [
        "POST v1/namespaces",
        "POST k4x-",
        "POST traefik/configmaps",
        "PATCH namespaces/",
        "PATCH deployments/app",
        "PATCH ingresses/default",
        "DELETE leases/kompox-operation",
    ];
    in_order(&writes, &order);
    assert_eq!(writes.iter().filter(|write| write.contains("deployments")).count(), 1);
    let reference = |change: &kompox_engine::app::Change| {
        format!("{} {}", change.reference.gvk.kind, change.reference.name)
    };
    let mut planned: Vec<_> = deployed.plan.changes.iter().map(reference).collect();
    let mut present: Vec<_> =
        bed.objects().into_iter().filter(|object| !object.starts_with("Pod ")).collect();
    planned.sort();
    present.sort();
    assert_eq!(planned, present, "objects planned = objects present");

    bed.api.forget();
    for _ in 0..3 {
        assert!(bed.deploy(COMPOSE).await.unwrap().plan.is_empty());
    }
    assert_eq!(bed.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    for bed in [Bed::new().await, Bed::deployed().await] {
        let planned = bed.deploy_with(&changed(), |options| options.dry_run = true).await.unwrap();
        assert!(!planned.plan.is_empty());
        assert_eq!((bed.writes(), planned.pod), (Vec::new(), None));
    }
}

#[tokio::test]
async fn what_is_no_longer_needed_goes_once_the_new_pod_is_ready() {
    let mut bed = Bed::deployed().await;
    let former = bed.only("Secret")["metadata"]["name"].clone();
    bed.kubelet.set(Mode::Absent);
    bed.limit = bed.in_vain();
    bed.deploy(&changed()).await.unwrap_err();
    let secret = format!("secrets/{}", former.as_str().unwrap());
    assert!(bed.api.object(&bed.path("api/v1", &secret)).is_some(), "the old Pod may still want it");
    bed.kubelet.set(Mode::Ready);
    bed.limit = LIMIT;
    bed.tamper(&bed.deployment_path(), |deployment| deployment["spec"]["replicas"] = 0.into());
    bed.deploy(&changed()).await.unwrap();
    assert_ne!(bed.only("Secret")["metadata"]["name"], former);
}

#[tokio::test]
async fn a_removed_host_goes_at_once_its_ingress_before_its_claim() {
    let mut bed = Bed::new().await;
    bed.app.ingress = vec![IngressRule { port: 80, host: "shop.example.com".to_owned() }];
    bed.deploy(COMPOSE).await.unwrap();
    let hosts = |bed: &Bed| bed.objects().iter().filter(|object| object.contains(" host-")).count();
    assert_eq!(hosts(&bed), 3);
    bed.api.forget();
    bed.app.ingress = Vec::new();
    bed.kubelet.set(Mode::Absent);
    bed.limit = bed.in_vain();
    // The Pod changes too, and is not ready in time.
    bed.deploy(&changed()).await.unwrap_err();
    in_order(&bed.writes(), &["DELETE ingresses/host-", "DELETE configmaps/host-"]);
    assert_eq!(hosts(&bed), 1);
}

#[tokio::test]
async fn binds_are_brought_to_the_disk_once() {
    let bed = Bed::new().await;
    let compose = COMPOSE.replace("[\"data:/data\"]", "[\"data:/data\", \"./conf:/conf\"]");
    bed.deploy(&compose).await.unwrap();
    assert!(bed.memory.fingerprint().contains("binds/conf"), "{}", bed.memory.fingerprint());
    let writes = bed.memory.writes();
    bed.deploy(&compose.replace("red", "blue")).await.unwrap();
    assert_eq!(bed.memory.writes(), writes);
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_told() {
    let bed = Bed::deployed().await;
    bed.api.put(&bed.lease_path(), lease("2020-01-01T00:00:00.000000Z"));
    bed.deploy(&changed()).await.unwrap();
    assert!(bed.told.has("took over from somebody"));
}

#[tokio::test]
async fn a_lease_that_cannot_be_given_back_does_not_undo_a_deploy() {
    let bed = Bed::new().await;
    let path = "/leases/kompox-operation".to_owned();
    let fault = Fault::status(403, "Forbidden", "no");
    bed.api.plant(When::Every { method: http::Method::DELETE, path }, fault);
    bed.deploy(COMPOSE).await.unwrap();
    assert!(bed.told.has("expires"));
}

#[tokio::test]
async fn a_deploy_warns_where_no_policy_engine_is_seen() {
    let bed = Bed::new().await;
    let fault = Fault::status(403, "Forbidden", "no");
    let path = "/apis/apps/v1/daemonsets".to_owned();
    bed.api.plant(When::Request { method: http::Method::GET, path, nth: 1 }, fault);
    bed.deploy(COMPOSE).await.unwrap();
    assert!(bed.told.has("these credentials may not list DaemonSets"));
    bed.deploy(COMPOSE).await.unwrap();
    assert!(bed.told.has("no known one is installed"));

    let bed = Bed::new().await;
    bed.api.put(
        "/api/v1/nodes/n1",
        json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "n1", "annotations": {"kompox.dev/network-policy-engine": "own"}}}),
    );
    bed.deploy(COMPOSE).await.unwrap();
    assert!(!bed.told.has("NetworkPolicy"));
}
