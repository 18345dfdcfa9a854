//! `disk repair`: what killed commands leave is mended without loss, and what cannot be decided is said.

use crate::bed::{Bed, kind};
use crate::command::state;
use crate::dying::Dying;
use crate::snapshots::create_options;
use kompox_engine::disk::{self, RepairOptions, Repaired, Target};
use kompox_engine::{Error, Scope, app, snapshot};
use kompox_model::port::{AppScope, Call, DiskAssign, DiskGap, Disks as _, ErrorKind, GapKind};
use kompox_model::{Disk, DiskSource, DiskState};
use kompox_provider::memory::{Fault, Moment, Operation};
use serde_json::json;
use std::io::Write as _;
use std::time::Duration;

/// What was left behind, and how it is mended.
#[derive(Clone, Copy, Debug)]
enum Left {
    HalfMade,
    HalfMadeFromSnapshot,
    HalfDeleted,
    HalfAssigned,
    HalfSwitchedBack,
    NoneAssigned,
    Chosen,
    Released,
    All,
}

impl Left {
    const ALL: [Self; 9] = [
        Self::HalfMade,
        Self::HalfMadeFromSnapshot,
        Self::HalfDeleted,
        Self::HalfAssigned,
        Self::HalfSwitchedBack,
        Self::NoneAssigned,
        Self::Chosen,
        Self::Released,
        Self::All,
    ];

    /// A deployed app whose disk has data, and what was left.
    async fn bed(self) -> Bed {
        let bed = Bed::deployed().await;
        fill(&bed, &bed.assigned().await[0]).await;
        match self {
            Self::HalfMade => creating(&bed, DiskSource::Empty),
            Self::HalfMadeFromSnapshot => {
                let scope = bed.scope(&bed.client);
                snapshot::create(&scope, &create_options("s1"), "tester").await.unwrap();
                creating(&bed, DiskSource::Snapshot("s1".parse().unwrap()));
            }
            Self::HalfDeleted => deleting(&bed),
            Self::HalfAssigned | Self::Chosen => half_assigned(&bed).await,
            Self::HalfSwitchedBack => {
                bed.insert_disk("second", false, |_| {});
                bed.attach(Target::Named("second".parse().unwrap())).await.unwrap();
                fail(&bed, Operation::Assign, Moment::During);
                bed.attach(Target::Previous).await.unwrap_err();
            }
            Self::NoneAssigned => {
                bed.insert_disk("second", false, |_| {});
                let scope = bed.scope(&bed.client);
                app::stop(&scope, "tester").await.unwrap();
                bed.detach(&scope, &bed.assigned().await[0]).await.unwrap();
            }
            Self::Released => released(&bed),
            Self::All => {
                creating(&bed, DiskSource::Empty);
                deleting(&bed);
                half_assigned(&bed).await;
                released(&bed);
            }
        }
        bed.api.forget();
        bed
    }

    /// What it is the assigned disk in the end.
    fn assigned(self) -> &'static str {
        if matches!(self, Self::Chosen) { "handle-second" } else { "memory-1" }
    }

    fn options(self) -> RepairOptions {
        let keep = matches!(self, Self::Chosen).then(|| "second".parse().unwrap());
        RepairOptions { keep, ..RepairOptions::default() }
    }

    async fn repair(self, scope: &Scope<'_>) -> Result<Repaired, Error> {
        disk::repair(scope, &self.options(), "tester").await
    }
}

fn fail(bed: &Bed, operation: Operation, moment: Moment) {
    bed.memory.fail_next(Fault { operation, moment, kind: ErrorKind::Unavailable });
}

fn creating(bed: &Bed, source: DiskSource) {
    bed.insert_disk("half-made", false, |disk| {
        disk.state = DiskState::Creating;
        disk.source = source;
    });
}

fn deleting(bed: &Bed) {
    bed.insert_disk("half-gone", false, |disk| disk.state = DiskState::Deleting);
}

async fn half_assigned(bed: &Bed) {
    bed.insert_disk("second", false, |_| {});
    fail(bed, Operation::Assign, Moment::During);
    bed.assign("second").await.unwrap_err();
}

fn released(bed: &Bed) {
    let (_, volume) = bed.pair();
    bed.tamper(&volume, |volume| volume["spec"]["claimRef"]["uid"] = json!("of a former claim"));
}

const PATH: &str = "volumes/data";

async fn fill(bed: &Bed, disk: &str) {
    let (identity, uid) = (bed.identity(), bed.disks().await[0].holder.uid.clone());
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &uid };
    let (call, volume) = (Call::new(&bed.cancel), "default".parse().unwrap());
    bed.memory.fill(&call, scope, &volume, &disk.parse().unwrap(), PATH, b"data").await.unwrap();
}

/// True when the disk is there and holds what was put on it.
async fn is_whole(bed: &Bed, disk: &Disk) -> bool {
    let identity = bed.identity();
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &disk.holder.uid };
    let (call, paths) = (Call::new(&bed.cancel), [PATH.to_owned()]);
    let found = bed.memory.occupied(&call, scope, &disk.volume, &disk.name, &paths).await;
    found.is_ok_and(|found| disk.handle != "memory-1" || found == paths)
}

/// How many disks that nobody was deleting are gone, or have lost their content.
async fn lost(bed: &Bed, before: &[Disk]) -> usize {
    let mut lost = 0;
    for disk in before.iter().filter(|disk| disk.state != DiskState::Deleting) {
        lost += usize::from(!is_whole(bed, disk).await);
    }
    lost
}

async fn healthy(bed: &Bed, left: Left, what: &str) {
    let found = bed.disks().await;
    assert!(found.iter().all(|disk| disk.state == DiskState::Ready), "{what}: {found:?}");
    let assigned: Vec<_> = found.iter().filter(|disk| disk.assigned).map(|disk| &disk.handle).collect();
    assert_eq!(assigned, [left.assigned()], "{what}");
    let (before, writes) = (bed.memory.writes(), bed.writes());
    let again = disk::repair(&bed.scope(&bed.client), &RepairOptions::default(), "tester").await.unwrap();
    assert_eq!((again.repairs.len(), bed.memory.writes(), bed.writes()), (0, before, writes), "{what}");
    again.verdict().unwrap();
}

#[tokio::test]
async fn what_was_left_is_mended_and_a_repeat_writes_nothing() {
    for left in Left::ALL {
        let bed = left.bed().await;
        let before = bed.disks().await;
        let dry = RepairOptions { dry_run: true, ..left.options() };
        let (fingerprint, objects) = (bed.memory.fingerprint(), bed.api.objects());
        let planned = disk::repair(&bed.scope(&bed.client), &dry, "tester").await.unwrap();
        assert!(!planned.repairs.is_empty(), "{left:?}");
        assert_eq!((bed.memory.fingerprint(), bed.api.objects()), (fingerprint, objects), "{left:?}");
        let done = left.repair(&bed.scope(&bed.client)).await.unwrap();
        assert_eq!(done, planned, "{left:?}: it does what it said");
        done.verdict().unwrap();
        healthy(&bed, left, &format!("{left:?}")).await;
        assert_eq!(lost(&bed, &before).await, 0, "{left:?}");
        assert!(bed.api.object(&bed.lease_path()).is_none(), "{left:?}");
    }
}

/// Killed at every write, and every write of the driver failing before, during and after: the repeat ends where an
/// undisturbed repair ends.
#[tokio::test]
async fn a_repair_that_was_killed_is_finished_by_its_repeat() {
    let (mut points, mut gone) = (0, 0);
    for left in Left::ALL {
        let bed = left.bed().await;
        let whole = Dying::new(&bed.client, usize::MAX, false);
        left.repair(&bed.scope(&whole)).await.unwrap();
        let end = state(&bed).await;
        let operations = [Operation::Create, Operation::Assign, Operation::Delete];
        let faults = operations.into_iter().flat_map(|operation| {
            [Moment::Before, Moment::During, Moment::After].map(|moment| (operation, moment))
        });
        let kills = (1..=whole.writes()).flat_map(|at| [(at, false), (at, true)]);
        let cases = kills.map(Ok).chain(faults.map(Err));
        for case in cases {
            let what = format!("{left:?}, {case:?}");
            let bed = left.bed().await;
            let before = bed.disks().await;
            match case {
                Ok((at, after)) => {
                    let dying = Dying::new(&bed.client, at, after);
                    let ended = dying.run(left.repair(&bed.scope(&dying))).await;
                    assert!(ended.is_none(), "{what} ended");
                }
                Err((operation, moment)) => {
                    fail(&bed, operation, moment);
                    // Not every repair needs every operation.
                    if left.repair(&bed.scope(&bed.client)).await.is_ok() {
                        continue;
                    }
                }
            }
            bed.api.set_clock(Duration::from_secs(60));
            left.repair(&bed.scope(&bed.client)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            healthy(&bed, left, &what).await;
            gone += lost(&bed, &before).await;
            let found = state(&bed).await;
            assert_eq!(found, end, "{what}");
            points += 1;
        }
    }
    // Past the test runner, which keeps what passing tests print to itself.
    let line = format!("repair: kill points: {points}, lost: {gone}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert_eq!(gone, 0);
    assert!(points > 45, "{points}");
}

#[tokio::test]
async fn what_cannot_be_decided_is_said_and_left_alone() {
    type Arrange = fn(&Bed);
    let foreign = |disk: &mut Disk| disk.holder.cluster = "c2".parse().unwrap();
    let cases: [(Arrange, &str, &str); 6] = [
        (
            |bed| creating(bed, DiskSource::parse("import:archive").unwrap()),
            "which only a repeat of the import can finish",
            "kompoxops disk delete half-made",
        ),
        (
            |bed| {
                let change = |disk: &mut Disk| disk.assigned = false;
                bed.memory.change_disk("memory-1", change);
                bed.tamper(&bed.namespace_path(), |namespace| {
                    namespace["metadata"]["annotations"]["kompox.dev/disk-current-id"] = json!(null);
                });
            },
            "no disk is assigned",
            "kompoxops disk assign ",
        ),
        (
            |bed| {
                creating(bed, DiskSource::Snapshot("s9".parse().unwrap()));
            },
            "is still being made from snapshot:s9, which is not there or not ready",
            "kompoxops disk delete half-made --volume default",
        ),
        (
            |bed| {
                deleting(bed);
                let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "theirs"},
                    "spec": {"csi": {"volumeHandle": "handle-half-gone"}}});
                bed.api.put("/api/v1/persistentvolumes/theirs", volume);
            },
            "is still being deleted, and PersistentVolume theirs refers to it",
            "kompoxops app deploy",
        ),
        (
            |bed| bed.memory.change_disk("memory-1", |disk| disk.state = DiskState::Deleting),
            "is being deleted",
            "kompoxops disk create --volume default",
        ),
        (
            |bed| {
                let used = kompox_model::DiskName::generated(1_770_091_506, 7);
                creating(bed, DiskSource::Disk(used));
                bed.memory.set_atomic_snapshots(false);
            },
            "which cannot be copied as of one moment",
            "kompoxops disk delete half-made",
        ),
    ];
    for (arrange, problem, choose) in cases {
        let bed = Bed::deployed().await;
        arrange(&bed);
        refuses(&bed, problem, choose).await;
    }
    // Two that nobody remembers.
    let bed = Bed::deployed().await;
    bed.insert_disk("second", true, |_| {});
    bed.insert_disk("third", true, |_| {});
    bed.memory.change_disk("memory-1", |disk| disk.assigned = false);
    refuses(&bed, "several disks are assigned: ", "kompoxops disk assign ").await;
    // Nothing of a volume of which another cluster holds a disk, whatever else is wrong.
    let bed = Bed::deployed().await;
    deleting(&bed);
    bed.insert_disk("theirs", true, foreign);
    refuses(&bed, "disk theirs is held by cluster c2", "work on the app from there").await;
    // No disk, and one that is remembered.
    let bed = Bed::deployed().await;
    bed.memory.change_disk("memory-1", |disk| disk.volume = "other".parse().unwrap());
    bed.tamper(&bed.namespace_path(), |namespace| {
        namespace["metadata"]["annotations"]["kompox.dev/disks"] =
            json!(r#"{"default":{"current":"memory-1"}}"#);
    });
    let says = "there is no disk, but the Namespace remembers disk memory-1";
    refuses(&bed, says, "kompoxops disk create --volume default").await;
}

/// One thing is told, a person has to decide, and nothing is written.
async fn refuses(bed: &Bed, problem: &str, choose: &str) {
    let fingerprint = bed.memory.fingerprint();
    let found = disk::repair(&bed.scope(&bed.client), &RepairOptions::default(), "tester").await.unwrap();
    let [repair] = found.repairs.as_slice() else { panic!("{problem}: {found:?}") };
    assert!(repair.problem.contains(problem), "{problem}: {repair:?}");
    assert!(repair.choose.as_ref().is_some_and(|way| way.contains(choose)), "{choose}: {repair:?}");
    let error = found.verdict().unwrap_err();
    assert_eq!((kind(&error), &*error.code()), (ErrorKind::Conflict, "disk.undecided"), "{error}");
    assert_eq!((bed.writes(), bed.memory.fingerprint()), (Vec::new(), fingerprint), "{problem}");
}

#[tokio::test]
async fn what_is_clear_is_mended_beside_what_is_not() {
    let bed = Left::HalfDeleted.bed().await;
    creating(&bed, DiskSource::Snapshot("s9".parse().unwrap()));
    let found = disk::repair(&bed.scope(&bed.client), &RepairOptions::default(), "tester").await.unwrap();
    assert_eq!(found.repairs.len(), 2, "{found:?}");
    assert!(found.repairs[0].mended.is_some() && found.repairs[1].choose.is_some(), "{found:?}");
    assert!(!bed.disks().await.iter().any(|disk| disk.state == DiskState::Deleting));
    assert_eq!(found.verdict().unwrap_err().code(), "disk.undecided");
}

#[tokio::test]
async fn a_choice_that_cannot_be_followed_is_refused() {
    let bed = Left::HalfAssigned.bed().await;
    creating(&bed, DiskSource::Empty);
    let try_ = async |volume: Option<&str>, keep: &str| {
        let keep = (!keep.is_empty()).then(|| keep.parse().unwrap());
        let options =
            RepairOptions { volume: volume.map(|name| name.parse().unwrap()), keep, dry_run: false };
        disk::repair(&bed.scope(&bed.client), &options, "tester").await.unwrap_err().code().into_owned()
    };
    assert_eq!(try_(None, "ninth").await, "disk.unknown");
    assert_eq!(try_(None, "half-made").await, "disk.not-ready");
    assert_eq!(try_(Some("other"), "").await, "disk.volume-unknown");
    assert_eq!(bed.writes(), Vec::<String>::new());
    disk::assign(&bed.scope(&bed.client), None, &"second".parse().unwrap(), DiskAssign::default(), "tester")
        .await
        .unwrap();
    let first = bed.disks().await.into_iter().find(|disk| disk.handle == "memory-1").unwrap();
    assert_eq!(try_(None, first.name.as_str()).await, "disk.not-ambiguous");
}

#[tokio::test]
async fn nothing_is_mended_while_disks_may_be_unseen() {
    let bed = Left::All.bed().await;
    let fingerprint = bed.memory.fingerprint();
    let gap = DiskGap { kind: GapKind::Unreachable, message: "node n9".into() };
    bed.memory.set_gaps(vec![gap]);
    let error = disk::repair(&bed.scope(&bed.client), &RepairOptions::default(), "tester").await.unwrap_err();
    assert_eq!(error.code(), "disk.unseen.unreachable", "{error}");
    assert_eq!((bed.writes(), bed.memory.fingerprint()), (Vec::new(), fingerprint));
    let gap = DiskGap { kind: GapKind::NotInstalled, message: "kompox-node is not installed".into() };
    bed.memory.set_gaps(vec![gap]);
    let dry = RepairOptions { dry_run: true, ..RepairOptions::default() };
    let error = disk::repair(&bed.scope(&bed.client), &dry, "tester").await.unwrap_err();
    assert_eq!(error.code(), "disk.unseen.not-installed", "{error}");
    let done = disk::repair(&bed.scope(&bed.client), &RepairOptions::default(), "tester").await.unwrap();
    assert_eq!(done.repairs.len(), 4, "it is installed, then all is mended: {done:?}");
}
