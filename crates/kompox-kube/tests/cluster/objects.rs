//! Server-side apply, preconditions, quotas and the Lease, as a real server does them.

use crate::bed::Bed;
use futures::future::join_all;
use kompox_kube::{ManifestOptions, kinds};
use kompox_model::port::{ApplyOptions, Cluster as _, ErrorKind, Patch, Query};
use kompox_model::{Gvk, Object, ObjectRef};
use serde_json::{Value, json};

const FORCED: ApplyOptions = ApplyOptions { dry_run: false, force: true };
const DRY: ApplyOptions = ApplyOptions { dry_run: true, force: true };

/// An object without what controllers, and the server's bookkeeping, write to it.
fn decided(mut object: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    fields.remove("status");
    let metadata = fields["metadata"].as_object_mut().unwrap();
    for key in ["managedFields", "resourceVersion", "annotations"] {
        metadata.remove(key);
    }
    object
}

fn deployment(bed: &Bed, image: &str) -> Object {
    bed.object(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{
                    "name": "c", "image": image,
                    "resources": {"requests": {"cpu": "1000m", "memory": "64Mi"}},
                    "env": [{"name": "A", "value": ""}],
                }]},
            },
        },
    }))
}

#[tokio::test]
async fn a_repeated_apply_changes_nothing_and_a_dry_run_shows_that() {
    let bed = Bed::new("apply").await;
    let object = deployment(&bed, "localhost/busybox:1");
    let first = bed.client.apply(&bed.call(), &object, FORCED).await.unwrap();
    assert_eq!(first["metadata"]["managedFields"][0]["manager"], "kompox");
    let live = bed.client.get(&bed.call(), &object.reference).await.unwrap().unwrap();
    let dry = bed.client.apply(&bed.call(), &object, DRY).await.unwrap();
    assert_eq!(decided(dry), decided(live.clone()));

    // What no controller writes to keeps its version.
    let service = bed.object(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"},
        "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]},
    }));
    let first = bed.client.apply(&bed.call(), &service, FORCED).await.unwrap();
    let dry = bed.client.apply(&bed.call(), &service, DRY).await.unwrap();
    let again = bed.client.apply(&bed.call(), &service, FORCED).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(decided(first), decided(dry));

    let changed = deployment(&bed, "localhost/busybox:2");
    let dry = bed.client.apply(&bed.call(), &changed, DRY).await.unwrap();
    assert_eq!(dry["spec"]["template"]["spec"]["containers"][0]["image"], "localhost/busybox:2");
    let untouched = bed.client.get(&bed.call(), &object.reference).await.unwrap().unwrap();
    assert_eq!(decided(untouched), decided(live));
    bed.done().await;
}

#[tokio::test]
async fn conflicts_of_managers_name_fields_and_are_forced() {
    let bed = Bed::new("conflict").await;
    let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: theirs, other: x}}";
    let theirs = ManifestOptions { field_manager: "somebody".into(), ..bed.manifest_options() };
    bed.client.apply_yaml(&bed.call(), text, &theirs).await.unwrap();
    let ours = bed.config_map("a", json!({"k": "ours"}));
    let polite = ApplyOptions { dry_run: false, force: false };
    let error = bed.client.apply(&bed.call(), &ours, polite).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains(".data.k") && error.to_string().contains("somebody"), "{error}");
    let taken = bed.client.apply(&bed.call(), &ours, FORCED).await.unwrap();
    assert_eq!(taken["data"], json!({"k": "ours", "other": "x"}), "what we do not name stays theirs");
    bed.done().await;
}

#[tokio::test]
async fn every_kind_of_the_table_is_where_the_table_says() {
    let bed = Bed::new("kinds").await;
    let queries: Vec<Query> = kinds().map(|gvk| Query::new(gvk, None)).collect();
    let (call, client) = (bed.call(), &bed.client);
    let results = join_all(queries.iter().map(|query| client.list(&call, query))).await;
    for (query, result) in queries.iter().zip(results) {
        let listed = result.unwrap_or_else(|error| panic!("{:?}: {error}", query.gvk));
        assert!(listed.iter().all(|object| object["kind"] == query.gvk.kind.as_str()));
    }
    bed.done().await;
}

#[tokio::test]
async fn objects_of_many_kinds_reach_the_server() {
    let bed = Bed::new("many").await;
    let name = bed.namespace.clone();
    let text = format!(
        "
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: a}}}}
---
{{apiVersion: v1, kind: Secret, metadata: {{name: a}}, stringData: {{k: v}}}}
---
{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: a}}, spec: {{storageClassName: '', accessModes: [ReadWriteOncePod], resources: {{requests: {{storage: 1Gi}}}}}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{selector: {{app: a}}, ports: [{{port: 80}}]}}}}
---
{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: a}}, spec: {{rules: [{{host: '{name}.test', http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]}}}}
---
{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: a}}, spec: {{podSelector: {{}}}}}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: a}}, rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: a}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}}, subjects: [{{kind: ServiceAccount, name: a}}]}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: '{name}'}}, rules: [{{apiGroups: [''], resources: [nodes], verbs: [get]}}]}}
---
{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: '{name}'}}, spec: {{storageClassName: '', capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOncePod], hostPath: {{path: /nowhere}}}}}}
"
    );
    let applied = bed.client.apply_yaml(&bed.call(), &text, &bed.manifest_options()).await.unwrap();
    assert_eq!(applied.len(), 10);
    for object in &applied {
        let object = Object::from_body(object.clone()).unwrap();
        let found = bed.client.get(&bed.call(), &object.reference).await.unwrap();
        assert!(found.is_some(), "{}", object.reference);
        if object.reference.namespace.is_none() {
            assert!(bed.client.delete(&bed.call(), &object.reference, None).await.unwrap());
        }
    }
    bed.done().await;
}

#[tokio::test]
async fn deletes_keep_to_the_uid_and_are_idempotent() {
    let bed = Bed::new("delete").await;
    let object = bed.config_map("a", json!({}));
    let made = bed.client.create(&bed.call(), &object).await.unwrap();
    let error = bed.client.delete(&bed.call(), &object.reference, Some("not-its-uid")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    let uid = made["metadata"]["uid"].as_str();
    assert!(bed.client.delete(&bed.call(), &object.reference, uid).await.unwrap());
    assert!(!bed.client.delete(&bed.call(), &object.reference, uid).await.unwrap());
    let elsewhere = ObjectRef::new(Gvk::core("ConfigMap"), Some("kube-no-such-namespace"), "a");
    assert!(!bed.client.delete(&bed.call(), &elsewhere, None).await.unwrap());
    assert_eq!(bed.client.get(&bed.call(), &elsewhere).await.unwrap(), None);
    bed.done().await;
}

#[tokio::test]
async fn refusals_have_their_kinds() {
    let bed = Bed::new("refusals").await;
    let kind = |result: Result<Value, kompox_model::port::PortError>| {
        let error = result.unwrap_err();
        assert!(error.detail.is_some(), "{error}");
        error.kind
    };
    let create = async |body: Value| bed.client.create(&bed.call(), &bed.object(body)).await;

    let typo = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "dada": {}});
    assert_eq!(kind(create(typo).await), ErrorKind::Invalid, "an unknown field is not dropped in silence");
    let bad = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "A_"}});
    assert_eq!(kind(create(bad).await), ErrorKind::Invalid);

    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "Y2FuYXJ5"}});
    create(secret).await.unwrap();
    let reference = bed.reference(Gvk::core("Secret"), "a");
    let wrong = Patch::Merge(json!({"data": {"l": 3}}));
    let error = bed.client.patch(&bed.call(), &reference, &wrong).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(!format!("{error:?}").contains("Y2FuYXJ5"), "{error:?}");

    let guarded = Patch::Json(
        json!([{"op": "test", "path": "/data/k", "value": "x"}, {"op": "remove", "path": "/data/k"}]),
    );
    assert_eq!(kind(bed.client.patch(&bed.call(), &reference, &guarded).await), ErrorKind::Conflict);

    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"count/roles.rbac.authorization.k8s.io": "0"}}});
    create(quota).await.unwrap();
    let role =
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "a"}});
    // The quota counts only once its controller has seen it.
    let error = loop {
        match create(role.clone()).await {
            Ok(_) => {
                let reference = bed.reference(Gvk::new("rbac.authorization.k8s.io", "v1", "Role"), "a");
                bed.client.delete(&bed.call(), &reference, None).await.unwrap();
            }
            Err(error) if error.to_string().contains("status unknown for quota") => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, ErrorKind::Quota, "{error}");

    let nowhere = bed.client.create_namespace(&bed.call(), "Bad_Name").await.unwrap_err();
    assert_eq!(nowhere.kind, ErrorKind::Invalid);
    bed.done().await;
}

#[tokio::test]
async fn a_namespace_that_is_going_away_takes_nothing_more() {
    let bed = Bed::new("terminating").await;
    let mut held = bed.config_map("held", json!({})).body;
    held["metadata"]["finalizers"] = json!(["test.kompox.dev/hold"]);
    let held = bed.object(held);
    bed.client.create(&bed.call(), &held).await.unwrap();
    for _ in 0..2 {
        bed.client.delete_namespace(&bed.call(), &bed.namespace).await.unwrap();
    }
    let error = bed.client.create(&bed.call(), &bed.config_map("late", json!({}))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    bed.client.patch(&bed.call(), &held.reference, &free).await.unwrap();
}

#[tokio::test]
async fn two_holders_contend_for_the_lease() {
    let bed = Bed::new("lease").await;
    let call = bed.call();
    let first = bed.client.lock(&call, &bed.namespace, "first").await.unwrap();
    let error = bed.client.lock(&call, &bed.namespace, "second").await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains("by first"), "{error}");
    first.check().unwrap();
    first.release().await.unwrap();

    let holders: Vec<String> = (0..8).map(|number| format!("holder-{number}")).collect();
    let taken = join_all(holders.iter().map(|holder| bed.client.lock(&call, &bed.namespace, holder))).await;
    let held: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!(held.len(), 1, "one of eight who come at once");
    held[0].check().unwrap();
    assert_eq!(held[0].taken_over(), None);
    drop(held);

    // A crash: the Lease stays, until its time has passed.
    let reference = bed.reference(Gvk::new("coordination.k8s.io", "v1", "Lease"), "kompox-operation");
    let lease = bed.client.get(&call, &reference).await.unwrap().unwrap();
    let crashed = lease["spec"]["holderIdentity"].as_str().unwrap().to_owned();
    let past = Patch::Merge(json!({"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}));
    bed.client.patch(&call, &reference, &past).await.unwrap();
    let next = bed.client.lock(&call, &bed.namespace, "next").await.unwrap();
    assert_eq!(next.taken_over(), Some(crashed.as_str()));
    next.release().await.unwrap();
    bed.done().await;
}
