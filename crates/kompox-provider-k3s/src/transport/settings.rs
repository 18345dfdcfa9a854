//! Settings of the ways to kompox-node. Pure.

use super::ssh::Address;
use kompox_model::driver::{
    K3S_LOCAL_NODE, K3S_NODE_COMMAND, K3S_NODE_COMMAND_DEFAULT, K3S_NODE_TRANSPORT, K3S_SSH_HOSTS,
    K3S_SSH_KEY_PATH, K3S_SSH_KNOWN_HOSTS_PATH, K3S_SSH_USER,
};
use kompox_model::port::PortError;
use kompox_provider::SettingsReader;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How kompox-node is reached, as the settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In a Pod on every node, made by the driver.
    DaemonSet,
    /// As a program on every node, put there by whoever looks after the machines.
    Ssh {
        /// Where a node is reached if not under its InternalIP, by its name.
        hosts: BTreeMap<String, Address>,
        identity: Identity,
        program: Program,
    },
    /// As a program on this machine, which is the node of this name, or of its host name.
    Local { node: Option<String>, program: Program },
}

/// As whom machines are logged in to, and how they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: String,
    /// A file with a private key; none means the agent.
    pub(crate) key: Option<PathBuf>,
    /// The file of known hosts; none means the user's own.
    pub(crate) known_hosts: Option<PathBuf>,
}

/// The command that is kompox-node: the program, perhaps behind another one such as `sudo -n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program(Vec<String>);

impl Program {
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }
}

impl Transport {
    pub(crate) fn read(reader: &SettingsReader<'_>) -> Result<Self, PortError> {
        let words = reader.text(K3S_NODE_COMMAND).unwrap_or(K3S_NODE_COMMAND_DEFAULT);
        let program = Program(words.split_whitespace().map(ToOwned::to_owned).collect());
        if program.0.is_empty() {
            return Err(reader.wrong(K3S_NODE_COMMAND, words, "a command"));
        }
        let path = |key| Ok::<_, PortError>(reader.path(key)?.map(PathBuf::from));
        Ok(match reader.one_of(K3S_NODE_TRANSPORT, &["daemonset", "local", "ssh"])? {
            Some("ssh") => Self::Ssh {
                hosts: hosts(reader)?,
                identity: Identity {
                    user: reader.text(K3S_SSH_USER).unwrap_or("root").to_owned(),
                    key: path(K3S_SSH_KEY_PATH)?,
                    known_hosts: path(K3S_SSH_KNOWN_HOSTS_PATH)?,
                },
                program,
            },
            Some("local") => {
                Self::Local { node: reader.text(K3S_LOCAL_NODE).map(ToOwned::to_owned), program }
            }
            _ => Self::DaemonSet,
        })
    }
}

/// `NODE=HOST[:PORT]`, separated by commas.
fn hosts(reader: &SettingsReader<'_>) -> Result<BTreeMap<String, Address>, PortError> {
    let Some(text) = reader.text(K3S_SSH_HOSTS) else { return Ok(BTreeMap::new()) };
    let wrong =
        || reader.wrong(K3S_SSH_HOSTS, text, "a list such as node-1=10.0.0.5,node-2=example.com:2222");
    let mut hosts = BTreeMap::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (node, address) = entry.split_once('=').ok_or_else(wrong)?;
        let address = Address::parse(address.trim()).ok_or_else(wrong)?;
        let node = node.trim();
        if node.is_empty() || hosts.insert(node.to_owned(), address).is_some() {
            return Err(wrong());
        }
    }
    Ok(hosts)
}
