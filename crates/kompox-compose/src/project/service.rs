//! A service.

use std::collections::BTreeMap;
use std::time::Duration;

use kompox_yaml::{Entry, Located, Span};

use super::{
    Cpus, Dependency, Deploy, Device, DeviceRequest, Expose, ExtraHost, FileReference, Healthcheck, Hook,
    Link, Mount, NetworkMode, Port, Restart, ServiceNetwork, TmpfsMount,
};

/// A service that is switched on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Its key below `services`.
    pub name: Located<String>,
    /// Every key that was written, with the place of the key.
    pub keys: BTreeMap<String, Span>,
    /// `image`. Absent only if `build` is present.
    pub image: Option<Located<String>>,
    /// `build`, as it is written: nothing is built.
    pub build: Option<Entry>,
    /// `command`, a string already split into words. An empty list clears the image's own.
    pub command: Option<Located<Vec<String>>>,
    /// `entrypoint`, likewise.
    pub entrypoint: Option<Located<Vec<String>>>,
    /// What `env_file` and `environment` give together; `environment` wins.
    pub environment: BTreeMap<String, EnvValue>,
    /// Names that `environment` lists without a value and nobody defines: they are to be unset,
    /// even if the image defines them.
    pub unset: Vec<Located<String>>,
    /// The env files, in order; what they define is in `environment`.
    pub env_files: Vec<EnvFile>,
    /// `ports`, ranges expanded, duplicates dropped.
    pub ports: Vec<Port>,
    /// `expose`, ranges expanded.
    pub expose: Vec<Expose>,
    /// `volumes`.
    pub volumes: Vec<Mount>,
    /// `tmpfs`.
    pub tmpfs: Vec<TmpfsMount>,
    /// `volumes_from`.
    pub volumes_from: Vec<VolumesFrom>,
    /// `configs`.
    pub configs: Vec<FileReference>,
    /// `secrets`.
    pub secrets: Vec<FileReference>,
    /// `depends_on` and what other keys imply, one entry per service, ordered by its name.
    pub depends_on: Vec<Dependency>,
    /// Dependencies on services that are switched off, which need not be there.
    pub without: Vec<Dependency>,
    /// `healthcheck`.
    pub healthcheck: Option<Healthcheck>,
    /// `restart`.
    pub restart: Option<Located<Restart>>,
    /// `deploy`.
    pub deploy: Deploy,
    /// `scale`.
    pub scale: Option<Located<u32>>,
    /// `cpus`.
    pub cpus: Option<Located<Cpus>>,
    /// `mem_limit` in bytes.
    pub mem_limit: Option<Located<u64>>,
    /// `mem_reservation` in bytes.
    pub mem_reservation: Option<Located<u64>>,
    /// `shm_size` in bytes.
    pub shm_size: Option<Located<u64>>,
    /// `user`: `name`, `uid`, `uid:gid`, ….
    pub user: Option<Located<String>>,
    /// `group_add`: names or numbers.
    pub group_add: Vec<Located<String>>,
    /// `working_dir`.
    pub working_dir: Option<Located<String>>,
    /// `hostname`.
    pub hostname: Option<Located<String>>,
    /// `domainname`.
    pub domainname: Option<Located<String>>,
    /// `container_name`.
    pub container_name: Option<Located<String>>,
    /// `extra_hosts`, one entry per name and address.
    pub extra_hosts: Vec<ExtraHost>,
    /// `dns`.
    pub dns: Vec<Located<String>>,
    /// `dns_search`.
    pub dns_search: Vec<Located<String>>,
    /// `dns_opt`.
    pub dns_opt: Vec<Located<String>>,
    /// The networks it joins, `default` if it names none; empty with `network_mode`.
    pub networks: Vec<ServiceNetwork>,
    /// `network_mode`.
    pub network_mode: Option<Located<NetworkMode>>,
    /// `links`.
    pub links: Vec<Link>,
    /// `external_links` as written.
    pub external_links: Vec<Located<String>>,
    /// `ipc` as written.
    pub ipc: Option<Located<String>>,
    /// `pid` as written.
    pub pid: Option<Located<String>>,
    /// `stop_grace_period`.
    pub stop_grace_period: Option<Located<Duration>>,
    /// `post_start`.
    pub post_start: Vec<Hook>,
    /// `pre_stop`.
    pub pre_stop: Vec<Hook>,
    /// `stop_signal`.
    pub stop_signal: Option<Located<String>>,
    /// `init`.
    pub init: Option<Located<bool>>,
    /// `tty`.
    pub tty: Option<Located<bool>>,
    /// `stdin_open`.
    pub stdin_open: Option<Located<bool>>,
    /// `read_only`.
    pub read_only: Option<Located<bool>>,
    /// `privileged`.
    pub privileged: Option<Located<bool>>,
    /// `devices`.
    pub devices: Vec<Device>,
    /// `gpus`, as device requests.
    pub gpus: Vec<DeviceRequest>,
    /// `userns_mode` as written.
    pub userns_mode: Option<Located<String>>,
    /// `cap_add`.
    pub cap_add: Vec<Located<String>>,
    /// `cap_drop`.
    pub cap_drop: Vec<Located<String>>,
    /// `security_opt`.
    pub security_opt: Vec<Located<String>>,
    /// `sysctls`.
    pub sysctls: BTreeMap<String, Located<String>>,
    /// `platform`.
    pub platform: Option<Located<String>>,
    /// `pull_policy` as written; `if_not_present` is already `missing`.
    pub pull_policy: Option<Located<String>>,
    /// What `label_file` and `labels` give together; `labels` wins.
    pub labels: BTreeMap<String, Located<String>>,
    /// The label files, in order; what they say is in `labels`.
    pub label_files: Vec<Located<String>>,
    /// `annotations`.
    pub annotations: BTreeMap<String, Located<String>>,
    /// `profiles`.
    pub profiles: Vec<Located<String>>,
    /// `x-kompox`.
    pub x_kompox: Option<Entry>,
    /// The other `x-` keys.
    pub extensions: Vec<Entry>,
    /// Known keys that are not typed, as written.
    pub other: Vec<Entry>,
}

impl Service {
    /// Where a key is written, else where the service's name is.
    #[must_use]
    pub fn key_span(&self, key: &str) -> Span {
        self.keys.get(key).copied().unwrap_or(self.name.span)
    }

    /// How many replicas are asked for: `deploy.replicas`, else `scale`, else `None`.
    #[must_use]
    pub fn replicas(&self) -> Option<Located<u32>> {
        self.deploy.replicas.or(self.scale)
    }

    /// The limit of CPU time: `deploy.resources.limits.cpus`, else `cpus`.
    #[must_use]
    pub fn cpu_limit(&self) -> Option<Located<Cpus>> {
        self.deploy.limits.cpus.or(self.cpus)
    }

    /// The limit of memory in bytes: `deploy.resources.limits.memory`, else `mem_limit`.
    #[must_use]
    pub fn memory_limit(&self) -> Option<Located<u64>> {
        self.deploy.limits.memory.or(self.mem_limit)
    }

    /// The reserved memory in bytes: `deploy.resources.reservations.memory`, else `mem_reservation`.
    #[must_use]
    pub fn memory_reservation(&self) -> Option<Located<u64>> {
        self.deploy.reservations.memory.or(self.mem_reservation)
    }
}

/// One environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvValue {
    /// Its value.
    pub value: String,
    /// Where it is written: in the compose file or in the env file.
    pub span: Span,
    /// Who defines it.
    pub origin: EnvOrigin,
}

/// Who defines an environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvOrigin {
    /// `environment` with a value.
    Written,
    /// `environment` lists the name; the value is the project environment's.
    Inherited,
    /// The env file with this index in [`Service::env_files`].
    File(usize),
}

/// One entry of `env_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFile {
    /// The path as written.
    pub path: Located<String>,
    /// Whether a missing file is an error; default true.
    pub required: bool,
    /// How it is read.
    pub format: EnvFormat,
}

/// The syntax of an [`EnvFile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvFormat {
    /// The syntax of `.env`, with quotes and variables.
    Compose,
    /// `format: raw`: everything behind `=` is the value.
    Raw,
}

/// One entry of `volumes_from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumesFrom {
    /// The service, or the container if `container` is true.
    pub source: String,
    /// Written as `container:name`.
    pub container: bool,
    /// Whether all mounts are read-only here.
    pub read_only: bool,
    /// Its place.
    pub span: Span,
}
