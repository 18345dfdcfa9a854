//! What this process knows of the machine it runs on and of the user it runs for. Reads the environment once.

use std::path::PathBuf;

/// The machine and user that requests start from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its host name in lower case, which is the name of its Node unless somebody chose another.
    pub host_name: Option<String>,
    /// The user's home folder, where the keys of known hosts are.
    pub home: Option<PathBuf>,
    /// The socket of the user's SSH agent.
    pub agent: Option<PathBuf>,
}

impl Machine {
    /// This machine and user.
    #[must_use]
    pub fn here() -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        let path = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            host_name: Some(name).filter(|name| !name.is_empty()),
            home: path("HOME"),
            agent: path("SSH_AUTH_SOCK"),
        }
    }
}
