//! `disk create`, `assign`, `delete`: refusals, and repeats that write nothing.

use crate::bed::{Bed, kind};
use kompox_engine::Error;
use kompox_engine::disk::{self, CreateOptions};
use kompox_model::DiskSource;
use kompox_model::port::{DiskAssign, DiskDelete, ErrorKind};

async fn delete(bed: &Bed, name: &str) -> Result<bool, Error> {
    disk::delete(&bed.scope(&bed.client), None, &name.parse().unwrap(), DiskDelete::default(), "tester").await
}

#[tokio::test]
async fn a_disk_in_use_is_not_deleted() {
    let bed = Bed::deployed().await;
    let used = bed.disks().await.remove(0).name.to_string();
    bed.insert_disk("second", false, |_| {});
    let error = delete(&bed, &used).await.unwrap_err();
    assert!(error.to_string().contains("is the assigned disk"), "{error}");
    assert_eq!(error.code(), "disk.assigned");
    bed.assign("second").await.unwrap();
    let error = delete(&bed, &used).await.unwrap_err();
    assert!(error.to_string().contains("still refers to the disk"), "{error}");
    assert_eq!(error.code(), "disk.in-use");
    assert_eq!((kind(&error), bed.disks().await.len()), (ErrorKind::Conflict, 2));
    bed.destroy(false).await.unwrap();
    assert!(delete(&bed, &used).await.unwrap());
    assert!(!delete(&bed, &used).await.unwrap(), "a repeat is success");
    assert_eq!(bed.disks().await.len(), 1);
}

#[tokio::test]
async fn a_repeat_with_nothing_to_do_writes_nothing() {
    let bed = Bed::deployed().await;
    let disk = bed.disks().await.remove(0);
    let before = bed.memory.writes();
    assert_eq!(bed.assign(disk.name.as_str()).await.unwrap(), disk);
    let options = CreateOptions {
        volume: None,
        name: Some(disk.name.clone()),
        size: None,
        source: DiskSource::Empty,
        if_not_exists: true,
        dry_run: false,
        now: disk.created_at,
        random: 1,
    };
    assert_eq!(disk::create(&bed.scope(&bed.client), &options, "tester").await.unwrap(), disk);
    assert!(!delete(&bed, "unknown").await.unwrap());
    let error = bed.assign("unknown").await.unwrap_err();
    assert_eq!((kind(&error), &*error.code()), (ErrorKind::NotFound, "disk.unknown"), "{error}");
    let volume = "other".parse().unwrap();
    let unknown =
        disk::delete(&bed.scope(&bed.client), Some(&volume), &disk.name, DiskDelete::default(), "tester")
            .await;
    assert_eq!(unknown.unwrap_err().code(), "disk.volume-unknown");
    assert_eq!((bed.writes(), bed.memory.writes()), (Vec::new(), before));
}

#[tokio::test]
async fn dry_runs_say_what_would_be_and_write_nothing() {
    let bed = Bed::deployed().await;
    let used = bed.disks().await.remove(0);
    bed.insert_disk("second", false, |_| {});
    let before = bed.memory.fingerprint();
    let scope = bed.scope(&bed.client);
    let second = "second".parse().unwrap();
    let create = |name: &str| CreateOptions {
        volume: None,
        name: Some(name.parse().unwrap()),
        size: None,
        source: DiskSource::Empty,
        if_not_exists: false,
        dry_run: true,
        now: used.created_at,
        random: 1,
    };
    let made = disk::create(&scope, &create("third"), "tester").await.unwrap();
    assert_eq!((made.name.as_str(), made.assigned, made.size), ("third", false, used.size));
    let error = disk::create(&scope, &create("second"), "tester").await.unwrap_err();
    assert_eq!((kind(&error), &*error.code()), (ErrorKind::AlreadyExists, "disk.exists"));
    let dry = DiskAssign { dry_run: true, at: None };
    assert!(disk::assign(&scope, None, &second, dry, "tester").await.unwrap().assigned);
    assert!(disk::delete(&scope, None, &second, DiskDelete { dry_run: true }, "tester").await.unwrap());
    let error =
        disk::delete(&scope, None, &used.name, DiskDelete { dry_run: true }, "tester").await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Conflict);
    let error = disk::detach(&scope, None, &used.name, dry, "tester").await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Conflict, "its Pod uses it");
    assert!(!disk::detach(&scope, None, &second, dry, "tester").await.unwrap().assigned);
    assert_eq!((bed.writes(), bed.memory.fingerprint()), (Vec::new(), before));
}

#[tokio::test]
async fn a_disk_has_a_lineage_and_a_history() {
    use crate::snapshots::{create_options, restore_options};
    use kompox_engine::snapshot;
    let bed = Bed::deployed().await;
    let scope = bed.scope(&bed.client);
    let first = bed.assigned().await.remove(0);
    snapshot::create(&scope, &create_options("s1"), "tester").await.unwrap();
    snapshot::restore(&scope, &restore_options("s1", "second"), "tester").await.unwrap();
    let at = DiskAssign { dry_run: false, at: Some(crate::bed::options().now) };
    let (second, original) = ("second".parse().unwrap(), first.parse().unwrap());
    disk::assign(&scope, None, &second, at, "tester").await.unwrap();
    let log = disk::log(&scope, None, &second).await.unwrap();
    let sources: Vec<_> = log.lineage.iter().map(|step| step.source.clone()).collect();
    assert_eq!(sources, ["snapshot:s1".to_owned(), format!("disk:{first}")]);
    assert!(log.lineage.iter().all(|step| step.created_at.is_some()));
    let said: Vec<_> = log.events.iter().map(|event| event.change.to_string()).collect();
    assert_eq!(said, [format!("disk second assigned instead of {first}")]);
    let log = disk::log(&scope, None, &original).await.unwrap();
    let said: Vec<_> = log.events.iter().map(|event| event.change.to_string()).collect();
    assert_eq!(
        said,
        [format!("created with disk {first}"), format!("disk second assigned instead of {first}")]
    );
    assert_eq!((log.lineage, log.snapshots), (Vec::new(), vec!["s1".parse().unwrap()]));
    bed.attach(disk::Target::Named(original)).await.unwrap();
    let log = disk::log(&scope, None, &second).await.unwrap();
    let last = log.events.last().unwrap().change.to_string();
    assert_eq!(last, format!("disk {first} assigned instead of second"), "an attach is remembered too");
    let error = disk::log(&scope, None, &"third".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "disk.unknown");
}

/// Commands come from machines whose clocks differ by years: what came after what is kept as it happened.
#[tokio::test]
async fn a_clock_that_jumps_back_changes_no_order_of_what_happened() {
    let bed = Bed::deployed().await;
    let scope = bed.scope(&bed.client);
    let first = bed.assigned().await.remove(0);
    let late: jiff::Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
    bed.insert_disk("second", false, |disk| disk.created_at = late);
    let (second, original) = ("second".parse().unwrap(), first.parse().unwrap());
    let at = DiskAssign { dry_run: false, at: Some(late) };
    disk::assign(&scope, None, &second, at, "tester").await.unwrap();
    bed.attach(disk::Target::Named(original)).await.unwrap();
    bed.attach(disk::Target::Named(second)).await.unwrap();
    bed.attach(disk::Target::Previous).await.unwrap();
    let log = disk::log(&scope, None, &first.parse().unwrap()).await.unwrap();
    let there = format!("disk second assigned instead of {first}");
    let back = format!("disk {first} assigned instead of second");
    let said: Vec<_> = log.events.iter().map(|event| event.change.to_string()).collect();
    assert_eq!(said, [format!("created with disk {first}"), there.clone(), back.clone(), there, back]);
    let years: Vec<_> = log.events.iter().map(|event| event.at.strftime("%Y").to_string()).collect();
    assert_eq!(years, ["2026", "2099", "2026", "2026", "2026"], "each as it was told");
    assert_eq!(bed.assigned().await, [first.as_str()], "the one before, not the newest");
    let names: Vec<_> = bed.disks().await.iter().map(|disk| disk.name.to_string()).collect();
    assert_eq!(names, ["second", first.as_str()], "newest first, by what is recorded");
}
