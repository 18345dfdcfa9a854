//! Stands in for the controllers and the kubelet: binds claims, and makes the Pod of each Deployment, in the state a test
//! wants.

use kompox_testkit::ScriptedApi;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// How Pods come up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Ready at once.
    Ready,
    /// Ready at once, which nothing but their running shows.
    Unproven,
    /// Not at all.
    Absent,
    /// In a crash loop.
    Crashing,
    /// With containers that could not be created.
    Uncreated,
    /// Running, but their healthcheck does not succeed.
    Unhealthy,
    /// Running, but their healthcheck does not succeed any more.
    Relapsed,
    /// Absent, because the ReplicaSet may not make them.
    Forbidden,
}

struct State {
    mode: Mode,
    pods: Vec<String>,
}

pub(crate) struct Kubelet(Arc<Mutex<State>>);

impl Kubelet {
    pub(crate) fn start(api: &ScriptedApi) -> Self {
        let state = Arc::new(Mutex::new(State { mode: Mode::Ready, pods: Vec::new() }));
        let shared = Arc::clone(&state);
        api.react(move |written| react(&mut shared.lock().unwrap(), written));
        Self(state)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.0.lock().unwrap().mode = mode;
    }

    /// What follows from a Deployment in the mode of now: paths and objects.
    pub(crate) fn roll_out(&self, deployment: &Value) -> Option<(String, Value)> {
        let namespace = deployment["metadata"]["namespace"].as_str().unwrap_or_default();
        rolled_out(&mut self.0.lock().unwrap(), namespace, deployment)
    }

    /// The path of the Pod that there is now.
    pub(crate) fn pod(&self) -> String {
        self.0.lock().unwrap().pods.last().unwrap().clone()
    }
}

fn react(state: &mut State, written: &Value) -> Vec<(String, Value)> {
    let namespace = written["metadata"]["namespace"].as_str().unwrap_or_default();
    let deleted = written["kind"] == "Status" && written["details"]["kind"] == "deployments";
    match written["kind"].as_str() {
        Some("PersistentVolumeClaim") => {
            let name = written["metadata"]["name"].as_str().unwrap();
            let mut claim = written.clone();
            claim["status"] = json!({"phase": "Bound"});
            vec![(format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}"), claim)]
        }
        Some("Deployment") => {
            let mut changes = no_pods(state);
            changes.extend(rolled_out(state, namespace, written));
            changes
        }
        _ if deleted => no_pods(state),
        _ => Vec::new(),
    }
}

fn no_pods(state: &mut State) -> Vec<(String, Value)> {
    state.pods.drain(..).map(|path| (path, Value::Null)).collect()
}

fn rolled_out(state: &mut State, namespace: &str, deployment: &Value) -> Option<(String, Value)> {
    if deployment["spec"]["replicas"] == 0 {
        return None;
    }
    let template = &deployment["spec"]["template"];
    let revision = template["metadata"]["annotations"]["kompox.dev/revision"].as_str().unwrap();
    match state.mode {
        Mode::Absent => None,
        Mode::Forbidden => {
            let name = format!("app-{revision}");
            let set = json!({
                "apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {"name": name, "namespace": namespace, "labels": template["metadata"]["labels"]},
                "spec": {"template": template},
                "status": {"conditions": [{
                    "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                    "message": "pods \"app-1\" is forbidden: no"}]},
            });
            Some((format!("/apis/apps/v1/namespaces/{namespace}/replicasets/{name}"), set))
        }
        mode => {
            let name = format!("app-{revision}");
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
            state.pods.push(path.clone());
            let mut pod = pod(template, &name, mode);
            pod["metadata"]["namespace"] = json!(namespace);
            Some((path, pod))
        }
    }
}

/// A Pod of a template. Its containers mostly have a probe, so that nobody has to wait whether they stay up.
fn pod(template: &Value, name: &str, mode: Mode) -> Value {
    let list = template["spec"]["containers"].as_array().unwrap();
    let container = |c: &Value| match mode {
        Mode::Unproven => json!({"name": c["name"]}),
        _ => json!({"name": c["name"], "readinessProbe": {"exec": {}}}),
    };
    let status = |c: &Value| match mode {
        Mode::Crashing => json!({"name": c["name"], "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}),
        Mode::Uncreated => json!({"name": c["name"], "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "CreateContainerError", "message": "runc did not answer"}}}),
        Mode::Unhealthy | Mode::Relapsed => json!({"name": c["name"], "ready": false,
            "started": mode == Mode::Relapsed, "restartCount": 0, "state": {"running": {}}}),
        _ => {
            json!({"name": c["name"], "ready": true, "started": true, "restartCount": 0, "state": {"running": {}}})
        }
    };
    let mut metadata = template["metadata"].clone();
    metadata["name"] = json!(name);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {
            "containers": list.iter().map(container).collect::<Vec<_>>(),
            "volumes": template["spec"]["volumes"],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": if matches!(mode, Mode::Ready | Mode::Unproven) { "True" } else { "False" }}],
            "containerStatuses": list.iter().map(status).collect::<Vec<_>>(),
        },
    })
}
