//! `snapshot restore --all --attach`: all volumes of an app go back together, or none does.

use crate::bed::{Bed, COMPOSE, options};
use crate::dying::Dying;
use crate::moving::pods;
use crate::snapshots::{create_options, restore_options};
use kompox_engine::disk::{self, AttachedSet};
use kompox_engine::snapshot::{self, CreateOptions, RestoreOptions, Which};
use kompox_engine::{Error, Scope};
use kompox_model::port::ErrorKind;
use kompox_model::{DiskName, VolumeName};
use kompox_provider::memory::{Fault, Moment, Operation};
use std::time::Duration;

/// An app with two volumes, one of which its Pod mounts, and a set of snapshots.
async fn bed() -> Bed {
    let mut bed = Bed::new().await;
    let mut second = bed.app.volumes[0].clone();
    second.name = "files".parse().unwrap();
    bed.app.volumes.push(second);
    bed.deploy(COMPOSE).await.unwrap();
    bed.insert_disk("one", true, |disk| disk.volume = "files".parse().unwrap());
    let set = CreateOptions { volumes: Which::All, stop: true, ..create_options("s1") };
    snapshot::create(&bed.scope(&bed.client), &set, "tester").await.unwrap();
    bed
}

fn restored() -> RestoreOptions {
    RestoreOptions { if_not_exists: true, ..restore_options("s1", "again") }
}

/// The whole command, as it is typed.
async fn restore(bed: &Bed, scope: &Scope<'_>) -> Result<AttachedSet, Error> {
    let made = snapshot::restore_set(scope, &restored(), "tester").await?;
    let wanted: Vec<(VolumeName, DiskName)> =
        made.iter().map(|disk| (disk.volume.clone(), disk.name.clone())).collect();
    disk::attach_set(scope, &bed.load(COMPOSE), &wanted, &options(), "tester").await
}

async fn is_restored(bed: &Bed, what: &str) {
    assert_eq!(bed.assigned().await, ["again", "again"], "{what}");
    assert_eq!((bed.disks().await.len(), pods(bed)), (4, 1), "{what}");
}

#[tokio::test]
async fn every_volume_gets_a_disk_and_all_are_switched_at_once() {
    let bed = bed().await;
    let done = restore(&bed, &bed.scope(&bed.client)).await.unwrap();
    is_restored(&bed, "done").await;
    assert_eq!(done.former.len(), 2);
    assert!(done.outage_seconds.is_some());
    let again = restore(&bed, &bed.scope(&bed.client)).await.unwrap();
    assert_eq!((again.former, again.outage_seconds), (Vec::new(), None));
}

#[tokio::test]
async fn half_a_set_is_not_restored() {
    let bed = bed().await;
    let scope = bed.scope(&bed.client);
    let before = bed.assigned().await;
    // The second disk cannot be made: the first one goes too.
    bed.memory.fail_later(
        1,
        Fault { operation: Operation::Create, moment: Moment::Before, kind: ErrorKind::Quota },
    );
    restore(&bed, &scope).await.unwrap_err();
    assert_eq!(bed.disks().await.len(), 2);
    // The second disk cannot be assigned: the first one is not either.
    bed.memory.fail_later(
        1,
        Fault { operation: Operation::Assign, moment: Moment::Before, kind: ErrorKind::Unavailable },
    );
    restore(&bed, &scope).await.unwrap_err();
    assert_eq!((bed.assigned().await, pods(&bed)), (before, 1));
    let name = "s1".parse().unwrap();
    let files = "files".parse().unwrap();
    snapshot::delete(&scope, Some(&files), &name, Default::default(), "tester").await.unwrap();
    let error = snapshot::restore_set(&scope, &restored(), "tester").await.unwrap_err();
    assert_eq!(error.code(), "snapshot.unknown", "{error}");
}

#[tokio::test]
async fn a_restore_of_a_set_goes_on_where_it_was_killed() {
    let whole = bed().await;
    whole.memory.kill_at(None);
    let dying = Dying::new(&whole.client, usize::MAX, false);
    restore(&whole, &whole.scope(&dying)).await.unwrap();
    let cluster = (1..=dying.writes()).flat_map(|at| [(Some(at), false, None), (Some(at), true, None)]);
    let driver = (1..=whole.memory.moments()).map(|moment| (None, false, Some(moment)));
    for (at, after, moment) in cluster.chain(driver) {
        let what = format!("write {at:?}, after: {after}, moment {moment:?}");
        let bed = bed().await;
        bed.memory.kill_at(moment);
        let dying = Dying::new(&bed.client, at.unwrap_or(usize::MAX), after);
        let scope = bed.scope(&dying);
        let ended = tokio::select! {
            biased;
            () = bed.memory.died() => None,
            ended = dying.run(restore(&bed, &scope)) => ended,
        };
        assert!(ended.is_none(), "{what}: it ended");
        bed.memory.kill_at(None);
        bed.api.set_clock(Duration::from_secs(90));
        let again = restore(&bed, &bed.scope(&bed.client)).await;
        again.unwrap_or_else(|error| panic!("{what}: {error}"));
        is_restored(&bed, &what).await;
    }
}
