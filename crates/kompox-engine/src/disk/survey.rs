//! Everything there is to know about the app's disks: records, what the Namespace remembers, who refers to them. IO through
//! the ports; writes nothing.

use super::health::{Finding, Known, Remedy, examine};
use super::{handle_of, inventory, is_at_rest};
use crate::app::live;
use crate::app::lived::Lived;
use crate::app::record::Memory;
use crate::{Error, Scope, snapshot};
use kompox_model::port::{DiskGap, DiskInventory, Query, SnapshotInventory};
use kompox_model::{
    Disk, DiskName, DiskSource, DiskState, Gvk, Holder, ObjectRef, VolumeName, label, object,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What was found.
pub(crate) struct Survey {
    /// This cluster.
    pub(crate) holder: Holder,
    /// The disks.
    pub(crate) inventory: DiskInventory,
    /// The snapshots, none from a driver that has none.
    pub(crate) snapshots: Option<SnapshotInventory>,
    /// What the Namespace remembers.
    pub(crate) remembered: Memory,
    /// The compose volumes that it remembers.
    pub(crate) lived: Lived,
    switching: Option<String>,
    /// Names of PersistentVolumes by the handle of their disk.
    persistent: BTreeMap<String, String>,
    /// PersistentVolumes of ours that wait for a claim which is gone.
    pub(crate) released: Vec<Released>,
    busy: BTreeMap<(VolumeName, DiskName), String>,
}

/// A PersistentVolume of ours whose claim is gone.
pub(crate) struct Released {
    pub(crate) reference: ObjectRef,
    pub(crate) body: Value,
    /// The uid of that claim.
    pub(crate) former: String,
    handle: String,
}

/// Looks at everything.
pub(crate) async fn survey(scope: &Scope<'_>) -> Result<Survey, Error> {
    let (cluster, namespace) = live::facts_and_namespace(scope).await?;
    let inventory = inventory(scope, &cluster.uid).await?;
    let snapshots = match scope.driver.snapshots() {
        None => None,
        Some(_) => Some(snapshot::inventory(scope, &cluster.uid).await?),
    };
    let volumes =
        scope.kubernetes.list(&scope.call(), &Query::new(Gvk::core("PersistentVolume"), None)).await?;
    let name = |volume: &Value| Some(volume.pointer("/metadata/name")?.as_str()?.to_owned());
    let persistent =
        volumes.iter().filter_map(|volume| Some((handle_of(volume)?.to_owned(), name(volume)?))).collect();
    Ok(Survey {
        remembered: Memory::read(namespace.as_ref(), &inventory.disks)?,
        lived: Lived::read(namespace.as_ref())?,
        switching: namespace
            .as_ref()
            .and_then(|found| object::annotation(found, label::DISK_SWITCHING))
            .map(Into::into),
        holder: Holder { cluster: scope.cluster.name.clone(), uid: cluster.uid },
        busy: busy(scope, &inventory).await?,
        released: released(scope, volumes).await?,
        inventory,
        snapshots,
        persistent,
    })
}

/// Why disks that others are being made from cannot be copied now.
async fn busy(
    scope: &Scope<'_>,
    inventory: &DiskInventory,
) -> Result<BTreeMap<(VolumeName, DiskName), String>, Error> {
    let mut busy = BTreeMap::new();
    for disk in inventory.disks.iter().filter(|disk| disk.state == DiskState::Creating) {
        let DiskSource::Disk(source) = &disk.source else { continue };
        match is_at_rest(scope, inventory, &disk.volume, &disk.source).await {
            Ok(_) => {}
            Err(Error::Refused { message, .. }) => {
                busy.insert((disk.volume.clone(), source.clone()), message);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(busy)
}

/// PersistentVolumes of the app that were bound to a claim in its Namespace which is not there any more.
async fn released(scope: &Scope<'_>, volumes: Vec<Value>) -> Result<Vec<Released>, Error> {
    let (identity, namespace) = (scope.identity().to_string(), scope.namespace());
    let mut released = Vec::new();
    for body in volumes {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        let ours = object::annotation(&body, label::IDENTITY) == Some(identity.as_str())
            && text("/spec/claimRef/namespace").as_deref() == Some(namespace.as_str())
            && !live::is_terminating(&body);
        let parts = (text("/metadata/name"), text("/spec/claimRef/name"), text("/spec/claimRef/uid"));
        let (true, (Some(name), Some(claim), Some(former))) = (ours, parts) else { continue };
        let Some(handle) = handle_of(&body).map(ToOwned::to_owned) else { continue };
        let claim = ObjectRef::new(Gvk::core("PersistentVolumeClaim"), Some(&namespace), &claim);
        let found = scope.kubernetes.get(&scope.call(), &claim).await?;
        let uid = found.as_ref().and_then(|claim| claim.pointer("/metadata/uid")?.as_str());
        if uid != Some(former.as_str()) {
            let reference = ObjectRef::new(Gvk::core("PersistentVolume"), None, &name);
            released.push(Released { reference, body, former, handle });
        }
    }
    Ok(released)
}

impl Survey {
    /// Volumes of the configuration in its order, then those that only have disks.
    pub(crate) fn volumes(&self, scope: &Scope<'_>) -> Vec<VolumeName> {
        let mut names: Vec<_> = scope.app.volumes.iter().map(|volume| volume.name.clone()).collect();
        let left: BTreeSet<_> = self.inventory.disks.iter().map(|disk| &disk.volume).collect();
        let left: Vec<_> = left.into_iter().filter(|name| !names.contains(name)).cloned().collect();
        names.extend(left);
        names
    }

    /// Disks of a volume.
    pub(crate) fn disks_of<'a>(&'a self, volume: &'a VolumeName) -> impl Iterator<Item = &'a Disk> {
        self.inventory.disks.iter().filter(move |disk| disk.volume == *volume)
    }

    /// Places that could not be looked into.
    pub(crate) fn gaps(&self) -> Vec<DiskGap> {
        let mut gaps = self.inventory.gaps.clone();
        let more = self.snapshots.iter().flat_map(|found| &found.gaps);
        gaps.extend(more.filter(|gap| !self.inventory.gaps.contains(gap)).cloned());
        gaps
    }

    /// What is wrong with a volume, in the order in which it is mended.
    pub(crate) fn findings(
        &self,
        scope: &Scope<'_>,
        volume: &VolumeName,
        keep: Option<&DiskName>,
    ) -> Vec<Finding> {
        let ready = self
            .snapshots
            .iter()
            .flat_map(|found| &found.snapshots)
            .filter(|snapshot| snapshot.volume == *volume && snapshot.state == DiskState::Ready);
        let disks: Vec<&Disk> = self.disks_of(volume).collect();
        let mut found = examine(&Known {
            volume,
            configured: scope.app.volumes.iter().any(|configured| configured.name == *volume),
            seen_whole: self.gaps().is_empty(),
            holder: &self.holder,
            remembered: &self.remembered,
            switching: self.switching.as_deref(),
            keep,
            snapshots: ready.map(|snapshot| &snapshot.name).collect(),
            persistent: &self.persistent,
            busy: &self.busy,
            disks: disks.clone(),
        });
        let ours = |disk: &&&Disk| disk.assigned && disk.holder == self.holder;
        for Released { reference, handle, .. } in &self.released {
            let Some(disk) = disks.iter().filter(ours).find(|disk| disk.handle == *handle) else { continue };
            found.push(Finding {
                volume: volume.clone(),
                disk: Some(disk.name.clone()),
                problem: format!("{reference} waits for a claim that is gone"),
                remedy: Remedy::Free(reference.name.clone()),
            });
        }
        found.sort_by(|a, b| a.remedy.cmp(&b.remedy));
        found
    }
}
