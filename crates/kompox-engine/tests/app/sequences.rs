//! Random commands, killed or failing anywhere, repeated or not, with names that change in between: short of a deletion by
//! name nothing that was made goes or loses its content, every disk has its owner, and no volume gets two writers.

use crate::bed::{Bed, COMPOSE, kind, options};
use crate::dying::Dying;
use crate::snapshots::{create_options, restore_options};
use crate::volume_lines::own;
use kompox_engine::disk::{self, AttachOptions, CreateOptions, RepairOptions, Target};
use kompox_engine::{Error, Scope, app, snapshot};
use kompox_model::port::{AppScope, Call, DiskAssign, DiskDelete, Disks as _, ErrorKind, SnapshotDelete};
use kompox_model::{Disk, DiskSource, DiskState, Snapshot, VolumeName};
use kompox_provider::memory::{Fault, Moment, Operation};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One command, or a change of the configuration; disks and snapshots are chosen among those that are there.
#[derive(Clone, Debug)]
enum Command {
    Deploy {
        start_empty: bool,
    },
    Destroy {
        delete_namespace: bool,
    },
    Stop,
    Start,
    Create,
    Assign(usize),
    Attach(usize),
    AttachPrevious,
    Detach(usize),
    Delete(usize),
    Snapshot,
    Restore(usize),
    DeleteSnapshot(usize),
    Repair {
        keep: Option<usize>,
    },
    /// The app writes to its compose volume, if it runs.
    Write,
    /// The compose volume gets its other name.
    RenameCompose,
    /// The compose volume gets a disk of its own, under the first or second name, or gives it up.
    OwnDisk(usize),
}

/// What befalls a command.
#[derive(Clone, Copy, Debug)]
enum Crash {
    /// It is killed at its n-th write to the cluster, before or after that has its effect.
    Killed { at: usize, after: bool },
    /// The driver fails.
    Fault(Operation, Moment),
}

#[derive(Clone, Debug)]
struct Step {
    command: Command,
    crash: Option<Crash>,
    /// After a crash, whether the same command follows.
    repeat: bool,
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => prop::bool::weighted(0.3).prop_map(|start_empty| Command::Deploy { start_empty }),
        1 => any::<bool>().prop_map(|delete_namespace| Command::Destroy { delete_namespace }),
        1 => Just(Command::Stop),
        1 => Just(Command::Start),
        2 => Just(Command::Create),
        2 => (0..6usize).prop_map(Command::Assign),
        2 => (0..6usize).prop_map(Command::Attach),
        1 => Just(Command::AttachPrevious),
        1 => (0..6usize).prop_map(Command::Detach),
        2 => (0..6usize).prop_map(Command::Delete),
        2 => Just(Command::Snapshot),
        1 => (0..4usize).prop_map(Command::Restore),
        1 => (0..4usize).prop_map(Command::DeleteSnapshot),
        2 => prop::option::of(0..6usize).prop_map(|keep| Command::Repair { keep }),
        3 => Just(Command::Write),
        1 => Just(Command::RenameCompose),
        1 => (0..3usize).prop_map(Command::OwnDisk),
    ]
}

fn crash() -> impl Strategy<Value = Crash> {
    let operation = prop::sample::select(vec![
        Operation::Create,
        Operation::Assign,
        Operation::Unassign,
        Operation::Delete,
        Operation::CreateSnapshot,
        Operation::DeleteSnapshot,
        Operation::LookInto,
        Operation::List,
    ]);
    let moment = prop::sample::select(vec![Moment::Before, Moment::During, Moment::After]);
    prop_oneof![
        (1..14usize, any::<bool>()).prop_map(|(at, after)| Crash::Killed { at, after }),
        (operation, moment).prop_map(|(operation, moment)| Crash::Fault(operation, moment)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (command(), prop::option::weighted(0.4, crash()), any::<bool>())
        .prop_map(|(command, crash, repeat)| Step { command, crash, repeat })
}

/// Everything that is stored.
#[derive(Clone, Debug, Default)]
struct Stored {
    disks: Vec<Disk>,
    snapshots: Vec<Snapshot>,
    /// What each holds, by handle.
    contents: BTreeMap<String, BTreeSet<String>>,
}

/// An app and what may become of it.
struct World {
    bed: Bed,
    /// Name of the compose volume.
    key: &'static str,
    /// How often a command died.
    deaths: u32,
    /// Handles of what somebody has begun to delete by name.
    doomed: BTreeSet<String>,
    /// False after a crash that nobody has looked after.
    tended: bool,
}

impl World {
    fn compose(&self) -> String {
        COMPOSE
            .replace("data:/data", &format!("{}:/data", self.key))
            .replace("{data: {}}", &format!("{{{}: {{}}}}", self.key))
    }

    async fn stored(&self) -> Stored {
        let scope = self.bed.scope(&self.bed.client);
        let disks = disk::list(&scope).await.unwrap().disks;
        let snapshots = snapshot::list(&scope).await.unwrap().snapshots;
        let handles = disks.iter().map(|d| &d.handle).chain(snapshots.iter().map(|s| &s.handle));
        let contents = handles.map(|handle| (handle.clone(), self.bed.memory.content(handle))).collect();
        Stored { disks, snapshots, contents }
    }

    /// Runs it as the `number`th, by which new disks get names of their own.
    async fn run(
        &self,
        scope: Scope<'_>,
        command: &Command,
        stored: &Stored,
        number: u64,
    ) -> Result<(), Error> {
        let bed = &self.bed;
        let now = options().now + jiff::SignedDuration::from_secs(i64::try_from(number).unwrap());
        let chosen = |index: &usize| stored.disks.get(index % stored.disks.len().max(1));
        let kept = |index: &usize| stored.snapshots.get(index % stored.snapshots.len().max(1));
        let mut deploy = options();
        (deploy.now, deploy.random) = (now, number);
        let volume = |disk: &Disk| Some(disk.volume.clone());
        match command {
            Command::Deploy { start_empty } => {
                deploy.start_empty.extend(start_empty.then(|| self.key.to_owned()));
                app::deploy(&scope, &bed.load(&self.compose()), &deploy, "tester").await.map(drop)
            }
            Command::Destroy { delete_namespace } => {
                let options = app::DestroyOptions { delete_namespace: *delete_namespace, dry_run: false };
                app::destroy(&scope, options, "tester").await.map(drop)
            }
            Command::Stop => app::stop(&scope, "tester").await.map(drop),
            Command::Start => app::start(&scope, false, "tester").await.map(drop),
            Command::Create => {
                let options = CreateOptions {
                    volume: None,
                    name: None,
                    size: None,
                    source: DiskSource::Empty,
                    if_not_exists: true,
                    dry_run: false,
                    now,
                    random: number,
                };
                disk::create(&scope, &options, "tester").await.map(drop)
            }
            Command::Assign(index) => {
                let Some(disk) = chosen(index) else { return Ok(()) };
                let of = volume(disk);
                disk::assign(&scope, of.as_ref(), &disk.name, DiskAssign::default(), "tester").await.map(drop)
            }
            Command::Attach(index) => {
                let Some(disk) = chosen(index) else { return Ok(()) };
                self.attach(&scope, volume(disk), Target::Named(disk.name.clone()), deploy).await
            }
            Command::AttachPrevious => self.attach(&scope, None, Target::Previous, deploy).await,
            Command::Detach(index) => {
                let Some(disk) = chosen(index) else { return Ok(()) };
                let of = volume(disk);
                disk::detach(&scope, of.as_ref(), &disk.name, DiskAssign::default(), "tester").await.map(drop)
            }
            Command::Delete(index) => {
                let Some(disk) = chosen(index) else { return Ok(()) };
                let of = volume(disk);
                disk::delete(&scope, of.as_ref(), &disk.name, DiskDelete::default(), "tester").await.map(drop)
            }
            Command::Snapshot => {
                let named = create_options("any");
                let options = snapshot::CreateOptions { name: None, now, random: number, ..named };
                snapshot::create(&scope, &options, "tester").await.map(drop)
            }
            Command::Restore(index) => {
                let Some(found) = kept(index) else { return Ok(()) };
                let named = restore_options(found.name.as_str(), "any");
                let volume = Some(found.volume.clone());
                let options = snapshot::RestoreOptions { volume, disk: None, now, random: number, ..named };
                snapshot::restore(&scope, &options, "tester").await.map(drop)
            }
            Command::DeleteSnapshot(index) => {
                let Some(found) = kept(index) else { return Ok(()) };
                let (of, options) = (Some(&found.volume), SnapshotDelete::default());
                snapshot::delete(&scope, of, &found.name, options, "tester").await.map(drop)
            }
            Command::Repair { keep } => {
                let keep = keep.as_ref().and_then(chosen);
                let options = RepairOptions {
                    volume: keep.and_then(volume),
                    keep: keep.map(|disk| disk.name.clone()),
                    dry_run: false,
                };
                disk::repair(&scope, &options, "tester").await.map(drop)
            }
            Command::Write | Command::RenameCompose | Command::OwnDisk(_) => Ok(()),
        }
    }

    async fn attach(
        &self,
        scope: &Scope<'_>,
        volume: Option<VolumeName>,
        target: Target,
        deploy: app::DeployOptions,
    ) -> Result<(), Error> {
        let options = AttachOptions { volume, target, deploy };
        disk::attach(scope, &self.bed.load(&self.compose()), &options, "tester").await.map(drop)
    }

    /// Changes the configuration, or what the app has stored.
    async fn change(&mut self, command: &Command, number: u64) {
        match command {
            Command::RenameCompose => {
                let other = if self.key == "data" { "files" } else { "data" };
                self.key = other;
            }
            Command::OwnDisk(which) => {
                self.bed.app.volumes.truncate(1);
                let name = ["", "one", "two"][*which];
                let own = (!name.is_empty()).then(|| own(name, self.key));
                self.bed.app.volumes.extend(own);
            }
            Command::Write => self.write(number).await,
            _ => return,
        }
        // An entry of its own is about the compose volume as it is called now.
        for volume in self.bed.app.volumes.iter_mut().skip(1) {
            volume.compose = Some(self.key.to_owned());
        }
    }

    /// What a running app writes goes to the disks that its Pod mounts.
    async fn write(&self, number: u64) {
        for handle in self.mounted() {
            let disks = self.bed.disks().await;
            let Some(disk) =
                disks.iter().find(|disk| disk.handle == handle && disk.state == DiskState::Ready)
            else {
                continue;
            };
            let identity = self.bed.identity();
            let uid = &disk.holder.uid;
            let scope = AppScope { identity: &identity, cluster: &self.bed.cluster, cluster_uid: uid };
            let call = Call::new(&self.bed.cancel);
            for path in [format!("volumes/{}", self.key), format!("volumes/{}/{number}", self.key)] {
                let filled = self.bed.memory.fill(&call, scope, &disk.volume, &disk.name, &path, b"x").await;
                filled.unwrap();
            }
        }
    }

    /// Handles of the disks that living Pods mount, each as often as it is mounted.
    fn mounted(&self) -> Vec<String> {
        let objects = self.bed.api.objects();
        let pods = objects.iter().filter(|object| object["kind"] == "Pod");
        let claims = pods.flat_map(|pod| pod["spec"]["volumes"].as_array().cloned().unwrap_or_default());
        let names = claims.filter_map(|v| Some(v["persistentVolumeClaim"]["claimName"].as_str()?.to_owned()));
        names.filter_map(|name| handle_behind(&objects, &name)).collect()
    }

    /// A crash, and whether the command ended before it.
    async fn crashed(
        &mut self,
        crash: Crash,
        command: &Command,
        stored: &Stored,
        number: u64,
    ) -> Option<Result<(), Error>> {
        match crash {
            Crash::Killed { at, after } => {
                let dying = Dying::new(&self.bed.client, at, after);
                let ended = dying.run(self.run(self.bed.scope(&dying), command, stored, number)).await;
                self.deaths += u32::from(ended.is_none());
                // Until the Lease of the dead one expires.
                self.bed.api.set_clock(Duration::from_secs(60) * self.deaths);
                ended
            }
            Crash::Fault(operation, moment) => {
                self.bed.memory.fail_next(Fault { operation, moment, kind: ErrorKind::Unavailable });
                let ended = self.run(self.bed.scope(&self.bed.client), command, stored, number).await;
                self.bed.memory.heal();
                Some(ended)
            }
        }
    }
}

pub(crate) fn handle_behind(objects: &[Value], claim: &str) -> Option<String> {
    let volume = objects.iter().find(|object| {
        object["kind"] == "PersistentVolume" && object["spec"]["claimRef"]["name"] == *claim
    })?;
    volume["spec"]["csi"]["volumeHandle"].as_str().map(ToOwned::to_owned)
}

/// What may be told of a command that was not disturbed.
fn refused(error: &Error) -> bool {
    matches!(kind(error), ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::AlreadyExists)
}

/// Nothing that was whole is gone or has lost content, but for what was deleted by name.
fn nothing_is_lost(world: &mut World, before: &Stored, after: &Stored, command: &Command) -> TestCaseResult {
    let there = |handle: &String| after.contents.contains_key(handle);
    let begun = |handle: &String| {
        let disk = after.disks.iter().find(|disk| disk.handle == *handle).map(|disk| disk.state);
        let snapshot = after.snapshots.iter().find(|s| s.handle == *handle).map(|s| s.state);
        disk.or(snapshot) != Some(DiskState::Ready)
    };
    let disks = before.disks.iter().filter(|disk| disk.state == DiskState::Ready).map(|disk| &disk.handle);
    let snapshots = before.snapshots.iter().filter(|s| s.state == DiskState::Ready).map(|s| &s.handle);
    match command {
        Command::Delete(_) => {
            let hit: Vec<_> = disks.clone().filter(|handle| begun(handle)).collect();
            prop_assert!(hit.len() <= 1, "{command:?} hit {hit:?}");
            world.doomed.extend(hit.into_iter().cloned());
        }
        Command::DeleteSnapshot(_) => {
            let hit: Vec<_> = snapshots.clone().filter(|handle| begun(handle)).collect();
            prop_assert!(hit.len() <= 1, "{command:?} hit {hit:?}");
            world.doomed.extend(hit.into_iter().cloned());
        }
        _ => {}
    }
    for handle in disks.chain(snapshots).filter(|handle| !world.doomed.contains(*handle)) {
        prop_assert!(there(handle) && !begun(handle), "{command:?} lost {handle}");
        let (old, new) = (&before.contents[handle], &after.contents[handle]);
        prop_assert!(old.is_subset(new), "{command:?} took content from {handle}: {old:?}, {new:?}");
    }
    Ok(())
}

/// What holds after every step, whatever has failed.
fn always(world: &World, before: &Stored, after: &Stored, command: &Command) -> TestCaseResult {
    let own = |disk: &Disk| disk.holder.cluster.as_str() == "c1" && disk.holder == after.disks[0].holder;
    prop_assert!(after.disks.iter().all(own), "{command:?} left a disk without its owner: {:?}", after.disks);
    let handles: BTreeSet<&str> = after.disks.iter().map(|disk| disk.handle.as_str()).collect();
    prop_assert_eq!(handles.len(), after.disks.len(), "{:?} gave two disks one handle", command);
    let objects = world.bed.api.objects();
    for volume in objects.iter().filter(|object| object["kind"] == "PersistentVolume") {
        let handle = volume["spec"]["csi"]["volumeHandle"].as_str().unwrap();
        prop_assert!(handles.contains(handle), "{command:?} left a volume of {handle}");
        prop_assert_eq!(&volume["spec"]["persistentVolumeReclaimPolicy"], "Retain");
    }
    let mut writers: BTreeMap<String, usize> = BTreeMap::new();
    world.mounted().into_iter().for_each(|handle| *writers.entry(handle).or_default() += 1);
    let making = |object: &&Value| object["kind"] == "Deployment" && object["spec"]["replicas"] != 0;
    let mut makers: BTreeMap<String, usize> = BTreeMap::new();
    for deployment in objects.iter().filter(making) {
        let volumes = deployment["spec"]["template"]["spec"]["volumes"].as_array().into_iter().flatten();
        let claims = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
        for handle in claims.filter_map(|claim| handle_behind(&objects, claim)) {
            *makers.entry(handle).or_default() += 1;
        }
    }
    for (what, found) in [("writers", writers), ("Deployments", makers)] {
        prop_assert!(
            found.values().all(|count| *count == 1),
            "{command:?} gave a disk two {what}: {found:?}"
        );
    }
    if matches!(command, Command::Deploy { .. }) {
        let had = |volume: &VolumeName| before.disks.iter().any(|disk| disk.volume == *volume);
        let new = |disk: &&Disk| !before.disks.iter().any(|other| other.handle == disk.handle);
        let needless = after.disks.iter().filter(new).find(|disk| had(&disk.volume));
        prop_assert!(needless.is_none(), "a deploy made {needless:?} beside others");
    }
    Ok(())
}

fn at_most_one_assigned(stored: &Stored, command: &Command) -> TestCaseResult {
    let mut assigned: BTreeMap<&VolumeName, usize> = BTreeMap::new();
    for disk in stored.disks.iter().filter(|disk| disk.assigned) {
        *assigned.entry(&disk.volume).or_default() += 1;
    }
    prop_assert!(assigned.values().all(|count| *count == 1), "{command:?}: {:?}", stored.disks);
    Ok(())
}

async fn nothing_goes_wrong(steps: &[Step]) -> TestCaseResult {
    let mut world =
        World { bed: Bed::new().await, key: "data", deaths: 0, doomed: BTreeSet::new(), tended: true };
    let mut stored = world.stored().await;
    for (number, Step { command, crash, repeat }) in (1..).zip(steps) {
        world.change(command, number).await;
        let before = world.stored().await;
        let mut ended = match crash {
            None => Some(world.run(world.bed.scope(&world.bed.client), command, &before, number).await),
            Some(crash) => world.crashed(*crash, command, &before, number).await,
        };
        let disturbed = crash.is_some() && !matches!(ended, Some(Ok(())));
        let between = world.stored().await;
        nothing_is_lost(&mut world, &before, &between, command)?;
        always(&world, &before, &between, command)?;
        if disturbed && *repeat {
            ended = Some(world.run(world.bed.scope(&world.bed.client), command, &before, number).await);
        }
        if let Some(Err(error)) = ended.as_ref().filter(|_| !disturbed || *repeat) {
            prop_assert!(refused(error), "{command:?}: {error}");
        }
        world.tended &= !disturbed || (*repeat && matches!(ended, Some(Ok(()))));
        stored = world.stored().await;
        nothing_is_lost(&mut world, &between, &stored, command)?;
        always(&world, &before, &stored, command)?;
        if world.tended {
            at_most_one_assigned(&stored, command)?;
        }
    }
    mended(&mut world, &stored).await
}

/// In the end a repair, with a choice for each volume that needs one, leaves nothing half done and nothing ambiguous.
async fn mended(world: &mut World, before: &Stored) -> TestCaseResult {
    let scope = world.bed.scope(&world.bed.client);
    disk::repair(&scope, &RepairOptions::default(), "tester").await.unwrap();
    let volumes: BTreeSet<_> = before.disks.iter().map(|disk| disk.volume.clone()).collect();
    for volume in volumes {
        let disks = world.bed.disks().await;
        let of_volume = || disks.iter().filter(|disk| disk.volume == volume);
        let assigned: Vec<_> = of_volume().filter(|disk| disk.assigned).collect();
        let keep = assigned.iter().find(|disk| disk.state == DiskState::Ready);
        if let (Some(keep), true) = (keep, assigned.len() > 1) {
            let options =
                RepairOptions { volume: Some(volume.clone()), keep: Some(keep.name.clone()), dry_run: false };
            disk::repair(&scope, &options, "tester").await.unwrap();
        }
    }
    let command = Command::Repair { keep: None };
    let after = world.stored().await;
    nothing_is_lost(world, before, &after, &command)?;
    always(world, before, &after, &command)?;
    at_most_one_assigned(&after, &command)
}

/// Few by default; PROPTEST_CASES asks for more, as `cargo xtask conformance` does.
pub(crate) const CASES: u32 = 64;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 400, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn whatever_is_done_and_wherever_it_dies_nothing_is_lost(steps in prop::collection::vec(step(), 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(nothing_goes_wrong(&steps))?;
    }
}
