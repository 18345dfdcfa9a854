//! One operation on one disk: what is asked of its node, and what the answer means. Pure but for one question.

use crate::error::Doing;
use crate::place::{self, Found};
use crate::store::unexpected;
use crate::survey::{Seen, Survey};
use crate::translate;
use crate::transport::Ways;
use crate::work::{Decision, Work};
use kompox_model::port::{AppScope, Call, DiskAssign, DiskCreate, DiskDelete, ErrorKind, PortError};
use kompox_model::{Disk, DiskName, DiskState, VolumeName};
use kompox_node_protocol::{AssignDisk, DeleteDisk, FindOccupied, Operation, Request, Success, UnassignDisk};

/// One operation on one disk.
pub(crate) struct DiskWork<'a> {
    pub(crate) on: Work<'a>,
    disk: &'a DiskName,
}

impl<'a> DiskWork<'a> {
    pub(crate) fn new(
        ways: &'a Ways,
        operation: &str,
        call: &'a Call<'a>,
        scope: AppScope<'a>,
        volume: &'a VolumeName,
        disk: &'a DiskName,
    ) -> Result<Self, PortError> {
        let doing = Doing::to_disk(operation, scope, volume, disk);
        Ok(Self { on: Work::new(ways, doing, call, scope, volume)?, disk })
    }

    fn error(&self, kind: ErrorKind) -> PortError {
        self.on.error(kind)
    }

    fn find<'s>(&self, survey: &'s Survey) -> Result<Option<Found<'s>>, PortError> {
        place::find(survey, self.on.volume, self.disk, &self.on.reach.doing)
    }

    pub(crate) fn find_or_fail<'s>(&self, survey: &'s Survey) -> Result<Found<'s>, PortError> {
        let unknown = || {
            let why = format!("volume {} has no disk {}", self.on.volume, self.disk);
            self.error(ErrorKind::NotFound).detail(why).hint("list the disks to see their names")
        };
        self.find(survey)?.ok_or_else(unknown)
    }

    fn disk(&self, found: Found<'_>) -> Result<Disk, PortError> {
        let Found { seen, volume, disk } = found;
        translate::disk(disk, &volume.record, &seen.node.name, &self.on.reach.settings.store)
            .map_err(|why| self.error(ErrorKind::Internal).detail(why))
    }

    pub(crate) fn decide_create<'s>(
        &self,
        survey: &'s Survey,
        options: &DiskCreate,
    ) -> Result<Decision<'s, Disk>, PortError> {
        let seen = place::for_new(survey, self.on.volume, &self.on.reach.doing)?;
        let generation = self.on.generation(survey, &seen.node.name);
        let request = translate::create(self.on.scope, self.on.volume, generation, options);
        Ok(Decision::Send { seen, generation, operation: Box::new(Operation::Create(request)) })
    }

    pub(crate) fn decide_assign<'s>(
        &self,
        survey: &'s Survey,
        options: DiskAssign,
    ) -> Result<Decision<'s, Disk>, PortError> {
        let found = self.find_or_fail(survey)?;
        if options.dry_run {
            self.on.check_holder(&found.volume.record)?;
            let disk = self.disk(found)?;
            return match disk.state {
                DiskState::Ready => Ok(Decision::Done(Disk { assigned: true, ..disk })),
                state => Err(self.error(ErrorKind::Conflict).detail(format!("the disk is {state}"))),
            };
        }
        let generation = found.volume.record.generation;
        let operation = Operation::Assign(AssignDisk {
            volume: translate::volume(self.on.scope, self.on.volume),
            generation,
            disk: self.disk.to_string(),
            at: options.at.map(|at| at.to_string()),
        });
        Ok(Decision::Send { seen: found.seen, generation, operation: Box::new(operation) })
    }

    pub(crate) fn decide_unassign<'s>(
        &self,
        survey: &'s Survey,
        options: DiskAssign,
    ) -> Result<Decision<'s, Disk>, PortError> {
        let found = self.find_or_fail(survey)?;
        if options.dry_run {
            self.on.check_holder(&found.volume.record)?;
            return Ok(Decision::Done(Disk { assigned: false, ..self.disk(found)? }));
        }
        let generation = found.volume.record.generation;
        let operation = Operation::Unassign(UnassignDisk {
            volume: translate::volume(self.on.scope, self.on.volume),
            generation,
            disk: self.disk.to_string(),
            at: options.at.map(|at| at.to_string()),
        });
        Ok(Decision::Send { seen: found.seen, generation, operation: Box::new(operation) })
    }

    pub(crate) fn decide_delete<'s>(
        &self,
        survey: &'s Survey,
        options: DiskDelete,
    ) -> Result<Decision<'s, bool>, PortError> {
        let Some(found) = self.find(survey)? else { return Ok(Decision::Done(false)) };
        if options.dry_run {
            self.on.check_holder(&found.volume.record)?;
            return match found.disk.assigned {
                true => Err(self.error(ErrorKind::Conflict).detail("the disk is assigned")),
                false => Ok(Decision::Done(true)),
            };
        }
        let generation = found.volume.record.generation;
        let operation = Operation::Delete(DeleteDisk {
            volume: translate::volume(self.on.scope, self.on.volume),
            generation,
            disk: self.disk.to_string(),
        });
        Ok(Decision::Send { seen: found.seen, generation, operation: Box::new(operation) })
    }

    pub(crate) fn created(&self, node: &str, success: Success) -> Result<Disk, PortError> {
        match success {
            Success::Created(created) => {
                translate::disk(&created.disk, &created.volume, node, &self.on.reach.settings.store)
                    .map_err(|why| self.error(ErrorKind::Internal).detail(why))
            }
            other => Err(self.on.unexpected(node, &other)),
        }
    }

    pub(crate) fn assigned(&self, survey: &Survey, node: &str, success: Success) -> Result<Disk, PortError> {
        match success {
            Success::Assigned(answer) if answer.volume.assigned.as_deref() == Some(self.disk.as_str()) => {
                Ok(Disk { assigned: true, ..self.disk(self.find_or_fail(survey)?)? })
            }
            other => Err(self.on.unexpected(node, &other)),
        }
    }

    pub(crate) fn unassigned(
        &self,
        survey: &Survey,
        node: &str,
        success: Success,
    ) -> Result<Disk, PortError> {
        match success {
            Success::Assigned(answer) if answer.volume.assigned.as_deref() != Some(self.disk.as_str()) => {
                Ok(Disk { assigned: false, ..self.disk(self.find_or_fail(survey)?)? })
            }
            other => Err(self.on.unexpected(node, &other)),
        }
    }

    /// Those of `paths` on the disk that hold anything, as its node says.
    pub(crate) async fn occupied(&self, seen: &Seen, paths: &[String]) -> Result<Vec<String>, PortError> {
        let operation = Operation::FindOccupied(FindOccupied {
            volume: translate::volume(self.on.scope, self.on.volume),
            disk: self.disk.to_string(),
            paths: paths.to_vec(),
        });
        let store = self.on.reach.store(&seen.node.name, &seen.channel);
        match store.read(&Request { store: seen.store.clone(), ..Request::new(operation) }).await {
            Ok(Success::Occupied(occupied)) => Ok(occupied.paths),
            Ok(other) => Err(store.error(unexpected(&other))),
            Err(unanswered) => Err(store.error(unanswered)),
        }
    }
}
