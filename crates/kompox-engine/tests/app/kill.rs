//! `kill -9` at every write of a command: the same command again ends where an undisturbed one ends, and no disk is lost.

use crate::bed::{Bed, COMPOSE, changed, going, options};
use crate::dying::Dying;
use kompox_engine::app::{self, DestroyOptions};
use kompox_engine::disk::Target;
use kompox_engine::{Error, Scope};
use kompox_model::Disk;
use kompox_model::port::ErrorKind;
use kompox_provider::memory::{Fault, Moment, Operation};
use serde_json::Value;
use std::time::Duration;

/// What is done, from which state.
#[derive(Clone, Copy, Debug)]
enum Command {
    First,
    Update,
    Switch,
    Replace,
    Destroy { delete_namespace: bool },
    Attach,
    AttachPrevious,
    Detach,
    Stop,
    Start,
    Restart,
}

impl Command {
    async fn bed(self) -> Bed {
        if matches!(self, Self::First) {
            return Bed::new().await;
        }
        let bed = Bed::deployed().await;
        match self {
            Self::Switch => {
                bed.insert_disk("second", false, |_| {});
                bed.assign("second").await.unwrap();
            }
            Self::Replace => bed.tamper(&bed.pair().0, going),
            Self::Attach => bed.insert_disk("second", false, |_| {}),
            Self::AttachPrevious => {
                bed.insert_disk("second", false, |_| {});
                bed.attach(Target::Named("second".parse().unwrap())).await.unwrap();
            }
            Self::Detach | Self::Start => {
                app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
            }
            Self::First | Self::Update | Self::Destroy { .. } | Self::Stop | Self::Restart => {}
        }
        bed
    }

    async fn run(self, bed: &Bed, scope: Scope<'_>) -> Result<(), Error> {
        let now = options().now;
        match self {
            Self::Attach => {
                let second = Target::Named("second".parse().unwrap());
                return bed.attach_with(&scope, second, false).await.map(drop);
            }
            Self::AttachPrevious => return bed.attach_with(&scope, Target::Previous, false).await.map(drop),
            Self::Detach => {
                let name = bed.disks().await.remove(0).name;
                return bed.detach(&scope, name.as_str()).await.map(drop);
            }
            Self::Stop => return app::stop(&scope, "tester").await.map(drop),
            Self::Start => return app::start(&scope, false, "tester").await.map(drop),
            Self::Restart => return app::restart(&scope, false, now, "tester").await.map(drop),
            _ => {}
        }
        let compose = if matches!(self, Self::Update) { changed() } else { COMPOSE.to_owned() };
        if let Self::Destroy { delete_namespace } = self {
            let options = DestroyOptions { delete_namespace, dry_run: false };
            return app::destroy(&scope, options, "tester").await.map(drop);
        }
        app::deploy(&scope, &bed.load(&compose), &options(), "tester").await.map(drop)
    }
}

/// Everything on the cluster but what the server makes up, and all disks. The Lease of a dead command is left where the
/// repeat has nothing to do, and so takes none; it expires.
async fn state(bed: &Bed) -> (Vec<Value>, Vec<Disk>) {
    let mut objects = bed.api.objects();
    objects.retain(|object| object["kind"] != "Lease");
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for key in ["uid", "resourceVersion", "creationTimestamp"] {
            metadata.remove(key);
        }
    }
    (objects, bed.disks().await)
}

#[tokio::test]
async fn every_command_continues_where_it_was_killed() {
    let (mut points, mut lost) = (0, 0);
    let commands = [
        Command::First,
        Command::Update,
        Command::Switch,
        Command::Replace,
        Command::Destroy { delete_namespace: false },
        Command::Destroy { delete_namespace: true },
        Command::Attach,
        Command::AttachPrevious,
        Command::Detach,
        Command::Stop,
        Command::Start,
        Command::Restart,
    ];
    for command in commands {
        let bed = command.bed().await;
        let whole = Dying::new(&bed.client, usize::MAX, false);
        command.run(&bed, bed.scope(&whole)).await.unwrap();
        let expected = state(&bed).await;
        assert!(whole.writes() >= 1, "{command:?}");
        for (at, after) in (1..=whole.writes()).flat_map(|at| [(at, false), (at, true)]) {
            let bed = command.bed().await;
            let before = bed.disks().await;
            let dying = Dying::new(&bed.client, at, after);
            let ended = dying.run(command.run(&bed, bed.scope(&dying))).await;
            assert!(ended.is_none(), "{command:?} ended before write {at}");
            // Until the Lease of the dead one expires.
            bed.api.set_clock(Duration::from_secs(60));
            let again = command.run(&bed, bed.scope(&bed.client)).await;
            again
                .unwrap_or_else(|error| panic!("{command:?}, killed at write {at}, after: {after}: {error}"));
            let found = state(&bed).await;
            let handles: Vec<_> = found.1.iter().map(|disk| &disk.handle).collect();
            lost += before.iter().filter(|disk| !handles.contains(&&disk.handle)).count();
            let what = format!("{command:?}, killed at write {at}, after: {after}");
            assert_eq!(found.0.len(), expected.0.len(), "{what}");
            // It had done everything and died before it could say so: going back once more is a new switch.
            let all_done = matches!(command, Command::AttachPrevious) && after && at == whole.writes();
            for (found, expected) in found.0.iter().zip(&expected.0).filter(|_| !all_done) {
                assert_eq!(found, expected, "{what}");
            }
            assert!(all_done || found.1 == expected.1, "{what}: {:?}", found.1);
            let assigned = if matches!(command, Command::Detach) { 0 } else { 1 };
            assert_eq!(found.1.iter().filter(|disk| disk.assigned).count(), assigned, "{what}");
            let pods = found.0.iter().filter(|object| object["kind"] == "Pod").count();
            assert!(pods <= 1, "{what}: {pods} Pods");
            points += 1;
        }
    }
    println!("kill points: {points}, lost: {lost}");
    assert_eq!(lost, 0);
}

/// The driver fails before, in the middle of, and after making the disk.
#[tokio::test]
async fn a_disk_whose_creation_was_cut_off_is_finished() {
    let bed = Bed::new().await;
    bed.deploy(COMPOSE).await.unwrap();
    let expected = state(&bed).await;
    for moment in [Moment::Before, Moment::During, Moment::After] {
        let bed = Bed::new().await;
        bed.memory.fail_next(Fault { operation: Operation::Create, moment, kind: ErrorKind::Unavailable });
        bed.deploy(COMPOSE).await.unwrap_err();
        bed.deploy(COMPOSE).await.unwrap();
        assert_eq!(state(&bed).await, expected, "{moment:?}");
    }
}
