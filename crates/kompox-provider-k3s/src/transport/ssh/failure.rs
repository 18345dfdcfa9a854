//! Why a machine could not be worked on by SSH, and what can be done about it. Pure.

use super::Target;
use super::known_hosts::Verdict;
use kompox_model::driver::{K3S_SSH_HOSTS, K3S_SSH_KEY_PATH, K3S_SSH_KNOWN_HOSTS_PATH, K3S_SSH_USER};
use kompox_model::port::{ErrorKind, PortError};
use russh::keys::{HashAlg, PublicKey};
use std::io;
use std::path::PathBuf;

/// What went wrong.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody answers there, or not in time.
    Connect(io::Error),
    /// There is no file of known hosts, because nobody knows the user's home folder.
    NoKnownHosts,
    /// The file of known hosts cannot be read.
    KnownHosts(PathBuf, io::Error),
    /// The machine has shown a key that is not known to be its own.
    HostKey(Verdict, Box<PublicKey>),
    /// The private key in a file cannot be used.
    Key(PathBuf, russh::keys::Error),
    /// Others may read the file with the private key.
    KeyIsOpen(PathBuf),
    /// No key was named and no agent is there.
    NoKey,
    /// The agent does not answer as one.
    Agent(russh::AgentAuthError),
    /// It has no key.
    AgentIsEmpty,
    /// The machine knows none of the keys that it was shown.
    Refused { shown: usize },
    /// The connection broke, or the other side does not keep to the protocol.
    Protocol(russh::Error),
    /// The caller's stream cannot be read or written.
    Stream(io::Error),
    /// The connection, or the right to run anything, ended before the command did.
    Cut,
}

impl From<russh::Error> for Failure {
    fn from(error: russh::Error) -> Self {
        Self::Protocol(error)
    }
}

impl Failure {
    /// As an error of the way to `target`.
    pub(super) fn error(self, target: &Target) -> PortError {
        let machine = format!("{}@{}", target.user, target.address);
        let error = |kind| PortError::new(kind, "ssh", "run kompox-node on", machine.clone());
        let denied = |why: String| error(ErrorKind::Denied).detail(why);
        let nobody = |why: String| error(ErrorKind::Unauthenticated).detail(why);
        let unavailable = |why: &str| error(ErrorKind::Unavailable).detail(why);
        let file = target.known_hosts.as_ref().map_or("?".into(), |path| path.display().to_string());
        match self {
            Self::Connect(cause) => unavailable("it cannot be reached")
                .hint(format!("does an SSH server listen there? {K3S_SSH_HOSTS} names other addresses"))
                .because(cause),
            Self::NoKnownHosts => denied("no file of known hosts: HOME is not set".to_owned())
                .hint(format!("name one in {K3S_SSH_KNOWN_HOSTS_PATH}")),
            Self::KnownHosts(path, cause) => {
                denied(format!("the known hosts in {} cannot be read", path.display())).because(cause)
            }
            Self::HostKey(verdict, key) => host_key(target, verdict, &key, &file, error(ErrorKind::Denied)),
            Self::Key(path, russh::keys::Error::KeyIsEncrypted) => {
                nobody(format!("the private key in {} is protected by a passphrase", path.display()))
                    .hint(format!("add it to an agent with `ssh-add`, and leave {K3S_SSH_KEY_PATH} out"))
            }
            Self::Key(path, cause) => {
                nobody(format!("the private key in {} cannot be used", path.display())).because(cause)
            }
            Self::KeyIsOpen(path) => {
                nobody(format!("others may read the private key in {}", path.display()))
                    .hint(format!("run `chmod 600 {}`, or use another key if others did", path.display()))
            }
            Self::NoKey => nobody("there is no key: no SSH agent answers".to_owned()).hint(format!(
                "start an agent (SSH_AUTH_SOCK) and add a key with `ssh-add`, or name a file in {K3S_SSH_KEY_PATH}"
            )),
            Self::Agent(cause) => nobody("the SSH agent does not work".to_owned()).because(cause),
            Self::AgentIsEmpty => nobody("the SSH agent has no key".to_owned())
                .hint(format!("add one with `ssh-add`, or name a file in {K3S_SSH_KEY_PATH}")),
            Self::Refused { shown } => nobody(format!("it accepts none of the {shown} keys")).hint(format!(
                "add the public key to the authorized_keys of {} there, or name another user in {K3S_SSH_USER}",
                target.user
            )),
            Self::Protocol(cause) => unavailable("the connection failed").because(cause),
            Self::Stream(cause) => unavailable("a stream of the command failed").because(cause),
            Self::Cut => unavailable("the connection ended before the command did"),
        }
    }
}

fn host_key(target: &Target, verdict: Verdict, key: &PublicKey, file: &str, error: PortError) -> PortError {
    let (kind, print) = (key.algorithm(), key.fingerprint(HashAlg::Sha256));
    let (host, port) = (&target.address.host, target.address.port);
    let known_as = target.address.known_as();
    match verdict {
        Verdict::Other => error
            .detail(format!(
                "its host key {print} ({kind}) is not the one in {file}: somebody may be in between, or the machine was \
                 set up anew"
            ))
            .hint(format!(
                "compare the fingerprint on the machine itself (`ssh-keygen -lf` on its /etc/ssh/ssh_host_*_key.pub); \
                 only then `ssh-keygen -R '{known_as}' -f {file}` and add the new key"
            )),
        Verdict::Revoked => error.detail(format!("its host key {print} ({kind}) is revoked in {file}")),
        Verdict::Known | Verdict::Unknown => {
            error.detail(format!("its host key {print} ({kind}) is not in {file}")).hint(format!(
                "compare the fingerprint on the machine itself (`ssh-keygen -lf` on its /etc/ssh/ssh_host_*_key.pub); \
                 if it is the same: `ssh-keyscan -p {port} {host} >> {file}`"
            ))
        }
    }
}
