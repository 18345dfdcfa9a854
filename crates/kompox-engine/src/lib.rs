//! The use cases of Kompox, one module per noun: gather facts through ports, decide in pure functions, act through
//! ports, and report what was seen.
//!
//! The engine performs IO only through the ports of `kompox-model` and the values it is given; it knows no driver, no
//! store and no command line.

pub mod app;
pub mod cluster;
pub mod disk;
pub mod doctor;
pub mod error;
pub mod network;
pub mod progress;
pub mod refusal;
pub mod relocation;
pub mod scope;
pub mod snapshot;
pub mod takeover;

pub use error::{Error, FailureReport};
pub use progress::{Event, Progress};
pub use refusal::Refusal;
pub use scope::Scope;
