//! Looks into the disk stores of all nodes at once. IO through the cluster port; writes nothing.

use crate::error::Doing;
use crate::node::{Node, store_nodes};
use crate::settings::K3sSettings;
use crate::store::{Store, Unanswered, unexpected};
use crate::transport::{Channel, Ways};
use futures::future::join_all;
use kompox_model::driver::K3S_ALLOW_EPHEMERAL_NODES;
use kompox_model::port::{self, Call, DiskGap, ErrorKind, GapKind, PortError, Query};
use kompox_model::{Cluster, Gvk};
use kompox_node_protocol::{AppRef, Failure, Kind, Listing, Operation, Request, Success, VolumeEntry};
use std::collections::BTreeMap;

/// A cluster, and what is being done to it.
pub(crate) struct Reach<'a> {
    pub(crate) kubernetes: &'a dyn port::Cluster,
    pub(crate) call: &'a Call<'a>,
    pub(crate) settings: K3sSettings,
    pub(crate) cluster: &'a Cluster,
    pub(crate) doing: Doing,
    pub(crate) ways: &'a Ways,
}

/// What the nodes have of one app.
pub(crate) struct Survey {
    /// The nodes whose answer counts, by name.
    pub(crate) nodes: Vec<Seen>,
    pub(crate) gaps: Vec<DiskGap>,
}

/// A node that answered.
pub(crate) struct Seen {
    pub(crate) node: Node,
    pub(crate) channel: Channel,
    /// The id of its store; none when nothing was made in it yet.
    pub(crate) store: Option<String>,
    /// Volumes of the app.
    pub(crate) volumes: Vec<VolumeEntry>,
}

impl<'a> Reach<'a> {
    /// Reads the settings and takes the connection of the call.
    pub(crate) fn new(
        ways: &'a Ways,
        call: &'a Call<'a>,
        cluster: &'a Cluster,
        doing: Doing,
    ) -> Result<Self, PortError> {
        let settings = K3sSettings::read(cluster)?;
        let kubernetes = call.cluster.ok_or_else(|| {
            doing.error(ErrorKind::Internal).detail("the call has no connection to a cluster")
        })?;
        Ok(Self { kubernetes, call, settings, cluster, doing, ways })
    }

    /// The store of one node.
    pub(crate) fn store<'s>(&'s self, node: &'s str, channel: &'s Channel) -> Store<'s> {
        Store {
            kubernetes: self.kubernetes,
            call: self.call,
            doing: &self.doing,
            root: &self.settings.store,
            backend: self.settings.backend.as_deref(),
            node,
            channel,
            ways: self.ways,
        }
    }

    /// The error of an operation that got no answer that it can use from `node`.
    pub(crate) fn error_on(&self, node: &str, unanswered: Unanswered) -> PortError {
        crate::store::failed_on(&self.doing, node, unanswered)
    }

    /// The nodes that may have a disk store.
    ///
    /// # Errors
    /// Unsupported when there are only nodes that do not keep their disks.
    pub(crate) async fn nodes(&self) -> Result<Vec<Node>, PortError> {
        let bodies = self
            .kubernetes
            .list(self.call, &Query::new(Gvk::core("Node"), None))
            .await
            .map_err(|error| self.failed(error))?;
        let (nodes, refused) = store_nodes(&bodies, self.settings.allow_ephemeral);
        if nodes.is_empty() && refused > 0 {
            return Err(self
                .doing
                .error(ErrorKind::Unsupported)
                .detail(format!(
                    "not supported: all {refused} nodes belong to a cloud that may replace them, and their disks with them"
                ))
                .hint(format!(
                    "use the driver of that cloud, or, if you accept to lose the disks with their node, set \
                     {K3S_ALLOW_EPHEMERAL_NODES}: \"true\" in cluster.settings"
                )));
        }
        Ok(nodes)
    }

    /// An error of the cluster port as one of this operation; the kind stays.
    pub(crate) fn failed(&self, error: PortError) -> PortError {
        self.doing.error(error.kind).because(error)
    }

    /// Asks every node for the volumes of `app`.
    ///
    /// # Errors
    /// Conflict when a node has records under the app's hash that are another app's or cannot be understood;
    /// Unsupported without a node that keeps its disks; those of the cluster.
    pub(crate) async fn survey(&self, app: &AppRef) -> Result<Survey, PortError> {
        let mut survey = Survey { nodes: Vec::new(), gaps: Vec::new() };
        let mut asked = Vec::new();
        for found in self.reachable().await? {
            match found {
                Ok((node, channel)) => asked.push(self.look_into(node, channel, app)),
                Err(gap) => survey.gaps.push(gap),
            }
        }
        for result in join_all(asked).await {
            match result? {
                Ok(seen) => survey.nodes.push(seen),
                Err(gap) => survey.gaps.push(gap),
            }
        }
        survey.distrust_twins();
        Ok(survey)
    }

    async fn look_into(
        &self,
        node: Node,
        channel: Channel,
        app: &AppRef,
    ) -> Result<Result<Seen, DiskGap>, PortError> {
        let gap = |kind, why: &str| Ok(Err(DiskGap { kind, message: format!("node {}: {why}", node.name) }));
        let store = self.store(&node.name, &channel);
        let listing = match list(&store, app).await {
            Ok(listing) => listing,
            Err(Unanswered::Ended(error)) => return Err(error),
            Err(Unanswered::Silent(why)) => return gap(GapKind::Unreachable, &why),
            Err(Unanswered::Refused(failure)) if failure.kind == Kind::Conflict => {
                return match whole_store(&store).await {
                    Some(why) => gap(GapKind::Foreign, &why),
                    None => Err(self.doing.failed_on(&node.name, &failure)),
                };
            }
            // Another version: a command that changes disks installs the right one, where it may.
            Err(Unanswered::Refused(failure))
                if failure.kind == Kind::Unsupported && matches!(channel, Channel::Pod(_)) =>
            {
                return gap(GapKind::NotInstalled, &failure.message);
            }
            Err(Unanswered::Refused(Failure { message, .. })) => return gap(GapKind::Unreachable, &message),
        };
        if let Some(known) = node.store.as_ref().filter(|known| Some(*known) != listing.store.as_ref()) {
            return gap(GapKind::Foreign, &self.stranger(known, listing.store.as_deref()));
        }
        if let Some(other) = listing.volumes.iter().find(|volume| volume.record.identity != app.identity) {
            return Err(self.doing.error(ErrorKind::Conflict).detail(format!(
                "node {}: what is found as {} belongs to app {}, not to {}",
                node.name, app.app_hash, other.record.identity, app.identity
            )));
        }
        Ok(Ok(Seen { node, channel, store: listing.store, volumes: listing.volumes }))
    }

    /// What to say of a store that is not the known one.
    pub(crate) fn stranger(&self, known: &str, found: Option<&str>) -> String {
        let root = &self.settings.store;
        match found {
            Some(found) => format!("{root} is the disk store {found}, but the node is known to have {known}"),
            None => format!("the disk store {known} is not at {root}; its file system may not be mounted"),
        }
    }
}

async fn list(store: &Store<'_>, app: &AppRef) -> Result<Listing, Unanswered> {
    match store.read(&Request::new(Operation::List { app: Some(app.clone()) })).await? {
        Success::Listing(listing) => Ok(listing),
        other => Err(unexpected(&other)),
    }
}

/// Why the store as a whole is in conflict; none when it is the app's records that are.
async fn whole_store(store: &Store<'_>) -> Option<String> {
    match store.read(&Request::new(Operation::Status {})).await {
        Err(Unanswered::Refused(failure)) if failure.kind == Kind::Conflict => Some(failure.message),
        _ => None,
    }
}

impl Survey {
    /// Two nodes with one store id see one file system, or one is a copy of the other: neither can be believed.
    fn distrust_twins(&mut self) {
        let mut by_store: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for seen in &self.nodes {
            if let Some(id) = &seen.store {
                by_store.entry(id.clone()).or_default().push(seen.node.name.clone());
            }
        }
        for (id, nodes) in by_store.into_iter().filter(|(_, nodes)| nodes.len() > 1) {
            self.nodes.retain(|seen| seen.store.as_ref() != Some(&id));
            let message = format!("nodes {} all have the disk store {id}", nodes.join(", "));
            self.gaps.push(DiskGap { kind: GapKind::Foreign, message });
        }
    }
}
