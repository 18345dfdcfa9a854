//! How a service starts, proves its health and ends.

use std::collections::BTreeMap;
use std::time::Duration;

use kompox_yaml::{Entry, Located, Span};

/// A service that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The service; switched on.
    pub service: Located<String>,
    /// What is waited for.
    pub condition: Condition,
    /// Whether it is an error when it cannot be had.
    pub required: bool,
    /// Whether this service restarts when the other one is replaced.
    pub restart: bool,
    /// Which key says so.
    pub origin: DependencyOrigin,
}

/// What a dependant waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `service_started`.
    Started,
    /// `service_healthy`.
    Healthy,
    /// `service_completed_successfully`.
    CompletedSuccessfully,
}

impl Condition {
    /// As Compose writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "service_started",
            Self::Healthy => "service_healthy",
            Self::CompletedSuccessfully => "service_completed_successfully",
        }
    }
}

/// The key a dependency comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyOrigin {
    /// `depends_on`.
    DependsOn,
    /// `links`.
    Links,
    /// `volumes_from`.
    VolumesFrom,
    /// `network_mode: service:`.
    NetworkMode,
    /// `ipc: service:`.
    Ipc,
    /// `pid: service:`.
    Pid,
    /// `uts: service:`.
    Uts,
}

/// `healthcheck`.
#[derive(Clone, Debug, PartialEq)]
pub struct Healthcheck {
    /// The check.
    pub test: HealthTest,
    /// Every key that was written.
    pub keys: BTreeMap<String, Span>,
    /// Time between checks; Docker's default is 30 s.
    pub interval: Option<Located<Duration>>,
    /// Time one check may take; Docker's default is 30 s.
    pub timeout: Option<Located<Duration>>,
    /// Failures in a row that make it unhealthy; Docker's default is 3.
    pub retries: Option<Located<u32>>,
    /// Time in which failures do not count; Docker's default is 0.
    pub start_period: Option<Located<Duration>>,
    /// Time between checks in the start period; Docker's default is 5 s.
    pub start_interval: Option<Located<Duration>>,
    /// Extensions.
    pub other: Vec<Entry>,
    /// The place of the key `healthcheck`.
    pub span: Span,
}

/// The check of a [`Healthcheck`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthTest {
    /// No `test`: the image's own, if it has one.
    Image,
    /// `NONE` or `disable: true`.
    Disabled,
    /// `CMD`: program and arguments.
    Command(Vec<String>),
    /// `CMD-SHELL` or a string: what follows `/bin/sh -c`; the first is the script.
    Shell(Vec<String>),
}

/// `restart`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// `no`.
    No,
    /// `always`.
    Always,
    /// `unless-stopped`.
    UnlessStopped,
    /// `on-failure`, optionally with a number of attempts.
    OnFailure(Option<u32>),
}

/// One entry of `post_start` or `pre_stop`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// The command, a string already split into words.
    pub command: Option<Located<Vec<String>>>,
    /// The other keys as written.
    pub other: Vec<Entry>,
    /// Its place.
    pub span: Span,
}

/// One entry of `devices`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The path on the machine.
    pub source: String,
    /// The path in the container; the same if it is not written.
    pub target: String,
    /// What may be done with it: letters of `rwm`.
    pub permissions: String,
    /// Its place.
    pub span: Span,
}
