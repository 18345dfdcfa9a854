//! Holding a container's data still while it is copied. Pure.
//!
//! `kompox-node quiesce` runs in the container. It answers `Quiesced` once the data are still, waits for a line or the end of
//! its input, lets go, and answers `Released`. It lets go in any case: when its input ends because the other side died, when
//! the time is over, when it is told to end.

use serde::{Deserialize, Serialize};

/// The version of the plan. It is said to a program that the Pod was made with, perhaps long ago.
pub const QUIESCE_VERSION: u32 = 1;

/// The plan of `kompox-node quiesce`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuiescePlan {
    /// [`QUIESCE_VERSION`].
    pub version: u32,
    /// What makes the data still.
    pub hook: QuiesceHook,
}

/// How a service makes its data fit to be copied; `x-kompox.quiesce` of a compose file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuiesceHook {
    /// Program and arguments that hold the data still, or write a consistent copy of them to a volume.
    pub freeze: Vec<String>,
    /// Program and arguments that let go again; none for a copy, which needs no holding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thaw: Option<Vec<String>>,
    /// How long `freeze` may take and, where there is something to let go, the data may be held, in seconds.
    pub seconds: u64,
}

/// Data are held still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiesced {
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Data are held no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// True when they were held until the other side said so. Otherwise a copy made meanwhile is worth nothing.
    pub in_time: bool,
    /// How long they were held, in milliseconds.
    pub held_ms: u64,
}
