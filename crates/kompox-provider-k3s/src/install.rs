//! The objects that bring kompox-node to every node. Pure.

use crate::error::Doing;
use crate::settings::K3sSettings;
use crate::transport::Transport;
use kompox_model::port::{ErrorKind, PortError};
use kompox_model::{Cluster, Gvk, Object, ObjectRef, ObjectSet, hash, label};
use serde_json::{Value, json};

/// Name of the DaemonSet, its ServiceAccount, its container, and the value of its Pods' label.
pub(crate) const NAME: &str = "kompox-node";
/// The program in its image.
pub(crate) const PROGRAM: &str = "/kompox-node";
/// Name of the Pod's volume that is the disk store.
const STORE_VOLUME: &str = "disk-store";
/// What the program does with files of other users: give them away, read and change them, keep their set-id bits, and
/// make device nodes when it unpacks them. Snapshots of btrfs will need SYS_ADMIN, with their back end.
const CAPABILITIES: [&str; 7] =
    ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SYS_ADMIN"];

/// What names the DaemonSet.
pub(crate) fn daemon_set() -> ObjectRef {
    ObjectRef::new(Gvk::new("apps", "v1", "DaemonSet"), Some(label::SYSTEM_NAMESPACE), NAME)
}

/// Selects its Pods.
pub(crate) fn selector() -> String {
    format!("{}={NAME}", label::NAME)
}

/// The root of the disk store that the Pods of a live DaemonSet look after.
pub(crate) fn store_of(daemon_set: &Value) -> Option<&str> {
    let volumes = daemon_set.pointer("/spec/template/spec/volumes")?.as_array()?;
    let volume = volumes.iter().find(|volume| volume["name"] == STORE_VOLUME)?;
    volume.pointer("/hostPath/path")?.as_str()
}

/// Every Pod that should run does, in the version that was applied last.
pub(crate) fn is_rolled_out(daemon_set: &Value) -> bool {
    let number = |pointer: &str| daemon_set.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let wanted = number("/status/desiredNumberScheduled");
    number("/metadata/generation") == number("/status/observedGeneration")
        && wanted > 0
        && number("/status/updatedNumberScheduled") >= wanted
        && number("/status/numberReady") >= wanted
}

/// The revision that the template of a DaemonSet, or a Pod made from it, carries.
pub(crate) fn revision(template_or_pod: &Value) -> Option<&str> {
    kompox_model::object::annotation(template_or_pod, label::REVISION)
}

/// Namespace, ServiceAccount and DaemonSet; nothing where the program is on the machines themselves.
///
/// # Errors
/// Invalid without an image or with bad settings.
pub(crate) fn plan(cluster: &Cluster) -> Result<ObjectSet, PortError> {
    let doing = Doing::to_cluster("plan kompox-node for", cluster);
    let settings = K3sSettings::read(cluster)?;
    if settings.transport != Transport::DaemonSet {
        return ObjectSet::new(Vec::new())
            .map_err(|twice| doing.error(ErrorKind::Internal).detail(twice.to_string()));
    }
    let Some(image) = cluster.node_image.as_deref().filter(|image| !image.is_empty()) else {
        return Err(doing
            .error(ErrorKind::Invalid)
            .detail("missing: cluster.images.node, the image of kompox-node, of which none is published yet")
            .hint("build one with `cargo xtask image`, load it on the nodes and name it in `cluster.images.node`"));
    };
    let objects = [namespace(), service_account(), daemon_set_body(image, &settings.store)]
        .into_iter()
        .map(Object::from_body)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| doing.error(ErrorKind::Internal).because(error))?;
    ObjectSet::new(objects)
        .map_err(|twice| doing.error(ErrorKind::Internal).detail(format!("{twice} is planned twice")))
}

fn labels() -> Value {
    json!({
        label::NAME: NAME,
        label::MANAGED_BY: label::MANAGER,
        label::PART: label::PART_SYSTEM,
    })
}

/// The level is for the hostPath alone: nothing in it runs privileged.
fn namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": label::SYSTEM_NAMESPACE,
            "labels": {
                label::MANAGED_BY: label::MANAGER,
                label::PART: label::PART_SYSTEM,
                "pod-security.kubernetes.io/enforce": "privileged",
            },
        },
    })
}

fn service_account() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": NAME, "namespace": label::SYSTEM_NAMESPACE, "labels": labels() },
        "automountServiceAccountToken": false,
    })
}

fn daemon_set_body(image: &str, store: &str) -> Value {
    let spec = pod_spec(image, store);
    let revision = hash::hex(spec.to_string().as_bytes(), 10);
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": { "name": NAME, "namespace": label::SYSTEM_NAMESPACE, "labels": labels() },
        "spec": {
            "selector": { "matchLabels": { label::NAME: NAME } },
            // No Pod serves while it waits for another one: a new version comes to all nodes at once.
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "100%" } },
            "template": {
                "metadata": { "labels": labels(), "annotations": { label::REVISION: revision } },
                "spec": spec,
            },
        },
    })
}

fn pod_spec(image: &str, store: &str) -> Value {
    json!({
        "serviceAccountName": NAME,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 5,
        "nodeSelector": { "kubernetes.io/os": "linux" },
        // Disks may be on any node, also on one that takes no other Pods.
        "tolerations": [{ "operator": "Exists" }],
        "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{
            "name": NAME,
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": [PROGRAM, "hold"],
            "resources": {
                "requests": { "cpu": "1m", "memory": "8Mi" },
                "limits": { "memory": "128Mi" },
            },
            "securityContext": {
                "runAsUser": 0,
                "runAsGroup": 0,
                "privileged": false,
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"], "add": CAPABILITIES },
            },
            "volumeMounts": [{
                "name": STORE_VOLUME,
                "mountPath": store,
                // A file system mounted there later is seen, too.
                "mountPropagation": "HostToContainer",
            }],
        }],
        "volumes": [{
            "name": STORE_VOLUME,
            "hostPath": { "path": store, "type": "DirectoryOrCreate" },
        }],
    })
}
