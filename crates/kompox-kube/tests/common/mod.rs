//! What the tests of this crate share: a client for a scripted server, and short names for objects.

#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each test program uses a part of them")]

use kompox_kube::{Client, Options};
use kompox_model::port::Cluster;
use kompox_model::{Gvk, Object, ObjectRef};
use kompox_testkit::ScriptedApi;
use secrecy::SecretSlice;
use serde_json::{Value, json};

/// A scripted server and a client for it.
pub(crate) async fn scripted(options: Options) -> (ScriptedApi, Client) {
    let api = ScriptedApi::start().await.unwrap();
    let kubeconfig = SecretSlice::from(api.kubeconfig().into_bytes());
    let client = Client::from_kubeconfig(&kubeconfig, options).await.unwrap();
    (api, client)
}

/// Seen as the port.
pub(crate) fn port(client: &Client) -> &dyn Cluster {
    client
}

/// Names a ConfigMap.
pub(crate) fn config_map_ref(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::core("ConfigMap"), Some(namespace), name)
}

/// A ConfigMap with data.
pub(crate) fn config_map(namespace: &str, name: &str, data: Value) -> Object {
    Object::from_body(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"test": "yes"}},
        "data": data,
    }))
    .unwrap()
}

/// The names of some objects.
pub(crate) fn names(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
}
