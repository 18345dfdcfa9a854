//! Watching: whole sets, again after each change, through broken connections.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod fixture;

use fixture::{config_map, names, scripted};
use futures::StreamExt as _;
use http::Method;
use kompox_kube::Options;
use kompox_model::Gvk;
use kompox_model::port::{Call, Cancel, Cluster as _, ErrorKind, Query, Snapshots};
use kompox_testkit::{Fault, ScriptedApi, When};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn put(api: &ScriptedApi, name: &str, value: &str) {
    let object = config_map("default", name, json!({"k": value}));
    api.put(&format!("/api/v1/namespaces/default/configmaps/{name}"), object.body);
}

fn query() -> Query {
    Query::new(Gvk::core("ConfigMap"), Some("default")).labels("test=yes")
}

async fn next(snapshots: &mut Snapshots<'_>) -> Vec<Value> {
    let next = tokio::time::timeout(Duration::from_secs(20), snapshots.next()).await;
    next.expect("a snapshot in time").expect("the watch goes on").unwrap()
}

/// Waits for a snapshot with these names; earlier ones may be on the way.
async fn until(snapshots: &mut Snapshots<'_>, wanted: &[&str]) -> Vec<Value> {
    loop {
        let snapshot = next(snapshots).await;
        if names(&snapshot) == wanted {
            return snapshot;
        }
    }
}

#[tokio::test]
async fn snapshots_follow_the_changes() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let mut snapshots = client.watch(&Call::new(&cancel), &query());
    assert_eq!(next(&mut snapshots).await, Vec::<Value>::new(), "an empty set is told at once");
    put(&api, "b", "1");
    put(&api, "a", "1");
    let found = until(&mut snapshots, &["a", "b"]).await;
    assert_eq!((&found[0]["kind"], &found[0]["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    put(&api, "a", "2");
    assert_eq!(until(&mut snapshots, &["a", "b"]).await[0]["data"]["k"], "2");
    api.remove("/api/v1/namespaces/default/configmaps/a");
    until(&mut snapshots, &["b"]).await;
}

#[tokio::test]
async fn a_broken_watch_goes_on_where_it_was() {
    let (api, client) = scripted(Options::default()).await;
    put(&api, "a", "1");
    let cancel = Cancel::new();
    let mut snapshots = client.watch(&Call::new(&cancel), &query());
    until(&mut snapshots, &["a"]).await;
    api.break_watches();
    put(&api, "b", "1");
    until(&mut snapshots, &["a", "b"]).await;
}

#[tokio::test]
async fn a_watch_that_lost_the_history_lists_again() {
    let (api, client) = scripted(Options::default()).await;
    put(&api, "a", "1");
    put(&api, "b", "1");
    let cancel = Cancel::new();
    let mut snapshots = client.watch(&Call::new(&cancel), &query());
    until(&mut snapshots, &["a", "b"]).await;
    api.compact();
    api.break_watches();
    api.remove("/api/v1/namespaces/default/configmaps/a");
    until(&mut snapshots, &["b"]).await;
}

#[tokio::test]
async fn what_cannot_heal_ends_the_watch_with_its_reason() {
    for (fault, kind) in [
        (Fault::status(401, "Unauthorized", "Unauthorized"), ErrorKind::Unauthenticated),
        (Fault::status(403, "Forbidden", "cannot list"), ErrorKind::Denied),
        (Fault::status(404, "NotFound", "no such kind"), ErrorKind::NotFound),
    ] {
        let (api, client) = scripted(Options::default()).await;
        api.plant(When::Every { method: Method::GET, path: "/configmaps".into() }, fault);
        let cancel = Cancel::new();
        let mut snapshots = client.watch(&Call::new(&cancel), &query());
        assert_eq!(snapshots.next().await.unwrap().unwrap_err().kind, kind);
        assert!(snapshots.next().await.is_none(), "nothing comes after the error");
    }
    let (_api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let widgets = Query::new(Gvk::new("example.com", "v1", "Widget"), None);
    let mut snapshots = client.watch(&Call::new(&cancel), &widgets);
    assert_eq!(snapshots.next().await.unwrap().unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn trouble_is_waited_out_and_explains_a_deadline() {
    let (api, client) = scripted(Options::default()).await;
    put(&api, "a", "1");
    let first = When::Request { method: Method::GET, path: "/configmaps".into(), nth: 1 };
    api.plant(first, Fault::status(500, "InternalError", "etcd is changing its leader"));
    let cancel = Cancel::new();
    let mut snapshots = client.watch(&Call::new(&cancel), &query());
    until(&mut snapshots, &["a"]).await;

    let every = When::Every { method: Method::GET, path: "/configmaps".into() };
    api.plant(every, Fault::status(500, "InternalError", "etcd is away"));
    let call = Call::new(&cancel).with_deadline(Instant::now() + Duration::from_millis(300));
    let error = client.watch(&call, &query()).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.source.expect("the trouble").to_string().contains("etcd is away"));
}

#[tokio::test]
async fn cancel_ends_a_quiet_watch() {
    let (_api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let mut snapshots = client.watch(&Call::new(&cancel), &query());
    next(&mut snapshots).await;
    cancel.cancel();
    assert_eq!(snapshots.next().await.unwrap().unwrap_err().kind, ErrorKind::Cancelled);
    assert!(snapshots.next().await.is_none());
}
