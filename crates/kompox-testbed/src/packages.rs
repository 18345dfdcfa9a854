//! Debian packages the test bed needs on the machine itself. Runs apt-get; what it installs stays.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::program::{Program, on_system_path};
use crate::steps::Steps;

/// A program and the package it comes from.
const NEEDED: &[(&str, &str)] = &[
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
    ("openssl", "openssl"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("mkfs.xfs", "xfsprogs"),
];
/// What tests of connections to other machines need besides.
const SSH: &[(&str, &str)] = &[("sshd", "openssh-server"), ("ssh-agent", "openssh-client")];
/// While it is there, Debian does not start its SSH server with the machine.
const NO_SSH_SERVICE: &str = "/etc/ssh/sshd_not_to_be_run";
/// A file and the package it comes from, for packages without a program on the path.
const NEEDED_FILES: &[(&str, &str)] = &[("/usr/lib/cni/bridge", "containernetworking-plugins")];
/// What Debian asks before it starts a service; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs an SSH server for tests to start; the machine itself does not become one.
pub(crate) fn ensure_ssh(steps: &Steps<'_>) -> Result<()> {
    if !on_system_path("sshd") {
        let file = Path::new(NO_SSH_SERVICE);
        fs::create_dir_all("/etc/ssh")
            .and_then(|()| fs::write(file, ""))
            .map_err(Error::file("write", file))?;
    }
    install_missing(SSH.iter().filter(|(program, _)| !on_system_path(program)), steps)
}

/// Installs what is missing.
pub(crate) fn ensure(steps: &Steps<'_>) -> Result<()> {
    let programs = NEEDED.iter().filter(|(program, _)| !on_system_path(program));
    let files = NEEDED_FILES.iter().filter(|(file, _)| !Path::new(file).exists());
    install_missing(programs.chain(files), steps)
}

fn install_missing<'a>(
    wanted: impl Iterator<Item = &'a (&'static str, &'static str)>,
    steps: &Steps<'_>,
) -> Result<()> {
    let mut missing: Vec<&str> = wanted.map(|(_, package)| *package).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    steps.long_step(&format!("apt-get install {}", missing.join(" ")), || install(&missing))
}

fn install(packages: &[&str]) -> Result<()> {
    // The services of these packages are not wanted: a cluster runs its own containerd.
    let silenced = !Path::new(POLICY).exists() && silence_services();
    let attempt = || {
        Program::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet=2", "--no-install-recommends"])
            .args(packages)
            .run()
    };
    let result = attempt().or_else(|_| {
        // The package lists are absent or older than the mirror.
        Program::new("apt-get").args(["update", "--quiet=2"]).run()?;
        attempt()
    });
    if silenced {
        fs::remove_file(POLICY).ok();
    }
    result.map(|_| ())
}

fn silence_services() -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::write(POLICY, "#!/bin/sh\nexit 101\n").is_ok()
        && fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)).is_ok()
}
