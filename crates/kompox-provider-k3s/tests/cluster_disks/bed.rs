//! The cluster with the driver, by one way to kompox-node or another.

use crate::program::kompox_node;
use crate::ssh_server::SshServer;
use kompox_kube::{Client, Options};
use kompox_model::port::{AppScope, ApplyOptions, Call, Cancel, Cluster as _, DiskCreate, Driver as _};
use kompox_model::quantity::Bytes;
use kompox_model::{Cluster, DiskSource, Provider, Settings, VolumeName};
use kompox_provider_k3s::{K3s, Machine};
use kompox_testbed::{Image, Testbed, UpOptions};
use std::collections::BTreeSet;
use std::fs::File;
use std::iter;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The cluster to use; one letter.
const VARIABLE: &str = "KOMPOX_TESTBED_CLUSTER";

pub(crate) struct Bed {
    pub(crate) client: Client,
    pub(crate) driver: K3s,
    pub(crate) cluster: Cluster,
    pub(crate) uid: String,
    pub(crate) node: String,
    pub(crate) store: PathBuf,
    pub(crate) cancel: Cancel,
    /// Tells the apps of this run from those of others.
    pub(crate) run: String,
    /// Hashes of the apps of this run, whose folders go at its end.
    pub(crate) apps: Mutex<BTreeSet<String>>,
    /// Held while the store is silent.
    pub(crate) silence: Mutex<Option<File>>,
}

/// How many beds share the first one's cluster.
static RUNS: AtomicUsize = AtomicUsize::new(0);

fn provider() -> Provider {
    Provider { name: "prv".parse().unwrap(), driver: "k3s".to_owned(), settings: Settings::default() }
}

/// Brings the cluster up with the image of kompox-node.
fn up() -> (kompox_testbed::Cluster, String) {
    let name = std::env::var(VARIABLE).unwrap_or_else(|_| "a".to_owned());
    let testbed = Testbed::of_this_checkout().unwrap();
    testbed.ensure_ssh().unwrap();
    let cluster = testbed.up(&name, &UpOptions::default()).unwrap();
    let images = testbed.ensure_images(&[Image::KompoxNode]).unwrap();
    cluster.load(&images).unwrap();
    (cluster, images[0].reference.clone())
}

impl Bed {
    /// Connects, installs what the driver plans, and waits for it; there is an SSH server to start.
    pub(crate) async fn new() -> Self {
        let (bed, image) = tokio::task::spawn_blocking(up).await.unwrap();
        let client = Client::from_path(&bed.kubeconfig(), Options::default()).await.unwrap();
        let store = bed.disk_store();
        let cluster = Cluster {
            existing: true,
            node_image: Some(image),
            settings: [("K3S_DISK_STORE", store.to_str().unwrap())].into_iter().collect(),
            ..Cluster::new("bed".parse().unwrap())
        };
        let cancel = Cancel::new();
        let uid = client.facts(&Call::new(&cancel)).await.unwrap().uid;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let bed = Self {
            client,
            driver: K3s::new(None, &provider()),
            cluster,
            uid,
            node: bed.node_name(),
            store,
            cancel,
            run: format!("{:x}", now.as_millis()),
            apps: Mutex::default(),
            silence: Mutex::default(),
        };
        bed.install().await;
        bed
    }

    /// The same cluster and store, with more settings; its apps are others.
    pub(crate) fn by(&self, settings: &[(&str, &str)]) -> Self {
        let store = self.store.to_str().unwrap();
        let settings = iter::once(("K3S_DISK_STORE", store)).chain(settings.iter().copied());
        Self {
            client: self.client.clone(),
            driver: K3s::new(None, &provider()),
            cluster: Cluster { settings: settings.collect(), ..self.cluster.clone() },
            uid: self.uid.clone(),
            node: self.node.clone(),
            store: self.store.clone(),
            cancel: Cancel::new(),
            run: format!("{}-{}", self.run, RUNS.fetch_add(1, Ordering::Relaxed)),
            apps: Mutex::default(),
            silence: Mutex::default(),
        }
        .on(Machine::default())
    }

    /// The same for requests that start from this machine, which is the node.
    pub(crate) fn on(self, machine: Machine) -> Self {
        let machine = Machine { host_name: Some(self.node.clone()), ..machine };
        Self { driver: self.driver.clone().on(machine), ..self }
    }

    /// The same by SSH; later settings count.
    pub(crate) fn by_ssh(&self, server: &SshServer, settings: &[(&str, &str)]) -> Self {
        let ssh = server.settings(&self.node);
        let node = ("K3S_NODE_COMMAND", kompox_node().to_str().unwrap());
        let all = ssh.iter().map(|(key, value)| (*key, value.as_str())).chain([node]);
        self.by(&all.chain(settings.iter().copied()).collect::<Vec<_>>())
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call::new(&self.cancel)
            .with_cluster(&self.client)
            .with_deadline(Instant::now() + Duration::from_secs(300))
    }

    pub(crate) async fn install(&self) {
        let options = ApplyOptions { dry_run: false, force: true };
        for object in self.driver.install_plan(&self.cluster).unwrap().iter() {
            self.client.apply(&self.call(), object, options).await.unwrap();
        }
        self.driver.after_install(&self.call(), &self.cluster).await.unwrap();
    }

    pub(crate) fn folder(&self, scope: AppScope<'_>, volume: &VolumeName) -> PathBuf {
        self.store.join(scope.identity.app_hash()).join(volume.as_str())
    }

    /// Removes what the tests of this run left in the store.
    pub(crate) fn clean(&self) {
        for app in self.apps.lock().unwrap().iter() {
            let folder = self.store.join(app);
            if folder.exists() {
                std::fs::remove_dir_all(folder).unwrap();
            }
        }
    }
}

pub(crate) fn disk(name: &str) -> DiskCreate {
    DiskCreate {
        name: name.parse().unwrap(),
        size: Bytes(1 << 20),
        source: DiskSource::Empty,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        at_rest: false,
        if_not_exists: false,
    }
}
