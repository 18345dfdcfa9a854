//! Runs kompox-node on another machine by SSH: who is reached, as whom, and what is said there. Pure; its modules connect.

mod connect;
mod failure;
mod known_hosts;
mod sessions;

pub(super) use sessions::Sessions;

use super::machine::Machine;
use super::settings::Identity;
use std::fmt;
use std::path::PathBuf;

/// The port that SSH is assigned.
const PORT: u16 = 22;

/// Where an SSH server listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

/// A machine, and how it is logged in to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    address: Address,
    user: String,
    key: KeySource,
    /// The file that knows its host key, if there is a place for one.
    known_hosts: Option<PathBuf>,
}

/// Where the private key is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum KeySource {
    File(PathBuf),
    /// The socket of an agent, if there is one.
    Agent(Option<PathBuf>),
}

impl Address {
    /// A host, under the port that SSH is assigned.
    pub(super) fn new(host: &str) -> Self {
        Self { host: host.to_owned(), port: PORT }
    }

    /// Reads `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None if text.matches(':').count() == 1 => {
                let (host, port) = text.split_once(':')?;
                (host, Some(port))
            }
            None => (text, None),
        };
        let port = port.map_or(Some(PORT), |port| port.parse().ok().filter(|port| *port != 0))?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '/' | '[' | ']');
        (!host.is_empty() && !host.contains(odd)).then(|| Self { host: host.to_owned(), port })
    }

    /// As files of known hosts spell it.
    fn known_as(&self) -> String {
        match self.port {
            PORT => self.host.clone(),
            port => format!("[{}]:{port}", self.host),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Target {
    pub(super) fn new(address: Address, identity: &Identity, machine: &Machine) -> Self {
        let own = || machine.home.as_ref().map(|home| home.join(".ssh/known_hosts"));
        Self {
            address,
            user: identity.user.clone(),
            key: match &identity.key {
                Some(path) => KeySource::File(path.clone()),
                None => KeySource::Agent(machine.agent.clone()),
            },
            known_hosts: identity.known_hosts.clone().or_else(own),
        }
    }
}

/// The words as one command line of a POSIX shell, which an SSH server hands to the user's own.
pub(super) fn quoted<'a>(words: impl Iterator<Item = &'a String>) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    let quote = |word: &String| match !word.is_empty() && word.chars().all(safe) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    words.map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| Address::parse(text).map(|address| address.to_string());
        for (text, expected) in [
            ("10.0.0.5", "10.0.0.5:22"),
            ("node.example:2222", "node.example:2222"),
            ("[fd00::1]:23", "[fd00::1]:23"),
            ("[fd00::1]", "[fd00::1]:22"),
            ("fd00::1", "[fd00::1]:22"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for wrong in
            ["", ":22", "host:", "host:0", "host:70000", "host:x", "root@host", "[fd00::1", "[::1]22", "a b"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn words_reach_the_program_as_they_are() {
        let words = ["/opt/node", "--root", "/a b/$HOME", "it's", "", "`x`;y"].map(str::to_owned);
        let line = quoted(words.iter());
        let output =
            std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output();
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), words.join("\n") + "\n");
    }
}
