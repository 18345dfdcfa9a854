//! What the converter tells besides the objects, for messages, uploads and waiting. Pure.

use kompox_model::VolumeName;
use std::time::Duration;

/// What a deploy and a status say and do about the Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Hosts in the order of their ports, default ones first.
    pub hosts: Vec<Host>,
    /// Containers in the order in which they start; those of Kompox itself included.
    pub containers: Vec<Container>,
    /// Content that must be on a disk before the Pod starts, sorted by volume and sub-path.
    pub uploads: Vec<Upload>,
    /// Where the compose volumes lie, sorted by key.
    pub folders: Vec<Folder>,
    /// Volumes that the Pod mounts, sorted by name.
    pub volumes: Vec<VolumeName>,
    /// The Pod's terminationGracePeriodSeconds: how long a stop may take.
    pub stop_grace_seconds: u32,
}

/// A host that leads to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The host name.
    pub host: String,
    /// The Service port it leads to.
    pub port: u16,
    /// The compose service that listens there.
    pub service: String,
    /// True for a host of `app.ingress`, whose DNS record the user must set.
    pub custom: bool,
}

/// A container of the Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name in the Pod.
    pub name: String,
    /// The compose service it runs; none for containers of Kompox itself.
    pub service: Option<String>,
    /// What it is in the Pod.
    pub role: Role,
    /// The compose services it starts after, with the condition.
    pub waits_for: Vec<Wait>,
    /// After this time without success Compose would call the service unhealthy: start period + retries × interval.
    pub verdict: Option<Duration>,
    /// Seconds between the stop signal and the kill, as compose says.
    pub stop_grace_seconds: u32,
}

/// What a container is in the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Prepares volumes before anything of the app runs.
    Setup,
    /// Runs to its end before what comes later; repeated at each Pod start.
    OneShot,
    /// A service that others wait for.
    Sidecar,
    /// A service nobody waits for.
    Main,
    /// Keeps the Pod alive where no service is a main container.
    Hold,
}

/// What a container waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The compose service.
    pub service: String,
    /// What it must have reached.
    pub condition: Condition,
}

/// What a service must have reached before its dependants start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It was started.
    Started,
    /// Its healthcheck succeeded.
    Healthy,
    /// It ended with exit code 0.
    Completed,
}

/// Where a compose volume lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// Its key in the compose file.
    pub key: String,
    /// The volume of the app whose disk has it.
    pub volume: VolumeName,
    /// The folder on that disk.
    pub sub_path: String,
}

impl Folder {
    /// The folder of a compose volume on the disk of `volume`, whether others share that disk or not.
    #[must_use]
    pub fn of(key: &str, volume: &VolumeName) -> Self {
        Self { key: key.to_owned(), volume: volume.clone(), sub_path: format!("volumes/{key}") }
    }
}

/// Content to put on a disk, unless the folder there has content already.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upload {
    /// The volume whose assigned disk gets it.
    pub volume: VolumeName,
    /// The folder on it, such as `binds/conf`.
    pub sub_path: String,
    /// The source, a key of [`crate::Binds`].
    pub source: String,
    /// True if the source is one file, which goes into the folder under the folder's own name (its last component).
    pub is_file: bool,
    /// User that owns everything in it: the number that a service which mounts it has as `user`, else 0.
    pub uid: u32,
    /// Group that owns everything in it.
    pub gid: u32,
}
