//! The ways to the program kompox-node on a node: exec into its Pod, SSH, or a process of this machine. Decides which way
//! leads to which node; performs no IO itself.

mod local;
mod machine;
mod pump;
mod settings;
mod ssh;

pub use machine::Machine;
pub(crate) use settings::Transport;

use crate::node::Node;
use kompox_model::driver::{K3S_LOCAL_NODE, K3S_NODE_COMMAND, K3S_SSH_HOSTS};
use kompox_model::port::{ExecStreams, PortError};
use settings::Program;
use ssh::{Address, Sessions};
use std::sync::Arc;

/// The way to kompox-node on one node.
#[derive(Debug, Clone)]
pub(crate) enum Channel {
    /// Exec into this Pod.
    Pod(String),
    /// The program on another machine.
    Ssh(Arc<Remote>),
    /// The program on this machine.
    Local(Program),
}

/// The program on another machine.
#[derive(Debug)]
pub(crate) struct Remote {
    program: Program,
    target: ssh::Target,
}

/// What all requests of a driver share: what is known of this machine, and the connections that are open.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    machine: Machine,
    sessions: Sessions,
}

/// Why no way leads to a node.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoWay {
    /// Nothing can be there either: nothing ever was.
    Nothing,
    /// Disks may be there that cannot be seen; why.
    Unseen(String),
}

impl Ways {
    pub(crate) fn of(machine: Machine) -> Self {
        Self { machine, sessions: Sessions::default() }
    }

    /// The way to a node without a Pod of kompox-node.
    pub(crate) fn to(&self, transport: &Transport, node: &Node) -> Result<Channel, NoWay> {
        match transport {
            Transport::DaemonSet => Err(NoWay::Unseen(crate::node::ABSENT.to_owned())),
            Transport::Local { node: chosen, program } => {
                let here = chosen.as_deref().or(self.machine.host_name.as_deref());
                match (here, &node.store) {
                    (Some(here), _) if here == node.name => Ok(Channel::Local(program.clone())),
                    // A store is known from its first disk on.
                    (Some(_), None) => Err(NoWay::Nothing),
                    (here, _) => Err(NoWay::Unseen(format!(
                        "it is not this machine, which is {}; {K3S_LOCAL_NODE} names the node that is",
                        here.unwrap_or("without a name")
                    ))),
                }
            }
            Transport::Ssh { hosts, identity, program } => {
                let address = match (hosts.get(&node.name), &node.internal_ip) {
                    (Some(address), _) => address.clone(),
                    (None, Some(ip)) => Address::new(ip),
                    (None, None) => {
                        let why = format!("it has no InternalIP; {K3S_SSH_HOSTS} can name an address");
                        return Err(NoWay::Unseen(why));
                    }
                };
                let target = ssh::Target::new(address, identity, &self.machine);
                Ok(Channel::Ssh(Arc::new(Remote { program: program.clone(), target })))
            }
        }
    }
}

impl Channel {
    /// What to say when the program is not there, from the code that the command ended with.
    pub(crate) fn absent(&self, code: i32, stderr: &[u8]) -> Option<String> {
        match self {
            Self::Pod(_) => None,
            Self::Ssh(remote) => remote.program.absent(code, stderr),
            Self::Local(program) => program.absent(code, stderr),
        }
    }
}

impl Remote {
    /// Runs the program with these arguments; its exit code.
    ///
    /// # Errors
    /// Denied for a host key that is not the known one, Unauthenticated when the machine refuses the keys, Unavailable when it
    /// cannot be reached or the connection breaks.
    pub(crate) async fn exec(
        &self,
        ways: &Ways,
        arguments: &[String],
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError> {
        let words = self.program.words().iter().chain(arguments);
        ways.sessions.exec(&self.target, &ssh::quoted(words), streams).await
    }
}

impl Program {
    /// Runs the program on this machine with these arguments; its exit code.
    ///
    /// # Errors
    /// Unavailable when it cannot be started.
    pub(crate) async fn exec(
        &self,
        arguments: &[String],
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError> {
        local::exec(self.words(), arguments, streams).await
    }

    fn absent(&self, code: i32, stderr: &[u8]) -> Option<String> {
        // What a shell says: not executable, not found.
        if !matches!(code, 126 | 127) {
            return None;
        }
        let said = String::from_utf8_lossy(stderr);
        let said = said.lines().next().unwrap_or("nothing").trim().to_owned();
        Some(format!(
            "kompox-node cannot be run there as `{}`, which said: {said}; put the program there, or name its place in \
             {K3S_NODE_COMMAND}",
            self.words().join(" ")
        ))
    }
}
