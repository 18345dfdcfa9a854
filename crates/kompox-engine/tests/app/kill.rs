//! `kill -9` at every write of a command: the same command again ends where an undisturbed one ends, and no disk is lost.

use crate::bed::{Bed, COMPOSE};
use crate::command::{Command, state};
use crate::dying::Dying;
use kompox_model::Disk;
use kompox_model::port::ErrorKind;
use kompox_provider::memory::{Fault, Moment, Operation};
use std::io::Write as _;
use std::time::Duration;

#[tokio::test]
async fn every_command_continues_where_it_was_killed() {
    let (mut points, mut lost) = (0, 0);
    for command in Command::ALL {
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
            let asked_for =
                |disk: &&Disk| matches!(command, Command::Delete) && disk.name.as_str() == "second";
            let gone = before.iter().filter(|disk| !handles.contains(&&disk.handle));
            lost += gone.filter(|disk| !asked_for(disk)).count();
            let what = format!("{command:?}, killed at write {at}, after: {after}");
            assert_eq!(found.0.len(), expected.0.len(), "{what}");
            // It had done everything and died before it could say so: going back once more is a new switch.
            let all_done = matches!(command, Command::AttachPrevious) && after && at == whole.writes();
            for (found, expected) in found.0.iter().zip(&expected.0).filter(|_| !all_done) {
                assert_eq!(found, expected, "{what}");
            }
            assert!(all_done || found.1 == expected.1, "{what}: {:?}", found.1);
            assert_eq!(found.1.iter().filter(|disk| disk.assigned).count(), command.assigned(), "{what}");
            let pods = found.0.iter().filter(|object| object["kind"] == "Pod").count();
            assert!(pods <= 1, "{what}: {pods} Pods");
            points += 1;
        }
    }
    // Past the test runner, which keeps what passing tests print to itself.
    let line = format!("kill points: {points}, lost: {lost}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
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
