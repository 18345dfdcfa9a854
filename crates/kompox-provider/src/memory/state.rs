//! What the memory driver remembers, and the faults it was told to have. No IO.

use super::ID;
use super::kill::Kill;
use crate::limit;
use kompox_model::port::{Call, DiskGap, ErrorKind, PortError};
use kompox_model::{AppIdentity, Disk, Snapshot, VolumeEvent, VolumeName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Operations that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// State of a cluster.
    Status,
    /// Making a cluster.
    Provision,
    /// Removing a cluster.
    Deprovision,
    /// What follows the installation.
    Install,
    /// Listing disks.
    List,
    /// Making a disk.
    Create,
    /// Assigning a disk.
    Assign,
    /// Taking the assignment from a disk.
    Unassign,
    /// Deleting a disk.
    Delete,
    /// Asking which sub-paths hold something.
    LookInto,
    /// Unpacking into a sub-path.
    Fill,
    /// Listing snapshots.
    ListSnapshots,
    /// Making a snapshot.
    CreateSnapshot,
    /// Deleting a snapshot.
    DeleteSnapshot,
    /// Writing a disk or snapshot out.
    Export,
    /// Making a disk of an archive.
    Import,
    /// Fencing a volume, or opening it.
    Fence,
    /// Giving a volume to another cluster.
    SetHolder,
}

impl Operation {
    pub(super) fn error(self, kind: ErrorKind, target: &str) -> PortError {
        let (verb, noun) = match self {
            Self::Status => ("read state of", "cluster"),
            Self::Provision => ("provision", "cluster"),
            Self::Deprovision => ("deprovision", "cluster"),
            Self::Install => ("finish installing on", "cluster"),
            Self::List => ("list disks of", "app"),
            Self::Create => ("create", "disk"),
            Self::Assign => ("assign", "disk"),
            Self::Unassign => ("unassign", "disk"),
            Self::Delete => ("delete", "disk"),
            Self::LookInto => ("look into", "disk"),
            Self::Fill => ("fill", "disk"),
            Self::ListSnapshots => ("list snapshots of", "app"),
            Self::CreateSnapshot => ("create", "snapshot"),
            Self::DeleteSnapshot => ("delete", "snapshot"),
            Self::Export => ("export", "disk"),
            Self::Import => ("import", "disk"),
            Self::Fence => ("fence", "volume"),
            Self::SetHolder => ("give away", "volume"),
        };
        PortError::new(kind, ID, verb, format!("{noun} {target}"))
    }
}

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done.
    Before,
    /// Between the two writes of an operation that needs two: a disk stays `creating` or `deleting`, or two disks are
    /// assigned.
    During,
    /// All was done, the answer is lost.
    After,
}

/// A failure to come; it strikes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which operation fails next.
    pub operation: Operation,
    /// When.
    pub moment: Moment,
    /// How.
    pub kind: ErrorKind,
}

/// A disk as it is tagged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// What it is found by.
    pub(super) app_hash: String,
    /// What it is compared by.
    pub(super) identity: AppIdentity,
    pub(super) disk: Disk,
}

/// A snapshot as it is tagged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredSnapshot {
    /// What it is found by.
    pub(super) app_hash: String,
    /// What it is compared by.
    pub(super) identity: AppIdentity,
    pub(super) snapshot: Snapshot,
}

pub(super) struct State {
    pub(super) disks: Vec<Stored>,
    pub(super) snapshots: Vec<StoredSnapshot>,
    /// Whether copies of disks in use are of one moment.
    pub(super) atomic_snapshots: bool,
    pub(super) clusters: BTreeSet<String>,
    /// The name of this memory among others.
    pub(super) store: String,
    /// Fenced volumes, by the app's hash and their name.
    pub(super) fenced: BTreeSet<(String, VolumeName)>,
    /// What became of volumes, by the app's hash and their name.
    pub(super) history: BTreeMap<(String, VolumeName), Vec<VolumeEvent>>,
    /// What was unpacked, by handle.
    pub(super) contents: BTreeMap<String, BTreeSet<String>>,
    pub(super) gaps: Vec<DiskGap>,
    /// A gap that the list sees which comes after so many others.
    passing_gap: Option<(usize, DiskGap)>,
    pub(super) made: u64,
    writes: u64,
    kill: Kill,
    faults: VecDeque<Fault>,
    /// Faults that spare some operations first.
    later: VecDeque<(usize, Fault)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            disks: Vec::new(),
            snapshots: Vec::new(),
            atomic_snapshots: true,
            clusters: BTreeSet::new(),
            store: "memory".to_owned(),
            fenced: BTreeSet::new(),
            history: BTreeMap::new(),
            contents: BTreeMap::new(),
            gaps: Vec::new(),
            passing_gap: None,
            made: 0,
            writes: 0,
            kill: Kill::default(),
            faults: VecDeque::new(),
            later: VecDeque::new(),
        }
    }
}

impl State {
    /// What a list sees of the gaps.
    pub(super) fn look(&mut self) -> Vec<DiskGap> {
        let mut gaps = self.gaps.clone();
        match self.passing_gap.take() {
            Some((0, gap)) => gaps.push(gap),
            later => self.passing_gap = later.map(|(lists, gap)| (lists - 1, gap)),
        }
        gaps
    }

    /// Fails when a fault waits for this moment.
    fn strike(&mut self, operation: Operation, moment: Moment, target: &str) -> Result<(), PortError> {
        let due = |(_, fault): &&mut (usize, Fault)| fault.operation == operation && fault.moment == moment;
        if let Some((spared, fault)) = self.later.iter_mut().find(due) {
            if *spared == 0 {
                self.faults.push_back(*fault);
                let fault = *fault;
                self.later.retain(|(spared, other)| *spared != 0 || *other != fault);
            } else {
                *spared -= 1;
            }
        }
        let found =
            self.faults.iter().position(|fault| fault.operation == operation && fault.moment == moment);
        match found.and_then(|index| self.faults.remove(index)) {
            Some(fault) => Err(operation
                .error(fault.kind, target)
                .detail(format!("a fault was asked for ({moment:?})").to_lowercase())),
            None => Ok(()),
        }
    }

    /// Fails when a fault waits for an operation without a write, in its midst or at its end.
    pub(super) fn strike_in(&mut self, operation: Operation, target: &str) -> Result<(), PortError> {
        self.strike(operation, Moment::During, target)?;
        self.strike(operation, Moment::After, target)
    }

    /// One write that is the whole operation.
    pub(super) fn write(
        &mut self,
        operation: Operation,
        target: &str,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), PortError> {
        self.write_twice(operation, target, change, |_| {})
    }

    /// Two writes, between which a fault may strike.
    pub(super) fn write_twice(
        &mut self,
        operation: Operation,
        target: &str,
        first: impl FnOnce(&mut Self),
        second: impl FnOnce(&mut Self),
    ) -> Result<(), PortError> {
        self.writes += 1;
        self.live(operation, target)?;
        first(self);
        self.strike(operation, Moment::During, target)?;
        self.live(operation, target)?;
        second(self);
        self.live(operation, target)?;
        self.strike(operation, Moment::After, target)
    }

    /// Fails when the caller dies here; it will not hear of it.
    fn live(&mut self, operation: Operation, target: &str) -> Result<(), PortError> {
        if self.kill.passes() { Err(operation.error(ErrorKind::Internal, target)) } else { Ok(()) }
    }
}

/// Shared memory: clones see the same disks, as two clusters see the same cloud.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    silent: Arc<watch::Sender<bool>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { state: Arc::default(), silent: Arc::new(watch::Sender::new(false)) }
    }
}

impl Memory {
    /// Memory without disks, clusters and faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another memory than the default one: a driver on it does not see the disks of one on that.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let memory = Self::default();
        name.clone_into(&mut memory.state().store);
        memory
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next such operation fail. Several faults may wait.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Whether copies of disks in use are of one moment, as on most clouds, or need a disk at rest. True at first.
    pub fn set_atomic_snapshots(&self, atomic: bool) {
        let mut state = self.state();
        state.atomic_snapshots = atomic;
        state.disks.iter_mut().for_each(|stored| stored.disk.atomic_snapshots = atomic);
    }

    /// Makes such an operation fail, after `spared` that do not.
    pub fn fail_later(&self, spared: usize, fault: Fault) {
        self.state().later.push_back((spared, fault));
    }

    /// Forgets the faults that have not struck yet.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.later.clear();
    }

    /// What a disk or snapshot holds: the sub-paths into which something was unpacked.
    #[must_use]
    pub fn content(&self, handle: &str) -> BTreeSet<String> {
        self.state().contents.get(handle).cloned().unwrap_or_default()
    }

    /// Puts something on a disk as an app does through its mount: whatever the records say.
    pub fn write_to(&self, handle: &str, path: &str) {
        self.state().contents.entry(handle.to_owned()).or_default().insert(path.to_owned());
    }

    /// Changes a disk as somebody else would.
    pub fn change_disk(&self, handle: &str, change: impl Fn(&mut Disk)) {
        let mut state = self.state();
        state
            .disks
            .iter_mut()
            .filter(|stored| stored.disk.handle == handle)
            .for_each(|s| change(&mut s.disk));
    }

    /// While silent, operations do not end by themselves.
    pub fn set_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    /// Lets the caller die at the n-th moment from now, counting three for each write: before it, in its midst and after it.
    /// Without a number it lives, again if it was dead.
    pub fn kill_at(&self, moment: Option<usize>) {
        self.state().kill.begin(moment);
    }

    /// How many such moments there were since.
    #[must_use]
    pub fn moments(&self) -> usize {
        self.state().kill.passed()
    }

    /// Ends when the caller is dead.
    pub async fn died(&self) {
        let mut died = self.state().kill.watch();
        // The sender lives as long as `self`.
        let _ = died.wait_for(|died| *died).await;
    }

    /// Replaces the places that cannot be looked into.
    pub fn set_gaps(&self, gaps: Vec<DiskGap>) {
        self.state().gaps = gaps;
    }

    /// One list sees this gap, after `lists` that do not: a place that answers, then not, then again.
    pub fn set_passing_gap(&self, lists: usize, gap: DiskGap) {
        self.state().passing_gap = Some((lists, gap));
    }

    /// How many operations have written so far; dry runs and repeats without effect do not count.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Puts a disk there as if somebody else had made it: found under the hash of `found_as`, tagged as `identity`'s.
    pub fn insert(&self, found_as: &AppIdentity, identity: &AppIdentity, disk: Disk) {
        let stored = Stored { app_hash: found_as.app_hash(), identity: identity.clone(), disk };
        self.state().disks.push(stored);
    }

    /// Everything remembered about disks and snapshots, for comparisons.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let state = self.state();
        format!("{:?} {:?} {:?} {:?}", state.disks, state.snapshots, state.contents, state.fenced)
    }

    /// Runs one operation on the state, within the caller's limits.
    pub(super) async fn run<T>(
        &self,
        call: &Call<'_>,
        operation: Operation,
        target: &str,
        work: impl FnOnce(&mut State) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        self.run_on(call, operation, target, |state| {
            state.strike(operation, Moment::Before, target)?;
            work(state)
        })
        .await
    }

    /// The rest of an operation that has begun.
    pub(super) async fn run_on<T>(
        &self,
        call: &Call<'_>,
        operation: Operation,
        target: &str,
        work: impl FnOnce(&mut State) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let mut silent = self.silent.subscribe();
        limit::within(call, None, |kind| operation.error(kind, target), async {
            // The sender lives as long as `self`, so waiting ends by an answer only.
            let _ = silent.wait_for(|silent| !silent).await;
            let result = work(&mut self.state());
            let dead = self.state().kill.is_dead();
            if dead {
                // Nobody is there any more who could be told.
                std::future::pending::<()>().await;
            }
            result
        })
        .await
    }
}
