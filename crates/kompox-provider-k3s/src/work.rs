//! One operation on one volume: gather from all nodes, decide, send one change to one node. IO through the cluster port.

use crate::error::Doing;
use crate::store::unexpected;
use crate::survey::{Reach, Seen, Survey};
use crate::translate;
use crate::transport::Ways;
use kompox_model::VolumeName;
use kompox_model::port::{AppScope, Call, ErrorKind, PortError};
use kompox_node_protocol::{Operation, Request, Success, VolumeRecord};
use kompox_provider::limit;

/// How often a change is decided anew when others change the same volume meanwhile.
const ATTEMPTS: usize = 4;

/// One operation on a volume.
pub(crate) struct Work<'a> {
    pub(crate) reach: Reach<'a>,
    pub(crate) scope: AppScope<'a>,
    pub(crate) volume: &'a VolumeName,
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
        ways: &'a Ways,
        doing: Doing,
        call: &'a Call<'a>,
        scope: AppScope<'a>,
        volume: &'a VolumeName,
    ) -> Result<Self, PortError> {
        Ok(Self { reach: Reach::new(ways, call, scope.cluster, doing)?, scope, volume })
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

    /// The volume's record on a node.
    pub(crate) fn record<'s>(&self, survey: &'s Survey, node: &str) -> Option<&'s VolumeRecord> {
        let seen = survey.nodes.iter().find(|seen| seen.node.name == node)?;
        let volume = seen.volumes.iter().find(|entry| entry.record.volume == self.volume.as_str())?;
        Some(&volume.record)
    }

    /// The generation of the volume's record on a node, 0 for none.
    pub(crate) fn generation(&self, survey: &Survey, node: &str) -> u64 {
        self.record(survey, node).map_or(0, |record| record.generation)
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
            let (node, channel) = (&seen.node, &seen.channel);
            let id = self.reach.adopt(node, channel).await?;
            let request = Request::new(*operation).on_store(id);
            let error = match self.reach.store(&node.name, channel).change(&request).await {
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
    pub(crate) fn unexpected(&self, node: &str, success: &Success) -> PortError {
        self.reach.error_on(node, unexpected(success))
    }

    /// What the node would refuse, for dry runs that do not ask it.
    pub(crate) fn check_holder(&self, record: &VolumeRecord) -> Result<(), PortError> {
        let asks = translate::holder(self.scope);
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

    /// Whether there was anything to delete.
    pub(crate) fn deleted(&self, node: &str, name: &str, success: Success) -> Result<bool, PortError> {
        match success {
            Success::Deleted(deleted) => {
                if let Some(why) = deleted.leftover {
                    tracing::warn!(node, "the space of {name} is not free yet: {why}");
                }
                Ok(deleted.existed)
            }
            other => Err(self.unexpected(node, &other)),
        }
    }
}
