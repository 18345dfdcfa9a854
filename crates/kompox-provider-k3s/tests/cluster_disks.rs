//! The driver on a real cluster of the test bed: its own installation, and the conformance suite through the DaemonSet.
//! Needs root. The store is a folder of this machine, in which the tests arrange what they need.

#![allow(clippy::unwrap_used)]

mod disk_store;

use async_trait::async_trait;
use disk_store::tree;
use kompox_kube::{Client, Options};
use kompox_model::port::{
    AppScope, ApplyOptions, Call, Cancel, Cluster as ClusterPort, DiskCreate, DiskStreams, Disks, Driver,
    ErrorKind, SnapshotCreate, VolumeFences, VolumeSnapshots,
};
use kompox_model::quantity::Bytes;
use kompox_model::{
    AppIdentity, Cluster, DiskName, DiskSource, Gvk, ObjectRef, Provider, Settings, VolumeName, label, object,
};
use kompox_provider::conformance::{self, Ability, ConformanceSubject, Outcome};
use kompox_provider_k3s::K3s;
use kompox_testbed::{Image, Testbed, UpOptions};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The cluster to use; one letter.
const VARIABLE: &str = "KOMPOX_TESTBED_CLUSTER";

/// Why one rule is left out here: a store on btrfs is tested in kompox-node.
const ATOMIC: &str = "the file system of the test bed has no copies of one moment";

struct Bed {
    client: Client,
    driver: K3s,
    cluster: Cluster,
    uid: String,
    node: String,
    store: PathBuf,
    cancel: Cancel,
    /// Tells the apps of this run from those of others.
    run: String,
    /// Hashes of the apps of this run, whose folders go at its end.
    apps: Mutex<BTreeSet<String>>,
    /// Held while the store is silent.
    silence: Mutex<Option<File>>,
}

/// Brings the cluster up with the image of kompox-node.
fn up() -> (kompox_testbed::Cluster, String) {
    let name = std::env::var(VARIABLE).unwrap_or_else(|_| "a".to_owned());
    let testbed = Testbed::of_this_checkout().unwrap();
    let cluster = testbed.up(&name, &UpOptions::default()).unwrap();
    let images = testbed.ensure_images(&[Image::KompoxNode]).unwrap();
    cluster.load(&images).unwrap();
    (cluster, images[0].reference.clone())
}

impl Bed {
    /// Connects, installs what the driver plans, and waits for it.
    async fn new() -> Self {
        let (bed, image) = tokio::task::spawn_blocking(up).await.unwrap();
        let client = Client::from_path(&bed.kubeconfig(), Options::default()).await.unwrap();
        let store = bed.disk_store();
        let cluster = Cluster {
            existing: true,
            node_image: Some(image),
            settings: [("K3S_DISK_STORE", store.to_str().unwrap())].into_iter().collect(),
            ..Cluster::new("bed".parse().unwrap())
        };
        let provider = Provider {
            name: "prv".parse().unwrap(),
            driver: "k3s".to_owned(),
            settings: Settings::default(),
        };
        let cancel = Cancel::new();
        let uid = client.facts(&Call::new(&cancel)).await.unwrap().uid;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let bed = Self {
            client,
            driver: K3s::new(None, &provider),
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

    fn call(&self) -> Call<'_> {
        Call::new(&self.cancel)
            .with_cluster(&self.client)
            .with_deadline(Instant::now() + Duration::from_secs(300))
    }

    async fn install(&self) {
        let options = ApplyOptions { dry_run: false, force: true };
        for object in self.driver.install_plan(&self.cluster).unwrap().iter() {
            self.client.apply(&self.call(), object, options).await.unwrap();
        }
        self.driver.after_install(&self.call(), &self.cluster).await.unwrap();
    }

    fn folder(&self, scope: AppScope<'_>, volume: &VolumeName) -> PathBuf {
        self.store.join(scope.identity.app_hash()).join(volume.as_str())
    }

    /// Removes what the tests of this run left in the store.
    fn clean(&self) {
        for app in self.apps.lock().unwrap().iter() {
            let folder = self.store.join(app);
            if folder.exists() {
                std::fs::remove_dir_all(folder).unwrap();
            }
        }
    }
}

/// Changes a record of the store.
fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    change(&mut record);
    std::fs::write(path, record.to_string()).unwrap();
}

#[async_trait]
impl ConformanceSubject for Bed {
    fn name(&self) -> String {
        format!("k3s on the real node {}", self.node)
    }

    fn disks(&self) -> &dyn Disks {
        &self.driver
    }

    fn snapshots(&self) -> Option<&dyn VolumeSnapshots> {
        Some(&self.driver)
    }

    fn streams(&self) -> Option<&dyn DiskStreams> {
        Some(&self.driver)
    }

    fn fences(&self) -> Option<&dyn VolumeFences> {
        Some(&self.driver)
    }

    fn kubernetes(&self) -> Option<&dyn ClusterPort> {
        Some(&self.client)
    }

    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn cluster_uid(&self) -> &str {
        &self.uid
    }

    fn identity(&self, label: &str) -> AppIdentity {
        let identity: AppIdentity = format!("ws/prv/{label}-{}", self.run).parse().unwrap();
        self.apps.lock().unwrap().insert(identity.app_hash());
        identity
    }

    /// Makes the disk and takes back what comes last.
    async fn interrupt_create(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Ability, String> {
        let made = Disks::create(&self.driver, &self.call(), scope, volume, options).await;
        made.map_err(|error| error.to_string())?;
        let disk = self.folder(scope, volume).join("disks").join(options.name.as_str());
        edit(&disk.join("disk.json"), |record| record["state"] = json!("creating"));
        std::fs::remove_dir(disk.join("data")).map_err(|error| error.to_string())?;
        Ok(Ability::Done)
    }

    /// Makes the snapshot and takes back what comes last.
    async fn interrupt_snapshot(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Ability, String> {
        let options = SnapshotCreate { at_rest: true, ..options.clone() };
        let made = VolumeSnapshots::create(&self.driver, &self.call(), scope, volume, &options).await;
        made.map_err(|error| error.to_string())?;
        let snapshot = self.folder(scope, volume).join("snapshots").join(options.name.as_str());
        edit(&snapshot.join("snapshot.json"), |record| record["state"] = json!("creating"));
        std::fs::remove_dir_all(snapshot.join("data")).map_err(|error| error.to_string())?;
        Ok(Ability::Done)
    }

    /// The store is on whatever file system the machine has.
    async fn set_atomic_snapshots(&self, atomic: bool) -> Result<Ability, String> {
        Ok(match atomic {
            true => Ability::Missing(ATOMIC.to_owned()),
            false => Ability::Done,
        })
    }

    /// Makes a disk and gives it to another app.
    async fn collide(&self, scope: AppScope<'_>, volume: &VolumeName) -> Result<Ability, String> {
        let options = disk("one");
        let made = Disks::create(&self.driver, &self.call(), scope, volume, &options).await;
        made.map_err(|error| error.to_string())?;
        let folder = self.folder(scope, volume);
        for record in [folder.join("volume.json"), folder.join("disks/one/disk.json")] {
            edit(&record, |record| record["identity"]["app"] = json!("other"));
        }
        Ok(Ability::Done)
    }

    /// Holds the lock of the store, for which every request waits.
    async fn set_silent(&self, silent: bool) -> Result<Ability, String> {
        let mut held = self.silence.lock().unwrap();
        *held = None;
        if silent {
            let root = File::open(&self.store).map_err(|error| error.to_string())?;
            root.lock().map_err(|error| error.to_string())?;
            *held = Some(root);
        }
        Ok(Ability::Done)
    }

    /// The apps of this run alone: apps of others, which run again with the cluster, write to their disks.
    async fn fingerprint(&self) -> Result<Option<String>, String> {
        let entries = std::fs::read_dir(&self.store).map_err(|error| error.to_string())?;
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let apps = self.apps.lock().unwrap();
        let trees = apps.iter().map(|app| self.store.join(app)).chain([self.store.join(".trash")]);
        Ok(Some(format!("{names:?}\n{}", trees.map(|path| tree(&path)).collect::<String>())))
    }
}

fn disk(name: &str) -> DiskCreate {
    DiskCreate {
        name: name.parse().unwrap(),
        size: Bytes(1 << 20),
        source: DiskSource::Empty,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        at_rest: false,
        if_not_exists: false,
    }
}

/// Whether cluster tests are switched off, said by name.
fn skipped(test: &str) -> bool {
    let skipped = std::env::var_os("KOMPOX_TESTS_NO_CLUSTER").is_some_and(|value| value == "1");
    if skipped {
        eprintln!("SKIPPED {test}: KOMPOX_TESTS_NO_CLUSTER is set");
    }
    skipped
}

/// The tests in one, since they share the only DaemonSet of the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_cluster_keeps_disks() {
    if skipped("a_real_cluster_keeps_disks") {
        return;
    }
    let bed = Bed::new().await;
    the_installation_is_known_and_repeatable(&bed).await;
    a_disk_is_a_folder_of_the_node(&bed).await;
    let reports =
        [conformance::disks(&bed).await, conformance::snapshots(&bed).await, conformance::moves(&bed).await];
    for report in reports {
        assert_eq!(report.failed().count(), 0, "{report}");
        for skipped in report.skipped() {
            assert_eq!(skipped.outcome, Outcome::Skipped(ATOMIC.to_owned()), "{report}");
        }
    }
    bed.clean();
}

async fn the_installation_is_known_and_repeatable(bed: &Bed) {
    let status = bed.driver.cluster_status(&bed.call(), &bed.cluster).await.unwrap();
    assert_eq!((status.provisioned, status.installed), (Some(true), Some(true)));

    let node = ObjectRef::new(Gvk::core("Node"), None, &bed.node);
    let body = bed.client.get(&bed.call(), &node).await.unwrap().unwrap();
    let known = object::annotation(&body, label::DISK_STORE).unwrap().to_owned();
    let record = std::fs::read_to_string(bed.store.join("store.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&record).unwrap()["id"], known.as_str());

    let daemon_set =
        ObjectRef::new(Gvk::new("apps", "v1", "DaemonSet"), Some(label::SYSTEM_NAMESPACE), "kompox-node");
    let before = bed.client.get(&bed.call(), &daemon_set).await.unwrap().unwrap();
    bed.install().await;
    let after = bed.client.get(&bed.call(), &daemon_set).await.unwrap().unwrap();
    assert_eq!(before["metadata"]["generation"], after["metadata"]["generation"]);
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
}

async fn a_disk_is_a_folder_of_the_node(bed: &Bed) {
    let identity = bed.identity("folder");
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &bed.uid };
    let (volume, name): (VolumeName, DiskName) = ("default".parse().unwrap(), "one".parse().unwrap());
    let made = Disks::create(&bed.driver, &bed.call(), scope, &volume, &disk("one")).await.unwrap();
    assert_eq!(made.node.as_deref(), Some(bed.node.as_str()));
    assert!(Path::new(&made.handle).starts_with(&bed.store) && Path::new(&made.handle).is_dir());

    // More than one frame of the connection, and an owner that the program must be able to give it.
    let content = vec![b'x'; 300_000];
    let archive = ustar("big", 1234, &content);
    let filled = bed.driver.fill(&bed.call(), scope, &volume, &name, "binds/data", &archive).await.unwrap();
    assert!(filled);
    let file = Path::new(&made.handle).join("binds/data/big");
    assert_eq!(std::fs::read(&file).unwrap(), content);
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&file).unwrap()), 1234);

    let again = bed.driver.fill(&bed.call(), scope, &volume, &name, "binds/data", &archive).await.unwrap();
    assert!(!again);

    // Refused after all of it was sent, though the store wants none of it.
    let stranger = AppScope { cluster_uid: "another", ..scope };
    let refused = bed.driver.fill(&bed.call(), stranger, &volume, &name, "binds/new", &archive).await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Conflict);
}

/// A tar archive with one file.
fn ustar(name: &str, uid: u32, content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, &format!("{uid:07o}\0"));
    put(116, &format!("{uid:07o}\0"));
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}
