//! Labels, annotations and tags that Kompox writes. Pure.

/// Label `app.kubernetes.io/name`: the app's name.
pub const NAME: &str = "app.kubernetes.io/name";
/// Label `app.kubernetes.io/instance`: `{app}-{app hash}`.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label `app.kubernetes.io/managed-by`, always [`MANAGER`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`], and our field manager in server-side apply.
pub const MANAGER: &str = "kompox";
/// Label `kompox.dev/app-id-hash`: the app hash.
pub const APP_ID_HASH: &str = "kompox.dev/app-id-hash";
/// Label `kompox.dev/part`: which part of Kompox owns an object; only [`PART_APP`] is pruned by a deploy.
pub const PART: &str = "kompox.dev/part";
/// The value of [`PART`] for everything a deploy makes and may prune.
pub const PART_APP: &str = "app";
/// The value of [`PART`] for objects in the system namespace.
pub const PART_SYSTEM: &str = "system";
/// The value of [`PART`] for the Namespace and the Lease, which no deploy prunes.
pub const PART_STATE: &str = "state";

/// Annotation with the full identity `{workspace}/{provider}/{app}` on every object of an app.
pub const IDENTITY: &str = "kompox.dev/identity";
/// Namespace annotation `{workspace}/{cluster}/{app}` (STA-02).
pub const APP: &str = "kompox.dev/app";
/// Namespace annotation with the driver id (STA-03).
pub const PROVIDER: &str = "kompox.dev/provider";
/// Namespace annotation with the provider's name (C-35).
pub const PROVIDER_NAME: &str = "kompox.dev/provider-name";
/// Namespace annotation: handle of the first volume's disk in use (STA-04).
pub const DISK_CURRENT: &str = "kompox.dev/disk-current-id";
/// Namespace annotation: handle of the disk before the last switch (STA-05).
pub const DISK_PREVIOUS: &str = "kompox.dev/disk-previous-id";
/// Namespace annotation: JSON map from volume to `{current, previous}` when an app has several volumes.
pub const DISKS: &str = "kompox.dev/disks";
/// Namespace annotation: JSON map from compose volume to the volume on whose disk it lies, and whether the compose file has
/// dropped it.
pub const COMPOSE_VOLUMES: &str = "kompox.dev/compose-volumes";
/// Pod template annotation: hash of the template, by which a deploy tells its own Pod from an earlier one.
pub const REVISION: &str = "kompox.dev/revision";
/// Pod template annotation: when `app restart` last asked for a new Pod.
pub const RESTARTED: &str = "kompox.dev/restarted-at";
/// Deployment annotation of an app that `app stop` stopped; it stays stopped over deploys until `app start`.
pub const STOPPED: &str = "kompox.dev/stopped";
/// Deployment annotation: JSON map from container to the whole seconds after which it counts as unhealthy, by its compose
/// healthcheck, if it has not become healthy until then.
pub const UNHEALTHY_AFTER: &str = "kompox.dev/unhealthy-after";
/// Deployment annotation: JSON map from container to the commands that hold its data still (`x-kompox.quiesce`).
pub const QUIESCE: &str = "kompox.dev/quiesce";
/// Namespace annotation while `disk attach --previous` is under way: handle of the disk it goes to.
pub const DISK_SWITCHING: &str = "kompox.dev/disk-switching";
/// Namespace annotation while the app is being moved: `to CLUSTER` where it leaves, `from CLUSTER` where it comes to.
pub const MOVE: &str = "kompox.dev/move";
/// Namespace annotation where an app was moved away from: the name of the cluster it went to.
pub const MOVED_TO: &str = "kompox.dev/moved-to";
/// Deployment annotation with the compose labels as JSON by compose service.
pub const COMPOSE_LABELS: &str = "kompox.dev/compose-labels";
/// Node annotation with the id of the disk store that the node is known to have.
pub const DISK_STORE: &str = "kompox.dev/disk-store";
/// Node annotation with the name of the NetworkPolicy engine that an administrator vouches for.
pub const POLICY_ENGINE: &str = "kompox.dev/network-policy-engine";
/// Node label `kompox.dev/disk-node=true`: new disks go to this node.
pub const DISK_NODE: &str = "kompox.dev/disk-node";

/// Namespace for what is shared by all apps of a cluster, such as kompox-node.
pub const SYSTEM_NAMESPACE: &str = "kompox-system";
/// Name of the Lease that a mutating command holds in the app's Namespace.
pub const OPERATION_LEASE: &str = "kompox-operation";

/// Tag on a disk with `{workspace}/{cluster}/{app}`: the cluster that holds it (STA-07).
pub const TAG_APP: &str = "kompox-app";
/// Tag on a disk with its creation time, RFC 3339 in UTC (STA-08).
pub const TAG_CREATED_AT: &str = "kompox-created-at";
