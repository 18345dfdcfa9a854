//! The driver kit: what every provider driver needs, and nothing of a particular one.
//!
//! [`settings`] reads driver settings, [`registry`] finds a driver by its id, [`limit`] ends a piece of work with its
//! caller's deadline or cancellation, [`gaps`] says what an incomplete inventory forbids, [`memory`] is a driver without
//! anything behind it, and [`conformance`] holds the rules that every driver's disks obey. Performs no IO of its own;
//! [`limit`] and [`conformance`] read the clock.

pub mod conformance;
pub mod gaps;
pub mod limit;
pub mod memory;
pub mod registry;
pub mod settings;

pub use registry::Registry;
pub use settings::SettingsReader;
