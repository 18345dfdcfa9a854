//! The known driver ids and their setting keys, whether or not a driver is built in. Pure.
//!
//! The table lets a configuration for any known driver load and validate; connecting to a driver that is not
//! built in is Unsupported.

/// Where a setting key belongs (C-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingScope {
    /// `provider.settings`; accepted in `cluster.settings` of version 1 and moved.
    Provider,
    /// `cluster.settings`.
    Cluster,
    /// `app.settings`.
    App,
}

/// One known setting key of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingKey {
    /// The key, such as `AZURE_LOCATION`.
    pub key: &'static str,
    /// Where it belongs.
    pub scope: SettingScope,
    /// True when its value must never be shown.
    pub secret: bool,
}

/// A driver that Kompox knows by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDriver {
    /// The id, such as `aks`.
    pub id: &'static str,
    /// The setting keys it reads.
    pub settings: &'static [SettingKey],
}

const fn key(key: &'static str, scope: SettingScope) -> SettingKey {
    SettingKey { key, scope, secret: false }
}

const fn secret(key: &'static str, scope: SettingScope) -> SettingKey {
    SettingKey { key, scope, secret: true }
}

/// Path of the disk store on each node that has one; default [`K3S_DISK_STORE_DEFAULT`].
pub const K3S_DISK_STORE: &str = "K3S_DISK_STORE";
/// The default of [`K3S_DISK_STORE`].
pub const K3S_DISK_STORE_DEFAULT: &str = "/var/lib/kompox/disks";
/// `true` lets nodes of a cloud, whose disks vanish with them, hold a disk store.
pub const K3S_ALLOW_EPHEMERAL_NODES: &str = "K3S_ALLOW_EPHEMERAL_NODES";
/// Size in GiB of the implicit volume's disk (CFG-23).
pub const AZURE_DISK_SIZE: &str = "AZURE_DISK_SIZE";
/// SKU of the implicit volume's disk (CFG-24).
pub const AZURE_DISK_TYPE: &str = "AZURE_DISK_TYPE";

use SettingScope::{App, Cluster, Provider};

/// Every driver id that a configuration may name.
pub const KNOWN: &[KnownDriver] = &[
    KnownDriver {
        id: "aks",
        settings: &[
            key("AZURE_SUBSCRIPTION_ID", Provider),
            key("AZURE_LOCATION", Provider),
            key("AZURE_TENANT_ID", Provider),
            key("AZURE_CLIENT_ID", Provider),
            secret("AZURE_CLIENT_SECRET", Provider),
            key("AZURE_CLIENT_CERTIFICATE_PATH", Provider),
            secret("AZURE_CLIENT_CERTIFICATE_PASSWORD", Provider),
            key("AZURE_AUTH_METHOD", Provider),
            key("AZURE_TOKEN_CREDENTIALS", Provider),
            key("AZURE_FEDERATED_TOKEN_FILE", Provider),
            key("AZURE_RESOURCE_PREFIX", Provider),
            key("AZURE_RESOURCE_GROUP_NAME", Cluster),
            key("AZURE_AKS_SYSTEM_VM_SIZE", Cluster),
            key("AZURE_AKS_SYSTEM_VM_DISK_TYPE", Cluster),
            key("AZURE_AKS_SYSTEM_VM_DISK_SIZE_GB", Cluster),
            key("AZURE_AKS_SYSTEM_VM_PRIORITY", Cluster),
            key("AZURE_AKS_SYSTEM_VM_ZONES", Cluster),
            key("AZURE_AKS_USER_VM_SIZE", Cluster),
            key("AZURE_AKS_USER_VM_DISK_TYPE", Cluster),
            key("AZURE_AKS_USER_VM_DISK_SIZE_GB", Cluster),
            key("AZURE_AKS_USER_VM_PRIORITY", Cluster),
            key("AZURE_AKS_USER_VM_ZONES", Cluster),
            key(AZURE_DISK_SIZE, App),
            key(AZURE_DISK_TYPE, App),
        ],
    },
    KnownDriver {
        id: "k3s",
        settings: &[key(K3S_DISK_STORE, Cluster), key(K3S_ALLOW_EPHEMERAL_NODES, Cluster)],
    },
    KnownDriver { id: "eks", settings: &[] },
    KnownDriver { id: "gke", settings: &[] },
    KnownDriver { id: "oke", settings: &[] },
];

/// The known driver with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static KnownDriver> {
    KNOWN.iter().find(|driver| driver.id == id)
}

/// True when a value under `key` must be masked: a known secret key, or one whose name says so.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    let known =
        KNOWN.iter().flat_map(|driver| driver.settings).any(|setting| setting.secret && setting.key == key);
    known
        || ["SECRET", "PASSWORD", "TOKEN_VALUE", "PRIVATE_KEY"]
            .iter()
            .any(|word| key.to_uppercase().contains(word))
}
