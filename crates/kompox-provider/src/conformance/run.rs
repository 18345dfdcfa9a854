//! Runs the steps of one rule and compares their results. Reads the clock.
//!
//! Beside the result of the step, every answer is checked for what always holds: a made disk is as it was asked for, a
//! list is in order and its names and handles are unique.

use super::script::{Rule, Step};
use super::{Ability, ConformanceSubject, Outcome, archive};
use jiff::Timestamp;
use kompox_model::port::{
    AppScope, Call, Cancel, DiskAssign, DiskCreate, DiskDelete, DiskInventory, PortError,
};
use kompox_model::quantity::Bytes;
use kompox_model::{AppIdentity, Cluster, Disk, DiskName, DiskSource, DiskState, VolumeName, disk};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Size of every disk that the rules make.
pub(super) const SIZE: Bytes = Bytes(1 << 20);
/// When a call that is cancelled, or late, soon is so.
const SOON: Duration = Duration::from_millis(50);
/// How long a cancelled or late call may go on (DRV-17).
const PROMPT: Duration = Duration::from_secs(1);

/// Why a rule ended early.
pub(super) enum Stop {
    Failed(String),
    Skipped(String),
}

impl From<String> for Stop {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// Runs one rule; `suite` and `number` make its apps different from those of other rules.
pub(super) async fn rule(
    subject: &dyn ConformanceSubject,
    suite: char,
    number: usize,
    rule: &Rule<'_>,
) -> Outcome {
    let mut run = Run { subject, suite, number, made: 0, remembered: None, archives: BTreeMap::new() };
    let mut outcome = Outcome::Passed;
    for step in &rule.steps {
        match run.step(step).await {
            Ok(result) if matches(step.expected, &result) => {}
            Ok(result) => {
                outcome = Outcome::Failed(format!(
                    "line {}, {}: expected {}, got {result}",
                    step.line, step.action, step.expected
                ));
            }
            Err(Stop::Failed(why)) => {
                outcome = Outcome::Failed(format!("line {}, {}: {why}", step.line, step.action));
            }
            Err(Stop::Skipped(why)) => outcome = Outcome::Skipped(why),
        }
        if outcome != Outcome::Passed {
            // A rule that ends while its subject is silent must not silence the next one.
            if let Err(why) = subject.set_silent(false).await {
                outcome = Outcome::Failed(format!("cannot end the silence: {why}"));
            }
            break;
        }
    }
    outcome
}

/// An expected error is its kind and words of its message, anything else is the whole result.
fn matches(expected: &str, result: &str) -> bool {
    match expected.split_once(' ') {
        Some((kind, words)) if kind.starts_with('!') => {
            result.starts_with(&format!("{kind} ")) && result.contains(words)
        }
        _ if expected.starts_with('!') => result.split(' ').next() == Some(expected),
        _ => result == expected,
    }
}

pub(super) struct Run<'a> {
    pub(super) subject: &'a dyn ConformanceSubject,
    suite: char,
    number: usize,
    /// Disks and snapshots made so far, for their times.
    pub(super) made: i64,
    remembered: Option<String>,
    /// What was exported, by the name that the rule gave it.
    pub(super) archives: BTreeMap<String, Archive>,
}

/// An archive that a rule keeps.
pub(super) struct Archive {
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: String,
}

/// Who asks in one step.
pub(super) struct Asker {
    identity: AppIdentity,
    pub(super) cluster: Cluster,
    pub(super) uid: String,
}

impl Asker {
    pub(super) fn scope(&self) -> AppScope<'_> {
        AppScope { identity: &self.identity, cluster: &self.cluster, cluster_uid: &self.uid }
    }
}

impl Run<'_> {
    fn asker(&self, step: &Step<'_>) -> Result<Asker, Stop> {
        let label = format!("{}{}{}", self.suite, self.number, step.value("as").unwrap_or("a"));
        let mut cluster = self.subject.cluster().clone();
        if let Some(name) = step.value("cluster") {
            cluster.name = name.parse().map_err(|error| format!("{error}"))?;
        }
        let uid = step.value("uid").unwrap_or_else(|| self.subject.cluster_uid()).to_owned();
        Ok(Asker { identity: self.subject.identity(&label), cluster, uid })
    }

    async fn step(&mut self, step: &Step<'_>) -> Result<String, Stop> {
        let asker = self.asker(step)?;
        match step.action {
            "interrupt-create" => {
                let (volume, _) = names(step)?;
                let options = self.options(step)?;
                able(self.subject.interrupt_create(asker.scope(), &volume, &options).await)
            }
            "interrupt-snapshot" => {
                let volume = parsed(step.names[0])?;
                let options = self.snapshot_options(step)?;
                able(self.subject.interrupt_snapshot(asker.scope(), &volume, &options).await)
            }
            "with-atomic-snapshots" | "without-atomic-snapshots" => {
                able(self.subject.set_atomic_snapshots(step.action == "with-atomic-snapshots").await)
            }
            "collide" => {
                let volume = step.names[0].parse().map_err(|error| format!("{error}"))?;
                able(self.subject.collide(asker.scope(), &volume).await)
            }
            "silence" | "speak" => able(self.subject.set_silent(step.action == "silence").await),
            "remember" | "unchanged" => self.compare(step.action == "remember").await,
            _ => self.call(step, &asker).await,
        }
    }

    async fn compare(&mut self, remember: bool) -> Result<String, Stop> {
        let now = self.subject.fingerprint().await?;
        let Some(now) = now else {
            return Err(Stop::Skipped("what is stored cannot be compared here".to_owned()));
        };
        if remember {
            self.remembered = Some(now);
        } else if let Some(before) = self.remembered.as_ref().filter(|before| **before != now) {
            return Err(Stop::Failed(format!("something was written:\n{before}\n{now}")));
        }
        Ok("ok".to_owned())
    }

    /// Calls the driver, cancelled or late if the step says so, and watches the time.
    async fn call(&mut self, step: &Step<'_>, asker: &Asker) -> Result<String, Stop> {
        let cancel = Cancel::new();
        let mut call = Call::new(&cancel);
        call.cluster = self.subject.kubernetes();
        if step.has("cancelled") {
            cancel.cancel();
        }
        let begun = Instant::now();
        if step.has("late") {
            call = call.with_deadline(begun);
        }
        if step.has("late-soon") {
            call = call.with_deadline(begun + SOON);
        }
        let soon = async {
            if step.has("cancelled-soon") {
                tokio::time::sleep(SOON).await;
                cancel.cancel();
            }
        };
        let (result, ()) = tokio::join!(self.operation(step, asker, &call), soon);
        let limited =
            ["cancelled", "late", "cancelled-soon", "late-soon"].iter().any(|switch| step.has(switch));
        if limited && begun.elapsed() > PROMPT {
            return Err(Stop::Failed(format!("it went on for {:?}", begun.elapsed())));
        }
        match result {
            Ok(text) => Ok(text),
            Err(Trouble::Port(error)) => Ok(describe(&error)),
            Err(Trouble::Stop(stop)) => Err(stop),
        }
    }

    async fn operation(
        &mut self,
        step: &Step<'_>,
        asker: &Asker,
        call: &Call<'_>,
    ) -> Result<String, Trouble> {
        match step.action {
            "snapshot" | "snapshots" | "delete-snapshot" => {
                return self.snapshot_operation(step, asker, call).await;
            }
            "export" | "export-snapshot" => return self.export(step, asker, call).await,
            "import" => return self.import(step, asker, call).await,
            "fence" | "open" | "give" | "volumes" | "history" => {
                return self.fence_operation(step, asker, call).await;
            }
            _ => {}
        }
        let disks = self.subject.disks();
        let scope = asker.scope();
        if step.action == "list" {
            return Ok(listing(&disks.list(call, scope).await?)?);
        }
        let (volume, name) = names(step)?;
        let (dry_run, at) = (step.has("dry-run"), Some(time(step, self.made)?));
        Ok(match step.action {
            "create" => {
                let options = self.options(step)?;
                let disk = disks.create(call, scope, &volume, &options).await?;
                check_made(&disk, &options, asker)?;
                show(&disk)
            }
            "assign" => show(&disks.assign(call, scope, &volume, &name, DiskAssign { dry_run, at }).await?),
            "unassign" => {
                show(&disks.unassign(call, scope, &volume, &name, DiskAssign { dry_run, at }).await?)
            }
            "delete" => disks.delete(call, scope, &volume, &name, DiskDelete { dry_run }).await?.to_string(),
            "occupied" => {
                let paths: Vec<_> = step.names[2..].iter().map(ToString::to_string).collect();
                join(&disks.occupied(call, scope, &volume, &name, &paths).await?)
            }
            "fill" => {
                let archive = match step.has("empty") {
                    true => archive::empty(),
                    false => archive::with_file("greeting", "hello\n"),
                };
                disks.fill(call, scope, &volume, &name, step.names[2], &archive).await?.to_string()
            }
            other => return Err(Trouble::Stop(Stop::Failed(format!("no action `{other}`")))),
        })
    }

    /// A new disk, a second younger than the one before unless the step says when.
    pub(super) fn options(&mut self, step: &Step<'_>) -> Result<DiskCreate, Stop> {
        let (_, name) = names(step)?;
        self.made += 1;
        let size = match step.value("size") {
            Some(text) => Bytes(parsed(text)?),
            None => SIZE,
        };
        let source = step.value("source").unwrap_or("empty");
        Ok(DiskCreate {
            name,
            size,
            source: DiskSource::parse(source).map_err(|error| error.to_string())?,
            created_at: time(step, self.made)?,
            at_rest: step.has("at-rest"),
            if_not_exists: step.has("if-not-exists"),
        })
    }
}

/// An error of the driver, which a rule may expect, or one of the rule.
pub(super) enum Trouble {
    Port(PortError),
    Stop(Stop),
}

impl From<PortError> for Trouble {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(super) fn names(step: &Step<'_>) -> Result<(VolumeName, DiskName), Stop> {
    Ok((parsed(step.names[0])?, parsed(step.names[1])?))
}

/// A word of a step as what it stands for.
pub(super) fn parsed<T: FromStr<Err: Display>>(word: &str) -> Result<T, Stop> {
    word.parse().map_err(|error| Stop::Failed(format!("`{word}`: {error}")))
}

/// When something is made, in the time of the rules: as the step says, else `second`.
pub(super) fn time(step: &Step<'_>, second: i64) -> Result<Timestamp, Stop> {
    let second = step.value("at").map_or(Ok(second), parsed)?;
    Timestamp::from_second(1_800_000_000 + second).map_err(|error| Stop::Failed(error.to_string()))
}

fn able(ability: Result<Ability, String>) -> Result<String, Stop> {
    match ability? {
        Ability::Done => Ok("ok".to_owned()),
        Ability::Missing(why) => Err(Stop::Skipped(why)),
    }
}

/// `!Kind` and the whole message with its causes.
fn describe(error: &PortError) -> String {
    let mut text = format!("!{:?} {error}", error.kind);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

pub(super) fn join(parts: &[String]) -> String {
    if parts.is_empty() { "none".to_owned() } else { parts.join(" ") }
}

pub(super) fn show(disk: &Disk) -> String {
    let assigned = if disk.assigned { "*" } else { "" };
    let state = match disk.state {
        DiskState::Creating => "~",
        DiskState::Ready => "",
        DiskState::Deleting => "-",
    };
    format!("{}/{}{assigned}{state}", disk.volume, disk.name)
}

fn listing(DiskInventory { disks, gaps, .. }: &DiskInventory) -> Result<String, Stop> {
    if let Some(gap) = gaps.first() {
        return Err(Stop::Failed(format!("a place could not be looked into: {}", gap.message)));
    }
    let mut sorted = disks.clone();
    disk::sort(&mut sorted);
    if sorted != *disks {
        return Err(Stop::Failed("the list is not newest first, equal times by name (VOL-08)".to_owned()));
    }
    let handles: BTreeSet<_> = disks.iter().map(|disk| &disk.handle).collect();
    let names: BTreeSet<_> = disks.iter().map(|disk| (&disk.volume, &disk.name)).collect();
    if handles.len() != disks.len() || names.len() != disks.len() {
        return Err(Stop::Failed("two disks of the list have one name or one handle (VOL-05)".to_owned()));
    }
    Ok(join(&disks.iter().map(show).collect::<Vec<_>>()))
}

pub(super) fn check_made(disk: &Disk, options: &DiskCreate, asker: &Asker) -> Result<(), Stop> {
    let holder = (&disk.holder.cluster, disk.holder.uid.as_str());
    let wrong = if disk.name != options.name {
        "name"
    } else if disk.state != DiskState::Ready {
        "state"
    } else if disk.size != options.size {
        "size"
    } else if disk.source != options.source {
        "source"
    } else if holder != (&asker.cluster.name, asker.uid.as_str()) {
        "holder"
    } else if disk.handle.is_empty() {
        "handle"
    } else if disk.created_at > options.created_at {
        // Earlier is right for a disk that was there already, or was continued.
        "time"
    } else {
        return Ok(());
    };
    Err(Stop::Failed(format!("the {wrong} of the new disk is not what was asked for: {disk:?}")))
}
