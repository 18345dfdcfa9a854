//! A real SSH server on a port of the loopback, with host keys of its own and one user key that it accepts. Starts processes,
//! which end with it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Where Debian puts the server; it starts itself anew under this name.
const SSHD: &str = "/usr/sbin/sshd";
/// The folder that it locks itself into before anybody is logged in.
const EMPTY: &str = "/run/sshd";

pub(crate) struct SshServer {
    server: Child,
    folder: TempDir,
    pub(crate) port: u16,
}

/// Makes a pair of keys; the path of the private one.
pub(crate) fn key(folder: &Path, name: &str, kind: &str, passphrase: &str) -> PathBuf {
    let path = folder.join(name);
    let arguments = ["-q", "-t", kind, "-C", name, "-N", passphrase, "-f"];
    let made = Command::new("ssh-keygen").args(arguments).arg(&path).status().unwrap();
    assert!(made.success());
    path
}

fn public(key: &Path) -> String {
    fs::read_to_string(key.with_extension("pub")).unwrap()
}

impl SshServer {
    /// Starts one that has an RSA and an Ed25519 host key, of which the latter is known, and accepts two keys of a user.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        key(at, "user", "ed25519", "");
        key(at, "user-rsa", "rsa", "");
        key(at, "host", "ed25519", "");
        key(at, "host-rsa", "rsa", "");
        let accepted = ["user", "user-rsa"].map(|name| public(&at.join(name))).concat();
        fs::write(at.join("authorized_keys"), accepted).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self::listen(at, port);
        let server = Self { server, folder, port };
        fs::write(server.known_hosts(), server.host_line("host")).unwrap();
        server
    }

    fn listen(folder: &Path, port: u16) -> Child {
        fs::create_dir_all(EMPTY).unwrap();
        fs::set_permissions(EMPTY, fs::Permissions::from_mode(0o755)).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        let settings = [
            "ListenAddress 127.0.0.1".to_owned(),
            format!("Port {port}"),
            format!("HostKey {}", path("host-rsa")),
            format!("HostKey {}", path("host")),
            format!("AuthorizedKeysFile {}", path("authorized_keys")),
            "PermitRootLogin prohibit-password".to_owned(),
            "PasswordAuthentication no".to_owned(),
            // The folder of a test may be beneath one that anybody may write to.
            "StrictModes no".to_owned(),
            "UsePAM no".to_owned(),
            "PidFile none".to_owned(),
            "LogLevel VERBOSE".to_owned(),
        ];
        fs::write(folder.join("sshd_config"), settings.join("\n") + "\n").unwrap();
        let mut server = Command::new(SSHD);
        server.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config")).stderr(Stdio::piped());
        let mut server = server.spawn().unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
        let listens = log.by_ref().map_while(Result::ok).any(|line| line.contains("Server listening"));
        assert!(listens, "sshd did not start");
        // It must never wait for somebody to read what it says.
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        server
    }

    /// Ends it with everybody who is connected, and starts it again at the same port.
    pub(crate) fn restart(&mut self) {
        self.end();
        self.server = Self::listen(self.folder.path(), self.port);
    }

    /// Ends it with everybody who is connected.
    pub(crate) fn end(&mut self) {
        for child in self.connections() {
            Command::new("kill").args(["-KILL", &child]).status().unwrap();
        }
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// The processes that serve its connections.
    pub(crate) fn connections(&self) -> Vec<String> {
        let id = self.server.id();
        // Without the file it has ended.
        let listed = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        listed.split_whitespace().map(str::to_owned).collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn user_key(&self) -> PathBuf {
        self.folder.path().join("user")
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// The line by which a file of known hosts knows it under one of its keys.
    pub(crate) fn host_line(&self, key: &str) -> String {
        format!("[127.0.0.1]:{} {}", self.port, public(&self.folder.path().join(key)))
    }

    /// The settings of a cluster whose node of this name it is.
    pub(crate) fn settings(&self, node: &str) -> Vec<(&'static str, String)> {
        vec![
            ("K3S_NODE_TRANSPORT", "ssh".to_owned()),
            ("K3S_SSH_HOSTS", format!("{node}=127.0.0.1:{}", self.port)),
            ("K3S_SSH_KEY_PATH", self.user_key().display().to_string()),
            ("K3S_SSH_KNOWN_HOSTS_PATH", self.known_hosts().display().to_string()),
        ]
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
