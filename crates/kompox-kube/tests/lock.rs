//! The Lease of an operation: two holders, takeover, loss, release.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod fixture;

use fixture::scripted;
use jiff::{SignedDuration, Timestamp};
use kompox_kube::{Client, Options};
use kompox_model::port::{Call, Cancel, Cluster as _, ErrorKind, Lock, PortError};
use kompox_testkit::ScriptedApi;
use serde_json::{Value, json};

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases/kompox-operation";

async fn lock(client: &Client, holder: &str) -> Result<Box<dyn Lock>, PortError> {
    let cancel = Cancel::new();
    client.lock(&Call::new(&cancel), "default", holder).await
}

fn lease(api: &ScriptedApi) -> Value {
    api.object(PATH).unwrap()
}

/// A Lease of somebody else, renewed so many seconds ago.
fn foreign(api: &ScriptedApi, seconds: i64) {
    let time = format!("{:.6}", Timestamp::now() - SignedDuration::from_secs(seconds));
    api.put(
        PATH,
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "kompox-operation", "namespace": "default"},
            "spec": {"holderIdentity": "other", "leaseDurationSeconds": 30, "acquireTime": time, "renewTime": time,
                     "leaseTransitions": 3},
        }),
    );
}

#[tokio::test]
async fn one_holder_at_a_time() {
    let (api, client) = scripted(Options::default()).await;
    let held = lock(&client, "first").await.unwrap();
    assert_eq!(held.taken_over(), None);
    held.check().unwrap();
    let found = lease(&api);
    assert_eq!(found["metadata"]["labels"]["kompox.dev/part"], "state");
    assert_eq!(
        (&found["spec"]["holderIdentity"], &found["spec"]["leaseDurationSeconds"]),
        (&json!("first"), &json!(30))
    );

    let error = lock(&client, "second").await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains("by first"), "{error}");
    assert!(error.hint.is_some());

    held.release().await.unwrap();
    assert!(api.object(PATH).is_none(), "nothing is left behind");
    let held = lock(&client, "second").await.unwrap();
    assert_eq!(held.taken_over(), None, "it was given back");
    held.check().unwrap();
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_reported() {
    let (api, client) = scripted(Options::default()).await;
    foreign(&api, 20);
    assert_eq!(lock(&client, "me").await.err().unwrap().kind, ErrorKind::Conflict);
    foreign(&api, 40);
    let held = lock(&client, "me").await.unwrap();
    assert_eq!(held.taken_over(), Some("other"));
    assert_eq!(lease(&api)["spec"]["leaseTransitions"], 4);
}

#[tokio::test]
async fn of_two_who_come_at_once_one_wins() {
    let (api, client) = scripted(Options::default()).await;
    foreign(&api, 40);
    let (one, two) = tokio::join!(lock(&client, "one"), lock(&client, "two"));
    let winner = lease(&api)["spec"]["holderIdentity"].clone();
    let (held, error) = match (one, two) {
        (Ok(held), Err(error)) | (Err(error), Ok(held)) => (held, error),
        _ => panic!("not exactly one holds it"),
    };
    held.check().unwrap();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains(winner.as_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_lease_in_a_missing_namespace_is_not_found() {
    let (_api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let error = client.lock(&Call::new(&cancel), "nowhere", "me").await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_lost_lease_is_not_released_from_its_new_holder() {
    let (api, client) = scripted(Options::default()).await;
    let held = lock(&client, "me").await.unwrap();
    foreign(&api, 0);
    let error = held.release().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains("held by other"), "{error}");
    assert_eq!(lease(&api)["spec"]["holderIdentity"], "other");
}

#[tokio::test]
async fn a_foreign_label_does_not_cost_the_lease() {
    let (api, client) = scripted(Options::default()).await;
    let held = lock(&client, "me").await.unwrap();
    let mut found = lease(&api);
    found["metadata"]["labels"]["somebody"] = "else".into();
    api.put(PATH, found);
    held.release().await.unwrap();
    assert!(api.object(PATH).is_none());
}

#[tokio::test]
async fn a_lease_whose_namespace_is_gone_needs_no_release() {
    let (api, client) = scripted(Options::default()).await;
    let held = lock(&client, "me").await.unwrap();
    api.remove("/api/v1/namespaces/default");
    held.release().await.unwrap();
}

#[tokio::test]
async fn the_servers_clock_decides() {
    let (api, client) = scripted(Options::default()).await;
    // The other's clock is an hour ahead of ours, and so is the server's: the Lease is fresh, then old.
    foreign(&api, -3600);
    assert_eq!(lock(&client, "me").await.err().unwrap().kind, ErrorKind::Conflict);
    api.set_clock(SignedDuration::from_secs(3600 + 40).unsigned_abs());
    assert_eq!(lock(&client, "me").await.unwrap().taken_over(), Some("other"));
}
