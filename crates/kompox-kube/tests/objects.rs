//! Reading and writing objects, on a scripted server: requests, limits, faults.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod fixture;

use fixture::{config_map, config_map_ref, names, port, scripted};
use http::Method;
use kompox_kube::{ManifestOptions, Options};
use kompox_model::port::{ApplyOptions, Call, Cancel, Cluster as _, ErrorKind, Patch, Query};
use kompox_model::{Gvk, Object, ObjectRef};
use kompox_testkit::{Fault, When};
use serde_json::json;
use std::time::{Duration, Instant};

const FORCED: ApplyOptions = ApplyOptions { dry_run: false, force: true };

#[tokio::test]
async fn an_object_is_applied_read_listed_and_deleted() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let object = config_map("default", "a", json!({"k": "v"}));
    let applied = port(&client).apply(&call, &object, FORCED).await.unwrap();
    assert_eq!(applied["data"]["k"], "v");
    let request = &api.writes()[0];
    assert_eq!(request.line(), "PATCH /api/v1/namespaces/default/configmaps/a");
    assert_eq!(request.media_type(), "application/apply-patch+yaml");
    assert_eq!((&*request.query["fieldManager"], &*request.query["force"]), ("kompox", "true"));

    assert_eq!(client.get(&call, &object.reference).await.unwrap(), Some(applied.clone()));
    let query = Query::new(Gvk::core("ConfigMap"), Some("default")).labels("test=yes");
    let listed = client.list(&call, &query).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&applied), "items carry apiVersion and kind");

    let uid = applied["metadata"]["uid"].as_str().unwrap();
    let error = client.delete(&call, &object.reference, Some("another")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(client.delete(&call, &object.reference, Some(uid)).await.unwrap());
    assert!(!client.delete(&call, &object.reference, None).await.unwrap(), "it is gone already");
    assert_eq!(api.writes().last().unwrap().body["propagationPolicy"], "Background");
    assert_eq!(client.get(&call, &object.reference).await.unwrap(), None);
}

#[tokio::test]
async fn a_dry_run_shows_the_result_and_writes_nothing() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let dry = ApplyOptions { dry_run: true, force: true };
    let shown = client.apply(&call, &config_map("default", "a", json!({"k": "v"})), dry).await.unwrap();
    assert_eq!(shown["data"]["k"], "v");
    assert!(api.writes().is_empty());
    assert_eq!(client.get(&call, &config_map_ref("default", "a")).await.unwrap(), None);
}

#[tokio::test]
async fn long_lists_come_in_pages_and_survive_a_compaction() {
    let (api, client) = scripted(Options::default()).await;
    for number in 0..1201 {
        let name = format!("a{number:04}");
        let object = config_map("default", &name, json!({}));
        api.put(&format!("/api/v1/namespaces/default/configmaps/{name}"), object.body);
    }
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let query = Query::new(Gvk::core("ConfigMap"), None);
    assert_eq!(client.list(&call, &query).await.unwrap().len(), 1201);
    assert_eq!(api.requests().len(), 3);

    api.forget();
    let second = When::Request { method: Method::GET, path: "/configmaps".into(), nth: 2 };
    api.plant(second, Fault::status(410, "Expired", "the continue token is too old"));
    let listed = client.list(&call, &query).await.unwrap();
    assert_eq!((listed.len(), names(&listed)[1200]), (1201, "a1200"), "each object once");
    assert_eq!(api.requests().len(), 3, "a page, a refusal, the whole list");
}

#[tokio::test]
async fn create_is_strict_and_exclusive() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let object = config_map("default", "claim", json!({"owner": "a"}));
    client.create(&call, &object).await.unwrap();
    assert_eq!(api.writes()[0].query["fieldValidation"], "Strict");
    let error = client.create(&call, &object).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    let error = client.create(&call, &config_map("nowhere", "a", json!({}))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.to_string().contains("namespaces \"nowhere\" not found"), "{error}");
}

#[tokio::test]
async fn patches_change_parts_or_conflict() {
    let (_api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let object = config_map("default", "a", json!({"k": "v"}));
    client.create(&call, &object).await.unwrap();
    let merge = Patch::Merge(json!({"data": {"k": null, "l": "w"}}));
    let changed = client.patch(&call, &object.reference, &merge).await.unwrap();
    assert_eq!(changed["data"], json!({"l": "w"}));
    let guarded = |value: &str| {
        Patch::Json(json!([
            {"op": "test", "path": "/data/l", "value": value},
            {"op": "remove", "path": "/data/l"},
        ]))
    };
    let error = client.patch(&call, &object.reference, &guarded("other")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "a guard that fails is a conflict");
    let changed = client.patch(&call, &object.reference, &guarded("w")).await.unwrap();
    assert_eq!(changed["data"], json!({}));
    let stale = Patch::Merge(json!({"metadata": {"resourceVersion": "1"}, "data": {"x": "y"}}));
    assert_eq!(client.patch(&call, &object.reference, &stale).await.unwrap_err().kind, ErrorKind::Conflict);
    let missing = config_map_ref("default", "b");
    assert_eq!(client.patch(&call, &missing, &merge).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn what_cannot_be_placed_is_invalid_and_sends_nothing() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    for (body, detail) in [
        (
            json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}),
            "cannot be identified",
        ),
        (json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}), "none is given"),
        (
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "namespace": "b"}}),
            "in no Namespace",
        ),
    ] {
        let object = Object::from_body(body).unwrap();
        for error in [
            client.apply(&call, &object, FORCED).await.unwrap_err(),
            client.get(&call, &object.reference).await.unwrap_err(),
            client.delete(&call, &object.reference, None).await.unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.to_string().contains(detail), "{error}");
        }
    }
    assert!(api.requests().is_empty());
}

#[tokio::test]
async fn a_wrong_path_is_not_an_absent_object() {
    let (api, client) = scripted(Options::default()).await;
    api.answer(Method::GET, "/api/v1/namespaces/default/configmaps/a", 404, "404 page not found");
    let cancel = Cancel::new();
    let error = client.get(&Call::new(&cancel), &config_map_ref("default", "a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn deadline_and_cancel_end_a_request_that_hangs() {
    let (api, client) = scripted(Options::default()).await;
    api.plant(When::Every { method: Method::GET, path: "/a".into() }, Fault::Hang);
    let cancel = Cancel::new();
    let call = Call::new(&cancel).with_deadline(Instant::now() + Duration::from_millis(100));
    let error = client.get(&call, &config_map_ref("default", "a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);

    let reference = config_map_ref("default", "a");
    let call = Call::new(&cancel);
    let (result, ()) = tokio::join!(client.get(&call, &reference), async {
        while api.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
    let before = api.requests().len();
    assert_eq!(client.get(&call, &reference).await.unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(api.requests().len(), before, "a cancelled call sends nothing");
}

#[tokio::test]
async fn the_clients_own_limit_ends_a_request_without_deadline() {
    let options = Options { request_timeout: Duration::from_millis(100), ..Options::default() };
    let (api, client) = scripted(options).await;
    api.plant(When::Every { method: Method::GET, path: "/a".into() }, Fault::Hang);
    let cancel = Cancel::new();
    let error = client.get(&Call::new(&cancel), &config_map_ref("default", "a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let (api, client) = scripted(Options::default()).await;
    for _ in 0..2 {
        api.plant(When::Write(1), Fault::status(429, "TooManyRequests", "slow down"));
    }
    let cancel = Cancel::new();
    client.apply(&Call::new(&cancel), &config_map("default", "a", json!({})), FORCED).await.unwrap();
    assert_eq!(api.writes().len(), 3);
}

#[tokio::test]
async fn a_server_that_stays_busy_is_reported_in_its_own_words() {
    let (api, client) = scripted(Options::default()).await;
    let every = When::Every { method: Method::GET, path: "/a".into() };
    api.plant(every, Fault::status(503, "ServiceUnavailable", "etcd is away"));
    let cancel = Cancel::new();
    let started = Instant::now();
    let error = client.get(&Call::new(&cancel), &config_map_ref("default", "a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("etcd is away"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_connection_that_breaks_is_unavailable_and_the_next_request_works() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let object = config_map("default", "a", json!({"k": "v"}));
    for (fault, done) in [(Fault::BreakBefore, false), (Fault::BreakAfter, true)] {
        api.plant(When::Write(1), fault);
        let error = client.apply(&call, &object, FORCED).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        let found = client.get(&call, &object.reference).await.unwrap();
        assert_eq!(found.is_some(), done, "the effect that the fault allows");
    }
    client.apply(&call, &object, FORCED).await.unwrap();
}

#[tokio::test]
async fn manifests_are_applied_document_by_document() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let text = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
# nothing here
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {yes: 'no'}}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}}
";
    let options = ManifestOptions { default_namespace: Some("shop".into()), ..ManifestOptions::default() };
    let applied = client.apply_yaml(&call, text, &options).await.unwrap();
    assert_eq!(names(&applied), ["shop", "a", "r"]);
    assert_eq!(applied[1]["metadata"]["namespace"], "shop");
    assert!(applied[2]["metadata"].get("namespace").is_none(), "it lives in no Namespace");
    assert!(api.writes().iter().all(|write| write.query["fieldManager"] == "kompox"));

    let other = ManifestOptions { field_manager: "other".into(), ..options.clone() };
    let change = text.replace("'no'", "'yes'");
    let error = client.apply_yaml(&call, &change, &other).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains(".data.yes") && error.to_string().contains("kompox"), "{error}");
    let forced = ManifestOptions { force_conflicts: true, ..other };
    let applied = client.apply_yaml(&call, &change, &forced).await.unwrap();
    assert_eq!(applied[1]["data"]["yes"], "yes");
}

#[tokio::test]
async fn a_manifest_with_a_bad_document_sends_nothing() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let good = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n";
    for (bad, detail) in [
        ("a: [", "no YAML in line"),
        ("kind: Namespace", "without apiVersion"),
        ("{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}", "cannot be identified"),
    ] {
        let text = format!("{good}{bad}");
        let error =
            client.apply_yaml(&Call::new(&cancel), &text, &ManifestOptions::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{bad}");
        assert!(error.to_string().contains(detail), "{error}");
    }
    assert!(api.requests().is_empty());
}

#[tokio::test]
async fn namespaces_are_made_and_removed_twice() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let reference = ObjectRef::new(Gvk::core("Namespace"), None, "shop");
    for _ in 0..2 {
        client.create_namespace(&call, "shop").await.unwrap();
        assert!(client.get(&call, &reference).await.unwrap().is_some());
    }
    for _ in 0..2 {
        client.delete_namespace(&call, "shop").await.unwrap();
        assert!(api.object("/api/v1/namespaces/shop").is_none());
    }
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_not_asked_again_before() {
    let (api, client) = scripted(Options::default()).await;
    let cancel = Cancel::new();
    api.plant(When::Write(1), Fault::RetryAfter(1));
    let started = Instant::now();
    let object = config_map("default", "a", json!({}));
    port(&client).apply(&Call::new(&cancel), &object, FORCED).await.unwrap();
    // Without the server's wish the first repeat comes within a tenth of a second.
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(api.writes().len(), 2);
}
