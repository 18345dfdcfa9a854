//! The app noun. Pure.

use crate::quantity::{Bytes, MilliCpu};
use crate::{AppAccess, AppName, AppNetwork, Settings, Variables, Volume};

/// One hosted app: a compose project with routes, resources and volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its name, unique per workspace and provider.
    pub name: AppName,
    /// Where the compose text comes from.
    pub compose: ComposeSource,
    /// Custom hosts.
    pub ingress: Vec<IngressRule>,
    /// The Pod's total CPU, if limited.
    pub cpu: Option<MilliCpu>,
    /// The Pod's total memory, if limited.
    pub memory: Option<Bytes>,
    /// Whom it may talk to beyond the usual.
    pub network: AppNetwork,
    /// Who else may look into it.
    pub access: AppAccess,
    /// Compose profiles to switch on where neither the command line nor the environment names some.
    pub profiles: Vec<String>,
    /// Variables for the compose file: below those of the process, above `.env`.
    pub env: Variables,
    /// Volumes; always the implicit `default` first unless the configuration declares one of that name.
    pub volumes: Vec<Volume>,
    /// Settings that depend on the driver.
    pub settings: Settings,
}

impl App {
    /// An app of which nothing is said but its name and its compose text.
    #[must_use]
    pub fn new(name: AppName, compose: ComposeSource) -> Self {
        Self {
            name,
            compose,
            ingress: Vec::new(),
            cpu: None,
            memory: None,
            network: AppNetwork::default(),
            access: AppAccess::default(),
            profiles: Vec::new(),
            env: Variables::default(),
            volumes: vec![Volume::implicit()],
            settings: Settings::default(),
        }
    }
}

/// Where the compose text of an app comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComposeSource {
    /// A path relative to the configuration file.
    Path(String),
    /// The text itself.
    Inline(String),
}

/// A custom host for one published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRule {
    /// The published port the host leads to.
    pub port: u16,
    /// The host name, lower case.
    pub host: String,
}
