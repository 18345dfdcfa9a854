//! `disk create`, `assign`, `delete`: refusals, and repeats that write nothing.

use crate::bed::{Bed, kind};
use kompox_engine::Error;
use kompox_engine::disk::{self, CreateOptions};
use kompox_model::DiskSource;
use kompox_model::port::ErrorKind;

async fn delete(bed: &Bed, name: &str) -> Result<bool, Error> {
    disk::delete(&bed.scope(&bed.client), None, &name.parse().unwrap(), "tester").await
}

#[tokio::test]
async fn a_disk_in_use_is_not_deleted() {
    let bed = Bed::deployed().await;
    let used = bed.disks().await.remove(0).name.to_string();
    bed.insert_disk("second", false, |_| {});
    let error = delete(&bed, &used).await.unwrap_err();
    assert!(error.to_string().contains("is the assigned disk"), "{error}");
    bed.assign("second").await.unwrap();
    let error = delete(&bed, &used).await.unwrap_err();
    assert!(error.to_string().contains("still refers to the disk"), "{error}");
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
        now: disk.created_at,
        random: 1,
    };
    assert_eq!(disk::create(&bed.scope(&bed.client), &options, "tester").await.unwrap(), disk);
    assert!(!delete(&bed, "unknown").await.unwrap());
    let error = bed.assign("unknown").await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::NotFound, "{error}");
    assert_eq!((bed.writes(), bed.memory.writes()), (Vec::new(), before));
}
