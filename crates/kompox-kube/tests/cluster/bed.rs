//! The test bed's cluster, Namespaces of the tests, and a Pod with a shell.

use futures::StreamExt as _;
use kompox_kube::{Client, ManifestOptions, Options};
use kompox_model::port::{Call, Cancel, Cluster as _, ExecRequest, Query, exec_bytes};
use kompox_model::{Gvk, Object, ObjectRef};
use kompox_testbed::{Image, Testbed, UpOptions};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The cluster to use; one letter.
const VARIABLE: &str = "KOMPOX_TESTBED_CLUSTER";

/// Brings the cluster up, once for all tests, and returns its administrator's kubeconfig.
fn kubeconfig() -> PathBuf {
    static KUBECONFIG: OnceLock<PathBuf> = OnceLock::new();
    let path = KUBECONFIG.get_or_init(|| {
        let name = std::env::var(VARIABLE).unwrap_or_else(|_| "a".to_owned());
        let testbed = Testbed::of_this_checkout().unwrap();
        let cluster = testbed.up(&name, &UpOptions::default()).unwrap();
        cluster.load(&testbed.ensure_images(&[Image::Busybox]).unwrap()).unwrap();
        cluster.kubeconfig()
    });
    path.clone()
}

/// A connection as administrator, and a Namespace of its own.
pub(crate) struct Bed {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    cancel: Cancel,
}

impl Bed {
    /// Connects and makes the Namespace `kube-{name}` afresh.
    pub(crate) async fn new(name: &str) -> Self {
        let path = tokio::task::spawn_blocking(kubeconfig).await.unwrap();
        let client = Client::from_path(&path, Options::default()).await.unwrap();
        let bed = Self { client, namespace: format!("kube-{name}"), cancel: Cancel::new() };
        bed.remove_namespace().await;
        bed.client.create_namespace(&bed.call(), &bed.namespace).await.unwrap();
        bed
    }

    /// A call with two minutes of time.
    pub(crate) fn call(&self) -> Call<'_> {
        Call::new(&self.cancel).with_deadline(Instant::now() + Duration::from_secs(120))
    }

    /// Deletes the Namespace and waits until it is gone.
    async fn remove_namespace(&self) {
        self.client.delete_namespace(&self.call(), &self.namespace).await.unwrap();
        let query =
            Query::new(Gvk::core("Namespace"), None).fields(format!("metadata.name={}", self.namespace));
        let mut snapshots = self.client.watch(&self.call(), &query);
        while !snapshots.next().await.unwrap().unwrap().is_empty() {}
    }

    /// The end of a test that passed; one that failed leaves its Namespace to be looked at.
    pub(crate) async fn done(&self) {
        self.client.delete_namespace(&self.call(), &self.namespace).await.unwrap();
    }

    /// Names an object in the Namespace.
    pub(crate) fn reference(&self, gvk: Gvk, name: &str) -> ObjectRef {
        ObjectRef::new(gvk, Some(&self.namespace), name)
    }

    /// An object in the Namespace.
    pub(crate) fn object(&self, mut body: Value) -> Object {
        body["metadata"]["namespace"] = json!(self.namespace);
        Object::from_body(body).unwrap()
    }

    /// A ConfigMap in the Namespace.
    pub(crate) fn config_map(&self, name: &str, data: Value) -> Object {
        self.object(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}),
        )
    }

    /// Options for manifests in the Namespace.
    pub(crate) fn manifest_options(&self) -> ManifestOptions {
        ManifestOptions { default_namespace: Some(self.namespace.clone()), ..ManifestOptions::default() }
    }

    /// Starts a Pod with one busybox container and waits until `wanted` says that its status is right.
    pub(crate) async fn pod(&self, name: &str, script: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let object = self.object(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": false,
                "restartPolicy": "Never",
                "containers": [{"name": "shell", "image": "localhost/busybox:1", "imagePullPolicy": "Never",
                                "command": ["sh", "-c", script]}],
            },
        }));
        self.client.create(&self.call(), &object).await.unwrap();
        let query =
            Query::new(Gvk::core("Pod"), Some(&self.namespace)).fields(format!("metadata.name={name}"));
        let mut snapshots = self.client.watch(&self.call(), &query);
        loop {
            let snapshot = snapshots.next().await.unwrap().unwrap();
            if let Some(pod) = snapshot.into_iter().find(|pod| wanted(pod)) {
                return pod;
            }
        }
    }

    /// A Pod that does nothing, ready to run commands in.
    pub(crate) async fn shell(&self) {
        self.pod("shell", "exec sleep 100000", is_ready).await;
    }

    /// A command line for the shell of that Pod.
    pub(crate) fn command(&self, script: &str) -> ExecRequest {
        ExecRequest {
            namespace: self.namespace.clone(),
            pod: "shell".to_owned(),
            container: Some("shell".to_owned()),
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            tty: false,
        }
    }

    /// Runs a script in that Pod.
    pub(crate) async fn run(&self, script: &str, stdin: &[u8]) -> (i32, Vec<u8>, Vec<u8>) {
        exec_bytes(&self.client, &self.call(), &self.command(script), stdin).await.unwrap()
    }
}

/// True when all containers are ready.
pub(crate) fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"].as_array().is_some_and(|all| {
        all.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    })
}
