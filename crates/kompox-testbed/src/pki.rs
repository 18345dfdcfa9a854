//! Keys, certificates and kubeconfigs of a cluster, made once and kept. Runs openssl, writes files.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::{Error, Result};
use crate::program::Program;
use crate::slot::Slot;
use crate::template::{Values, fill};

/// Nobody renews a test bed; it is wiped instead.
const DAYS: &str = "3650";
/// Without it openssl would take extensions from the machine's own configuration.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = unused\n";
const KUBECONFIG: &str = include_str!("../../../testbed/cluster/kubeconfig.yaml");

/// Identities of the control plane: file name and subject. Groups and names are those Kubernetes'
/// own RBAC rules are written for.
const CLIENTS: &[(&str, &str)] = &[
    ("admin", "/O=system:masters/CN=admin"),
    ("apiserver-kubelet", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    ("controller-manager", "/CN=system:kube-controller-manager"),
    ("scheduler", "/CN=system:kube-scheduler"),
    ("proxy", "/CN=system:kube-proxy"),
];
/// Identities that get a kubeconfig.
const KUBECONFIGS: &[&str] = &["admin", "controller-manager", "scheduler", "proxy", "kubelet"];

/// A folder of keys and certificates.
pub(crate) struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Opens or makes the folder.
    pub(crate) fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
        let configuration = folder.join("openssl.cnf");
        fs::write(&configuration, CONFIGURATION).map_err(Error::file("write", configuration))?;
        Ok(Self { folder })
    }

    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.crt"))
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    /// A self-signed authority.
    pub(crate) fn authority(&self, name: &str, subject: &str) -> Result<()> {
        self.issue(
            name,
            subject,
            None,
            &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"],
        )
    }

    /// A client certificate.
    pub(crate) fn client(&self, name: &str, subject: &str, authority: &Authority<'_>) -> Result<()> {
        self.issue(
            name,
            subject,
            Some(authority),
            &["keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth"],
        )
    }

    /// A server certificate for names written `DNS:…` or `IP:…`.
    pub(crate) fn server(
        &self,
        name: &str,
        subject: &str,
        names: &[String],
        authority: &Authority<'_>,
    ) -> Result<()> {
        let names = format!("subjectAltName={}", names.join(","));
        self.issue(
            name,
            subject,
            Some(authority),
            &[
                "keyUsage=critical,digitalSignature",
                "extendedKeyUsage=serverAuth,clientAuth",
                "authorityKeyIdentifier=keyid",
                &names,
            ],
        )
    }

    /// Elliptic keys in PKCS#8, which every TLS library reads. The certificate is renamed into place
    /// last, so that a half-made pair is made again.
    fn issue(
        &self,
        name: &str,
        subject: &str,
        by: Option<&Authority<'_>>,
        extensions: &[&str],
    ) -> Result<()> {
        let certificate = self.certificate(name);
        if certificate.exists() {
            return Ok(());
        }
        let unfinished = self.folder.join(format!("{name}.unfinished"));
        let mut openssl = Program::new("openssl")
            .args(["req", "-x509", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .arg("-config")
            .arg(self.folder.join("openssl.cnf"))
            .args(["-days", DAYS, "-subj", subject, "-addext", "subjectKeyIdentifier=hash"])
            .arg("-keyout")
            .arg(self.key(name))
            .arg("-out")
            .arg(&unfinished);
        if let Some(authority) = by {
            openssl = openssl.arg("-CA").arg(authority.pki.certificate(authority.name));
            openssl = openssl.arg("-CAkey").arg(authority.pki.key(authority.name));
        }
        for extension in extensions {
            openssl = openssl.args(["-addext", extension]);
        }
        openssl.run()?;
        fs::rename(&unfinished, &certificate).map_err(Error::file("rename", unfinished))
    }

    /// The key pair that signs ServiceAccount tokens.
    fn signing_pair(&self, name: &str) -> Result<()> {
        let public = self.folder.join(format!("{name}.pub"));
        if public.exists() {
            return Ok(());
        }
        let key = self.key(name);
        Program::new("openssl")
            .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"])
            .arg(&key)
            .run()?;
        Program::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&key).arg("-out").arg(&public).run()?;
        Ok(())
    }

    /// A file as base64, as kubeconfigs and Secrets want it.
    pub(crate) fn base64(path: &Path) -> Result<String> {
        Ok(BASE64_STANDARD.encode(fs::read(path).map_err(Error::file("read", path))?))
    }

    fn kubeconfig(&self, slot: Slot, user: &str) -> Result<()> {
        let values = Values::from([
            ("NAME", slot.letter().to_string()),
            ("NODE_ADDRESS", slot.address().to_string()),
            ("USER", user.to_owned()),
            ("CA", Self::base64(&self.certificate("ca"))?),
            ("CERTIFICATE", Self::base64(&self.certificate(user))?),
            ("KEY", Self::base64(&self.key(user))?),
        ]);
        write_if_changed(
            &self.folder.join(format!("{user}.conf")),
            &fill("kubeconfig.yaml", KUBECONFIG, &values)?,
        )
    }
}

/// Who signs: an authority's name in its folder.
pub(crate) struct Authority<'a> {
    /// The folder.
    pub(crate) pki: &'a Pki,
    /// The authority's name there.
    pub(crate) name: &'a str,
}

/// Makes everything the control plane of a cluster needs.
pub(crate) fn control_plane(slot: Slot, folder: PathBuf) -> Result<()> {
    let pki = Pki::open(folder)?;
    pki.authority("ca", "/CN=kompox test bed cluster")?;
    pki.authority("front-ca", "/CN=kompox test bed front proxy")?;
    let ca = Authority { pki: &pki, name: "ca" };
    let node = slot.node();
    let names = [
        "DNS:kubernetes".to_owned(),
        "DNS:kubernetes.default".to_owned(),
        "DNS:kubernetes.default.svc".to_owned(),
        "DNS:kubernetes.default.svc.cluster.local".to_owned(),
        "DNS:localhost".to_owned(),
        "IP:127.0.0.1".to_owned(),
        format!("IP:{}", slot.address()),
        format!("IP:{}", slot.api_service()),
    ];
    pki.server("apiserver", "/CN=kube-apiserver", &names, &ca)?;
    let names = [format!("DNS:{node}"), format!("IP:{}", slot.address())];
    pki.server("kubelet-serving", &format!("/CN={node}"), &names, &ca)?;
    for (name, subject) in CLIENTS {
        pki.client(name, subject, &ca)?;
    }
    pki.client("kubelet", &format!("/O=system:nodes/CN=system:node:{node}"), &ca)?;
    let front = Authority { pki: &pki, name: "front-ca" };
    pki.client("front-proxy", "/CN=front-proxy-client", &front)?;
    pki.signing_pair("service-accounts")?;
    for user in KUBECONFIGS {
        pki.kubeconfig(slot, user)?;
    }
    Ok(())
}

/// Makes the authority of all ingress certificates and a certificate for wildcard hosts below each
/// domain; made again when a domain is added.
pub(crate) fn ingress(authority: PathBuf, folder: PathBuf, domains: &[String]) -> Result<()> {
    let root = Pki::open(authority)?;
    root.authority("ca", "/CN=kompox test bed ingress")?;
    let pki = Pki::open(folder)?;
    let names: Vec<String> =
        domains.iter().flat_map(|domain| [format!("DNS:{domain}"), format!("DNS:*.{domain}")]).collect();
    // The authority is part of what the certificate was made from: it may have been made anew.
    let made_from = format!("{}\n{}", Pki::base64(&root.certificate("ca"))?, names.join("\n"));
    let record = pki.folder.join("ingress.from");
    if fs::read_to_string(&record).is_ok_and(|before| before == made_from) {
        return Ok(());
    }
    fs::remove_file(pki.certificate("ingress")).ok();
    pki.server("ingress", "/CN=kompox test bed ingress", &names, &Authority { pki: &root, name: "ca" })?;
    fs::write(&record, made_from).map_err(Error::file("write", record))
}

/// Writes a file only when its content differs, so that whoever watches it is not disturbed.
pub(crate) fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(Error::file("write", path))
}
