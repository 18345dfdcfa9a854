//! `app takeover`: the disks of a cluster that is gone.

use crate::bed::{Bed, COMPOSE, options};
use crate::dying::Dying;
use crate::moving::{Pair, held, mark, other, pods, write};
use kompox_engine::app::DeployOptions;
use kompox_engine::takeover::{self, TakenOver};
use kompox_engine::{Error, Scope};
use kompox_provider::memory::Memory;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

async fn take_over(bed: &Bed, scope: &Scope<'_>, dry_run: bool) -> Result<TakenOver, Error> {
    let options = DeployOptions { dry_run, ..options() };
    takeover::take_over(scope, &bed.load(COMPOSE), &options, "tester").await
}

/// A cluster with the app, and a new one that sees its disks.
async fn pair(name: &str) -> (Bed, Bed) {
    let old = Bed::new().await;
    old.deploy(COMPOSE).await.unwrap();
    old.insert_disk("second", false, |_| {});
    write(&old, "before").await;
    let new = other(name, &old.memory).await;
    (old, new)
}

async fn is_taken(old: &Bed, new: &Bed, what: &str) {
    let disks = new.disks().await;
    assert_eq!(disks.len(), 2, "{what}");
    assert!(disks.iter().all(|disk| disk.holder.cluster == new.cluster.name), "{what}: {disks:?}");
    assert_eq!((held(new).await, pods(new)), (vec!["before".to_owned()], 1), "{what}");
    let refused = old.deploy(COMPOSE).await.unwrap_err();
    assert_eq!(refused.code(), "app.disk.held", "{what}: {refused}");
}

#[tokio::test]
async fn a_new_cluster_takes_the_disks_and_the_old_one_can_use_them_no_more() {
    // Also one that has the name of the old one.
    for name in ["c2", "c1"] {
        let (old, new) = pair(name).await;
        let refused = new.deploy(COMPOSE).await.unwrap_err();
        assert_eq!(refused.code(), "app.disk.held", "{refused}");
        let scope = new.scope(&new.client);
        let writes = new.memory.writes();
        let planned = take_over(&new, &scope, true).await.unwrap();
        assert_eq!((planned.volumes.len(), new.memory.writes()), (1, writes), "a dry run");
        assert_eq!(planned.volumes[0].from.cluster.as_str(), "c1");
        let taken = take_over(&new, &scope, false).await.unwrap();
        assert!(taken.seconds.is_some() && taken.deployed.unwrap().pod.is_some());
        is_taken(&old, &new, name).await;
        let again = take_over(&new, &new.scope(&new.client), false).await.unwrap();
        assert_eq!(again.volumes, []);
    }
}

#[tokio::test]
async fn where_there_is_nothing_to_take_over_nothing_is_deployed() {
    let new = other("c2", &Memory::named("other")).await;
    let refused = take_over(&new, &new.scope(&new.client), false).await.unwrap_err();
    assert_eq!((refused.code().as_ref(), pods(&new)), ("app.takeover.nothing", 0));
    assert_eq!(new.disks().await, []);
}

/// Wherever the move was when its other cluster went: the app is there with its data, or nothing of it is made up.
#[tokio::test]
async fn a_cluster_that_is_lost_in_the_middle_of_a_move_leaves_no_dead_end() {
    for shared in [false, true] {
        let (mut taken, mut incomplete) = (0, 0);
        for at in 1.. {
            let pair = Pair::new(shared).await;
            pair.to.memory.kill_at(Some(at));
            let ended = tokio::select! {
                biased;
                () = pair.to.memory.died() => None,
                ended = pair.run() => Some(ended),
            };
            if ended.is_some() {
                break;
            }
            pair.to.memory.kill_at(None);
            pair.to.api.set_clock(Duration::from_secs(60));
            let what = format!("shared: {shared}, killed at {at}");
            let scope = pair.to.scope(&pair.to.client);
            match take_over(&pair.to, &scope, false).await {
                Ok(_) => {
                    taken += 1;
                    assert_eq!(
                        (held(&pair.to).await, pods(&pair.to)),
                        (vec!["before".to_owned()], 1),
                        "{what}"
                    );
                    assert_eq!(mark(&pair.to), Value::Null, "{what}");
                }
                Err(error) => {
                    let code = error.code().into_owned();
                    incomplete += 1;
                    assert!(
                        !shared && matches!(&*code, "app.takeover.incomplete" | "app.takeover.nothing"),
                        "{what}: {error}"
                    );
                    assert_eq!(pods(&pair.to), 0, "{what}");
                    let again = take_over(&pair.to, &scope, false).await.unwrap_err();
                    assert_eq!(again.code(), code, "{what}: not even a repeat makes an empty disk of it");
                }
            }
        }
        assert!(taken > 3 && shared == (incomplete == 0), "{taken} and {incomplete}");
    }
}

#[tokio::test]
async fn a_takeover_goes_on_where_it_was_killed() {
    let (_, new) = pair("c2").await;
    new.memory.kill_at(None);
    let whole = Dying::new(&new.client, usize::MAX, false);
    take_over(&new, &new.scope(&whole), false).await.unwrap();
    let cluster = (1..=whole.writes()).flat_map(|at| [(Some(at), false), (Some(at), true)]);
    let driver = (1..=new.memory.moments()).map(|at| (None, at));
    let deaths =
        cluster.map(|(at, after)| (at, after, 0)).chain(driver.map(|(at, moment)| (at, false, moment)));
    let (mut points, mut codes) = (0, BTreeSet::new());
    for (at, after, moment) in deaths {
        let what = format!("write {at:?}, after: {after}, moment {moment}");
        let (old, new) = pair("c2").await;
        new.memory.kill_at((moment > 0).then_some(moment));
        let dying = Dying::new(&new.client, at.unwrap_or(usize::MAX), after);
        let scope = new.scope(&dying);
        let ended = tokio::select! {
            biased;
            () = new.memory.died() => None,
            ended = dying.run(take_over(&new, &scope, false)) => ended,
        };
        assert!(ended.is_none(), "{what}: it ended");
        new.memory.kill_at(None);
        new.api.set_clock(Duration::from_secs(60));
        // Nothing that the old cluster holds, or that is still closed, is opened by any other command.
        codes.extend(new.deploy(COMPOSE).await.err().map(|refused| refused.code()));
        let again = take_over(&new, &new.scope(&new.client), false).await;
        again.unwrap_or_else(|error| panic!("{what}: {error}"));
        is_taken(&old, &new, &what).await;
        points += 1;
    }
    assert!(codes.iter().eq(["app.disk.fenced", "app.disk.held"]), "{codes:?}");
    let line = format!("kill points of takeovers: {points}, lost: 0\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
