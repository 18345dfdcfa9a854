//! Faults that the memory driver was told to have, and what no fault may do.

use crate::subject::cluster;
use kompox_model::port::{
    AppScope, Call, Cancel, DiskAssign, DiskCreate, DiskDelete, DiskGap, DiskInventory, Disks, ErrorKind,
    GapKind,
};
use kompox_model::quantity::Bytes;
use kompox_model::{AppIdentity, Cluster, Disk, DiskSource, DiskState, VolumeName, disk};
use kompox_provider::memory::{Fault, Memory, Moment, Operation};
use proptest::prelude::*;

struct Scene {
    memory: Memory,
    cluster: Cluster,
    identity: AppIdentity,
    volume: VolumeName,
}

impl Scene {
    fn new() -> Self {
        Self {
            memory: Memory::new(),
            cluster: cluster(),
            identity: "ws/prv/app".parse().unwrap(),
            volume: "default".parse().unwrap(),
        }
    }

    fn scope(&self) -> AppScope<'_> {
        AppScope { identity: &self.identity, cluster: &self.cluster, cluster_uid: "uid-1" }
    }

    async fn create(&self, name: &str) -> Result<Disk, ErrorKind> {
        let options = DiskCreate {
            name: name.parse().unwrap(),
            size: Bytes(1),
            source: DiskSource::Empty,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            at_rest: false,
            if_not_exists: false,
        };
        let cancel = Cancel::new();
        let made = self.memory.create(&Call::new(&cancel), self.scope(), &self.volume, &options).await;
        made.map_err(|error| error.kind)
    }

    async fn assign(&self, name: &str) -> Result<Disk, ErrorKind> {
        let (cancel, name) = (Cancel::new(), name.parse().unwrap());
        let call = Call::new(&cancel);
        let done = self.memory.assign(&call, self.scope(), &self.volume, &name, DiskAssign::default()).await;
        done.map_err(|error| error.kind)
    }

    async fn delete(&self, name: &str) -> Result<bool, ErrorKind> {
        let (cancel, name) = (Cancel::new(), name.parse().unwrap());
        let call = Call::new(&cancel);
        let done = self.memory.delete(&call, self.scope(), &self.volume, &name, DiskDelete::default()).await;
        done.map_err(|error| error.kind)
    }

    async fn list(&self) -> DiskInventory {
        let cancel = Cancel::new();
        self.memory.list(&Call::new(&cancel), self.scope()).await.unwrap()
    }

    async fn assigned(&self) -> Vec<String> {
        let disks = self.list().await.disks;
        disks.iter().filter(|disk| disk.assigned).map(|disk| disk.name.to_string()).collect()
    }

    fn fail(&self, operation: Operation, moment: Moment) {
        self.memory.fail_next(Fault { operation, moment, kind: ErrorKind::Throttled });
    }
}

#[tokio::test]
async fn faults_strike_before_inside_and_after_a_write() {
    let scene = Scene::new();
    scene.fail(Operation::Create, Moment::Before);
    assert_eq!(scene.create("one").await.unwrap_err(), ErrorKind::Throttled);
    assert!(scene.list().await.disks.is_empty());
    scene.fail(Operation::Create, Moment::After);
    assert_eq!(scene.create("one").await.unwrap_err(), ErrorKind::Throttled);
    assert_eq!(scene.list().await.disks[0].state, DiskState::Ready);
    assert_eq!(scene.create("one").await.unwrap_err(), ErrorKind::AlreadyExists);
    assert_eq!(scene.memory.writes(), 1);
}

#[tokio::test]
async fn a_switch_cut_in_two_leaves_two_assigned_disks_and_its_repeat_one() {
    let scene = Scene::new();
    scene.create("one").await.unwrap();
    scene.create("two").await.unwrap();
    scene.fail(Operation::Assign, Moment::During);
    assert_eq!(scene.assign("two").await.unwrap_err(), ErrorKind::Throttled);
    assert_eq!(scene.assigned().await, ["one", "two"]);
    scene.assign("two").await.unwrap();
    assert_eq!(scene.assigned().await, ["two"]);
}

#[tokio::test]
async fn a_delete_cut_in_two_is_completed_by_its_repeat() {
    let scene = Scene::new();
    scene.create("one").await.unwrap();
    scene.create("two").await.unwrap();
    scene.fail(Operation::Delete, Moment::During);
    assert_eq!(scene.delete("two").await.unwrap_err(), ErrorKind::Throttled);
    assert_eq!(scene.assign("two").await.unwrap_err(), ErrorKind::Conflict);
    assert_eq!(scene.create("two").await.unwrap_err(), ErrorKind::Conflict);
    assert_eq!(scene.delete("two").await, Ok(true));
    assert_eq!(scene.delete("two").await, Ok(false));
}

#[tokio::test]
async fn what_was_not_seen_is_not_taken_for_absent() {
    let scene = Scene::new();
    for (kind, error) in [
        (GapKind::Unreachable, ErrorKind::Unavailable),
        (GapKind::NotInstalled, ErrorKind::Unavailable),
        (GapKind::Foreign, ErrorKind::Conflict),
    ] {
        scene.memory.set_gaps(vec![DiskGap { kind, message: "a place".to_owned() }]);
        assert_eq!(scene.create("one").await.unwrap_err(), error);
        assert_eq!(scene.assign("one").await.unwrap_err(), error);
        assert_eq!(scene.delete("one").await.unwrap_err(), error);
        assert_eq!(scene.list().await.gaps[0].kind, kind);
    }
    assert_eq!(scene.memory.writes(), 0);
}

#[derive(Debug, Clone)]
enum Act {
    Create(u8),
    Assign(u8),
    Delete(u8),
    Fault(Operation, Moment),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let operation = prop_oneof![Just(Operation::Create), Just(Operation::Assign), Just(Operation::Delete)];
    let moment = prop_oneof![Just(Moment::Before), Just(Moment::During), Just(Moment::After)];
    let act = prop_oneof![
        4 => (0u8..4).prop_map(Act::Create),
        4 => (0u8..4).prop_map(Act::Assign),
        4 => (0u8..4).prop_map(Act::Delete),
        1 => (operation, moment).prop_map(|(operation, moment)| Act::Fault(operation, moment)),
    ];
    prop::collection::vec(act, 0..40)
}

proptest! {
    /// Whatever is done and whatever fails: a volume with disks keeps an assigned one, and one assign repairs it.
    #[test]
    fn a_volume_never_loses_its_assigned_disk(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new();
            for act in acts {
                // Refusals and faults are part of the game; the state is what counts.
                match act {
                    Act::Create(n) => drop(scene.create(&format!("d{n}")).await),
                    Act::Assign(n) => drop(scene.assign(&format!("d{n}")).await),
                    Act::Delete(n) => drop(scene.delete(&format!("d{n}")).await),
                    Act::Fault(operation, moment) => scene.fail(operation, moment),
                }
                let disks = scene.list().await.disks;
                assert!(disks.is_empty() || disks.iter().any(|disk| disk.assigned), "{disks:?}");
                let mut sorted = disks.clone();
                disk::sort(&mut sorted);
                assert_eq!(sorted, disks);
            }
            let ready = scene.list().await.disks.into_iter().find(|disk| disk.state == DiskState::Ready);
            if let Some(disk) = ready {
                // Faults still waiting may make the first tries fail.
                let name = disk.name.to_string();
                for _ in 0..40 {
                    if scene.assign(&name).await.is_ok() { break; }
                }
                assert_eq!(scene.assigned().await, [name]);
            }
        });
    }
}
