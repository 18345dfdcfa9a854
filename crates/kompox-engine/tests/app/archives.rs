//! `disk export`, `disk import`, `snapshot export`, `app clone`: what a disk holds leaves as an archive and comes back.

use crate::bed::{Bed, COMPOSE, options};
use crate::moving::{held, write};
use crate::snapshots::create_options;
use futures::AsyncWrite;
use kompox_engine::app::{self, CloneOptions, Cloned};
use kompox_engine::disk::{self, ExportOptions, Exportee, ImportFrom, ImportOptions};
use kompox_engine::{Error, Scope, snapshot};
use kompox_model::port::{DiskExported, ErrorKind};
use kompox_model::quantity::Bytes;
use kompox_model::{Disk, Volume};
use kompox_provider::memory::{Fault, Moment, Operation};
use serde_json::json;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

fn export_options(of: Exportee) -> ExportOptions {
    ExportOptions { volume: None, of, resume: None, now: options().now }
}

async fn export(bed: &Bed, of: Exportee) -> Result<(DiskExported, Vec<u8>), Error> {
    let mut archive = Vec::new();
    let (scope, options) = (bed.scope(&bed.client), export_options(of));
    let exported = disk::export(&scope, &options, &mut archive, &|_, _| {}, "tester").await?;
    Ok((exported, archive))
}

fn import_options(name: &str, exported: &DiskExported) -> ImportOptions {
    ImportOptions {
        volume: None,
        name: Some(name.parse().unwrap()),
        size: None,
        from: ImportFrom::Export { manifest: exported.manifest.clone(), size: Volume::DEFAULT_SIZE },
        if_not_exists: false,
        dry_run: false,
        now: options().now,
        random: 5,
    }
}

async fn import(bed: &Bed, options: &ImportOptions, mut archive: &[u8]) -> Result<Disk, Error> {
    disk::import(&bed.scope(&bed.client), options, &mut archive, "tester").await
}

fn disk_of(name: &str) -> Exportee {
    Exportee::Disk(name.parse().unwrap())
}

/// Deployed, with something on its disk, stopped.
async fn stopped() -> (Bed, String) {
    let bed = Bed::deployed().await;
    write(&bed, "before").await;
    app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
    let name = bed.assigned().await.remove(0);
    (bed, name)
}

#[tokio::test]
async fn a_disk_comes_back_from_its_archive_and_the_app_runs_on_it() {
    let (bed, name) = stopped().await;
    let (exported, archive) = export(&bed, disk_of(&name)).await.unwrap();
    let import_options = import_options("copy", &exported);
    let planned = ImportOptions { dry_run: true, ..import_options.clone() };
    let writes = bed.memory.writes();
    assert_eq!(import(&bed, &planned, &archive).await.unwrap().name.as_str(), "copy");
    assert_eq!(bed.memory.writes(), writes, "a dry run");
    let made = import(&bed, &import_options, &archive).await.unwrap();
    assert_eq!((made.assigned, made.size), (false, Volume::DEFAULT_SIZE));
    assert!(made.source.to_string().starts_with("import:"), "{}", made.source);
    let again = import(&bed, &import_options, &archive).await.unwrap_err();
    assert_eq!(crate::bed::kind(&again), ErrorKind::AlreadyExists);
    let accepted = ImportOptions { if_not_exists: true, ..import_options.clone() };
    assert_eq!(import(&bed, &accepted, b"not even read").await.unwrap(), made);
    app::start(&bed.scope(&bed.client), false, "tester").await.unwrap();
    bed.attach(disk::Target::Named("copy".parse().unwrap())).await.unwrap();
    assert_eq!(held(&bed).await, ["before"]);
    let cut = ImportOptions { name: Some("cut".parse().unwrap()), ..import_options };
    let error = import(&bed, &cut, &archive[..archive.len() - 3]).await.unwrap_err();
    assert_eq!(crate::bed::kind(&error), ErrorKind::Invalid, "{error}");
    assert!(bed.disks().await.iter().all(|disk| disk.name.as_str() != "cut"), "none is left of it");
}

#[tokio::test]
async fn a_first_disk_may_come_from_an_archive_and_the_deploy_uses_it() {
    let (bed, name) = stopped().await;
    let (exported, archive) = export(&bed, disk_of(&name)).await.unwrap();
    let fresh = Bed::new().await;
    let made = import(&fresh, &import_options("first", &exported), &archive).await.unwrap();
    assert!(made.assigned);
    fresh.deploy(COMPOSE).await.unwrap();
    assert_eq!((fresh.disks().await.len(), held(&fresh).await), (1, vec!["before".to_owned()]));
}

#[tokio::test]
async fn only_a_disk_at_rest_is_written_out_and_a_snapshot_at_any_time() {
    let bed = Bed::deployed().await;
    write(&bed, "before").await;
    let name = bed.assigned().await.remove(0);
    let in_use = export(&bed, disk_of(&name)).await.unwrap_err();
    assert_eq!(in_use.code(), "disk.export.in-use", "{in_use}");
    assert_eq!(export(&bed, disk_of("nothing")).await.unwrap_err().code(), "disk.unknown");
    let snapshot = |name: &str| Exportee::Snapshot(name.parse().unwrap());
    assert_eq!(export(&bed, snapshot("s1")).await.unwrap_err().code(), "snapshot.unknown");
    let scope = bed.scope(&bed.client);
    snapshot::create(&scope, &create_options("s1"), "tester").await.unwrap();
    write(&bed, "between").await;
    let (exported, archive) = export(&bed, snapshot("s1")).await.unwrap();
    import(&bed, &import_options("copy", &exported), &archive).await.unwrap();
    bed.attach(disk::Target::Named("copy".parse().unwrap())).await.unwrap();
    assert_eq!(held(&bed).await, ["before"]);
    let small = ImportOptions { size: Some(Bytes(7)), ..import_options("small", &exported) };
    assert_eq!(import(&bed, &small, &archive).await.unwrap_err().code(), "disk.import.too-large");
}

/// An archive during whose writing somebody begins to use the disk.
struct Disturbed<'a> {
    api: &'a kompox_testkit::ScriptedApi,
    handle: String,
}

impl AsyncWrite for Disturbed<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "theirs"},
            "spec": {"csi": {"volumeHandle": self.handle}, "claimRef": {"namespace": "x", "name": "y"}}});
        self.api.put("/api/v1/persistentvolumes/theirs", volume);
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "x"},
            "spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "y"}}]}});
        self.api.put("/api/v1/namespaces/x/pods/p", pod);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_archive_of_a_disk_that_came_into_use_meanwhile_is_none() {
    let (bed, name) = stopped().await;
    let handle = bed.disks().await.remove(0).handle;
    let (scope, options) = (bed.scope(&bed.client), export_options(disk_of(&name)));
    let mut archive = Disturbed { api: &bed.api, handle };
    let error = disk::export(&scope, &options, &mut archive, &|_, _| {}, "tester").await.unwrap_err();
    assert_eq!(error.code(), "disk.export.disturbed", "{error}");
}

/// Another app on the same cluster.
fn second(bed: &Bed) -> kompox_model::App {
    kompox_model::App { name: "twin".parse().unwrap(), ..bed.app.clone() }
}

async fn clone(bed: &Bed, to: &kompox_model::App, stop: bool) -> Result<Cloned, Error> {
    let from = bed.scope(&bed.client);
    let options = CloneOptions { stop, dry_run: false, now: options().now };
    app::clone(&from, &Scope { app: to, ..from }, options, "tester").await
}

#[tokio::test]
async fn another_app_gets_the_data_while_the_first_one_runs() {
    let bed = Bed::deployed().await;
    write(&bed, "before").await;
    let twin = second(&bed);
    let cloned = clone(&bed, &twin, false).await.unwrap();
    assert!(cloned.disks.len() == 1 && cloned.disks[0].assigned);
    write(&bed, "between").await;
    let mut other = Bed::new().await;
    other.memory = bed.memory.clone();
    other.app = twin.clone();
    other.driver =
        kompox_provider::memory::MemoryDriver::new(&bed.memory, Some(&other.workspace), &other.provider);
    assert_eq!(held(&other).await, ["before"], "and nothing that came later");
    let left = snapshot::list(&bed.scope(&bed.client)).await.unwrap().snapshots;
    assert_eq!(left, [], "what it was made of is gone");
    let scope = Scope { app: &twin, ..bed.scope(&bed.client) };
    app::deploy(&scope, &bed.load(COMPOSE), &options(), "tester").await.unwrap();
    // The other app has its data now: a second clone is refused before anything is stopped or made for it.
    let before = bed.memory.fingerprint();
    bed.api.forget();
    let refused = clone(&bed, &twin, true).await.unwrap_err();
    assert_eq!(refused.code(), "app.clone.occupied", "{refused}");
    assert_eq!((bed.memory.fingerprint(), bed.writes()), (before, Vec::new()));
}

#[tokio::test]
async fn a_clone_that_failed_is_finished_by_its_repeat() {
    for (operation, moment) in [
        (Operation::CreateSnapshot, Moment::During),
        (Operation::Export, Moment::Before),
        (Operation::Import, Moment::Before),
        (Operation::Import, Moment::During),
        (Operation::Import, Moment::After),
    ] {
        let bed = Bed::deployed().await;
        write(&bed, "before").await;
        bed.memory.fail_next(Fault { operation, moment, kind: ErrorKind::Unavailable });
        let twin = second(&bed);
        clone(&bed, &twin, false).await.unwrap_err();
        let cloned =
            clone(&bed, &twin, false).await.unwrap_or_else(|e| panic!("{operation:?} {moment:?}: {e}"));
        assert_eq!(cloned.disks.len(), 1, "{operation:?} {moment:?}");
        assert_eq!(snapshot::list(&bed.scope(&bed.client)).await.unwrap().snapshots, []);
    }
}

#[tokio::test]
async fn an_app_that_cannot_take_the_data_is_left_alone() {
    let bed = Bed::deployed().await;
    let volume = Volume { name: "other".parse().unwrap(), ..Volume::implicit() };
    let without = kompox_model::App { volumes: vec![volume], ..second(&bed) };
    let refused = clone(&bed, &without, false).await.unwrap_err();
    assert_eq!(refused.code(), "app.clone.volume", "{refused}");
    let twin = second(&bed);
    let scope = Scope { app: &twin, ..bed.scope(&bed.client) };
    app::deploy(&scope, &bed.load(COMPOSE), &options(), "tester").await.unwrap();
    let refused = clone(&bed, &twin, false).await.unwrap_err();
    assert_eq!(refused.code(), "app.clone.occupied", "{refused}");
}
