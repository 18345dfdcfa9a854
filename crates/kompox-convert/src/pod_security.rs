//! The Pod Security level that a Pod needs, seen from the finished Pod. Pure.

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// Capabilities that level `baseline` lets a container add.
pub(crate) const BASELINE_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel settings that Kubernetes and level `baseline` let a Pod change (Kubernetes 1.33).
pub(crate) const SAFE_SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// A level that a Namespace can claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Baseline,
    Privileged,
}

impl Level {
    /// The value of the Namespace's label.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Privileged => "privileged",
        }
    }
}

/// The lowest level that admits this Pod, and what it needs a higher one for.
pub(crate) fn level(pod: &PodSpec) -> (Level, Vec<String>) {
    let mut reasons = Vec::new();
    for (set, what) in [
        (pod.host_network, "the node's network"),
        (pod.host_pid, "the node's processes"),
        (pod.host_ipc, "the node's IPC"),
    ] {
        if set == Some(true) {
            reasons.push(what.to_owned());
        }
    }
    let paths = pod.volumes.iter().flatten().filter_map(|volume| volume.host_path.as_ref());
    reasons.extend(paths.map(|source| format!("the node's `{}`", source.path)));
    let sysctls = pod.security_context.iter().filter_map(|context| context.sysctls.as_ref()).flatten();
    let unsafe_ones = sysctls.filter(|sysctl| !SAFE_SYSCTLS.contains(&sysctl.name.as_str()));
    reasons.extend(unsafe_ones.map(|sysctl| format!("sysctl {}", sysctl.name)));
    pod.init_containers.iter().flatten().chain(&pod.containers).for_each(|one| container(one, &mut reasons));
    (if reasons.is_empty() { Level::Baseline } else { Level::Privileged }, reasons)
}

fn container(container: &Container, reasons: &mut Vec<String>) {
    let Some(context) = &container.security_context else { return };
    let mut push = |what: &str| reasons.push(format!("{what} of `{}`", container.name));
    if context.privileged == Some(true) {
        push("`privileged`");
    }
    for name in context.capabilities.iter().filter_map(|capabilities| capabilities.add.as_ref()).flatten() {
        if !BASELINE_CAPABILITIES.contains(&name.as_str()) {
            push(&format!("capability {name}"));
        }
    }
    if context.seccomp_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined") {
        push("unconfined seccomp");
    }
    if context.app_armor_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined") {
        push("unconfined AppArmor");
    }
}
