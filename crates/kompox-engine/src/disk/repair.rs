//! `disk repair`: finishes what killed commands left of disks, and says what somebody has to decide. IO through the ports.

use super::health::{Finding, Remedy};
use super::{Survey, believed, disks, forget, is_at_rest, missing, prepared, refuse_used, survey};
use crate::app::act;
use crate::progress::Step;
use crate::{Error, Event, Scope, refusal};
use kompox_model::port::{DiskAssign, DiskCreate, DiskDelete, DiskInventory, Lock};
use kompox_model::{Disk, DiskName, DiskState, VolumeName};

/// Options of a repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairOptions {
    /// Only this volume.
    pub volume: Option<VolumeName>,
    /// The disk that shall be the assigned one where several are or none is; of the volume, else of the app's first.
    pub keep: Option<DiskName>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was found and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Everything that was wrong, in the order in which it was mended; what needs a decision comes last.
    pub repairs: Vec<Repair>,
}

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Repair {
    /// The volume.
    pub volume: VolumeName,
    /// The disk.
    pub disk: Option<DiskName>,
    /// What was wrong.
    pub problem: String,
    /// What mended it, or would in a dry run.
    pub mended: Option<String>,
    /// The commands to choose from when somebody has to decide.
    pub choose: Option<String>,
}

impl Repaired {
    /// Conflict while somebody has to decide something.
    ///
    /// # Errors
    /// As said.
    pub fn verdict(&self) -> Result<(), Error> {
        let open: Vec<_> = self.repairs.iter().filter(|repair| repair.choose.is_some()).collect();
        let Some(first) = open.first() else { return Ok(()) };
        let message = format!("volume {}: {}", first.volume, first.problem);
        let more = if open.len() > 1 { format!(" (and {} more)", open.len() - 1) } else { String::new() };
        let choose = first.choose.clone().unwrap_or_default();
        Err(Error::refused(refusal::disk::UNDECIDED, message + &more, choose))
    }
}

/// How often is looked again, at most: each pass mends everything that is clear.
const PASSES: usize = 4;

/// Brings volumes back to one assigned disk and no half-made ones, where that loses nothing. Only a disk that was being
/// deleted already is deleted, and no disk of another cluster is touched. With nothing to do it takes no Lease and writes
/// nothing; a repeat goes on where it was cut off.
///
/// # Errors
/// Unavailable or Conflict when not all disks can be seen, NotFound for an unknown volume or disk; those of the ports.
/// What needs a decision is none of them: see [`Repaired::verdict`].
pub async fn repair(scope: &Scope<'_>, options: &RepairOptions, holder: &str) -> Result<Repaired, Error> {
    let step = Step::start(scope.progress, "looking at the disks");
    match act::or_interrupted(look(scope, options).await, "nothing was changed") {
        Ok((_, found)) => {
            step.done("disks compared with what is remembered");
            if options.dry_run || !found.iter().any(|finding| finding.remedy.is_clear()) {
                return Ok(Repaired { repairs: found.iter().map(told).collect() });
            }
        }
        Err(Error::Refused { code, .. })
            if code == refusal::disk::UNSEEN_NOT_INSTALLED.code && !options.dry_run => {}
        Err(error) => return Err(error),
    }
    let lock = act::or_interrupted(act::lock(scope, holder).await, "nothing was changed")?;
    let mended = locked(scope, options, lock.as_ref()).await;
    let mended = act::or_interrupted(mended, "a repeat goes on");
    act::release(scope, lock, mended).await
}

/// Everything that needs the Lease: looks, mends what is clear, and looks again until nothing is.
async fn locked(scope: &Scope<'_>, options: &RepairOptions, lock: &dyn Lock) -> Result<Repaired, Error> {
    let mut repairs = Vec::new();
    let mut looked = prepared(scope, lock, async || look(scope, options).await).await?;
    for _ in 0..PASSES {
        let (survey, found) = looked;
        if !found.iter().any(|finding| finding.remedy.is_clear()) {
            repairs.extend(found.iter().map(told));
            return Ok(Repaired { repairs });
        }
        for finding in found.iter().filter(|finding| finding.remedy.is_clear()) {
            act::interrupted(scope, "a repeat goes on")?;
            mend(scope, &survey, finding, lock).await?;
            repairs.push(told(finding));
        }
        looked = look(scope, options).await?;
    }
    let (_, found) = looked;
    repairs.extend(found.iter().filter(|finding| !finding.remedy.is_clear()).map(told));
    match found.into_iter().find(|finding| finding.remedy.is_clear()) {
        None => Ok(Repaired { repairs }),
        Some(Finding { problem, .. }) => Err(Error::refused(
            refusal::DEFECT,
            format!("it was mended and is not: {problem}"),
            "this is a defect",
        )),
    }
}

/// What is wrong with the volumes that are meant.
async fn look(scope: &Scope<'_>, options: &RepairOptions) -> Result<(Survey, Vec<Finding>), Error> {
    let survey = survey(scope).await?;
    believed(&DiskInventory { gaps: survey.gaps(), ..DiskInventory::default() })?;
    let known = survey.volumes(scope);
    let volumes = match &options.volume {
        None => known,
        Some(wanted) if known.contains(wanted) => vec![wanted.clone()],
        Some(wanted) => return Err(unknown(scope, wanted, &known)),
    };
    let kept = match &options.keep {
        None => None,
        Some(name) => Some((keepable(scope, &survey, &volumes, name)?, name)),
    };
    let mut found = Vec::new();
    for volume in &volumes {
        let keep = kept.as_ref().filter(|(of, _)| of == volume).map(|(_, name)| *name);
        found.extend(survey.findings(scope, volume, keep));
    }
    found.sort_by(|a, b| a.remedy.is_clear().cmp(&b.remedy.is_clear()).reverse());
    Ok((survey, found))
}

fn unknown(scope: &Scope<'_>, wanted: &VolumeName, known: &[VolumeName]) -> Error {
    let names: Vec<_> = known.iter().map(VolumeName::as_str).collect();
    Error::refused(
        refusal::disk::VOLUME_UNKNOWN,
        format!("app {} has no volume `{wanted}`", scope.app.name),
        format!("it has: {}", names.join(", ")),
    )
}

/// The volume of the disk that shall be kept, if it can be.
fn keepable(
    scope: &Scope<'_>,
    survey: &Survey,
    volumes: &[VolumeName],
    name: &DiskName,
) -> Result<VolumeName, Error> {
    let found = volumes.first().and_then(|volume| survey.disks_of(volume).find(|disk| disk.name == *name));
    let Some(disk) = found else { return Err(missing(scope, name)) };
    if disk.state != DiskState::Ready {
        return Err(Error::refused(
            refusal::disk::NOT_READY,
            format!("disk {name} of volume {} is {}, not ready", disk.volume, disk.state),
            "repair without --keep first, or choose another disk",
        ));
    }
    let assigned: Vec<&Disk> = survey.disks_of(&disk.volume).filter(|disk| disk.assigned).collect();
    if let [only] = assigned.as_slice()
        && only.name != *name
        && only.state != DiskState::Deleting
    {
        return Err(Error::refused(
            refusal::disk::NOT_AMBIGUOUS,
            format!(
                "volume {} has one assigned disk, {}: there is nothing to choose",
                disk.volume, only.name
            ),
            format!("switch the app to the other one: kompoxops disk attach {name} --volume {}", disk.volume),
        ));
    }
    Ok(disk.volume.clone())
}

fn told(finding: &Finding) -> Repair {
    let Finding { volume, disk, problem, remedy } = finding;
    let name = disk.as_ref().map(DiskName::as_str).unwrap_or_default();
    let (mended, choose) = match remedy {
        Remedy::Finish => (Some(format!("disk {name} is made to its end")), None),
        Remedy::Assign => (Some(format!("disk {name} is the assigned one")), None),
        Remedy::Delete => (Some(format!("disk {name} is deleted to its end")), None),
        Remedy::Free(volume) => (Some(format!("PersistentVolume {volume} is free for its claim")), None),
        Remedy::Choose(way) => (None, Some(way.clone())),
    };
    Repair { volume: volume.clone(), disk: disk.clone(), problem: problem.clone(), mended, choose }
}

async fn mend(scope: &Scope<'_>, survey: &Survey, finding: &Finding, lock: &dyn Lock) -> Result<(), Error> {
    let Finding { volume, disk, remedy, .. } = finding;
    let disk = survey.disks_of(volume).find(|found| Some(&found.name) == disk.as_ref());
    let (Some(disk), identity) = (disk, scope.identity()) else { return Ok(()) };
    let (driver, call) = (disks(scope)?, scope.call());
    let scoped = scope.disks(&identity, &survey.holder.uid);
    let step = Step::start(scope.progress, finding.problem.clone());
    match remedy {
        Remedy::Finish => {
            let create = DiskCreate {
                name: disk.name.clone(),
                size: disk.size,
                source: disk.source.clone(),
                created_at: disk.created_at,
                at_rest: is_at_rest(scope, &survey.inventory, volume, &disk.source).await?,
                if_not_exists: true,
            };
            lock.check()?;
            driver.create(&call, scoped, volume, &create).await?;
        }
        Remedy::Assign => {
            lock.check()?;
            driver.assign(&call, scoped, volume, &disk.name, DiskAssign::default()).await?;
        }
        Remedy::Delete => {
            refuse_used(scope, &disk.handle).await?;
            forget(scope, lock, &disk.handle).await?;
            lock.check()?;
            driver.delete(&call, scoped, volume, &disk.name, DiskDelete::default()).await?;
        }
        Remedy::Free(name) => {
            let released = survey.released.iter().find(|released| released.reference.name == *name);
            if let Some(released) = released {
                act::free_released(scope, lock, &released.reference, &released.body, &released.former)
                    .await?;
            }
        }
        Remedy::Choose(way) => scope.progress.event(Event::Note(way.clone())),
    }
    step.done(told(finding).mended.unwrap_or_default());
    Ok(())
}
