//! What is stored about an app on two clusters, and what holds of it after every command, whatever has failed.

use crate::bed::Bed;
use crate::moving::uid;
use crate::sequences::handle_behind;
use crate::sequences_moving::{Command, World, twin};
use kompox_model::port::{AppScope, Call, Cancel, Disks, VolumeSnapshots};
use kompox_model::{Disk, DiskName, DiskSource, DiskState, Snapshot, VolumeName, VolumeState};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::collections::{BTreeMap, BTreeSet};

/// A place with disks.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    volumes: Vec<VolumeState>,
    pub(crate) disks: Vec<Disk>,
    pub(crate) snapshots: Vec<Snapshot>,
    /// The disks of the app that clones go to.
    twins: Vec<Disk>,
    /// What each holds, by handle.
    contents: BTreeMap<String, BTreeSet<String>>,
}

/// What one cluster has of the app.
#[derive(Clone, Debug)]
struct Side {
    uid: String,
    /// The marks of a move on the Namespace.
    on_the_way: Option<String>,
    moved_to: Option<String>,
    /// Handles of the disks that living Pods mount, each as often as it is mounted.
    mounted: Vec<String>,
    /// Deployments that want a Pod.
    makers: usize,
    /// Handles of the PersistentVolumes.
    bound: Vec<String>,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    sides: [Side; 2],
    /// One, if both clusters see the same.
    stores: Vec<Store>,
    /// The cluster that the app is configured on.
    home: usize,
    /// Pods of the app at each.
    pub(crate) pods: [usize; 2],
}

impl Side {
    fn look(bed: &Bed) -> Self {
        let objects = bed.api.objects();
        let namespace = bed.api.object(&bed.namespace_path()).unwrap_or_default();
        let mark = |key: &str| namespace["metadata"]["annotations"][key].as_str().map(str::to_owned);
        let of = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
        let claims = of("Pod").flat_map(|pod| pod["spec"]["volumes"].as_array().cloned().unwrap_or_default());
        let names = claims.filter_map(|v| Some(v["persistentVolumeClaim"]["claimName"].as_str()?.to_owned()));
        Self {
            uid: uid(bed),
            on_the_way: mark("kompox.dev/move"),
            moved_to: mark("kompox.dev/moved-to"),
            mounted: names.filter_map(|name| handle_behind(&objects, &name)).collect(),
            makers: of("Deployment").filter(|found| found["spec"]["replicas"] != 0).count(),
            bound: of("PersistentVolume")
                .map(|volume| volume["spec"]["csi"]["volumeHandle"].as_str().unwrap().to_owned())
                .collect(),
        }
    }
}

impl Store {
    async fn look(bed: &Bed, uid: &str) -> Self {
        let (cancel, identity, twin) = (Cancel::new(), bed.identity(), twin(bed).name);
        let other = kompox_model::AppIdentity { app: twin, ..identity.clone() };
        let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: uid };
        let call = Call::new(&cancel);
        let ours = Disks::list(&bed.memory, &call, scope).await.unwrap();
        let theirs = Disks::list(&bed.memory, &call, AppScope { identity: &other, ..scope }).await.unwrap();
        let mut snapshots = VolumeSnapshots::list(&bed.memory, &call, scope).await.unwrap().snapshots;
        // A clone makes and deletes its own.
        snapshots.retain(|snapshot| !snapshot.name.as_str().starts_with("clone-"));
        let disks = ours.disks.iter().chain(&theirs.disks).map(|disk| &disk.handle);
        let handles = disks.chain(snapshots.iter().map(|snapshot| &snapshot.handle));
        let contents = handles.map(|handle| (handle.clone(), bed.memory.content(handle))).collect();
        Self { volumes: ours.volumes, disks: ours.disks, snapshots, twins: theirs.disks, contents }
    }

    fn volume(&self, name: &VolumeName) -> Option<&VolumeState> {
        self.volumes.iter().find(|volume| volume.name == *name)
    }

    /// Handles of what is whole.
    fn ready(&self) -> impl Iterator<Item = &String> {
        let disks = self.disks.iter().chain(&self.twins).filter(|disk| disk.state == DiskState::Ready);
        let snapshots = self.snapshots.iter().filter(|snapshot| snapshot.state == DiskState::Ready);
        disks.map(|disk| &disk.handle).chain(snapshots.map(|snapshot| &snapshot.handle))
    }
}

impl Seen {
    pub(crate) async fn look(world: &World) -> Self {
        let sides = [0, 1].map(|side: usize| Side::look(&world.beds[side]));
        let mut stores = vec![Store::look(&world.beds[0], &sides[0].uid).await];
        if !world.shared {
            stores.push(Store::look(&world.beds[1], &sides[1].uid).await);
        }
        let pods = [0, 1].map(|side: usize| crate::moving::pods(&world.beds[side]));
        Self { sides, stores, home: world.home, pods }
    }

    fn at(&self, side: usize) -> usize {
        side.min(self.stores.len() - 1)
    }

    pub(crate) fn store(&self, side: usize) -> &Store {
        &self.stores[self.at(side)]
    }

    /// A move was begun and neither finished nor given up.
    pub(crate) fn is_moving(&self) -> bool {
        self.sides.iter().any(|side| side.on_the_way.is_some())
    }

    /// The app went to the other cluster, and all is done.
    pub(crate) fn is_moved_away(&self) -> bool {
        self.sides[self.home].moved_to.is_some() && !self.is_moving()
    }

    /// A cluster that is no more holds what the app has.
    pub(crate) fn is_lost(&self) -> bool {
        let dead = |volume: &VolumeState| self.sides.iter().all(|side| side.uid != volume.holder.uid);
        self.store(self.home).volumes.iter().any(dead)
    }

    /// The cluster can tell that the app is elsewhere.
    pub(crate) fn knows(&self, side: usize) -> bool {
        let Side { uid, on_the_way, moved_to, .. } = &self.sides[side];
        let elsewhere = |volume: &VolumeState| volume.holder.uid != *uid;
        on_the_way.is_some() || moved_to.is_some() || self.store(side).volumes.iter().any(elsewhere)
    }

    /// The store that has the data of a volume, as the records say.
    fn record(&self, volume: &VolumeName) -> usize {
        let (here, away) = (self.at(self.home), 1 - self.home);
        let holder = self.stores[here].volume(volume).map(|found| &found.holder.uid);
        if holder == Some(&self.sides[away].uid) { self.at(away) } else { here }
    }

    /// Every whole disk of the app where the records say it is, with what it holds.
    fn data(&self) -> BTreeMap<(&VolumeName, &DiskName), (usize, &Disk, &BTreeSet<String>)> {
        let mut data = BTreeMap::new();
        for (at, store) in self.stores.iter().enumerate() {
            let ready = store.disks.iter().filter(|disk| disk.state == DiskState::Ready);
            for disk in ready.filter(|disk| self.record(&disk.volume) == at) {
                data.insert((&disk.volume, &disk.name), (at, disk, &store.contents[&disk.handle]));
            }
        }
        data
    }

    /// Copies that a move made and nobody uses yet, and old ones of a former move: a move may make them anew, the old ones
    /// by consent.
    fn may_go(&self, at: usize, handle: &str, command: &Command) -> bool {
        let store = &self.stores[at];
        let Some(disk) = store.disks.iter().find(|disk| disk.handle == *handle) else { return false };
        let target = self.stores.len() == 2 && self.record(&disk.volume) != at;
        let holder = store.volume(&disk.volume).map(|volume| &volume.holder.uid);
        let copy = self.sides[at].on_the_way.is_some() && holder == Some(&self.sides[at].uid);
        // What the app has written where it runs already is lost only to whoever gives the move up.
        let used = self.sides[at].mounted.contains(&disk.handle) && !matches!(command, Command::Abort);
        target && !used && (copy || matches!(command, Command::Move { delete_old_copies: true }))
    }

    fn assigned(&self) -> BTreeSet<(&VolumeName, &DiskName)> {
        self.data().into_iter().filter(|(_, (_, disk, _))| disk.assigned).map(|(key, _)| key).collect()
    }
}

/// What a running app writes goes to the disks that its Pods mount.
pub(crate) fn write(bed: &Bed, number: u64) {
    for handle in Side::look(bed).mounted {
        bed.memory.write_to(&handle, &format!("volumes/data/{number}"));
    }
}

/// Nothing that was whole is gone or has lost content, wherever the records say that it is now, but for what was deleted by
/// name.
pub(crate) fn nothing_is_lost(
    world: &mut World,
    before: &Seen,
    after: &Seen,
    command: &Command,
) -> TestCaseResult {
    let whole = |at: usize| after.stores[at].ready().collect::<BTreeSet<_>>();
    for (at, store) in before.stores.iter().enumerate() {
        let whole = whole(at);
        let gone = store.ready().filter(|handle| !whole.contains(handle));
        let gone: Vec<_> = gone.filter(|handle| !before.may_go(at, handle, command)).collect();
        if matches!(command, Command::Delete(_)) {
            prop_assert!(gone.len() <= 1, "{command:?} hit {gone:?}");
            world.doomed.extend(gone.into_iter().map(|handle| (at, handle.clone())));
        } else {
            prop_assert!(gone.is_empty(), "{command:?} lost {gone:?}");
        }
        for handle in store.ready().filter(|handle| whole.contains(handle)) {
            let (old, new) = (&store.contents[handle], &after.stores[at].contents[handle]);
            prop_assert!(old.is_subset(new), "{command:?} took content from {handle}: {old:?}, {new:?}");
        }
    }
    // Whoever takes over from a store of old copies has lost what came later, and was told.
    let taken = matches!(command, Command::TakeOver { there: true });
    let data = after.data();
    for (key, (at, disk, old)) in before.data().into_iter().filter(|_| !taken) {
        if world.doomed.contains(&(at, disk.handle.clone())) {
            continue;
        }
        let Some((_, _, new)) = data.get(&key) else {
            return Err(TestCaseError::fail(format!(
                "{command:?}: no {key:?} any more where the records say"
            )));
        };
        prop_assert!(old.is_subset(new), "{command:?}: {key:?} held {old:?} and now {new:?}");
    }
    Ok(())
}

/// Never two that could write, no Pod on what is not its cluster's, and what a move left behind stays fenced.
pub(crate) fn always(seen: &Seen, command: &Command) -> TestCaseResult {
    prop_assert!(seen.pods.iter().sum::<usize>() <= 1, "{command:?}: two Pods: {:?}", seen.pods);
    let makers: usize = seen.sides.iter().map(|side| side.makers).sum();
    prop_assert!(makers <= 1, "{command:?}: Deployments on both clusters");
    for (number, side) in seen.sides.iter().enumerate() {
        let store = seen.store(number);
        let once: BTreeSet<&String> = side.mounted.iter().collect();
        prop_assert_eq!(once.len(), side.mounted.len(), "{:?}: a disk is mounted twice", command);
        for handle in &side.mounted {
            let disk = store.disks.iter().find(|disk| disk.handle == *handle);
            let volume = disk.and_then(|disk| store.volume(&disk.volume));
            let open = volume.is_some_and(|volume| volume.holder.uid == side.uid && !volume.fenced);
            prop_assert!(open, "{command:?}: a Pod of cluster {number} on {disk:?}, {volume:?}");
        }
        for handle in &side.bound {
            prop_assert!(store.contents.contains_key(handle), "{command:?} left a volume of {handle}");
        }
        if seen.stores.len() == 2 {
            let other = &seen.sides[1 - number].uid;
            let open = store.volumes.iter().find(|volume| volume.holder.uid == *other && !volume.fenced);
            prop_assert!(open.is_none(), "{command:?}: cluster {number} has an open copy: {open:?}");
        }
    }
    for store in &seen.stores {
        let handles: BTreeSet<&str> = store.disks.iter().map(|disk| disk.handle.as_str()).collect();
        prop_assert_eq!(handles.len(), store.disks.len(), "{:?} gave two disks one handle", command);
        // Each disk and each snapshot names the holder that its volume names.
        for disk in &store.disks {
            let holder = store.volume(&disk.volume).map(|volume| &volume.holder);
            prop_assert_eq!(holder, Some(&disk.holder), "{:?}: {} has another owner", command, disk.name);
        }
    }
    Ok(())
}

/// What a command that succeeded has brought about.
pub(crate) fn finished(side: usize, before: &Seen, after: &Seen, command: &Command) -> TestCaseResult {
    let moves = matches!(command, Command::Move { .. } | Command::Abort | Command::TakeOver { .. });
    if moves {
        prop_assert!(!after.is_moving(), "{command:?} is done, and the app on its way");
        for store in &after.stores {
            for volume in
                store.volumes.iter().filter(|volume| volume.holder.uid == after.sides[after.home].uid)
            {
                let here = after.stores.len() == 1 || std::ptr::eq(store, after.store(after.home));
                prop_assert_eq!(volume.fenced, !here, "{:?}: {:?}", command, volume);
            }
        }
    }
    match command {
        Command::Move { .. } if after.home != before.home => {
            let (from, to) = (before.home, after.home);
            prop_assert!(before.assigned().is_subset(&after.assigned()), "other disks are assigned");
            prop_assert!(before.pods[from] == 0 || after.pods[to] == 1, "it does not run any more");
        }
        Command::Clone if side == before.home => {
            let store = after.store(side);
            for disk in store.disks.iter().filter(|disk| disk.assigned && disk.state == DiskState::Ready) {
                let twin = store.twins.iter().find(|twin| twin.volume == disk.volume && twin.assigned);
                let held = twin.map(|twin| &store.contents[&twin.handle]);
                let copied = held.is_some_and(|held| held.is_subset(&store.contents[&disk.handle]));
                prop_assert!(copied, "{disk:?} became {twin:?} with {held:?}");
            }
        }
        Command::RestoreAll { attach: true, .. } if side == before.home => {
            let (had, store) = (before.store(side), after.store(side));
            // A volume without disks is in no set, and gets its first one.
            let in_set = |disk: &&Disk| disk.assigned && had.volume(&disk.volume).is_some();
            let assigned: Vec<_> = store.disks.iter().filter(in_set).collect();
            let names: BTreeSet<_> = assigned.iter().map(|disk| &disk.name).collect();
            let all = (assigned.len(), names.len()) == (had.volumes.len(), 1);
            prop_assert!(had.snapshots.is_empty() || all, "half a set: {assigned:?}");
            for disk in assigned.iter().filter(|_| !had.snapshots.is_empty()) {
                let kept = had.snapshots.iter().find(|kept| {
                    kept.volume == disk.volume && disk.source == DiskSource::Snapshot(kept.name.clone())
                });
                let held = kept.map(|kept| &had.contents[&kept.handle]);
                // A command that was killed at its end has let the app write already.
                let back = held.is_some_and(|held| held.is_subset(&store.contents[&disk.handle]));
                prop_assert!(back, "{disk:?}: {held:?}");
            }
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn same_assignment(seen: &Seen) -> TestCaseResult {
    for store in &seen.stores {
        let mut assigned: BTreeMap<&VolumeName, usize> = BTreeMap::new();
        for disk in store.disks.iter().filter(|disk| disk.assigned) {
            *assigned.entry(&disk.volume).or_default() += 1;
        }
        prop_assert!(assigned.values().all(|count| *count <= 1), "{:?}", store.disks);
    }
    Ok(())
}
