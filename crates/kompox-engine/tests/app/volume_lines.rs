//! `app volumes`: what lives where, and what is wrong.

use crate::bed::{Bed, COMPOSE};
use crate::snapshots::create_options;
use kompox_engine::app::{self, VolumeLine, VolumeState};
use kompox_engine::{Error, snapshot};
use kompox_model::port::{DiskGap, ErrorKind, GapKind};
use kompox_model::{DiskSource, DiskState, Volume};
use kompox_provider::memory::{Fault, Moment, Operation};
use kompox_testkit::{Fault as Cut, When};
use serde_json::json;

/// With a second compose volume.
fn two_volumes() -> String {
    COMPOSE
        .replace("\"data:/data\"", "\"data:/data\", \"db:/db\"")
        .replace("{data: {}}", "{data: {}, db: {}}")
}

pub(crate) fn own(name: &str, compose: &str) -> Volume {
    Volume { name: name.parse().unwrap(), compose: Some(compose.into()), ..Volume::implicit() }
}

async fn lines(bed: &Bed, compose: &str) -> Vec<VolumeLine> {
    app::volumes(&bed.scope(&bed.client), &bed.load(compose)).await.unwrap().volumes
}

fn keys(line: &VolumeLine) -> Vec<&str> {
    line.compose.iter().map(|volume| volume.sub_path.as_str()).collect()
}

#[tokio::test]
async fn each_volume_is_shown_with_what_lives_on_it() {
    let mut bed = Bed::new().await;
    bed.app.volumes.push(own("db", "db"));
    let new = lines(&bed, &two_volumes()).await;
    assert_eq!(new.iter().map(|line| line.state).collect::<Vec<_>>(), [VolumeState::New; 2]);
    assert_eq!(new[0].size, Some(Volume::DEFAULT_SIZE), "what a deploy would make");
    bed.deploy(&two_volumes()).await.unwrap();
    bed.insert_disk("second", false, |_| {});
    snapshot::create(&bed.scope(&bed.client), &create_options("s1"), "tester").await.unwrap();
    bed.api.forget();
    let found = lines(&bed, &two_volumes()).await;
    let [shared, own] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((shared.volume.as_str(), shared.state, shared.own), ("default", VolumeState::Ready, false));
    assert_eq!((keys(shared), keys(own)), (vec!["volumes/data"], vec!["volumes/db"]));
    assert_eq!((shared.disks, shared.snapshots, shared.assigned.len()), (2, Some(1), 1));
    assert_eq!((own.disks, own.snapshots, own.own), (1, Some(0), true));
    for line in [shared, own] {
        let [pod] = line.mounted_by.as_slice() else { panic!("{line:?}") };
        assert!(
            pod.starts_with(&format!("Pod {}/", bed.namespace())) && line.problems.is_empty(),
            "{line:?}"
        );
    }
    assert_eq!(bed.writes(), Vec::<String>::new(), "it only looks");
    app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
    assert!(lines(&bed, &two_volumes()).await.iter().all(|line| line.mounted_by.is_empty()));
}

#[tokio::test]
async fn disks_of_a_volume_that_is_not_configured_any_more_are_not_hidden() {
    let mut bed = Bed::new().await;
    bed.app.volumes.push(own("db", "db"));
    bed.deploy(&two_volumes()).await.unwrap();
    bed.app.volumes.pop();
    let found = lines(&bed, COMPOSE).await;
    let left = &found[1];
    assert_eq!((left.volume.as_str(), left.state, left.configured), ("db", VolumeState::Left, false));
    assert_eq!((left.disks, left.assigned.len(), left.compose.len()), (1, 1, 0));
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_mends_it() {
    type Arrange = fn(&Bed);
    let cases: [(Arrange, &str); 5] = [
        (|bed| bed.insert_disk("second", true, |_| {}), "several disks are assigned: "),
        (
            |bed| bed.insert_disk("second", false, |disk| disk.state = DiskState::Deleting),
            "disk second is still being deleted: kompoxops disk repair",
        ),
        (
            |bed| bed.insert_disk("second", false, |disk| disk.state = DiskState::Creating),
            "disk second is still being made from empty: kompoxops disk repair",
        ),
        (
            |bed| {
                bed.insert_disk("second", false, |disk| {
                    disk.state = DiskState::Creating;
                    disk.source = DiskSource::Snapshot("s9".parse().unwrap());
                });
            },
            "which is not there or not ready: kompoxops disk delete second --volume default",
        ),
        (
            |bed| bed.insert_disk("second", false, |disk| disk.holder.cluster = "c2".parse().unwrap()),
            "disk second is held by cluster c2",
        ),
    ];
    for (arrange, says) in cases {
        let bed = Bed::deployed().await;
        arrange(&bed);
        let found = lines(&bed, COMPOSE).await;
        assert_eq!(found[0].state, VolumeState::Unhealthy, "{says}");
        assert!(found[0].problems.iter().any(|problem| problem.contains(says)), "{says}: {found:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_seen_is_unknown_and_not_new() {
    let bed = Bed::new().await;
    let gap = DiskGap { kind: GapKind::Unreachable, message: "node n9 does not answer".into() };
    bed.memory.set_gaps(vec![gap]);
    let found = app::volumes(&bed.scope(&bed.client), &bed.load(COMPOSE)).await.unwrap();
    assert_eq!(found.unknown, ["node n9 does not answer"]);
    assert_eq!((found.volumes[0].state, found.volumes[0].snapshots), (VolumeState::Unknown, None));
}

#[tokio::test]
async fn a_driver_and_a_cluster_that_fail_are_told() {
    let bed = Bed::deployed().await;
    let fails = async |says: &str| {
        let error: Error = app::volumes(&bed.scope(&bed.client), &bed.load(COMPOSE)).await.unwrap_err();
        assert_eq!(error.code(), says, "{error}");
    };
    for operation in [Operation::List, Operation::ListSnapshots] {
        bed.memory.fail_next(Fault { operation, moment: Moment::Before, kind: ErrorKind::Denied });
        fails("memory.denied").await;
    }
    bed.tamper(&bed.namespace_path(), |namespace| {
        namespace["metadata"]["annotations"]["kompox.dev/disks"] = json!("{");
    });
    fails("app.disk.memory-unreadable").await;
    bed.api.plant(When::After(0), Cut::status(403, "Forbidden", "no"));
    fails("kubernetes.denied").await;
}
