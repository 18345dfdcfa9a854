//! What these tests share: one app, the memory driver, and a scripted API server with a kubelet that makes its Pod.

use crate::kubelet::Kubelet;
use kompox_compose::{ComposeFile, DotEnv, MemoryFiles, Sources};
use kompox_engine::app::{self, DeployOptions, Deployed, DestroyOptions, Destroyed, Loaded, Source};
use kompox_engine::cluster::ClusterScope;
use kompox_engine::disk::{AttachOptions, Attached, Target};
use kompox_engine::{Error, Event, Progress, Scope};
use kompox_kube::{Client, Options};
use kompox_model::port::{Cancel, Cluster as Port, DiskAssign, ErrorKind, ExecStreams};
use kompox_model::{
    App, AppIdentity, Cluster, ComposeSource, Disk, DiskSource, DiskState, Holder, Provider, Settings,
    Volume, Workspace, resource_name,
};
use kompox_provider::memory::{Memory, MemoryDriver};
use kompox_testkit::ScriptedApi;
use secrecy::SecretSlice;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// An app with a default host and one volume.
pub(crate) const COMPOSE: &str = "\
services:
  web:
    image: example/web:1
    ports: [\"80:8080\"]
    environment: {COLOUR: red}
    volumes: [\"data:/data\"]
volumes: {data: {}}
";

/// The same with another environment, so that its Secret and its Pod change.
pub(crate) fn changed() -> String {
    COMPOSE.replace("red", "blue")
}

/// What a command told.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn event(&self, event: Event) {
        self.0.lock().unwrap().push(match event {
            Event::Started(text)
            | Event::Progressed(text)
            | Event::Waiting(text)
            | Event::Note(text)
            | Event::Warning(text) => text,
            Event::Done { what, .. } => what,
        });
    }
}

impl Told {
    pub(crate) fn has(&self, part: &str) -> bool {
        self.count(part) > 0
    }

    /// How often it was told.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|text| text.contains(part)).count()
    }
}

pub(crate) struct Bed {
    pub(crate) api: ScriptedApi,
    pub(crate) client: Client,
    pub(crate) kubelet: Kubelet,
    pub(crate) memory: Memory,
    pub(crate) driver: MemoryDriver,
    pub(crate) workspace: Workspace,
    pub(crate) provider: Provider,
    pub(crate) cluster: Cluster,
    pub(crate) app: App,
    pub(crate) cancel: Cancel,
    /// How long each command may take: long enough for a busy machine, for a test that hangs ends by it all the same.
    pub(crate) limit: Duration,
    /// How long the last deploy took.
    took: Cell<Duration>,
    pub(crate) told: Told,
}

/// How long a command may take unless a test says otherwise.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

impl Bed {
    pub(crate) async fn new() -> Self {
        let api = ScriptedApi::start().await.unwrap();
        let kubeconfig = SecretSlice::from(api.kubeconfig().into_bytes());
        let client = Client::from_kubeconfig(&kubeconfig, Options::default()).await.unwrap();
        ingress_controller(&api);
        let provider =
            Provider { name: "mem".parse().unwrap(), driver: "memory".into(), settings: Settings::default() };
        let workspace = Workspace { name: "ops".parse().unwrap(), domain: "example.org".into() };
        let memory = Memory::new();
        Self {
            kubelet: Kubelet::start(&api),
            driver: MemoryDriver::new(&memory, Some(&workspace), &provider),
            memory,
            workspace,
            provider,
            cluster: Cluster {
                existing: true,
                node_image: Some("example/kompox-node:1".into()),
                ..Cluster::new("c1".parse().unwrap())
            },
            app: App::new("shop".parse().unwrap(), ComposeSource::Inline(String::new())),
            cancel: Cancel::new(),
            limit: LIMIT,
            took: Cell::default(),
            told: Told::default(),
            api,
            client,
        }
    }

    /// With the app deployed and the requests forgotten.
    pub(crate) async fn deployed() -> Self {
        let bed = Self::new().await;
        bed.deploy(COMPOSE).await.unwrap();
        bed.api.forget();
        bed
    }

    pub(crate) fn identity(&self) -> AppIdentity {
        AppIdentity {
            workspace: self.workspace.name.clone(),
            provider: self.provider.name.clone(),
            app: self.app.name.clone(),
        }
    }

    pub(crate) fn namespace(&self) -> String {
        resource_name::namespace(&self.identity())
    }

    /// The path of an object in the app's Namespace, below a group's path such as `api/v1`.
    pub(crate) fn path(&self, group: &str, object: &str) -> String {
        format!("/{group}/namespaces/{}/{object}", self.namespace())
    }

    pub(crate) fn namespace_path(&self) -> String {
        format!("/api/v1/namespaces/{}", self.namespace())
    }

    pub(crate) fn lease_path(&self) -> String {
        self.path("apis/coordination.k8s.io/v1", "leases/kompox-operation")
    }

    pub(crate) fn deployment_path(&self) -> String {
        self.path("apis/apps/v1", "deployments/app")
    }

    /// Paths of the only claim and the only PersistentVolume.
    pub(crate) fn pair(&self) -> (String, String) {
        let name = |kind| self.only(kind)["metadata"]["name"].as_str().unwrap().to_owned();
        let claim = format!("persistentvolumeclaims/{}", name("PersistentVolumeClaim"));
        let volume = format!("/api/v1/persistentvolumes/{}", name("PersistentVolume"));
        (self.path("api/v1", &claim), volume)
    }

    pub(crate) fn scope<'a>(&'a self, kubernetes: &'a dyn Port) -> Scope<'a> {
        Scope {
            workspace: &self.workspace,
            provider: &self.provider,
            cluster: &self.cluster,
            app: &self.app,
            driver: &self.driver,
            kubernetes,
            cancel: &self.cancel,
            deadline: Some(Instant::now() + self.limit),
            progress: &self.told,
        }
    }

    pub(crate) fn cluster_scope(&self) -> ClusterScope<'_> {
        ClusterScope {
            workspace: &self.workspace,
            provider: &self.provider,
            cluster: &self.cluster,
            driver: &self.driver,
            kubernetes: &self.client,
            cancel: &self.cancel,
            deadline: None,
            progress: &self.told,
        }
    }

    pub(crate) fn load(&self, compose: &str) -> Loaded {
        let files = MemoryFiles::new().with("conf/app.conf", "colour = red");
        let source = Source {
            app: &self.app,
            compose: &[ComposeFile { name: "compose.yml", path: "compose.yml", text: compose }],
            dot_env: DotEnv::Read,
            files: &files,
            environment: &BTreeMap::new(),
            profiles: &[],
        };
        let (loaded, diagnostics) = app::load(&source, &mut Sources::default());
        loaded.unwrap_or_else(|| panic!("{diagnostics:?}"))
    }

    pub(crate) async fn deploy(&self, compose: &str) -> Result<Deployed, Error> {
        self.deploy_with(compose, |_| {}).await
    }

    pub(crate) async fn deploy_with(
        &self,
        compose: &str,
        change: impl FnOnce(&mut DeployOptions),
    ) -> Result<Deployed, Error> {
        let mut options = options();
        change(&mut options);
        let begun = Instant::now();
        let deployed = app::deploy(&self.scope(&self.client), &self.load(compose), &options, "tester").await;
        self.took.set(begun.elapsed());
        deployed
    }

    /// A limit that a deploy reaches only if it waits in vain, by what the last one took on this machine.
    pub(crate) fn in_vain(&self) -> Duration {
        Duration::from_secs(1) + self.took.get() * 5
    }

    pub(crate) async fn destroy(&self, delete_namespace: bool) -> Result<Destroyed, Error> {
        let options = DestroyOptions { delete_namespace, dry_run: false };
        app::destroy(&self.scope(&self.client), options, "tester").await
    }

    pub(crate) async fn attach(&self, target: Target) -> Result<Attached, Error> {
        self.attach_with(&self.scope(&self.client), target, false).await
    }

    pub(crate) async fn attach_with(
        &self,
        scope: &Scope<'_>,
        target: Target,
        dry_run: bool,
    ) -> Result<Attached, Error> {
        let deploy = DeployOptions { dry_run, ..options() };
        let attach = AttachOptions { volume: None, target, deploy };
        kompox_engine::disk::attach(scope, &self.load(COMPOSE), &attach, "tester").await
    }

    pub(crate) async fn detach(&self, scope: &Scope<'_>, disk: &str) -> Result<Disk, Error> {
        let name = disk.parse().unwrap();
        kompox_engine::disk::detach(scope, None, &name, DiskAssign::default(), "tester").await
    }

    /// Names of the assigned disks.
    pub(crate) async fn assigned(&self) -> Vec<String> {
        let disks = self.disks().await;
        disks.iter().filter(|disk| disk.assigned).map(|disk| disk.name.to_string()).collect()
    }

    /// An annotation of the app's Namespace.
    pub(crate) fn remembered(&self, key: &str) -> Value {
        self.api.object(&self.namespace_path()).unwrap()["metadata"]["annotations"][key].clone()
    }

    pub(crate) async fn assign(&self, disk: &str) -> Result<Disk, Error> {
        let name = disk.parse().unwrap();
        kompox_engine::disk::assign(&self.scope(&self.client), None, &name, DiskAssign::default(), "tester")
            .await
    }

    /// Runs a command in a service's container.
    pub(crate) async fn exec(&self, service: Option<&str>) -> Result<i32, Error> {
        let options = app::ExecOptions { service: service.map(Into::into), ..app::ExecOptions::default() };
        let (mut out, mut err) = (futures::io::sink(), futures::io::sink());
        let streams = ExecStreams { stdin: None, stdout: &mut out, stderr: &mut err, sizes: None };
        app::exec(&self.scope(&self.client), &options, streams).await
    }

    /// The app's disks, whoever made them.
    pub(crate) async fn disks(&self) -> Vec<Disk> {
        kompox_engine::disk::list(&self.scope(&self.client)).await.unwrap().disks
    }

    /// Puts a disk there as if somebody had made it.
    pub(crate) fn insert_disk(&self, name: &str, assigned: bool, change: impl FnOnce(&mut Disk)) {
        let uid = self.api.object("/api/v1/namespaces/kube-system").unwrap()["metadata"]["uid"].clone();
        let mut disk = Disk {
            name: name.parse().unwrap(),
            volume: "default".parse().unwrap(),
            size: Volume::DEFAULT_SIZE,
            size_enforced: false,
            atomic_snapshots: true,
            handle: format!("handle-{name}"),
            assigned,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            node: None,
            zone: None,
            source: DiskSource::Empty,
            state: DiskState::Ready,
            holder: Holder { cluster: "c1".parse().unwrap(), uid: uid.as_str().unwrap().into() },
        };
        change(&mut disk);
        self.memory.insert(&self.identity(), &self.identity(), disk);
    }

    /// Changes an object as somebody else would.
    pub(crate) fn tamper(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.api.object(path).unwrap_or_else(|| panic!("no {path}"));
        change(&mut object);
        self.api.put(path, object);
    }

    /// Method and the end of the path of each write so far, in order.
    pub(crate) fn writes(&self) -> Vec<String> {
        let short = |path: &str| {
            let parts: Vec<_> = path.rsplit('/').take(2).collect();
            format!("{}/{}", parts[1], parts[0])
        };
        self.api.writes().iter().map(|write| format!("{} {}", write.method, short(&write.path))).collect()
    }

    /// Kind and name of each object of the app, its Namespace included.
    pub(crate) fn objects(&self) -> Vec<String> {
        let hash = self.identity().app_hash();
        let objects = self.api.objects();
        let ours = objects.iter().filter(|o| o["metadata"]["labels"]["kompox.dev/app-id-hash"] == *hash);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ours.map(|object| format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"])))
            .collect()
    }

    /// The only object of a kind.
    pub(crate) fn only(&self, kind: &str) -> Value {
        let mut found: Vec<_> = self.api.objects().into_iter().filter(|o| o["kind"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind}");
        found.remove(0)
    }
}

/// Fails unless the writes that begin so come in this order.
pub(crate) fn in_order(writes: &[String], wanted: &[&str]) {
    let at = |part: &&str| {
        writes
            .iter()
            .position(|write| write.starts_with(part))
            .unwrap_or_else(|| panic!("{part}: {writes:#?}"))
    };
    assert!(wanted.iter().map(at).is_sorted(), "{wanted:#?}: {writes:#?}");
}

pub(crate) fn options() -> DeployOptions {
    DeployOptions {
        dry_run: false,
        no_wait: false,
        start_empty: std::collections::BTreeSet::new(),
        now: "2026-02-03T04:05:06Z".parse().unwrap(),
        random: 7,
    }
}

/// What a caller can do about an error.
pub(crate) fn kind(error: &Error) -> ErrorKind {
    match error {
        Error::Port(error) => error.kind,
        Error::Refused { kind, .. } => *kind,
        Error::Invalid(_) => ErrorKind::Invalid,
        Error::Failed(_) => ErrorKind::Internal,
        Error::NotReady(_) => ErrorKind::Timeout,
        Error::Interrupted { .. } => ErrorKind::Cancelled,
    }
}

/// The remedy of an error that is none of a port.
pub(crate) fn hint(error: &Error) -> Option<&str> {
    match error {
        Error::Port(error) => error.hint.as_deref(),
        Error::Refused { hint, .. } => hint.as_deref(),
        _ => None,
    }
}

/// The Lease of somebody else, last renewed then.
pub(crate) fn lease(renewed: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "kompox-operation"},
        "spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 30, "acquireTime": renewed,
                 "renewTime": renewed, "leaseTransitions": 0},
    })
}

/// What makes an object go.
pub(crate) fn going(object: &mut Value) {
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
}

fn ingress_controller(api: &ScriptedApi) {
    api.put(
        "/api/v1/namespaces/traefik",
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "traefik"}}),
    );
    api.put(
        "/apis/networking.k8s.io/v1/ingressclasses/traefik",
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "traefik"}}),
    );
    api.put(
        "/api/v1/namespaces/traefik/services/traefik",
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "traefik", "namespace": "traefik"},
               "spec": {"selector": {"app": "traefik"}, "ports": [
                   {"port": 80, "targetPort": 8000}, {"port": 443, "targetPort": 8443}]}}),
    );
    api.put(
        "/api/v1/nodes/n1",
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.1.0.0/24"]},
               "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}),
    );
}
