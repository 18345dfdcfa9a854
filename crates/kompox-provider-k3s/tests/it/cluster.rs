//! A fake cluster: nodes, Pods and one DaemonSet as JSON, and exec that runs the real program on the node's folder.

use crate::program::kompox_node;
use async_trait::async_trait;
use futures::io::BufReader;
use futures::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use kompox_model::port::{
    ApplyOptions, Call, Cluster, ClusterFacts, Duplex, ErrorKind, ExecRequest, ExecStreams, ForwardRequest,
    Lock, LogRequest, Patch, PortError, Query, Right, Snapshots,
};
use kompox_model::{Object, ObjectRef};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;

/// What an exec does instead of running the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExecFault {
    /// The port fails with this kind.
    Fails(ErrorKind),
    /// The program says this instead of an answer.
    Says(&'static str),
    /// The program is killed, once.
    IsKilled,
    /// Neither output nor end, once.
    IsLost,
    /// The program runs, but its end is never reported.
    EndIsLost,
}

/// Runs before the next change reaches a node, once.
type Interloper = Box<dyn FnOnce(&FakeCluster) + Send>;

struct FakeNode {
    body: Value,
    pod: Option<Value>,
    folder: TempDir,
    fault: Option<ExecFault>,
}

struct State {
    nodes: BTreeMap<String, FakeNode>,
    daemon_set: Option<Value>,
    denied: Vec<String>,
    /// Value of the program's own fault variable, for the next change.
    program_fault: Option<String>,
    interloper: Option<Interloper>,
    patches: usize,
    execs: usize,
}

pub(crate) struct FakeCluster {
    state: Mutex<State>,
    silent: watch::Sender<bool>,
    changed: watch::Sender<u64>,
}

/// The root of the store as the driver knows it.
pub(crate) const ROOT: &str = "/var/lib/kompox/disks";

fn error(kind: ErrorKind, operation: &str) -> PortError {
    PortError::new(kind, "fake", operation, "cluster")
}

pub(crate) fn ready_pod(node: &str) -> Value {
    json!({
        "metadata": { "name": format!("kompox-node-{node}"), "annotations": { "kompox.dev/revision": "r1" } },
        "spec": { "nodeName": node },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
    })
}

pub(crate) fn live_daemon_set(root: &str) -> Value {
    json!({
        "metadata": { "name": "kompox-node", "namespace": "kompox-system", "generation": 1 },
        "spec": { "template": {
            "metadata": { "annotations": { "kompox.dev/revision": "r1" } },
            "spec": { "volumes": [{ "name": "disk-store", "hostPath": { "path": root } }] },
        } },
        "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1,
        },
    })
}

impl FakeCluster {
    /// A cluster with these nodes, kompox-node ready on each.
    pub(crate) fn new(nodes: &[&str]) -> Self {
        // Building it must not count as the time a node takes to answer.
        kompox_node();
        let cluster = Self {
            state: Mutex::new(State {
                nodes: BTreeMap::new(),
                daemon_set: Some(live_daemon_set(ROOT)),
                denied: Vec::new(),
                program_fault: None,
                interloper: None,
                patches: 0,
                execs: 0,
            }),
            silent: watch::Sender::new(false),
            changed: watch::Sender::new(0),
        };
        nodes.iter().for_each(|node| cluster.add_node(node));
        cluster
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn tell(&self) {
        self.changed.send_modify(|number| *number += 1);
    }

    pub(crate) fn add_node(&self, name: &str) {
        let body = json!({
            "metadata": { "name": name, "resourceVersion": "1" },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        let node =
            FakeNode { body, pod: Some(ready_pod(name)), folder: tempfile::tempdir().unwrap(), fault: None };
        self.state().nodes.insert(name.to_owned(), node);
        self.tell();
    }

    /// Changes the Node object.
    pub(crate) fn edit_node(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        edit(&mut self.state().nodes.get_mut(name).unwrap().body);
        self.tell();
    }

    pub(crate) fn label(&self, name: &str, key: &str, value: &str) {
        self.edit_node(name, |body| body["metadata"]["labels"][key] = json!(value));
    }

    pub(crate) fn node(&self, name: &str) -> Value {
        self.state().nodes[name].body.clone()
    }

    /// The id in the annotation of the node.
    pub(crate) fn known_store(&self, name: &str) -> Option<String> {
        let body = self.node(name);
        kompox_model::object::annotation(&body, "kompox.dev/disk-store").map(ToOwned::to_owned)
    }

    pub(crate) fn set_pod(&self, node: &str, pod: Option<Value>) {
        self.state().nodes.get_mut(node).unwrap().pod = pod;
        self.tell();
    }

    pub(crate) fn set_daemon_set(&self, body: Option<Value>) {
        self.state().daemon_set = body;
        self.tell();
    }

    pub(crate) fn set_fault(&self, node: &str, fault: Option<ExecFault>) {
        self.state().nodes.get_mut(node).unwrap().fault = fault;
    }

    /// Refuses every request for objects of this kind with 403.
    pub(crate) fn deny(&self, kind: &str) {
        self.state().denied.push(kind.to_owned());
    }

    pub(crate) fn set_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    /// The next change is made by a program with this fault.
    pub(crate) fn set_program_fault(&self, fault: &str) {
        self.state().program_fault = Some(fault.to_owned());
    }

    /// True when the fault was not used up.
    pub(crate) fn take_program_fault(&self) -> bool {
        self.state().program_fault.take().is_some()
    }

    pub(crate) fn interlope(&self, act: impl FnOnce(&FakeCluster) + Send + 'static) {
        self.state().interloper = Some(Box::new(act));
    }

    /// Requests so far: patches and execs.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.patches, state.execs)
    }

    /// The folder that is the store of a node.
    pub(crate) fn store(&self, node: &str) -> PathBuf {
        self.state().nodes[node].folder.path().join("disks")
    }

    pub(crate) fn nodes(&self) -> Vec<String> {
        self.state().nodes.keys().cloned().collect()
    }

    fn seen(&self, kind: &str) -> Result<(), PortError> {
        match self.state().denied.iter().any(|denied| denied == kind) {
            true => Err(error(ErrorKind::Denied, kind)),
            false => Ok(()),
        }
    }

    fn pods(&self) -> Vec<Value> {
        self.state().nodes.values().filter_map(|node| node.pod.clone()).collect()
    }

    async fn speak(&self) {
        self.silent.subscribe().wait_for(|silent| !silent).await.unwrap();
    }
}

/// Runs the program as it runs on a node whose store is `store`; returns its exit code and output.
pub(crate) fn run_program(
    store: &Path,
    command: &[String],
    input: Vec<u8>,
    fault: Option<&str>,
) -> (i32, Vec<u8>, Vec<u8>) {
    let mut program = Command::new(kompox_node());
    program.args(command).arg("--root").arg(store);
    if let Some(fault) = fault {
        program.env("KOMPOX_NODE_FAULT", fault);
    }
    let mut child =
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, export) = (child.stdin.take().unwrap(), command[0] == "export");
    let writer = std::thread::spawn(move || {
        // A program that ends before it has read everything is its own business.
        let _ = std::io::Write::write_all(&mut stdin, &input);
        // An export ends with its input.
        export.then_some(stdin)
    });
    let output = child.wait_with_output().unwrap();
    drop(writer.join().unwrap());
    (output.status.code().unwrap_or(137), output.stdout, output.stderr)
}

#[async_trait]
impl Cluster for FakeCluster {
    async fn facts(&self, _call: &Call<'_>) -> Result<ClusterFacts, PortError> {
        self.seen("Namespace")?;
        Ok(ClusterFacts { version: (1, 36), uid: "uid-1".to_owned() })
    }

    async fn get(&self, _call: &Call<'_>, reference: &ObjectRef) -> Result<Option<Value>, PortError> {
        self.speak().await;
        self.seen(&reference.gvk.kind)?;
        let state = self.state();
        Ok(match reference.gvk.kind.as_str() {
            "DaemonSet" => state.daemon_set.clone(),
            "Node" => state.nodes.get(&reference.name).map(|node| node.body.clone()),
            other => panic!("the driver has no business with a {other}"),
        })
    }

    async fn list(&self, _call: &Call<'_>, query: &Query) -> Result<Vec<Value>, PortError> {
        self.speak().await;
        self.seen(&query.gvk.kind)?;
        match query.gvk.kind.as_str() {
            "Node" => Ok(self.state().nodes.values().map(|node| node.body.clone()).collect()),
            "Pod" => {
                assert_eq!(query.namespace.as_deref(), Some("kompox-system"));
                assert_eq!(query.labels.as_deref(), Some("app.kubernetes.io/name=kompox-node"));
                Ok(self.pods())
            }
            other => panic!("the driver has no business with a {other}"),
        }
    }

    fn watch<'a>(&'a self, _call: &Call<'a>, query: &Query) -> Snapshots<'a> {
        assert_eq!(query.gvk.kind, "Pod");
        let mut changes = self.changed.subscribe();
        changes.mark_changed();
        futures::stream::unfold(changes, async |mut changes| {
            changes.changed().await.ok()?;
            Some((Ok(self.pods()), changes))
        })
        .boxed()
    }

    async fn create(&self, _call: &Call<'_>, _object: &Object) -> Result<Value, PortError> {
        Err(error(ErrorKind::Unsupported, "create"))
    }

    async fn apply(
        &self,
        _call: &Call<'_>,
        _object: &Object,
        _options: ApplyOptions,
    ) -> Result<Value, PortError> {
        Err(error(ErrorKind::Unsupported, "apply"))
    }

    async fn patch(
        &self,
        _call: &Call<'_>,
        reference: &ObjectRef,
        patch: &Patch,
    ) -> Result<Value, PortError> {
        self.seen("patch")?;
        let Patch::Merge(patch) = patch else { panic!("the driver merges: {patch:?}") };
        let mut state = self.state();
        state.patches += 1;
        let node = state.nodes.get_mut(&reference.name).ok_or_else(|| error(ErrorKind::NotFound, "patch"))?;
        let version = node.body["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        if patch["metadata"]["resourceVersion"] != version.as_str() {
            return Err(error(ErrorKind::Conflict, "patch"));
        }
        for (key, value) in patch["metadata"]["annotations"].as_object().unwrap() {
            node.body["metadata"]["annotations"][key] = value.clone();
        }
        let next = version.parse::<u64>().unwrap() + 1;
        node.body["metadata"]["resourceVersion"] = json!(next.to_string());
        Ok(node.body.clone())
    }

    async fn delete(
        &self,
        _call: &Call<'_>,
        _reference: &ObjectRef,
        _uid: Option<&str>,
    ) -> Result<bool, PortError> {
        Err(error(ErrorKind::Unsupported, "delete"))
    }

    async fn lock(
        &self,
        _call: &Call<'_>,
        _namespace: &str,
        _holder: &str,
    ) -> Result<Box<dyn Lock>, PortError> {
        Err(error(ErrorKind::Unsupported, "lock"))
    }

    async fn exec(
        &self,
        _call: &Call<'_>,
        request: &ExecRequest,
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError> {
        self.speak().await;
        self.seen("exec")?;
        let mut input = Vec::new();
        let stdin = streams.stdin.unwrap();
        match request.command[1] == "export" {
            // The rest never ends.
            true => _ = BufReader::new(stdin).read_until(b'\n', &mut input).await.unwrap(),
            false => _ = stdin.read_to_end(&mut input).await.unwrap(),
        }
        let text = String::from_utf8_lossy(&input);
        let changes =
            ["create", "assign", "unassign", "delete", "create_snapshot", "delete_snapshot", "init"]
                .iter()
                .any(|word| text.contains(&format!("\"{word}\"")));

        assert_eq!(request.namespace, "kompox-system");
        assert_eq!(request.container.as_deref(), Some("kompox-node"));
        let mut words = request.command.clone();
        assert_eq!(words.remove(0), "/kompox-node");
        let root = words.iter().position(|word| word == "--root").unwrap();
        words.drain(root..root + 2);

        let interloper = if changes { self.state().interloper.take() } else { None };
        if let Some(act) = interloper {
            act(self);
        }
        let node = request.pod.strip_prefix("kompox-node-").unwrap().to_owned();
        let (store, fault, program_fault) = {
            let mut state = self.state();
            state.execs += 1;
            let program_fault = if changes { state.program_fault.take() } else { None };
            let node = state.nodes.get_mut(&node).ok_or_else(|| error(ErrorKind::NotFound, "exec"))?;
            let fault = node.fault.clone();
            node.fault.take_if(|fault| matches!(fault, ExecFault::IsKilled | ExecFault::IsLost));
            (node.folder.path().join("disks"), fault, program_fault)
        };
        let (code, stdout, stderr) = match &fault {
            Some(ExecFault::Fails(kind)) => return Err(error(*kind, "exec")),
            Some(ExecFault::Says(text)) => (0, text.as_bytes().to_vec(), b"it is broken\nvery".to_vec()),
            Some(ExecFault::IsKilled) => (137, Vec::new(), Vec::new()),
            Some(ExecFault::IsLost) => return std::future::pending().await,
            None | Some(ExecFault::EndIsLost) => tokio::task::spawn_blocking(move || {
                run_program(&store, &words, input, program_fault.as_deref())
            })
            .await
            .unwrap(),
        };
        streams.stdout.write_all(&stdout).await.unwrap();
        streams.stderr.write_all(&stderr).await.unwrap();
        if fault == Some(ExecFault::EndIsLost) {
            return std::future::pending().await;
        }
        Ok(code)
    }

    async fn logs(
        &self,
        _call: &Call<'_>,
        _request: &LogRequest,
    ) -> Result<Box<dyn futures::AsyncRead + Send + Unpin>, PortError> {
        Err(error(ErrorKind::Unsupported, "logs"))
    }

    async fn forward(
        &self,
        _call: &Call<'_>,
        _request: &ForwardRequest,
    ) -> Result<Box<dyn Duplex>, PortError> {
        Err(error(ErrorKind::Unsupported, "forward"))
    }

    async fn rights(&self, _call: &Call<'_>) -> Result<Vec<Right>, PortError> {
        Err(error(ErrorKind::Unsupported, "ask for rights"))
    }

    fn clock_ahead(&self) -> Option<i64> {
        None
    }
}
