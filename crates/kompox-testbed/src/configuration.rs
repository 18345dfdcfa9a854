//! The files a cluster's components read, rendered from `testbed/cluster`. Rendering is pure; one
//! function writes.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::image::PAUSE_REFERENCE;
use crate::pki::write_if_changed;
use crate::slot::{GATEWAY, Slot};
use crate::template::{Values, fill};

/// File below the cluster's folder, and its template.
const FILES: &[(&str, &str)] = &[
    ("conf/containerd.toml", include_str!("../../../testbed/cluster/containerd.toml")),
    ("conf/cni/10-bridge.conflist", include_str!("../../../testbed/cluster/cni.conflist")),
    ("conf/kubelet.yaml", include_str!("../../../testbed/cluster/kubelet.yaml")),
    ("conf/kube-proxy.yaml", include_str!("../../../testbed/cluster/kube-proxy.yaml")),
    ("conf/resolv.conf", "nameserver @GATEWAY@\n"),
];
const COREDNS: &str = include_str!("../../../testbed/cluster/coredns.yaml");
const TRAEFIK: &str = include_str!("../../../testbed/cluster/traefik.yaml");

/// Folders that components expect.
const FOLDERS: &[&str] = &[
    "conf/cni",
    "conf/manifests",
    "containerd",
    "disks",
    "etcd",
    "kubelet",
    "log",
    "pod-logs/containers",
    "pod-logs/pods",
    "run/flex",
    "sysctl",
];

fn values(slot: Slot, folder: &Path) -> Values {
    Values::from([
        ("DIR", folder.display().to_string()),
        ("NODE", slot.node()),
        ("GROUP", slot.group()),
        ("NODE_ADDRESS", slot.address().to_string()),
        ("GATEWAY", GATEWAY.to_string()),
        ("PODS", slot.pods()),
        ("NODE_PODS", slot.node_pods()),
        ("DNS", slot.dns().to_string()),
        ("PAUSE_IMAGE", PAUSE_REFERENCE.to_owned()),
    ])
}

/// Every file of the daemons, with its path below the cluster's folder.
pub(crate) fn files(slot: Slot, folder: &Path) -> Result<Vec<(&'static str, String)>> {
    let values = values(slot, folder);
    FILES.iter().map(|(path, template)| Ok((*path, fill(path, template, &values)?))).collect()
}

/// Makes the folders and writes the files that changed.
pub(crate) fn write(slot: Slot, folder: &Path) -> Result<()> {
    for name in FOLDERS {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(Error::file("make", path))?;
    }
    for (path, text) in files(slot, folder)? {
        write_if_changed(&folder.join(path), &text)?;
    }
    Ok(())
}

/// The manifest of the cluster's DNS.
pub(crate) fn coredns(slot: Slot, image: &str, revision: &str) -> Result<String> {
    let mut values = values(slot, Path::new(""));
    values.insert("IMAGE", image.to_owned());
    values.insert("REVISION", revision.to_owned());
    fill("coredns.yaml", COREDNS, &values)
}

/// The manifest of the ingress controller with its certificate (base64).
pub(crate) fn traefik(image: &str, revision: &str, certificate: &str, key: &str) -> Result<String> {
    let values = Values::from([
        ("IMAGE", image.to_owned()),
        ("REVISION", revision.to_owned()),
        ("CERTIFICATE", certificate.to_owned()),
        ("KEY", key.to_owned()),
    ]);
    fill("traefik.yaml", TRAEFIK, &values)
}
