//! The provider noun. Pure.

use crate::{ProviderName, Settings};

/// A driver id and the settings of one account there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name; in kompoxops.yml without a `provider:` section it equals the driver id (C-08).
    pub name: ProviderName,
    /// The driver id, such as `aks` or `k3s`.
    pub driver: String,
    /// Account settings and credentials.
    pub settings: Settings,
}
