//! Makes a node's disk store known: its id is written into the Node's annotation, once. IO through the cluster port.
//!
//! From then on an empty folder in its place is not taken for a store without disks.

use crate::node::Node;
use crate::store::{Unanswered, unexpected};
use crate::survey::Reach;
use crate::transport::Channel;
use kompox_model::port::{ErrorKind, Patch, PortError};
use kompox_model::{Gvk, ObjectRef, label};
use kompox_node_protocol::{Operation, Request, Status, Success};
use serde_json::json;

/// How often the annotation is tried while others change the Node.
const ATTEMPTS: usize = 5;

impl Reach<'_> {
    /// Which store the node has now.
    ///
    /// # Errors
    /// Those of kompox-node.
    pub(crate) async fn status(&self, node: &Node, channel: &Channel) -> Result<Status, PortError> {
        let store = self.store(&node.name, channel);
        match store.read(&Request::new(Operation::Status {})).await {
            Ok(Success::Status(status)) => Ok(status),
            Ok(other) => Err(store.error(unexpected(&other))),
            Err(unanswered) => Err(store.error(unanswered)),
        }
    }

    /// The id of the node's store, which is made and recorded if the node is not known to have one.
    ///
    /// # Errors
    /// Conflict when somebody else recorded another id meanwhile; those of kompox-node and of the cluster.
    pub(crate) async fn adopt(&self, node: &Node, channel: &Channel) -> Result<String, PortError> {
        if let Some(known) = &node.store {
            return Ok(known.clone());
        }
        let store = self.store(&node.name, channel);
        let id = match store.change(&Request::new(Operation::Init {})).await? {
            Success::Status(Status { store: Some(id), .. }) => id,
            Success::Status(_) => {
                let why = "kompox-node made a disk store without an id".to_owned();
                return Err(store.error(Unanswered::Silent(why)));
            }
            other => return Err(store.error(unexpected(&other))),
        };
        self.record(node, &id).await?;
        Ok(id)
    }

    /// Writes the annotation, unless there is one.
    async fn record(&self, node: &Node, id: &str) -> Result<(), PortError> {
        let reference = ObjectRef::new(Gvk::core("Node"), None, &node.name);
        let mut version = node.resource_version.clone();
        for attempt in 1.. {
            let patch = Patch::Merge(json!({
                "metadata": { "resourceVersion": version, "annotations": { label::DISK_STORE: id } },
            }));
            match self.kubernetes.patch(self.call, &reference, &patch).await {
                Ok(_) => break,
                Err(error) if error.kind == ErrorKind::Conflict && attempt < ATTEMPTS => {}
                Err(error) => return Err(self.failed(error)),
            }
            let live =
                self.kubernetes.get(self.call, &reference).await.map_err(|error| self.failed(error))?;
            let Some(now) = live.as_ref().and_then(Node::read) else {
                return Err(self
                    .doing
                    .error(ErrorKind::Conflict)
                    .detail(format!("node {} is gone", node.name)));
            };
            match now.store {
                Some(known) if known == id => break,
                Some(known) => {
                    let why = format!("node {}: {}", node.name, self.stranger(&known, Some(id)));
                    return Err(self.doing.error(ErrorKind::Conflict).detail(why));
                }
                None => version = now.resource_version,
            }
        }
        tracing::info!(node = node.name, store = id, "the disk store of the node is known now");
        Ok(())
    }
}
