//! The bed as a subject of the conformance suite.

use crate::bed::{Bed, disk};
use crate::disk_store::tree;
use async_trait::async_trait;
use kompox_model::port::{
    AppScope, Cluster as ClusterPort, DiskCreate, DiskStreams, Disks, SnapshotCreate, VolumeFences,
    VolumeSnapshots,
};
use kompox_model::{AppIdentity, Cluster, VolumeName};
use kompox_provider::conformance::{Ability, ConformanceSubject};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;

/// Why one rule is left out here: a store on btrfs is tested in kompox-node.
pub(crate) const ATOMIC: &str = "the file system of the test bed has no copies of one moment";

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
