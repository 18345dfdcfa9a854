//! One operation on one disk: gather from all nodes, decide, send one change to one node. IO through the cluster port.

use crate::error::Doing;
use crate::place::{self, Found};
use crate::store::unexpected;
use crate::survey::{Reach, Seen, Survey};
use crate::translate;
use kompox_model::port::{AppScope, Call, DiskAssign, DiskCreate, DiskDelete, ErrorKind, PortError};
use kompox_model::{Disk, DiskName, DiskState, VolumeName};
use kompox_node_protocol::{AssignDisk, DeleteDisk, FindOccupied, Operation, Request, Success, UnassignDisk};
use kompox_provider::limit;

/// How often a change is decided anew when others change the same volume meanwhile.
const ATTEMPTS: usize = 4;

/// One operation on one disk.
pub(crate) struct Work<'a> {
    pub(crate) reach: Reach<'a>,
    scope: AppScope<'a>,
    volume: &'a VolumeName,
    disk: &'a DiskName,
}

/// What is to be done.
pub(crate) enum Decision<'s, T> {
    /// Nothing; this is the result.
    Done(T),
    /// A change on this node, decided on this generation of the volume's record.
    Send { seen: &'s Seen, generation: u64, operation: Box<Operation> },
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        operation: &str,
        call: &'a Call<'a>,
        scope: AppScope<'a>,
        volume: &'a VolumeName,
        disk: &'a DiskName,
    ) -> Result<Self, PortError> {
        let doing = Doing::to_disk(operation, scope, volume, disk);
        Ok(Self { reach: Reach::new(call, scope.cluster, doing)?, scope, volume, disk })
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> PortError {
        self.reach.doing.error(kind)
    }

    /// Ends with the caller's limits whatever the cluster port does.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        limit::within(self.reach.call, None, |kind| self.error(kind), work).await
    }

    pub(crate) async fn survey(&self) -> Result<Survey, PortError> {
        self.reach.survey(&translate::app(self.scope)).await
    }

    /// The generation of the volume's record on a node, 0 for none.
    fn generation(&self, survey: &Survey, node: &str) -> u64 {
        let seen = survey.nodes.iter().find(|seen| seen.node.name == node);
        let volumes = seen.map(|seen| seen.volumes.as_slice()).unwrap_or_default();
        let volume = volumes.iter().find(|entry| entry.record.volume == self.volume.as_str());
        volume.map_or(0, |entry| entry.record.generation)
    }

    /// Gathers, decides and sends; once more when the volume's record was changed in between. `finish` makes the
    /// result of what was seen before and what the node answered.
    pub(crate) async fn change<T>(
        &self,
        decide: impl for<'s> Fn(&'s Survey) -> Result<Decision<'s, T>, PortError> + Sync,
        finish: impl Fn(&Survey, &str, Success) -> Result<T, PortError> + Sync,
    ) -> Result<T, PortError> {
        let mut survey = self.survey().await?;
        let mut attempt = 1;
        loop {
            let (seen, sent, operation) = match decide(&survey)? {
                Decision::Done(result) => return Ok(result),
                Decision::Send { seen, generation, operation } => (seen, generation, operation),
            };
            let (node, pod) = (&seen.node, &seen.pod);
            let id = self.reach.adopt(node, pod).await?;
            let request = Request::new(*operation).on_store(id);
            let error = match self.reach.store(&node.name, pod).change(&request).await {
                Ok(success) => return finish(&survey, &node.name, success),
                Err(error) if error.kind == ErrorKind::Conflict && attempt < ATTEMPTS => error,
                Err(error) => return Err(error),
            };
            // Only a record that others changed is worth another try.
            let now = self.survey().await?;
            if self.generation(&now, &node.name) == sent {
                return Err(error);
            }
            survey = now;
            attempt += 1;
        }
    }

    /// The error for an answer to another question.
    fn unexpected(&self, node: &str, success: &Success) -> PortError {
        self.reach.store(node, "").error(unexpected(success))
    }

    fn find<'s>(&self, survey: &'s Survey) -> Result<Option<Found<'s>>, PortError> {
        place::find(survey, self.volume, self.disk, &self.reach.doing)
    }

    pub(crate) fn find_or_fail<'s>(&self, survey: &'s Survey) -> Result<Found<'s>, PortError> {
        let unknown = || {
            let why = format!("volume {} has no disk {}", self.volume, self.disk);
            self.error(ErrorKind::NotFound).detail(why).hint("list the disks to see their names")
        };
        self.find(survey)?.ok_or_else(unknown)
    }

    /// What the node would refuse, for dry runs that do not ask it.
    fn check_holder(&self, found: Found<'_>) -> Result<(), PortError> {
        let (record, asks) = (&found.volume.record, translate::holder(self.scope));
        if record.holder != asks {
            return Err(self
                .error(ErrorKind::Conflict)
                .detail(format!("cluster {} holds the volume, not {asks}", record.holder)));
        }
        if record.fenced {
            return Err(self.error(ErrorKind::Conflict).detail("the volume is fenced for a move"));
        }
        Ok(())
    }

    fn disk(&self, found: Found<'_>) -> Result<Disk, PortError> {
        let Found { seen, volume, disk } = found;
        translate::disk(disk, &volume.record, &seen.node.name, &self.reach.settings.store)
            .map_err(|why| self.error(ErrorKind::Internal).detail(why))
    }

    pub(crate) fn decide_create<'s>(
        &self,
        survey: &'s Survey,
        options: &DiskCreate,
    ) -> Result<Decision<'s, Disk>, PortError> {
        let seen = place::for_new(survey, self.volume, &self.reach.doing)?;
        let generation = self.generation(survey, &seen.node.name);
        let request = translate::create(self.scope, self.volume, generation, options);
        Ok(Decision::Send { seen, generation, operation: Box::new(Operation::Create(request)) })
    }

    pub(crate) fn decide_assign<'s>(
        &self,
        survey: &'s Survey,
        options: DiskAssign,
    ) -> Result<Decision<'s, Disk>, PortError> {
        let found = self.find_or_fail(survey)?;
        if options.dry_run {
            self.check_holder(found)?;
            let disk = self.disk(found)?;
            return match disk.state {
                DiskState::Ready => Ok(Decision::Done(Disk { assigned: true, ..disk })),
                state => Err(self.error(ErrorKind::Conflict).detail(format!("the disk is {state}"))),
            };
        }
        let generation = found.volume.record.generation;
        let operation = Operation::Assign(AssignDisk {
            volume: translate::volume(self.scope, self.volume),
            generation,
            disk: self.disk.to_string(),
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
            self.check_holder(found)?;
            return Ok(Decision::Done(Disk { assigned: false, ..self.disk(found)? }));
        }
        let generation = found.volume.record.generation;
        let operation = Operation::Unassign(UnassignDisk {
            volume: translate::volume(self.scope, self.volume),
            generation,
            disk: self.disk.to_string(),
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
            self.check_holder(found)?;
            return match found.disk.assigned {
                true => Err(self.error(ErrorKind::Conflict).detail("the disk is assigned")),
                false => Ok(Decision::Done(true)),
            };
        }
        let generation = found.volume.record.generation;
        let operation = Operation::Delete(DeleteDisk {
            volume: translate::volume(self.scope, self.volume),
            generation,
            disk: self.disk.to_string(),
        });
        Ok(Decision::Send { seen: found.seen, generation, operation: Box::new(operation) })
    }

    pub(crate) fn created(&self, node: &str, success: Success) -> Result<Disk, PortError> {
        match success {
            Success::Created(created) => {
                translate::disk(&created.disk, &created.volume, node, &self.reach.settings.store)
                    .map_err(|why| self.error(ErrorKind::Internal).detail(why))
            }
            other => Err(self.unexpected(node, &other)),
        }
    }

    pub(crate) fn assigned(&self, survey: &Survey, node: &str, success: Success) -> Result<Disk, PortError> {
        match success {
            Success::Assigned(answer) if answer.volume.assigned.as_deref() == Some(self.disk.as_str()) => {
                Ok(Disk { assigned: true, ..self.disk(self.find_or_fail(survey)?)? })
            }
            other => Err(self.unexpected(node, &other)),
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
            other => Err(self.unexpected(node, &other)),
        }
    }

    pub(crate) fn deleted(&self, node: &str, success: Success) -> Result<bool, PortError> {
        match success {
            Success::Deleted(deleted) => {
                if let Some(why) = deleted.leftover {
                    tracing::warn!(node, disk = %self.disk, "the space of the disk is not free yet: {why}");
                }
                Ok(deleted.existed)
            }
            other => Err(self.unexpected(node, &other)),
        }
    }

    /// Those of `paths` on the disk that hold anything, as its node says.
    pub(crate) async fn occupied(&self, seen: &Seen, paths: &[String]) -> Result<Vec<String>, PortError> {
        let operation = Operation::FindOccupied(FindOccupied {
            volume: translate::volume(self.scope, self.volume),
            disk: self.disk.to_string(),
            paths: paths.to_vec(),
        });
        let store = self.reach.store(&seen.node.name, &seen.pod);
        match store.read(&Request { store: seen.store.clone(), ..Request::new(operation) }).await {
            Ok(Success::Occupied(occupied)) => Ok(occupied.paths),
            Ok(other) => Err(store.error(unexpected(&other))),
            Err(unanswered) => Err(store.error(unanswered)),
        }
    }
}
