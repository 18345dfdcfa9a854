//! What a cluster's administrator lets apps have beyond Pod Security level `baseline`. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// Allowances of `cluster.security`; the default allows nothing. Each is exact: one never implies another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterSecurity {
    /// Containers may be privileged.
    pub privileged: bool,
    /// Namespaces of the node that a Pod may share.
    pub host_namespaces: BTreeSet<HostNamespace>,
    /// Capabilities that containers may add, upper case, without `CAP_`; one of them may be `ALL`.
    pub capabilities: BTreeSet<String>,
    /// Kernel settings that a Pod may change. The nodes' kubelets must allow them too.
    pub sysctls: BTreeSet<String>,
    /// Confinements that containers may switch off.
    pub unconfined: BTreeSet<Confinement>,
    /// Paths of the node that may be mounted, with everything below them.
    pub host_paths: Vec<HostPath>,
    /// Devices that containers may have, each with the resource name under which a device plugin offers it.
    pub devices: BTreeMap<String, String>,
}

/// A namespace of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostNamespace {
    /// `network_mode: host`.
    Network,
    /// `pid: host`.
    Pid,
    /// `ipc: host`.
    Ipc,
    /// `userns_mode: host`.
    User,
}

/// A way in which the node's kernel confines a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confinement {
    /// The runtime's filter of system calls.
    Seccomp,
    /// The runtime's AppArmor profile.
    AppArmor,
}

/// A path of the node that may be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPath {
    /// Absolute, without `.`, `..`, doubled or trailing slashes.
    pub path: String,
    /// Only read-only mounts are allowed.
    pub read_only: bool,
}

impl HostNamespace {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Network, Self::Pid, Self::Ipc, Self::User];

    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Pid => "pid",
            Self::Ipc => "ipc",
            Self::User => "user",
        }
    }
}

impl Confinement {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Seccomp, Self::AppArmor];

    /// The word in the configuration and in `security_opt`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seccomp => "seccomp",
            Self::AppArmor => "apparmor",
        }
    }
}

impl ClusterSecurity {
    /// The allowance under which an absolute, cleaned path of the node may be mounted; the most specific one decides.
    #[must_use]
    pub fn host_path(&self, path: &str) -> Option<&HostPath> {
        let above = |allowed: &&HostPath| is_beneath(path, &allowed.path);
        self.host_paths.iter().filter(above).max_by_key(|allowed| allowed.path.len())
    }
}

/// True for the folder itself and everything below it, by the text of cleaned paths.
#[must_use]
pub fn is_beneath(path: &str, folder: &str) -> bool {
    folder == "/" || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Every capability of Linux, and `ALL`.
pub const CAPABILITIES: [&str; 42] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_path_decides() {
        let path = |path: &str, read_only| HostPath { path: path.to_owned(), read_only };
        let security = ClusterSecurity {
            host_paths: vec![path("/srv/media", true), path("/srv/media/in", false)],
            ..ClusterSecurity::default()
        };
        let read_only = |path: &str| security.host_path(path).map(|allowed| allowed.read_only);
        assert_eq!(read_only("/srv/media"), Some(true));
        assert_eq!(read_only("/srv/media/a/b"), Some(true));
        assert_eq!(read_only("/srv/media/in/b"), Some(false));
        for other in ["/srv", "/", "/srv/media2", "/srv/mediain", "srv/media"] {
            assert_eq!(read_only(other), None, "{other}");
        }
    }
}
