//! The memory driver: it obeys the rules of every driver, drivers that do not are found out, and it fails where it was
//! told to.

#![allow(clippy::unwrap_used)]

mod broken;
mod faults;
mod subject;

use kompox_provider::conformance;
use subject::Subject;

#[tokio::test]
async fn the_memory_driver_obeys_every_rule() {
    let subject = Subject::new();
    let reports = [
        conformance::disks(&subject).await,
        conformance::snapshots(&subject).await,
        conformance::moves(&subject).await,
    ];
    for report in reports {
        assert_eq!((report.failed().count(), report.skipped().count()), (0, 0), "{report}");
    }
}
