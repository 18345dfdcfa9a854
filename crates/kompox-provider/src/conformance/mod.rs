//! Rules that every driver obeys, run on the memory driver and on each real one. The rules are text
//! (`disks.rules`, `snapshots.rules`, `moves.rules`); this module runs them. No IO of its own but the clock; the driver under test may do any.
//!
//! What a driver's surroundings cannot do, such as falling silent on command, is a value ([`Ability`]): the rule is then
//! reported as skipped with the reason, and the caller decides which skips it accepts.

mod archive;
mod move_steps;
mod report;
mod run;
mod script;
mod snapshot_steps;

pub use report::{Outcome, Report, RuleReport};

use async_trait::async_trait;
use kompox_model::port::{
    self, AppScope, DiskCreate, DiskStreams, Disks, SnapshotCreate, VolumeFences, VolumeSnapshots,
};
use kompox_model::{AppIdentity, Cluster, VolumeName};

/// The rules for disks, in the notation of [`script`].
const DISK_RULES: &str = include_str!("disks.rules");
/// The rules for snapshots, in the same notation.
const SNAPSHOT_RULES: &str = include_str!("snapshots.rules");
/// The rules for exports, imports and fences, in the same notation.
const MOVE_RULES: &str = include_str!("moves.rules");

/// Whether the surroundings of a driver did what a rule needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ability {
    /// It was done.
    Done,
    /// It cannot be done here, for this reason.
    Missing(String),
}

/// A driver with the surroundings that its tests have built.
#[async_trait]
pub trait ConformanceSubject: Send + Sync {
    /// What the report is about, such as `k3s with 3 nodes`.
    fn name(&self) -> String;

    /// The disks under test.
    fn disks(&self) -> &dyn Disks;

    /// The snapshots under test; none when the driver has none (VOL-24).
    fn snapshots(&self) -> Option<&dyn VolumeSnapshots>;

    /// The archives under test; none when the driver has none.
    fn streams(&self) -> Option<&dyn DiskStreams>;

    /// The fences under test; none when the driver has none.
    fn fences(&self) -> Option<&dyn VolumeFences>;

    /// The Kubernetes cluster that accompanies every call, if the driver needs one.
    fn kubernetes(&self) -> Option<&dyn port::Cluster>;

    /// The cluster that holds the disks of the tests.
    fn cluster(&self) -> &Cluster;

    /// UID of its kube-system Namespace.
    fn cluster_uid(&self) -> &str;

    /// An app that no other test uses; `label` is a short RFC 1123 label, different for every app of a run.
    fn identity(&self, label: &str) -> AppIdentity;

    /// Leaves the disk of `options` as a create leaves it that was killed after its first write.
    async fn interrupt_create(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &DiskCreate,
    ) -> Result<Ability, String>;

    /// Leaves the snapshot of `options` as a create leaves it that was killed after its first write.
    async fn interrupt_snapshot(
        &self,
        scope: AppScope<'_>,
        volume: &VolumeName,
        options: &SnapshotCreate,
    ) -> Result<Ability, String>;

    /// From here on copies of disks in use are of one moment, or are not.
    async fn set_atomic_snapshots(&self, atomic: bool) -> Result<Ability, String>;

    /// Puts a disk of an app called `ws/prv/other` where disks of this app are found: two apps with one hash.
    async fn collide(&self, scope: AppScope<'_>, volume: &VolumeName) -> Result<Ability, String>;

    /// While silent, no request to the driver's other side is answered.
    async fn set_silent(&self, silent: bool) -> Result<Ability, String>;

    /// All that is stored, to see that nothing was written; none when that cannot be read.
    async fn fingerprint(&self) -> Result<Option<String>, String>;
}

/// Runs every rule for disks on `subject`, each with apps of its own.
pub async fn disks(subject: &dyn ConformanceSubject) -> Report {
    run_all(subject, DISK_RULES, 'd').await
}

/// Runs every rule for snapshots on `subject`, each with apps of its own.
pub async fn snapshots(subject: &dyn ConformanceSubject) -> Report {
    run_all(subject, SNAPSHOT_RULES, 's').await
}

/// Runs every rule for exports, imports and fences on `subject`, each with apps of its own.
pub async fn moves(subject: &dyn ConformanceSubject) -> Report {
    run_all(subject, MOVE_RULES, 'm').await
}

/// `suite` keeps the apps of different suites apart.
async fn run_all(subject: &dyn ConformanceSubject, rules: &'static str, suite: char) -> Report {
    let rules = script::parse(rules).expect("a unit test reads the rules");
    let mut report = Report { subject: subject.name(), rules: Vec::new() };
    for (number, rule) in rules.iter().enumerate() {
        let outcome = run::rule(subject, suite, number, rule).await;
        report.rules.push(RuleReport {
            requirement: rule.requirement.to_owned(),
            name: rule.name.to_owned(),
            outcome,
        });
    }
    report
}
