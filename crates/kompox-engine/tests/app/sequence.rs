//! Whatever is done to an app, in whatever order: short of `disk delete` no disk goes, and no volume gets two; nor
//! does a snapshot go, or an app stay stopped for one.

use crate::bed::{Bed, COMPOSE, changed, kind, options};
use crate::snapshots::{create_options, restore_options};
use kompox_engine::disk::{CreateOptions, Target};
use kompox_engine::{Error, app, disk, snapshot};
use kompox_model::port::ErrorKind;
use kompox_model::{Disk, DiskSource};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::collections::BTreeSet;

/// One command; disks are chosen among those that are there.
#[derive(Clone, Debug)]
enum Command {
    Deploy { changed: bool },
    Destroy { delete_namespace: bool },
    Stop,
    Start,
    Restart,
    Create,
    Assign(usize),
    Attach(usize),
    AttachPrevious,
    Detach(usize),
    Snapshot { stop: bool },
    Restore,
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => any::<bool>().prop_map(|changed| Command::Deploy { changed }),
        2 => any::<bool>().prop_map(|delete_namespace| Command::Destroy { delete_namespace }),
        1 => Just(Command::Stop),
        1 => Just(Command::Start),
        1 => Just(Command::Restart),
        2 => Just(Command::Create),
        2 => (0..4usize).prop_map(Command::Assign),
        2 => (0..4usize).prop_map(Command::Attach),
        1 => Just(Command::AttachPrevious),
        2 => (0..4usize).prop_map(Command::Detach),
        3 => any::<bool>().prop_map(|stop| Command::Snapshot { stop }),
        2 => Just(Command::Restore),
    ]
}

impl Command {
    /// Runs it as the `number`th, by which new disks get names of their own.
    async fn run(&self, bed: &Bed, disks: &[Disk], number: u64) -> Result<(), Error> {
        let scope = bed.scope(&bed.client);
        let chosen = |index: &usize| disks.get(index % disks.len().max(1)).map(|disk| disk.name.clone());
        let now = options().now + jiff::SignedDuration::from_secs(i64::try_from(number).unwrap());
        match self {
            Self::Deploy { changed: other } => {
                let compose = if *other { changed() } else { COMPOSE.to_owned() };
                bed.deploy_with(&compose, |options| options.now = now).await.map(drop)
            }
            Self::Destroy { delete_namespace } => bed.destroy(*delete_namespace).await.map(drop),
            Self::Stop => app::stop(&scope, "tester").await.map(drop),
            Self::Start => app::start(&scope, false, "tester").await.map(drop),
            Self::Restart => app::restart(&scope, false, now, "tester").await.map(drop),
            Self::Create => {
                let options = CreateOptions {
                    volume: None,
                    name: None,
                    size: None,
                    source: DiskSource::Empty,
                    if_not_exists: false,
                    dry_run: false,
                    now,
                    random: number,
                };
                disk::create(&scope, &options, "tester").await.map(drop)
            }
            Self::Assign(index) => match chosen(index) {
                Some(name) => bed.assign(name.as_str()).await.map(drop),
                None => Ok(()),
            },
            Self::Attach(index) => match chosen(index) {
                Some(name) => bed.attach(Target::Named(name)).await.map(drop),
                None => Ok(()),
            },
            Self::Snapshot { stop } => {
                let options = snapshot::CreateOptions {
                    name: None,
                    stop: *stop,
                    now,
                    random: number,
                    ..create_options("any")
                };
                snapshot::create(&scope, &options, "tester").await.map(drop)
            }
            Self::Restore => match snapshot::list(&scope).await?.snapshots.first() {
                Some(newest) => {
                    let options = snapshot::RestoreOptions {
                        disk: None,
                        now,
                        random: number,
                        ..restore_options(newest.name.as_str(), "any")
                    };
                    snapshot::restore(&scope, &options, "tester").await.map(drop)
                }
                None => Ok(()),
            },
            Self::AttachPrevious => bed.attach(Target::Previous).await.map(drop),
            Self::Detach(index) => match chosen(index) {
                Some(name) => bed.detach(&scope, name.as_str()).await.map(drop),
                None => Ok(()),
            },
        }
    }
}

/// Whether the app wants a Pod.
fn runs(bed: &Bed) -> bool {
    bed.api.object(&bed.deployment_path()).is_some_and(|deployment| deployment["spec"]["replicas"] == 1)
}

async fn all_disks_stay(commands: &[Command]) -> TestCaseResult {
    let bed = Bed::new().await;
    // In every second case the disks cannot be copied while they are in use.
    bed.memory.set_atomic_snapshots(commands.len().is_multiple_of(2));
    let (mut disks, mut snapshots) = (Vec::new(), 0);
    for (number, command) in (1..).zip(commands) {
        let ran = runs(&bed);
        let outcome = command.run(&bed, &disks, number).await;
        if let Err(error) = outcome {
            let refused = matches!(kind(&error), ErrorKind::Conflict | ErrorKind::NotFound);
            prop_assert!(refused, "{command:?}: {error}");
        }
        let found = bed.disks().await;
        let handles: BTreeSet<&str> = found.iter().map(|disk| disk.handle.as_str()).collect();
        let gone = disks.iter().find(|disk: &&Disk| !handles.contains(disk.handle.as_str()));
        prop_assert!(gone.is_none(), "{command:?} lost {gone:?}");
        let assigned = found.iter().filter(|disk| disk.assigned).count();
        prop_assert!(assigned <= 1, "{command:?}: {found:?}");
        let objects = bed.api.objects();
        for volume in objects.iter().filter(|object| object["kind"] == "PersistentVolume") {
            let handle = volume["spec"]["csi"]["volumeHandle"].as_str().unwrap();
            prop_assert!(handles.contains(handle), "{command:?} left a volume of {handle}");
            prop_assert_eq!(&volume["spec"]["persistentVolumeReclaimPolicy"], "Retain");
        }
        let kept = snapshot::list(&bed.scope(&bed.client)).await.unwrap().snapshots;
        prop_assert!(kept.len() >= snapshots, "{command:?} lost a snapshot: {kept:?}");
        snapshots = kept.len();
        if matches!(command, Command::Snapshot { .. } | Command::Restore) {
            prop_assert_eq!(runs(&bed), ran, "{:?} changed whether the app runs", command);
        }
        disks = found;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_order_of_commands_loses_a_disk(commands in prop::collection::vec(command(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(all_disks_stay(&commands))?;
    }
}
