//! The drivers this program is built with; the only place that names them. Pure.

use kompox_provider::Registry;

/// The driver that `init` suggests.
pub(crate) const SUGGESTED: &str = kompox_provider_k3s::ID;

/// All built-in drivers.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .register(kompox_provider_k3s::ID, kompox_provider_k3s::factory)
        .expect("each driver is registered once");
    registry
}
