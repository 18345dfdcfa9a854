//! What follows the installation: waiting for kompox-node on every node, and knowing their stores. IO through the
//! cluster port.

use crate::install;
use crate::node::{ABSENT, Node, PodState, pod_on};
use crate::survey::Reach;
use crate::transport::{Channel, NoWay, Transport};
use futures::StreamExt as _;
use futures::future::try_join_all;
use kompox_model::port::{ErrorKind, PortError};
use kompox_provider::limit;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long pulling the image and starting kompox-node may take (C-21).
const LIMIT: Duration = Duration::from_secs(300);

/// A node with the way to its kompox-node, which is ready.
type Ready = (Node, Channel);

impl Reach<'_> {
    /// Waits for kompox-node on every node, and makes sure of their stores.
    ///
    /// # Errors
    /// Those of [`Self::rolled_out`] and [`Self::know_stores`]; Unavailable when a node does not answer.
    pub(crate) async fn settle(&self) -> Result<(), PortError> {
        let ready = match self.settings.transport {
            Transport::DaemonSet => self.rolled_out().await?,
            Transport::Ssh { .. } | Transport::Local { .. } => self.everywhere().await?,
        };
        limit::within(self.call, None, |kind| self.doing.error(kind), self.know_stores(&ready)).await
    }

    /// Every node that is alive and may have disks, where kompox-node is a program of the node; all of them answer.
    ///
    /// # Errors
    /// Unavailable when one cannot be reached or has no program; those of kompox-node.
    pub(crate) async fn everywhere(&self) -> Result<Vec<Ready>, PortError> {
        let mut ready = Vec::new();
        for node in self.nodes().await?.into_iter().filter(|node| node.alive) {
            match self.ways.to(&self.settings.transport, &node) {
                Ok(channel) => ready.push((node, channel)),
                Err(NoWay::Nothing) => {}
                Err(NoWay::Unseen(why)) => {
                    let why = format!("node {}: {why}", node.name);
                    return Err(self.doing.error(ErrorKind::Unavailable).detail(why));
                }
            }
        }
        try_join_all(ready.iter().map(|(node, channel)| self.status(node, channel))).await?;
        Ok(ready)
    }

    /// Waits until kompox-node runs on every node that is alive, in the version that was installed.
    ///
    /// # Errors
    /// NotFound when it was not installed, Unavailable when it cannot start, Timeout; all say which Pod and why.
    async fn rolled_out(&self) -> Result<Vec<Ready>, PortError> {
        let last = Mutex::new(String::from("its Pods were not seen"));
        let frame = |kind| {
            let why = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.doing.error(kind).detail(match kind {
                ErrorKind::Timeout => format!("kompox-node is not ready yet: {why}"),
                _ => format!("gave up waiting for kompox-node: {why}"),
            })
        };
        limit::within(self.call, Some(LIMIT), frame, async {
            let live = self.kubernetes.get(self.call, &install::daemon_set()).await;
            let live = live.map_err(|error| self.failed(error))?.ok_or_else(|| {
                self.doing.error(ErrorKind::NotFound).detail("the DaemonSet of kompox-node is not there")
            })?;
            let revision = live.pointer("/spec/template").and_then(install::revision);
            let mut changes = self.kubernetes.watch(self.call, &Self::pods());
            while let Some(pods) = changes.next().await {
                let pods = pods.map_err(|error| self.failed(error))?;
                match self.progress(&pods, revision).await? {
                    Ok(ready) => return Ok(ready),
                    Err(why) => *last.lock().unwrap_or_else(PoisonError::into_inner) = why,
                }
            }
            Err(frame(ErrorKind::Unavailable))
        })
        .await
    }

    /// All nodes with their Pods, or what is still missing.
    async fn progress(
        &self,
        pods: &[Value],
        revision: Option<&str>,
    ) -> Result<Result<Vec<Ready>, String>, PortError> {
        let mut ready = Vec::new();
        let mut waiting = None;
        // A node that is not heard of cannot start anything; that must not stop the work on the others.
        for node in self.nodes().await?.into_iter().filter(|node| node.alive) {
            match pod_on(pods, &node.name, revision) {
                PodState::Ready(pod) => ready.push((node, Channel::Pod(pod))),
                PodState::Waiting(why) => waiting = Some(format!("node {}: {why}", node.name)),
                PodState::Absent => waiting = Some(format!("node {}: {ABSENT}", node.name)),
                PodState::Stuck(why) => {
                    return Err(self
                        .doing
                        .error(ErrorKind::Unavailable)
                        .detail(format!("kompox-node cannot start on node {}: {why}", node.name))
                        .hint("is the image in cluster.images.node right, and present or reachable on every node?"));
                }
            }
        }
        Ok(waiting.map_or(Ok(ready), Err))
    }

    /// Makes sure that the store of every node is the known one, and makes new ones known.
    ///
    /// # Errors
    /// Conflict when a node has another store than it is known to have, or two nodes have the same.
    async fn know_stores(&self, ready: &[Ready]) -> Result<(), PortError> {
        let statuses = try_join_all(ready.iter().map(|(node, channel)| self.status(node, channel))).await?;
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for ((node, _), status) in ready.iter().zip(&statuses) {
            if let Some(known) = node.store.as_deref().filter(|known| status.store.as_deref() != Some(known))
            {
                let why = format!("node {}: {}", node.name, self.stranger(known, status.store.as_deref()));
                return Err(self.conflict(why));
            }
            if let Some(id) = status.store.as_deref()
                && let Some(other) = owners.insert(id, &node.name)
            {
                return Err(
                    self.conflict(format!("nodes {other} and {} both have the disk store {id}", node.name))
                );
            }
        }
        // A node without a store yet gets none before it gets a disk, except to be known from the start.
        try_join_all(ready.iter().map(|(node, channel)| self.adopt(node, channel))).await?;
        Ok(())
    }

    fn conflict(&self, why: String) -> PortError {
        self.doing
            .error(ErrorKind::Conflict)
            .detail(why)
            .hint("nothing was changed; bring back the disk store that was there before")
    }
}
