//! `snapshot create`, `restore`, `delete`: consent, consistency, what a failure leaves.

use crate::bed::{Bed, COMPOSE, kind, options};
use kompox_engine::snapshot::{self, CreateOptions, Created, RestoreOptions, Which};
use kompox_engine::{Error, app, disk};
use kompox_model::port::{ErrorKind, SnapshotDelete};
use kompox_model::quantity::Bytes;
use kompox_model::{DiskSource, DiskState, Snapshot};
use kompox_provider::memory::{Fault, Moment, Operation};
use serde_json::{Value, json};

pub(crate) fn create_options(name: &str) -> CreateOptions {
    CreateOptions {
        volumes: Which::One(None),
        disk: None,
        name: Some(name.parse().unwrap()),
        stop: false,
        no_wait: false,
        if_not_exists: false,
        dry_run: false,
        now: options().now,
        random: 1,
    }
}

pub(crate) fn restore_options(snapshot: &str, disk: &str) -> RestoreOptions {
    RestoreOptions {
        volume: None,
        snapshot: snapshot.parse().unwrap(),
        disk: Some(disk.parse().unwrap()),
        size: None,
        if_not_exists: false,
        dry_run: false,
        now: options().now,
        random: 1,
    }
}

async fn create(bed: &Bed, change: impl FnOnce(&mut CreateOptions)) -> Result<Created, Error> {
    let mut options = create_options("s1");
    change(&mut options);
    snapshot::create(&bed.scope(&bed.client), &options, "tester").await
}

async fn snapshots(bed: &Bed) -> Vec<Snapshot> {
    snapshot::list(&bed.scope(&bed.client)).await.unwrap().snapshots
}

fn pod_uid(bed: &Bed) -> Value {
    let pods = bed.api.objects().into_iter().find(|object| object["kind"] == "Pod");
    pods.map_or(Value::Null, |pod| pod["metadata"]["uid"].clone())
}

#[tokio::test]
async fn a_disk_in_use_is_kept_as_of_one_moment_or_not_without_consent() {
    let bed = Bed::deployed().await;
    let pod = pod_uid(&bed);
    let made = create(&bed, |_| {}).await.unwrap();
    assert!(!made.stopped && made.outage_seconds.is_none() && made.snapshots[0].atomic);
    assert_eq!(pod_uid(&bed), pod, "the app goes on");

    let bed = Bed::deployed().await;
    bed.memory.set_atomic_snapshots(false);
    let before = pod_uid(&bed);
    let error = create(&bed, |_| {}).await.unwrap_err();
    assert_eq!((kind(&error), &*error.code()), (ErrorKind::Conflict, "snapshot.in-use"), "{error}");
    assert_eq!(pod_uid(&bed), before);
    assert_eq!(bed.writes(), Vec::<String>::new());

    let made = create(&bed, |options| options.stop = true).await.unwrap();
    assert!(made.stopped && made.outage_seconds.is_some() && !made.snapshots[0].atomic);
    assert_ne!(pod_uid(&bed), before, "another Pod");
    assert_ne!(pod_uid(&bed), Value::Null, "and it runs");
}

#[tokio::test]
async fn an_app_that_was_stopped_stays_stopped() {
    let bed = Bed::deployed().await;
    bed.memory.set_atomic_snapshots(false);
    app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
    for (name, stop) in [("s1", false), ("s2", true)] {
        let made = create(&bed, |options| {
            options.name = Some(name.parse().unwrap());
            options.stop = stop;
        });
        assert!(!made.await.unwrap().stopped);
        assert_eq!(pod_uid(&bed), Value::Null);
    }
    assert_eq!(snapshots(&bed).await.len(), 2);
}

#[tokio::test]
async fn names_disks_and_volumes_that_are_wrong_are_named() {
    let bed = Bed::deployed().await;
    create(&bed, |_| {}).await.unwrap();
    bed.insert_disk("second", false, |_| {});
    bed.insert_disk("third", false, |disk| disk.state = DiskState::Creating);
    let before = bed.memory.fingerprint();
    type Change = fn(&mut CreateOptions);
    let cases: [(Change, ErrorKind, &str); 5] = [
        (|_| {}, ErrorKind::AlreadyExists, "snapshot.exists"),
        (
            |o| {
                o.disk = Some("second".parse().unwrap());
                o.if_not_exists = true;
            },
            ErrorKind::AlreadyExists,
            "snapshot.exists",
        ),
        (|o| o.disk = Some("ninth".parse().unwrap()), ErrorKind::NotFound, "disk.unknown"),
        (
            |o| {
                o.disk = Some("third".parse().unwrap());
                o.name = None;
            },
            ErrorKind::Conflict,
            "disk.not-ready",
        ),
        (
            |o| o.volumes = Which::One(Some("ninth".parse().unwrap())),
            ErrorKind::NotFound,
            "disk.volume-unknown",
        ),
    ];
    for (change, expected, code) in cases {
        let error = create(&bed, change).await.unwrap_err();
        assert_eq!((kind(&error), &*error.code()), (expected, code), "{error}");
    }
    let again = create(&bed, |options| options.if_not_exists = true).await.unwrap();
    assert_eq!(again.snapshots, snapshots(&bed).await);
    let planned = create(&bed, |options| {
        options.name = Some("s2".parse().unwrap());
        options.dry_run = true;
    });
    assert_eq!(planned.await.unwrap().snapshots[0].state, DiskState::Creating);
    assert_eq!(bed.memory.fingerprint(), before);
    // None that could be meant.
    bed.destroy(false).await.unwrap();
    for disk in bed.disks().await {
        bed.memory.change_disk(&disk.handle, |disk| disk.assigned = false);
    }
    let error = create(&bed, |options| options.name = None).await.unwrap_err();
    assert_eq!(error.code(), "snapshot.no-disk", "{error}");
}

#[tokio::test]
async fn a_disk_from_a_snapshot_stands_beside_the_one_in_use() {
    let bed = Bed::deployed().await;
    let used = bed.disks().await.remove(0);
    create(&bed, |_| {}).await.unwrap();
    let scope = bed.scope(&bed.client);
    let made = snapshot::restore(&scope, &restore_options("s1", "second"), "tester").await.unwrap();
    assert_eq!(
        (made.assigned, made.size, made.source.to_string().as_str()),
        (false, used.size, "snapshot:s1")
    );
    assert_eq!(bed.assigned().await, [used.name.to_string()]);
    let restore = async |change: fn(&mut RestoreOptions)| {
        let mut options = restore_options("s1", "third");
        change(&mut options);
        let error = snapshot::restore(&scope, &options, "tester").await.unwrap_err();
        (kind(&error), error.code().into_owned())
    };
    let before = bed.memory.fingerprint();
    for (change, expected) in [
        (
            (|o| o.snapshot = "s9".parse().unwrap()) as fn(&mut RestoreOptions),
            (ErrorKind::NotFound, "snapshot.unknown"),
        ),
        (|o| o.size = Some(Bytes(4096)), (ErrorKind::Invalid, "snapshot.too-large")),
        (|o| o.disk = Some("second".parse().unwrap()), (ErrorKind::AlreadyExists, "memory.already-exists")),
    ] {
        let (kind, code) = restore(change).await;
        assert_eq!((kind, code.as_str()), expected);
    }
    assert_eq!(bed.memory.fingerprint(), before);
    let name = "s1".parse().unwrap();
    for deleted in [true, false] {
        let done = snapshot::delete(&scope, None, &name, SnapshotDelete::default(), "tester").await;
        assert_eq!(done.unwrap(), deleted);
    }
    assert_eq!(bed.disks().await.len(), 2, "the disk that was made from it stays");
}

#[tokio::test]
async fn a_failure_starts_the_app_again_and_is_told() {
    for moment in [Moment::Before, Moment::During] {
        let bed = Bed::deployed().await;
        let fault = Fault { operation: Operation::CreateSnapshot, moment, kind: ErrorKind::Quota };
        bed.memory.fail_next(fault);
        let error = create(&bed, |options| options.stop = true).await.unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Quota, "{error}");
        assert!(bed.told.has("the app starts again"));
        let deployment = bed.api.object(&bed.deployment_path()).unwrap();
        assert_eq!(deployment["spec"]["replicas"], 1, "{moment:?}");
        // The repeat goes on with what was begun.
        create(&bed, |options| options.stop = true).await.unwrap();
        assert_eq!(snapshots(&bed).await.len(), 1);
    }
}

#[tokio::test]
async fn a_set_is_of_one_moment_and_whole_or_not_at_all() {
    let mut bed = Bed::new().await;
    let mut second = bed.app.volumes[0].clone();
    second.name = "files".parse().unwrap();
    bed.app.volumes.push(second);
    bed.deploy(COMPOSE).await.unwrap();
    bed.insert_disk("one", true, |disk| disk.volume = "files".parse().unwrap());
    let all = |options: &mut CreateOptions| options.volumes = Which::All;
    let error = create(&bed, all).await.unwrap_err();
    assert_eq!(error.code(), "snapshot.set-in-use", "{error}");
    let stop = |options: &mut CreateOptions| {
        options.volumes = Which::All;
        options.stop = true;
    };
    // The second one fails: the first one goes too.
    bed.memory.fail_later(
        1,
        Fault { operation: Operation::CreateSnapshot, moment: Moment::During, kind: ErrorKind::Quota },
    );
    let error = create(&bed, stop).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Quota);
    assert_eq!(snapshots(&bed).await, []);
    let made = create(&bed, stop).await.unwrap();
    assert_eq!(made.snapshots.len(), 2);
    assert!(made.snapshots.iter().all(|snapshot| snapshot.name.as_str() == "s1"));
    // Half a set of that name is not completed with a later moment.
    let name = "s1".parse().unwrap();
    let scope = bed.scope(&bed.client);
    snapshot::delete(&scope, None, &name, SnapshotDelete::default(), "tester").await.unwrap();
    let error = create(&bed, |options| {
        stop(options);
        options.if_not_exists = true;
    });
    assert_eq!(error.await.unwrap_err().code(), "snapshot.exists");
}

#[tokio::test]
async fn a_disk_is_copied_from_another_one_that_is_at_rest() {
    let bed = Bed::deployed().await;
    bed.memory.set_atomic_snapshots(false);
    let scope = bed.scope(&bed.client);
    let used = bed.disks().await.remove(0);
    let options = disk::CreateOptions {
        volume: None,
        name: Some("second".parse().unwrap()),
        size: None,
        source: DiskSource::Disk(used.name.clone()),
        if_not_exists: false,
        dry_run: false,
        now: options().now,
        random: 1,
    };
    let error = disk::create(&scope, &options, "tester").await.unwrap_err();
    assert_eq!((kind(&error), &*error.code()), (ErrorKind::Conflict, "disk.source-in-use"), "{error}");
    assert_eq!(bed.disks().await.len(), 1);
    app::stop(&scope, "tester").await.unwrap();
    let made = disk::create(&scope, &options, "tester").await.unwrap();
    assert_eq!((made.assigned, made.source), (false, options.source));
}

#[tokio::test]
async fn a_disk_that_somebody_else_uses_is_not_copied_by_stopping_the_app() {
    let bed = Bed::new().await;
    bed.memory.set_atomic_snapshots(false);
    bed.insert_disk("one", true, |_| {});
    bed.api.put(
        "/api/v1/persistentvolumes/theirs",
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "theirs"},
            "spec": {"csi": {"driver": "memory.kompox.dev", "volumeHandle": "handle-one"},
                "claimRef": {"namespace": "other", "name": "claim"}}}),
    );
    bed.api.put(
        "/api/v1/namespaces/other/pods/user",
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user", "namespace": "other"},
            "spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "claim"}}]}}),
    );
    let before = bed.memory.fingerprint();
    let error = create(&bed, |options| options.stop = true).await.unwrap_err();
    assert_eq!(error.code(), "disk.used", "{error}");
    assert!(error.to_string().contains("Pod other/user"), "{error}");
    assert_eq!(bed.memory.fingerprint(), before, "not even begun");
}
