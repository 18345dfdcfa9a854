//! Which nodes can be asked for their disks, and which way leads to each. IO through the cluster port; writes nothing.

use crate::install;
use crate::node::{ABSENT, Node, PodState, pod_on};
use crate::survey::Reach;
use crate::transport::{Channel, NoWay, Transport};
use kompox_model::Gvk;
use kompox_model::label;
use kompox_model::port::{DiskGap, GapKind, PortError, Query};
use serde_json::Value;

/// A node that can be asked, or why it cannot be although it may have disks.
type Found = Result<(Node, Channel), DiskGap>;

fn gap(node: &Node, kind: GapKind, why: &str) -> DiskGap {
    DiskGap { kind, message: format!("node {}: {why}", node.name) }
}

impl Reach<'_> {
    /// Every node that may have disks.
    ///
    /// # Errors
    /// Unsupported without a node that keeps its disks; those of the cluster.
    pub(crate) async fn reachable(&self) -> Result<Vec<Found>, PortError> {
        if self.settings.transport == Transport::DaemonSet {
            return self.by_pods().await;
        }
        let way = |node: Node| {
            if !node.alive {
                return Some(Err(silent(&node)));
            }
            match self.ways.to(&self.settings.transport, &node) {
                Ok(channel) => Some(Ok((node, channel))),
                Err(NoWay::Nothing) => None,
                Err(NoWay::Unseen(why)) => Some(Err(gap(&node, GapKind::Unreachable, &why))),
            }
        };
        Ok(self.nodes().await?.into_iter().filter_map(way).collect())
    }

    async fn by_pods(&self) -> Result<Vec<Found>, PortError> {
        let (nodes, (daemon_set, pods)) = futures::try_join!(self.nodes(), self.daemon_set_and_pods())?;
        if let Some(gap) = self.not_installed(daemon_set.as_ref()) {
            return Ok(vec![Err(gap)]);
        }
        let to_come = !daemon_set.as_ref().is_some_and(install::is_rolled_out);
        Ok(nodes.into_iter().map(|node| by_pod(node, &pods, to_come)).collect())
    }

    /// The Pods of kompox-node.
    pub(crate) fn pods() -> Query {
        Query::new(Gvk::core("Pod"), Some(label::SYSTEM_NAMESPACE)).labels(install::selector())
    }

    /// The Pods are read after the DaemonSet: one that said then that all are there had them.
    async fn daemon_set_and_pods(&self) -> Result<(Option<Value>, Vec<Value>), PortError> {
        let daemon_set = self.kubernetes.get(self.call, &install::daemon_set()).await;
        let daemon_set = daemon_set.map_err(|error| self.failed(error))?;
        let pods = self.kubernetes.list(self.call, &Self::pods()).await;
        Ok((daemon_set, pods.map_err(|error| self.failed(error))?))
    }

    fn not_installed(&self, daemon_set: Option<&Value>) -> Option<DiskGap> {
        let (cluster, wanted) = (&self.cluster.name, &self.settings.store);
        let message = match daemon_set.map(install::store_of) {
            None => format!("kompox-node is not installed in cluster {cluster}"),
            Some(Some(store)) if store == wanted => return None,
            Some(Some(store)) => {
                format!("kompox-node of cluster {cluster} looks after {store}, not after {wanted}")
            }
            Some(None) => {
                format!("kompox-node of cluster {cluster} does not say which disk store it looks after")
            }
        };
        Some(DiskGap { kind: GapKind::NotInstalled, message })
    }
}

fn silent(node: &Node) -> DiskGap {
    gap(node, GapKind::Unreachable, "it has not been heard of for a while")
}

fn by_pod(node: Node, pods: &[Value], to_come: bool) -> Found {
    if !node.alive {
        return Err(silent(&node));
    }
    match pod_on(pods, &node.name, None) {
        PodState::Ready(pod) => Ok((node, Channel::Pod(pod))),
        // On its way, as after an installation or a restart: a command that may wait for it does.
        PodState::Waiting(why) => Err(gap(&node, GapKind::NotInstalled, &why)),
        PodState::Absent if to_come => {
            Err(gap(&node, GapKind::NotInstalled, "kompox-node is being started there"))
        }
        PodState::Absent => Err(gap(&node, GapKind::Unreachable, ABSENT)),
        PodState::Stuck(why) => Err(gap(&node, GapKind::Unreachable, &why)),
    }
}
