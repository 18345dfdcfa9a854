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

impl SettingScope {
    /// The path of settings of this scope in a configuration.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Provider => "provider.settings",
            Self::Cluster => "cluster.settings",
            Self::App => "app.settings",
        }
    }
}

/// One known setting key of a driver; a key that may stand in two places has two entries.
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
/// How the disk stores keep disks: `auto` (default, by what the file system can do), `directory`, `reflink` or `btrfs`.
pub const K3S_DISK_BACKEND: &str = "K3S_DISK_BACKEND";
/// The default of [`K3S_DISK_STORE`].
pub const K3S_DISK_STORE_DEFAULT: &str = "/var/lib/kompox/disks";
/// `true` lets nodes of a cloud, whose disks vanish with them, hold a disk store.
pub const K3S_ALLOW_EPHEMERAL_NODES: &str = "K3S_ALLOW_EPHEMERAL_NODES";
/// How `kompox-node` is reached: `daemonset` (default), `ssh` (a program on every node) or `local` (a program on this machine).
pub const K3S_NODE_TRANSPORT: &str = "K3S_NODE_TRANSPORT";
/// The command that is `kompox-node` on a machine, for `ssh` and `local`; default [`K3S_NODE_COMMAND_DEFAULT`].
pub const K3S_NODE_COMMAND: &str = "K3S_NODE_COMMAND";
/// The default of [`K3S_NODE_COMMAND`].
pub const K3S_NODE_COMMAND_DEFAULT: &str = "/usr/local/bin/kompox-node";
/// Name of the node that this machine is, for `local`; default: its host name.
pub const K3S_LOCAL_NODE: &str = "K3S_LOCAL_NODE";
/// Where nodes are reached by SSH: `NODE=HOST[:PORT]`, separated by commas; others under their InternalIP, port 22.
pub const K3S_SSH_HOSTS: &str = "K3S_SSH_HOSTS";
/// The user to log in as by SSH; default `root`.
pub const K3S_SSH_USER: &str = "K3S_SSH_USER";
/// Path of a private key without a passphrase; without it the keys of the SSH agent are used.
pub const K3S_SSH_KEY_PATH: &str = "K3S_SSH_KEY_PATH";
/// Path of the file of known hosts; default `~/.ssh/known_hosts`.
pub const K3S_SSH_KNOWN_HOSTS_PATH: &str = "K3S_SSH_KNOWN_HOSTS_PATH";
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
            key("AZURE_RESOURCE_GROUP_NAME", App),
            key("AZURE_AKS_DNS_ZONE_RESOURCE_IDS", Cluster),
            key("AZURE_AKS_CONTAINER_REGISTRY_RESOURCE_IDS", Cluster),
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
        settings: &[
            key(K3S_DISK_STORE, Cluster),
            key(K3S_DISK_BACKEND, Cluster),
            key(K3S_ALLOW_EPHEMERAL_NODES, Cluster),
            key(K3S_NODE_TRANSPORT, Cluster),
            key(K3S_NODE_COMMAND, Cluster),
            key(K3S_LOCAL_NODE, Cluster),
            key(K3S_SSH_HOSTS, Cluster),
            key(K3S_SSH_USER, Cluster),
            key(K3S_SSH_KEY_PATH, Cluster),
            key(K3S_SSH_KNOWN_HOSTS_PATH, Cluster),
        ],
    },
    KnownDriver { id: "eks", settings: &[] },
    KnownDriver { id: "gke", settings: &[] },
    KnownDriver { id: "oke", settings: &[] },
];

impl KnownDriver {
    /// True when `key` may stand in settings of this scope.
    #[must_use]
    pub fn has(&self, key: &str, scope: SettingScope) -> bool {
        self.settings.iter().any(|setting| setting.key == key && setting.scope == scope)
    }

    /// The scopes in which `key` may stand; empty for a key this driver does not read.
    pub fn scopes(&self, key: &str) -> impl Iterator<Item = SettingScope> {
        self.settings.iter().filter(move |setting| setting.key == key).map(|setting| setting.scope)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_driver_and_no_key_is_listed_twice() {
        let ids: BTreeSet<_> = KNOWN.iter().map(|driver| driver.id).collect();
        assert_eq!(ids.len(), KNOWN.len());
        for driver in KNOWN {
            let keys: BTreeSet<_> =
                driver.settings.iter().map(|setting| (setting.key, setting.scope.path())).collect();
            assert_eq!(keys.len(), driver.settings.len(), "{}", driver.id);
        }
    }

    #[test]
    fn a_key_may_stand_in_two_scopes() {
        let aks = find("aks").unwrap();
        assert!(aks.has("AZURE_RESOURCE_GROUP_NAME", Cluster) && aks.has("AZURE_RESOURCE_GROUP_NAME", App));
        assert_eq!(aks.scopes("AZURE_LOCATION").collect::<Vec<_>>(), [Provider]);
        assert_eq!(aks.scopes(K3S_DISK_STORE).count(), 0);
    }
}
