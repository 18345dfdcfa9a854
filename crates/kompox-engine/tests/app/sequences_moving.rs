//! Random commands about an app between two clusters, killed or failing anywhere, repeated, given up or not: the data are
//! always where the record says, one cluster at most uses them, and every beginning can be brought to an end.

use crate::bed::{Bed, COMPOSE, kind, options};
use crate::dying::Dying;
use crate::moving::{anew, other, uid};
use crate::sequences::CASES;
use crate::sequences_seen::{Seen, always, finished, nothing_is_lost, same_assignment};
use crate::snapshots::{create_options, restore_options};
use crate::volume_lines::own;
use kompox_engine::app::{self, CloneOptions};
use kompox_engine::disk::{self, AttachOptions, CreateOptions, RepairOptions, Target};
use kompox_engine::relocation::{self, MoveOptions};
use kompox_engine::snapshot::{self, Which};
use kompox_engine::{Error, Scope, takeover};
use kompox_model::port::{Cluster as Port, DiskAssign, DiskDelete, ErrorKind};
use kompox_model::{App, DiskSource};
use kompox_provider::memory::{Fault, Memory, Moment, Operation};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult};
use std::collections::BTreeSet;
use std::time::Duration;

/// One command at the cluster that the app is configured on, or something that happens there.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Deploy {
        start_empty: bool,
    },
    Destroy {
        delete_namespace: bool,
    },
    Stop,
    Start,
    Create,
    Attach(usize),
    Detach(usize),
    Delete(usize),
    SnapshotAll,
    RestoreAll {
        of: usize,
        attach: bool,
    },
    Repair,
    /// The app's data as those of another app, which is never deployed.
    Clone,
    Move {
        delete_old_copies: bool,
    },
    Abort,
    /// The cluster is gone and made anew under its name; its store is still there.
    Lose,
    /// Of a cluster that is gone, with what the store of this one or of the other one has.
    TakeOver {
        there: bool,
    },
    /// The app writes to its disks, if it runs.
    Write,
}

/// What befalls a command; `there` is at the other cluster.
#[derive(Clone, Copy, Debug)]
enum Crash {
    /// It is killed at its n-th write to a cluster, before or after that has its effect.
    Killed { there: bool, at: usize, after: bool },
    /// It is killed at the n-th moment of a driver's writes.
    KilledInDriver { there: bool, at: usize },
    /// A driver fails, after some operations that do not.
    Fault { there: bool, spared: usize, operation: Operation, moment: Moment },
}

#[derive(Clone, Debug)]
struct Step {
    command: Command,
    /// Somebody has the other cluster configured.
    away: bool,
    /// What befalls it, and its repeats.
    crashes: Vec<Crash>,
    /// After that, whether the same command follows undisturbed.
    repeat: bool,
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        5 => prop::bool::weighted(0.3).prop_map(|start_empty| Command::Deploy { start_empty }),
        1 => any::<bool>().prop_map(|delete_namespace| Command::Destroy { delete_namespace }),
        1 => Just(Command::Stop),
        1 => Just(Command::Start),
        1 => Just(Command::Create),
        1 => (0..6usize).prop_map(Command::Attach),
        1 => (0..6usize).prop_map(Command::Detach),
        1 => (0..6usize).prop_map(Command::Delete),
        2 => Just(Command::SnapshotAll),
        2 => (0..4usize, any::<bool>()).prop_map(|(of, attach)| Command::RestoreAll { of, attach }),
        1 => Just(Command::Repair),
        1 => Just(Command::Clone),
        8 => any::<bool>().prop_map(|delete_old_copies| Command::Move { delete_old_copies }),
        2 => Just(Command::Abort),
        1 => Just(Command::Lose),
        2 => any::<bool>().prop_map(|there| Command::TakeOver { there }),
        5 => Just(Command::Write),
    ]
}

fn crash() -> impl Strategy<Value = Crash> {
    let operation = prop::sample::select(vec![
        Operation::List,
        Operation::Create,
        Operation::Assign,
        Operation::Unassign,
        Operation::Delete,
        Operation::LookInto,
        Operation::CreateSnapshot,
        Operation::DeleteSnapshot,
        Operation::Export,
        Operation::Import,
        Operation::Fence,
        Operation::SetHolder,
    ]);
    let moment = prop::sample::select(vec![Moment::Before, Moment::During, Moment::After]);
    prop_oneof![
        3 => (any::<bool>(), 1..16usize, any::<bool>())
            .prop_map(|(there, at, after)| Crash::Killed { there, at, after }),
        2 => (any::<bool>(), 1..16usize).prop_map(|(there, at)| Crash::KilledInDriver { there, at }),
        2 => (any::<bool>(), 0..4usize, operation, moment)
            .prop_map(|(there, spared, operation, moment)| Crash::Fault { there, spared, operation, moment }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let crashes = prop_oneof![5 => Just(vec![]), 4 => prop::collection::vec(crash(), 1..4)];
    (command(), prop::bool::weighted(0.15), crashes, any::<bool>())
        .prop_map(|(command, away, crashes, repeat)| Step { command, away, crashes, repeat })
}

/// An app with two volumes and the clusters it may be on.
pub(crate) struct World {
    pub(crate) beds: [Bed; 2],
    /// Both clusters see the same disks.
    pub(crate) shared: bool,
    /// The cluster that the app is configured on.
    pub(crate) home: usize,
    /// A takeover has begun and not ended: from which store is decided.
    taking: bool,
    /// How often a command died.
    deaths: u32,
    /// UIDs of all clusters that there were.
    uids: BTreeSet<String>,
    /// What somebody has begun to delete by name: the store and the handle.
    pub(crate) doomed: BTreeSet<(usize, String)>,
}

fn two_volumes() -> String {
    COMPOSE
        .replace("[\"data:/data\"]", "[\"data:/data\", \"files:/files\"]")
        .replace("{data: {}}", "{data: {}, files: {}}")
}

/// The app that clones go to.
pub(crate) fn twin(bed: &Bed) -> App {
    App { name: "twin".parse().unwrap(), ..bed.app.clone() }
}

impl World {
    async fn new(shared: bool) -> Self {
        let mut here = Bed::new().await;
        here.app.volumes.push(own("files", "files"));
        let memory = if shared { here.memory.clone() } else { Memory::named("other") };
        let mut there = other("c2", &memory).await;
        there.app = here.app.clone();
        let uids = [uid(&here), uid(&there)].into();
        Self { beds: [here, there], shared, home: 0, taking: false, deaths: 0, uids, doomed: BTreeSet::new() }
    }

    /// The cluster that a step is about; none when nobody would do that there.
    fn side(&self, step: &Step, seen: &Seen) -> Option<usize> {
        let away = 1 - self.home;
        match step.command {
            // Nobody gives a cluster up while an app is on its way through it: that is to be finished first.
            Command::Lose if seen.is_moving() => None,
            Command::TakeOver { .. } if !seen.is_lost() && !self.taking => None,
            // Whoever has begun to take over goes on with that.
            Command::Move { .. } | Command::Abort if self.taking => None,
            Command::TakeOver { there } => Some(if there && !self.taking { away } else { self.home }),
            // Where nothing of the app was, the command would begin a second app of that name.
            _ if step.away && !matches!(step.command, Command::Lose) && !seen.knows(away) => None,
            _ => Some(if step.away { away } else { self.home }),
        }
    }

    /// Runs it as the `number`th, by which new disks get names of their own.
    async fn run(
        &self,
        ports: [&dyn Port; 2],
        side: usize,
        command: &Command,
        seen: &Seen,
        number: u64,
    ) -> Result<(), Error> {
        let bed = &self.beds[side];
        let (scope, there) = (bed.scope(ports[side]), self.beds[1 - side].scope(ports[1 - side]));
        let now = options().now + jiff::SignedDuration::from_secs(i64::try_from(number).unwrap());
        let deploy = app::DeployOptions { now, random: number, ..options() };
        let store = seen.store(side);
        let disk = |index: &usize| store.disks.get(index % store.disks.len().max(1));
        let load = || bed.load(&two_volumes());
        match command {
            Command::Deploy { start_empty } => {
                let mut deploy = deploy;
                let keys = ["data", "files"].into_iter().filter(|_| *start_empty);
                deploy.start_empty.extend(keys.map(str::to_owned));
                app::deploy(&scope, &load(), &deploy, "tester").await.map(drop)
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
            Command::Attach(index) => {
                let Some(disk) = disk(index) else { return Ok(()) };
                let (volume, target) = (Some(disk.volume.clone()), Target::Named(disk.name.clone()));
                let options = AttachOptions { volume, target, deploy };
                disk::attach(&scope, &load(), &options, "tester").await.map(drop)
            }
            Command::Detach(index) => {
                let Some(disk) = disk(index) else { return Ok(()) };
                let (of, options) = (Some(&disk.volume), DiskAssign::default());
                disk::detach(&scope, of, &disk.name, options, "tester").await.map(drop)
            }
            Command::Delete(index) => {
                let Some(disk) = disk(index) else { return Ok(()) };
                let (of, options) = (Some(&disk.volume), DiskDelete::default());
                disk::delete(&scope, of, &disk.name, options, "tester").await.map(drop)
            }
            Command::SnapshotAll => {
                let named = create_options(&format!("set-{number}"));
                let options = snapshot::CreateOptions {
                    volumes: Which::All,
                    stop: true,
                    if_not_exists: true,
                    now,
                    random: number,
                    ..named
                };
                snapshot::create(&scope, &options, "tester").await.map(drop)
            }
            Command::RestoreAll { of, attach } => {
                let Some(found) = store.snapshots.get(of % store.snapshots.len().max(1)) else {
                    return Ok(());
                };
                let named = restore_options(found.name.as_str(), &format!("again-{number}"));
                let options = snapshot::RestoreOptions { if_not_exists: true, now, random: number, ..named };
                let made = snapshot::restore_set(&scope, &options, "tester").await?;
                if !attach {
                    return Ok(());
                }
                let wanted: Vec<_> = made.into_iter().map(|disk| (disk.volume, disk.name)).collect();
                disk::attach_set(&scope, &load(), &wanted, &deploy, "tester").await.map(drop)
            }
            Command::Repair => disk::repair(&scope, &RepairOptions::default(), "tester").await.map(drop),
            Command::Clone => {
                let twin = twin(bed);
                let options = CloneOptions { stop: true, dry_run: false, now };
                app::clone(&scope, &Scope { app: &twin, ..scope }, options, "tester").await.map(drop)
            }
            Command::Move { delete_old_copies } => {
                let options = MoveOptions { delete_old_copies: *delete_old_copies, deploy };
                relocation::relocate(&scope, &there, &load(), &options, "tester").await.map(drop)
            }
            Command::Abort => {
                let options = MoveOptions { delete_old_copies: false, deploy };
                relocation::abort(&scope, &there, &options, "tester").await.map(drop)
            }
            Command::TakeOver { .. } => {
                takeover::take_over(&scope, &load(), &deploy, "tester").await.map(drop)
            }
            Command::Lose | Command::Write => Ok(()),
        }
    }

    async fn undisturbed(
        &self,
        side: usize,
        command: &Command,
        seen: &Seen,
        number: u64,
    ) -> Result<(), Error> {
        self.run([&self.beds[0].client, &self.beds[1].client], side, command, seen, number).await
    }

    /// A crash, and whether the command ended before it.
    async fn disturbed(
        &mut self,
        crash: Crash,
        side: usize,
        command: &Command,
        seen: &Seen,
        number: u64,
    ) -> Option<Result<(), Error>> {
        let at = |there: bool| if there { 1 - side } else { side };
        let mut dying = [0, 1].map(|side: usize| Dying::new(&self.beds[side].client, usize::MAX, false));
        match crash {
            Crash::Killed { there, at: write, after } => {
                dying[at(there)] = Dying::new(&self.beds[at(there)].client, write, after);
            }
            Crash::KilledInDriver { there, at: moment } => {
                self.beds[at(there)].memory.kill_at(Some(moment));
            }
            Crash::Fault { there, spared, operation, moment } => {
                let fault = Fault { operation, moment, kind: ErrorKind::Unavailable };
                self.beds[at(there)].memory.fail_later(spared, fault);
            }
        }
        let running = async { Some(self.run([&dying[0], &dying[1]], side, command, seen, number).await) };
        let ended = tokio::select! {
            biased;
            () = self.beds[0].memory.died() => None,
            () = self.beds[1].memory.died() => None,
            ended = dying[0].run(dying[1].run(running)) => ended.flatten().flatten(),
        };
        self.deaths += u32::from(ended.is_none());
        for bed in &self.beds {
            bed.memory.kill_at(None);
            bed.memory.heal();
        }
        self.expire_leases();
        ended
    }

    /// Lets time pass until the Leases of the dead have expired.
    fn expire_leases(&self) {
        self.beds.iter().for_each(|bed| bed.api.set_clock(Duration::from_secs(60) * self.deaths));
    }

    /// What is no command of ours.
    async fn happens(&mut self, side: usize, command: &Command, number: u64) {
        match command {
            Command::Lose => {
                let old = &self.beds[side];
                let mut new = other(old.cluster.name.as_str(), &old.memory).await;
                new.app = old.app.clone();
                // Like none that there was.
                while !self.uids.insert(uid(&new)) {
                    anew(&new);
                }
                self.beds[side] = new;
                self.expire_leases();
            }
            Command::TakeOver { .. } => (self.home, self.taking) = (side, true),
            Command::Write => self.beds.iter().for_each(|bed| crate::sequences_seen::write(bed, number)),
            _ => {}
        }
    }

    /// Looks, and fails if anything is wrong.
    async fn checked(&mut self, before: &Seen, command: &Command) -> Result<Seen, TestCaseError> {
        let after = self.look().await;
        nothing_is_lost(self, before, &after, command)?;
        always(&after, command)?;
        Ok(after)
    }

    async fn look(&mut self) -> Seen {
        let seen = Seen::look(self).await;
        // A refusal says where the app is; to whoever takes it over, where it was.
        if !self.taking && !seen.is_lost() && seen.is_moved_away() {
            self.home = 1 - self.home;
            return Seen::look(self).await;
        }
        seen
    }
}

/// What may be told of a command that was not disturbed.
fn refused(error: &Error) -> bool {
    matches!(kind(error), ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::AlreadyExists)
}

async fn nothing_goes_wrong(shared: bool, steps: &[Step]) -> TestCaseResult {
    let mut world = World::new(shared).await;
    for (number, step) in (1..).zip(steps) {
        let Step { command, crashes, repeat, .. } = step;
        let begun = world.look().await;
        let Some(side) = world.side(step, &begun) else { continue };
        world.happens(side, command, number).await;
        let (mut ended, mut before) = (None, begun.clone());
        for (crash, more) in crashes.iter().zip(1..) {
            ended = world.disturbed(*crash, side, command, &begun, number).await;
            before = world.checked(&before, command).await?;
            if matches!(ended, Some(Ok(()))) {
                break;
            }
            // The app goes on where it runs now.
            world.happens(side, &Command::Write, 1000 * more + number).await;
            before = world.checked(&before, &Command::Write).await?;
        }
        let disturbed = !crashes.is_empty() && !matches!(ended, Some(Ok(())));
        if crashes.is_empty() || disturbed && *repeat {
            ended = Some(world.undisturbed(side, command, &begun, number).await);
        }
        world.taking &= !matches!((command, &ended), (Command::TakeOver { .. }, Some(Ok(()))));
        let after = world.checked(&before, command).await?;
        match ended {
            Some(Ok(())) => finished(side, &begun, &after, command)?,
            Some(Err(error)) if !disturbed || *repeat => {
                prop_assert!(refused(&error), "{command:?}: {error}");
                prop_assert!(disturbed || begun.pods == after.pods, "{command:?} stopped something: {error}");
            }
            _ => {}
        }
    }
    brought_to_an_end(&mut world, 1 + steps.len() as u64).await
}

/// Whatever was begun can be finished by somebody who does what the messages say.
async fn brought_to_an_end(world: &mut World, number: u64) -> TestCaseResult {
    let before = world.look().await;
    let (move_on, give_up) = (Command::Move { delete_old_copies: true }, Command::Abort);
    let mut after = before.clone();
    if before.is_moving() {
        let home = world.home;
        let moved = world.undisturbed(home, &move_on, &before, number).await;
        after = world.checked(&before, &move_on).await?;
        if let Err(error) = moved {
            let given_up = world.undisturbed(home, &give_up, &after, number).await;
            prop_assert!(given_up.is_ok(), "neither on ({error}) nor back ({given_up:?})");
            after = world.checked(&after, &give_up).await?;
        }
    }
    prop_assert!(!after.is_moving(), "still on its way");
    let take = Command::TakeOver { there: false };
    if world.taking || after.is_lost() {
        let taken = world.undisturbed(world.home, &take, &after, number).await;
        prop_assert!(taken.as_ref().is_ok() || taken.as_ref().is_err_and(refused), "{taken:?}");
    }
    let home = world.home;
    let repaired = world.undisturbed(home, &Command::Repair, &after, number).await;
    prop_assert!(repaired.is_ok(), "{repaired:?}");
    let ended = world.checked(&after, &Command::Repair).await?;
    same_assignment(&ended)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 400, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn wherever_an_app_goes_and_whatever_dies_its_data_are_there_and_one_cluster_uses_them(
        shared in prop::bool::weighted(0.25),
        steps in prop::collection::vec(step(), 1..14),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(nothing_goes_wrong(shared, &steps))?;
    }
}

/// A disk that giving a move up has begun to delete is in the way of no other move.
#[tokio::test]
async fn a_move_follows_one_that_was_given_up_by_half() {
    let step = |command, crash: Option<Crash>| Step {
        command,
        away: false,
        crashes: crash.into_iter().collect(),
        repeat: false,
    };
    let delete =
        Crash::Fault { there: true, spared: 0, operation: Operation::Delete, moment: Moment::During };
    let steps = [
        step(Command::Deploy { start_empty: false }, None),
        step(
            Command::Move { delete_old_copies: false },
            Some(Crash::Killed { there: true, at: 4, after: false }),
        ),
        step(Command::Abort, Some(delete)),
        step(Command::Move { delete_old_copies: false }, None),
    ];
    nothing_goes_wrong(false, &steps).await.unwrap();
}
