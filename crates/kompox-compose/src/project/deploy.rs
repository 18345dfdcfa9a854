//! `deploy` and the amounts in it.

use std::collections::BTreeMap;
use std::time::Duration;

use kompox_yaml::{Entry, Located, Span};

/// `deploy`. Empty if the key is not written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deploy {
    /// Every key that was written below `deploy`.
    pub keys: BTreeMap<String, Span>,
    /// `mode`.
    pub mode: Option<Located<String>>,
    /// `replicas`.
    pub replicas: Option<Located<u32>>,
    /// `resources.limits`.
    pub limits: Resources,
    /// `resources.reservations`.
    pub reservations: Resources,
    /// `restart_policy`.
    pub restart_policy: Option<RestartPolicy>,
    /// `placement`, `update_config`, `labels`, …, as written.
    pub other: Vec<Entry>,
}

/// Limits or reservations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// `cpus`.
    pub cpus: Option<Located<Cpus>>,
    /// `memory` in bytes.
    pub memory: Option<Located<u64>>,
    /// `pids`.
    pub pids: Option<Located<i64>>,
    /// `devices`.
    pub devices: Vec<DeviceRequest>,
    /// `generic_resources` and extensions, as written.
    pub other: Vec<Entry>,
}

/// CPU time per time, in billionths of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpus {
    /// 1 000 000 000 is one CPU.
    pub nano: u64,
}

/// One entry of `devices` under `deploy.resources.reservations`, or of `gpus`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceRequest {
    /// `capabilities`, such as `gpu`.
    pub capabilities: Vec<Located<String>>,
    /// `count`.
    pub count: Option<Located<DeviceCount>>,
    /// `device_ids`.
    pub device_ids: Vec<Located<String>>,
    /// `driver`.
    pub driver: Option<Located<String>>,
    /// `options`.
    pub options: BTreeMap<String, Located<String>>,
    /// Its place.
    pub span: Span,
}

/// How many devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceCount {
    /// All there are.
    All,
    /// This many.
    Number(u32),
}

/// `deploy.restart_policy`.
#[derive(Clone, Debug, PartialEq)]
pub struct RestartPolicy {
    /// `condition`: `none`, `on-failure` or `any`.
    pub condition: Option<Located<String>>,
    /// `delay`.
    pub delay: Option<Located<Duration>>,
    /// `max_attempts`.
    pub max_attempts: Option<Located<u32>>,
    /// `window`.
    pub window: Option<Located<Duration>>,
    /// The place of the key.
    pub span: Span,
}
