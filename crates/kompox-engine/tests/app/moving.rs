//! `app move`: one app, two clusters; by copies, and handed over where both see the disks.

use crate::bed::{Bed, COMPOSE, changed, kind, options};
use crate::dying::Dying;
use kompox_engine::app;
use kompox_engine::relocation::{self, Aborted, MoveOptions, Moved};
use kompox_engine::{Error, Scope, snapshot};
use kompox_model::port::{Call, Cancel, Cluster as Port, Disks, ErrorKind};
use kompox_model::{Disk, DiskState, VolumeName};
use kompox_provider::memory::{Fault, Memory, MemoryDriver, Moment, Operation};
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Duration;

/// Two clusters and what is moved between them.
pub(crate) struct Pair {
    pub(crate) from: Bed,
    pub(crate) to: Bed,
}

pub(crate) fn move_options() -> MoveOptions {
    MoveOptions { delete_old_copies: false, deploy: options() }
}

pub(crate) async fn other(name: &str, memory: &Memory) -> Bed {
    let mut bed = Bed::new().await;
    bed.cluster.name = name.parse().unwrap();
    bed.memory = memory.clone();
    bed.driver = MemoryDriver::new(memory, Some(&bed.workspace), &bed.provider);
    anew(&bed);
    bed
}

const SYSTEM: &str = "/api/v1/namespaces/kube-system";

/// Gives the cluster another UID.
pub(crate) fn anew(bed: &Bed) {
    let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}});
    bed.api.remove(SYSTEM);
    bed.api.put(SYSTEM, system);
}

pub(crate) fn uid(bed: &Bed) -> String {
    bed.api.object(SYSTEM).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned()
}

impl Pair {
    /// The app runs on the first one; both see the same disks if `shared`.
    pub(crate) async fn new(shared: bool) -> Self {
        let from = Bed::new().await;
        from.deploy(COMPOSE).await.unwrap();
        from.insert_disk("second", false, |_| {});
        let memory = if shared { from.memory.clone() } else { Memory::named("other") };
        let to = other("c2", &memory).await;
        let pair = Self { from, to };
        pair.write("before").await;
        pair
    }

    /// The app writes something to its assigned disk.
    async fn write(&self, path: &str) {
        write(&self.from, path).await;
    }

    pub(crate) async fn run(&self) -> Result<Moved, Error> {
        self.run_with(&move_options()).await
    }

    async fn run_with(&self, options: &MoveOptions) -> Result<Moved, Error> {
        self.run_on(&self.from.client, &self.to.client, options).await
    }

    async fn run_on(&self, from: &dyn Port, to: &dyn Port, options: &MoveOptions) -> Result<Moved, Error> {
        relocate(&self.from.scope(from), &self.to.scope(to), &self.from, options).await
    }

    async fn abort(&self) -> Result<Aborted, Error> {
        let (from, to) = (self.from.scope(&self.from.client), self.to.scope(&self.to.client));
        relocation::abort(&from, &to, &move_options(), "tester").await
    }

    /// Fails unless the app is on the second cluster with all its data, and cannot be used on the first.
    async fn is_moved(&self, what: &str, holds: &[&str]) {
        let disks = self.to.disks().await;
        let names: Vec<_> = disks.iter().map(|disk| (disk.name.as_str(), disk.assigned)).collect();
        assert_eq!(names.len(), 2, "{what}: {disks:?}");
        assert!(names.contains(&("second", false)), "{what}: {names:?}");
        assert!(disks.iter().all(|disk| disk.state == DiskState::Ready), "{what}: {disks:?}");
        assert!(disks.iter().all(|disk| disk.holder.cluster.as_str() == "c2"), "{what}: {disks:?}");
        assert_eq!(held(&self.to).await, holds, "{what}");
        assert_eq!(pods(&self.to), 1, "{what}");
        assert_eq!((pods(&self.from), mark(&self.to)), (0, Value::Null), "{what}");
        assert_eq!(self.from.remembered("kompox.dev/moved-to"), "c2", "{what}");
        assert_eq!(mark(&self.from), Value::Null, "{what}");
        let objects = self.from.objects();
        assert!(objects.iter().all(|object| object.starts_with("Namespace")), "{what}: {objects:?}");
        let refused = self.from.deploy(COMPOSE).await.unwrap_err();
        assert_eq!(refused.code(), "app.moved", "{what}: {refused}");
    }

    /// Fails unless the app runs on the first cluster, on the disk it had.
    async fn is_back(&self, what: &str, holds: &[&str]) {
        assert_eq!((pods(&self.from), pods(&self.to)), (1, 0), "{what}");
        assert_eq!(mark(&self.from), Value::Null, "{what}");
        assert_eq!(held(&self.from).await, holds, "{what}");
        self.from.deploy(COMPOSE).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

pub(crate) async fn relocate(
    from: &Scope<'_>,
    to: &Scope<'_>,
    bed: &Bed,
    options: &MoveOptions,
) -> Result<Moved, Error> {
    relocation::relocate(from, to, &bed.load(COMPOSE), options, "tester").await
}

/// The mark of a move on the Namespace; null without one.
pub(crate) fn mark(bed: &Bed) -> Value {
    bed.api.object(&bed.namespace_path()).map_or(Value::Null, |_| bed.remembered("kompox.dev/move"))
}

/// How many Pods the app has.
pub(crate) fn pods(bed: &Bed) -> usize {
    let ours =
        |object: &&Value| object["kind"] == "Pod" && object["metadata"]["namespace"] == bed.namespace();
    bed.api.objects().iter().filter(ours).count()
}

pub(crate) async fn assigned(bed: &Bed) -> Disk {
    bed.disks().await.into_iter().find(|disk| disk.assigned).unwrap()
}

pub(crate) async fn write(bed: &Bed, path: &str) {
    let (identity, disk, cancel) = (bed.identity(), assigned(bed).await, Cancel::new());
    let uid = disk.holder.uid.clone();
    let scope =
        kompox_model::port::AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &uid };
    let volume: VolumeName = "default".parse().unwrap();
    assert!(bed.memory.fill(&Call::new(&cancel), scope, &volume, &disk.name, path, b"x").await.unwrap());
}

/// What was written to the assigned disk.
pub(crate) async fn held(bed: &Bed) -> Vec<String> {
    let (identity, disk, cancel) = (bed.identity(), assigned(bed).await, Cancel::new());
    let scope = kompox_model::port::AppScope {
        identity: &identity,
        cluster: &bed.cluster,
        cluster_uid: &disk.holder.uid,
    };
    let paths = ["before", "between", "there"].map(str::to_owned);
    bed.memory.occupied(&Call::new(&cancel), scope, &disk.volume, &disk.name, &paths).await.unwrap()
}

#[tokio::test]
async fn an_app_comes_with_all_its_disks_and_cannot_be_used_where_it_was() {
    for shared in [false, true] {
        let pair = Pair::new(shared).await;
        let first = assigned(&pair.from).await;
        let dry_run = app::DeployOptions { dry_run: true, ..options() };
        let planned = MoveOptions { deploy: dry_run, ..move_options() };
        let planned = pair.run_with(&planned).await.unwrap();
        assert_eq!((planned.disks.len(), planned.deployed.is_none(), pods(&pair.from)), (2, true, 1));
        assert_eq!(pair.to.writes(), Vec::<String>::new(), "a dry run");
        let moved = pair.run().await.unwrap();
        assert!(moved.outage_seconds.is_some() && moved.deployed.unwrap().pod.is_some());
        assert!(moved.disks.iter().all(|disk| disk.handed_over == shared));
        pair.is_moved(&format!("shared: {shared}"), &["before"]).await;
        let there = assigned(&pair.to).await;
        assert_eq!((&there.name, there.created_at), (&first.name, first.created_at));
        let again = pair.run().await.unwrap();
        assert!(again.deployed.is_none(), "a repeat has nothing to do");
        assert!(!pair.abort().await.unwrap().aborted);
    }
}

#[tokio::test]
async fn nobody_else_works_on_an_app_that_is_being_moved() {
    let pair = Pair::new(false).await;
    let dying = Dying::new(&pair.to.client, 5, true);
    assert!(dying.run(pair.run_on(&pair.from.client, &dying, &move_options())).await.is_none());
    for bed in [&pair.from, &pair.to] {
        bed.api.set_clock(Duration::from_secs(60));
    }
    for bed in [&pair.from, &pair.to] {
        let scope = bed.scope(&bed.client);
        let refused = [
            bed.deploy(&changed()).await.unwrap_err(),
            bed.destroy(false)
                .await
                .map(drop)
                .err()
                .unwrap_or_else(|| Error::refused(ErrorKind::Conflict, "", "")),
            app::restart(&scope, false, options().now, "tester").await.unwrap_err(),
        ];
        assert_eq!(refused[0].code(), "app.moving", "{}", refused[0]);
        assert!(
            refused
                .iter()
                .all(|error| kind(error) == ErrorKind::Conflict || error.code() == "app.not-deployed")
        );
    }
    pair.run().await.unwrap();
    pair.is_moved("after a kill", &["before"]).await;
}

#[tokio::test]
async fn a_strangers_pod_on_a_disk_ends_the_move_and_the_app_runs_on() {
    let pair = Pair::new(false).await;
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "theirs"},
        "spec": {"csi": {"volumeHandle": "handle-second"}, "claimRef": {"namespace": "x", "name": "y"}}});
    pair.from.api.put("/api/v1/persistentvolumes/theirs", volume);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "x"},
        "spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "y"}}]}});
    pair.from.api.put("/api/v1/namespaces/x/pods/p", pod);
    assert_eq!(pair.run().await.unwrap_err().code(), "disk.used");
    pair.is_back("a stranger", &["before"]).await;
}

#[tokio::test]
async fn a_failure_brings_the_app_back_and_what_it_writes_then_is_moved_too() {
    let moments = [Moment::Before, Moment::During, Moment::After];
    for (operation, here) in [
        (Operation::Fence, true),
        (Operation::Export, true),
        (Operation::Import, false),
        (Operation::List, false),
    ] {
        for moment in moments {
            let pair = Pair::new(false).await;
            let fault = Fault { operation, moment, kind: ErrorKind::Unavailable };
            let what = format!("{operation:?} {moment:?}");
            match (here, operation) {
                (true, _) => pair.from.memory.fail_next(fault),
                // Two looks come first, then the one after the copies.
                (false, Operation::List) if moment == Moment::Before => pair.to.memory.fail_later(3, fault),
                (false, Operation::List) => continue,
                (false, _) => pair.to.memory.fail_later(1, fault),
            }
            let error = pair.run().await.unwrap_err();
            assert_eq!(kind(&error), ErrorKind::Unavailable, "{what}: {error}");
            pair.is_back(&what, &["before"]).await;
            let blocked = pair.to.deploy(COMPOSE).await.unwrap_err();
            assert_eq!(blocked.code(), "app.moving", "{what}: {blocked}");
            pair.write("between").await;
            pair.run().await.unwrap_or_else(|error| panic!("{what}: {error}"));
            pair.is_moved(&what, &["before", "between"]).await;
        }
    }
}

/// A repeat that fails finds the app where the killed command had brought it.
#[tokio::test]
async fn an_app_that_has_arrived_is_not_started_where_it_was_too() {
    let mut arrived = 0;
    for at in 1.. {
        let pair = Pair::new(false).await;
        let dying = Dying::new(&pair.to.client, at, true);
        if dying.run(pair.run_on(&pair.from.client, &dying, &move_options())).await.is_some() {
            break;
        }
        for bed in [&pair.from, &pair.to] {
            bed.api.set_clock(Duration::from_secs(60));
        }
        if pods(&pair.to) == 0 || mark(&pair.to) == Value::Null {
            continue;
        }
        write(&pair.to, "there").await;
        let mut failures = 0;
        for spared in 0..6 {
            let fault =
                Fault { operation: Operation::List, moment: Moment::Before, kind: ErrorKind::Unavailable };
            pair.to.memory.fail_later(spared, fault);
            failures += u32::from(pair.run().await.is_err());
            pair.to.memory.heal();
            let what = format!("killed at {at}, {spared} lists spared");
            assert_eq!((pods(&pair.from), pods(&pair.to)), (0, 1), "{what}");
            assert_eq!(held(&pair.to).await, ["before", "there"], "{what}");
        }
        assert!(failures > 2, "{failures}");
        pair.run().await.unwrap();
        pair.is_moved(&format!("killed at {at}"), &["before", "there"]).await;
        arrived += 1;
    }
    assert!(arrived > 0);
}

#[tokio::test]
async fn there_and_back_again_with_the_old_copies_deleted_by_consent() {
    let pair = Pair::new(false).await;
    let set = crate::snapshots::create_options("s1");
    snapshot::create(&pair.from.scope(&pair.from.client), &set, "tester").await.unwrap();
    pair.run().await.unwrap();
    assert!(pair.from.told.has("1 snapshots stay on cluster c1"));
    write(&pair.to, "there").await;
    let back = Pair { from: pair.to, to: pair.from };
    let refused = back.run().await.unwrap_err();
    assert_eq!(refused.code(), "app.move.old-copies", "{refused}");
    assert_eq!(pods(&back.from), 1);
    back.run_with(&MoveOptions { delete_old_copies: true, ..move_options() }).await.unwrap();
    let disks = back.to.disks().await;
    assert!(disks.len() == 2 && disks.iter().all(|disk| disk.holder.cluster.as_str() == "c1"), "{disks:?}");
    assert_eq!(
        (held(&back.to).await, pods(&back.to), pods(&back.from)),
        (vec!["before".into(), "there".into()], 1, 0)
    );
    back.to.deploy(COMPOSE).await.unwrap();
    let kept = snapshot::list(&back.to.scope(&back.to.client)).await.unwrap().snapshots;
    assert!(kept.len() == 1 && kept[0].holder.cluster.as_str() == "c1", "usable again: {kept:?}");
}

#[tokio::test]
async fn a_move_that_was_killed_can_be_given_up() {
    let mut given = 0;
    for at in 1.. {
        let pair = Pair::new(false).await;
        let dying = Dying::new(&pair.to.client, at, false);
        let ended = dying.run(pair.run_on(&pair.from.client, &dying, &move_options())).await;
        if ended.is_some() {
            break;
        }
        for bed in [&pair.from, &pair.to] {
            bed.api.set_clock(Duration::from_secs(60));
        }
        match pair.abort().await {
            Ok(_) => {
                pair.is_back(&format!("killed at {at}"), &["before"]).await;
                assert_eq!(pair.to.disks().await, Vec::new(), "killed at {at}");
                assert_eq!(mark(&pair.to), Value::Null, "killed at {at}");
                given += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), "app.move.given", "killed at {at}: {error}");
                pair.run().await.unwrap();
                pair.is_moved(&format!("killed at {at}"), &["before"]).await;
            }
        }
    }
    assert!(given > 5, "{given}");
}

/// Dies at the n-th moment of the target's driver; false when it ended before.
async fn dies_moving_back(back: &Pair, at: usize) -> bool {
    back.to.memory.kill_at(Some(at));
    let consent = MoveOptions { delete_old_copies: true, ..move_options() };
    let ended = tokio::select! {
        biased;
        () = back.to.memory.died() => None,
        ended = back.run_with(&consent) => Some(ended.unwrap()),
    };
    back.to.memory.kill_at(None);
    for bed in [&back.from, &back.to] {
        bed.api.set_clock(Duration::from_secs(60));
    }
    ended.is_none()
}

#[tokio::test]
async fn a_move_back_goes_on_or_is_given_up_where_it_was_killed() {
    let (mut at, mut more) = (1, true);
    while more {
        for give_up in [false, true] {
            let pair = Pair::new(false).await;
            pair.run().await.unwrap();
            write(&pair.to, "there").await;
            let back = Pair { from: pair.to, to: pair.from };
            more = dies_moving_back(&back, at).await;
            let what = format!("killed at {at}, given up: {give_up}");
            if give_up && more {
                back.abort().await.unwrap_or_else(|error| panic!("{what}: {error}"));
                back.is_back(&what, &["before", "there"]).await;
            }
            let consent = MoveOptions { delete_old_copies: true, ..move_options() };
            back.run_with(&consent).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!((pods(&back.from), pods(&back.to)), (0, 1), "{what}");
            assert_eq!(held(&back.to).await, ["before", "there"], "{what}");
            assert_eq!((mark(&back.from), mark(&back.to)), (Value::Null, Value::Null), "{what}");
        }
        at += 1;
    }
    assert!(at > 10, "{at}");
}

/// Where the command dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    Here { at: usize, after: bool },
    There { at: usize, after: bool },
    DriverHere(usize),
    DriverThere(usize),
}

/// Runs a move that dies there; false when it ended before.
async fn die(pair: &Pair, death: Death) -> bool {
    let never = || Dying::new(&pair.from.client, usize::MAX, false);
    let (mut here, mut there) = (never(), Dying::new(&pair.to.client, usize::MAX, false));
    match death {
        Death::Here { at, after } => here = Dying::new(&pair.from.client, at, after),
        Death::There { at, after } => there = Dying::new(&pair.to.client, at, after),
        Death::DriverHere(at) => pair.from.memory.kill_at(Some(at)),
        Death::DriverThere(at) => pair.to.memory.kill_at(Some(at)),
    }
    let moving = async { Some(pair.run_on(&here, &there, &move_options()).await.unwrap()) };
    let ended = tokio::select! {
        biased;
        () = pair.from.memory.died() => None,
        () = pair.to.memory.died() => None,
        ended = here.run(there.run(moving)) => ended.flatten().flatten(),
    };
    pair.from.memory.kill_at(None);
    pair.to.memory.kill_at(None);
    ended.is_none()
}

#[tokio::test]
async fn a_move_goes_on_where_it_was_killed() {
    let mut points = 0;
    for shared in [false, true] {
        let pair = Pair::new(shared).await;
        pair.from.memory.kill_at(None);
        pair.to.memory.kill_at(None);
        let here = Dying::new(&pair.from.client, usize::MAX, false);
        let there = Dying::new(&pair.to.client, usize::MAX, false);
        pair.run_on(&here, &there, &move_options()).await.unwrap();
        let cluster = |death: fn(usize, bool) -> Death, writes: usize| {
            (1..=writes).flat_map(move |at| [death(at, false), death(at, true)])
        };
        let mut deaths: Vec<Death> = cluster(|at, after| Death::Here { at, after }, here.writes()).collect();
        deaths.extend(cluster(|at, after| Death::There { at, after }, there.writes()));
        deaths.extend((1..=pair.from.memory.moments()).map(Death::DriverHere));
        if !shared {
            deaths.extend((1..=pair.to.memory.moments()).map(Death::DriverThere));
        }
        for death in deaths {
            let pair = Pair::new(shared).await;
            let what = format!("shared: {shared}, {death:?}");
            assert!(die(&pair, death).await, "{what}: it ended");
            // Never two that could write.
            assert!(pods(&pair.from) + pods(&pair.to) <= 1, "{what}");
            for bed in [&pair.from, &pair.to] {
                bed.api.set_clock(Duration::from_secs(60));
            }
            pair.run().await.unwrap_or_else(|error| panic!("{what}: {error}"));
            pair.is_moved(&what, &["before"]).await;
            points += 1;
        }
    }
    // Past the test runner, which keeps what passing tests print to itself.
    let line = format!("kill points of moves: {points}, lost: 0\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
