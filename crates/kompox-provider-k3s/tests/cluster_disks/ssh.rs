//! The ways to kompox-node as programs of machines: who may come in, and what happens when a machine or a program is not as
//! expected. Every request is one for the disks of an app.

use crate::bed::{Bed, disk};
use crate::program::kompox_node;
use crate::skipped;
use crate::ssh_server::{SshServer, key};
use kompox_model::VolumeName;
use kompox_model::port::{
    AppScope, Call, Cancel, DiskExport, DiskStreams as _, Disks as _, Driver as _, ErrorKind, ExportOf,
    PortError,
};
use kompox_provider::conformance::ConformanceSubject as _;
use kompox_provider_k3s::Machine;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// What the list of an app's disks says: nothing when all is well.
async fn asked(bed: &Bed) -> String {
    let identity = bed.identity("app");
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &bed.uid };
    match bed.driver.list(&bed.call(), scope).await {
        Ok(inventory) => {
            inventory.gaps.iter().map(|gap| format!("gap: {}", gap.message)).collect::<Vec<_>>().join("\n")
        }
        Err(error) => told(&error),
    }
}

/// An error as a person reads it: kind, message, causes and hint.
fn told(error: &PortError) -> String {
    let mut text = format!("{:?}: {error}", error.kind);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    let hint = error.hint.as_deref().map(|hint| format!(" | {hint}"));
    text + &hint.unwrap_or_default()
}

async fn check(bed: &Bed, what: &str, expected: &str) {
    let said = asked(bed).await;
    match expected {
        "" => assert_eq!(said, "", "{what}"),
        expected => assert!(said.contains(expected), "{what}: {said}"),
    }
}

/// An agent without keys, ended with the test.
struct Agent {
    agent: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent");
        let mut command = Command::new("ssh-agent");
        let agent = command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        until(|| socket.exists());
        Self { agent, socket }
    }

    fn run(&self, arguments: &[&str]) {
        let mut command = Command::new("ssh-add");
        let done = command.arg("-q").args(arguments).env("SSH_AUTH_SOCK", &self.socket).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.agent.kill().ok();
        self.agent.wait().ok();
    }
}

/// Waits for what must come soon.
fn until(condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < end, "it did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_must_be_the_known_one() {
    if skipped("a_machine_must_be_the_known_one") {
        return;
    }
    let bed = Bed::new().await;
    let server = SshServer::start();
    let stranger = key(server.folder(), "stranger", "ed25519", "");
    let other = fs::read_to_string(stranger.with_extension("pub")).unwrap();
    let own = server.host_line("host");
    let host = own.split_once(' ').unwrap().0;
    let cases = [
        ("known", own.clone(), ""),
        ("known by the key that it does not prefer", server.host_line("host-rsa"), ""),
        ("one of several", format!("{host} {other}{own}"), ""),
        ("unknown", String::new(), "is not in "),
        ("unknown, and a way out", String::new(), "`ssh-keyscan -p "),
        ("unknown at this port", own.replace(host, "127.0.0.1"), "is not in "),
        ("changed", format!("{host} {other}"), "is not the one in "),
        ("revoked", format!("{own}@revoked * {}", own.split_once(' ').unwrap().1), "is revoked in "),
    ];
    for (what, file, expected) in cases {
        fs::write(server.known_hosts(), file).unwrap();
        // A driver of its own, so that no connection is there yet.
        check(&bed.by_ssh(&server, &[]), what, expected).await;
        if !expected.is_empty() {
            check(&bed.by_ssh(&server, &[]), what, "Denied: ").await;
        }
    }
    fs::write(server.known_hosts(), own).unwrap();
    let hashed = Command::new("ssh-keygen").arg("-H").arg("-f").arg(server.known_hosts()).output().unwrap();
    assert!(hashed.status.success());
    check(&bed.by_ssh(&server, &[]), "hashed", "").await;
    let folder = server.folder().to_str().unwrap();
    let unreadable = bed.by_ssh(&server, &[("K3S_SSH_KNOWN_HOSTS_PATH", folder)]);
    check(&unreadable, "a folder", "cannot be read: Is a directory").await;
    let nowhere = bed.by_ssh(&server, &[("K3S_SSH_KNOWN_HOSTS_PATH", "")]);
    check(&nowhere, "no home", "no file of known hosts: HOME is not set").await;
    fs::create_dir(server.folder().join(".ssh")).unwrap();
    fs::copy(server.known_hosts(), server.folder().join(".ssh/known_hosts")).unwrap();
    let home = Machine { home: Some(server.folder().to_owned()), ..Machine::default() };
    check(&nowhere.on(home), "the user's own file", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_must_have_a_key() {
    if skipped("a_user_must_have_a_key") {
        return;
    }
    let bed = Bed::new().await;
    let server = SshServer::start();
    let at = |name: &str| server.folder().join(name).to_str().unwrap().to_owned();
    key(server.folder(), "stranger", "ed25519", "");
    key(server.folder(), "protected", "ed25519", "a passphrase");
    fs::copy(at("user"), at("open")).unwrap();
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(at("text"), "nothing").unwrap();
    fs::set_permissions(at("text"), fs::Permissions::from_mode(0o600)).unwrap();
    for (what, name, expected) in [
        ("the right one", "user", ""),
        ("an RSA key", "user-rsa", ""),
        (
            "an unknown one",
            "stranger",
            "it accepts none of the 1 keys | add the public key to the authorized_keys of root",
        ),
        (
            "one with a passphrase",
            "protected",
            "is protected by a passphrase | add it to an agent with `ssh-add`",
        ),
        ("one that others may read", "open", "others may read the private key in "),
        ("none", "missing", "cannot be used: "),
        ("no key at all", "text", "cannot be used: "),
    ] {
        check(&bed.by_ssh(&server, &[("K3S_SSH_KEY_PATH", &at(name))]), what, expected).await;
    }
    let nobody = bed.by_ssh(&server, &[("K3S_SSH_USER", "nosuchuser")]);
    check(&nobody, "another user", "Unauthenticated: ").await;

    let with = |socket: Option<PathBuf>| {
        let machine = Machine { agent: socket, ..Machine::default() };
        bed.by_ssh(&server, &[("K3S_SSH_KEY_PATH", "")]).on(machine)
    };
    check(&with(None), "no agent", "there is no key: no SSH agent answers").await;
    check(&with(Some(at("nothing").into())), "no agent there", "there is no key: no SSH agent answers").await;
    let odd = UnixListener::bind(at("odd")).unwrap();
    let refusing = std::thread::spawn(move || drop(odd.accept()));
    check(&with(Some(at("odd").into())), "no real agent", "the SSH agent does not work").await;
    refusing.join().unwrap();
    let agent = Agent::start(server.folder());
    let by_agent = || with(Some(agent.socket.clone()));
    check(&by_agent(), "an empty agent", "the SSH agent has no key").await;
    agent.run(&[&at("stranger")]);
    check(&by_agent(), "an agent without the key", "it accepts none of the 1 keys").await;
    agent.run(&[&at("user-rsa")]);
    check(&by_agent(), "an agent with the RSA key", "").await;
    agent.run(&["-D"]);
    agent.run(&[&at("user")]);
    check(&by_agent(), "an agent with the key", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_must_be_there() {
    if skipped("a_program_must_be_there") {
        return;
    }
    let bed = Bed::new().await;
    let server = SshServer::start();
    let script = |name: &str, text: &str| {
        let path = server.folder().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let other = script("other", r#"echo '{"version":1,"ok":{}}'"#);
    let broken = script("broken", "echo 'out of order' >&2; exit 3");
    let behind = format!("env ANYTHING=1 {}", kompox_node().display());
    for (what, command, expected) in [
        ("behind another command", behind.as_str(), ""),
        ("absent", "/no/such/program", "kompox-node cannot be run there as `/no/such/program`, which said: "),
        ("no program", "/etc/passwd", "kompox-node cannot be run there as `/etc/passwd`"),
        ("of another version", &other, "kompox-node there is of another version: "),
        ("out of order", &broken, "kompox-node ended with code 3, it said: out of order"),
    ] {
        for transport in ["ssh", "local"] {
            let settings = [("K3S_NODE_COMMAND", command), ("K3S_NODE_TRANSPORT", transport)];
            check(&bed.by_ssh(&server, &settings), &format!("{what} by {transport}"), expected).await;
        }
    }
    let nobody = format!("{}=127.0.0.1:1", bed.node);
    let unreachable = bed.by_ssh(&server, &[("K3S_SSH_HOSTS", &nobody)]);
    check(&unreachable, "no server", "it cannot be reached: Connection refused").await;
    let elsewhere = bed.by(&[("K3S_NODE_TRANSPORT", "local"), ("K3S_LOCAL_NODE", "another")]);
    check(&elsewhere, "another machine", "it is not this machine, which is another").await;
    let status = elsewhere.driver.cluster_status(&elsewhere.call(), &elsewhere.cluster).await.unwrap();
    assert_eq!((status.provisioned, status.installed), (Some(true), None));
    let right = bed.by_ssh(&server, &[]);
    let status = right.driver.cluster_status(&right.call(), &right.cluster).await.unwrap();
    assert_eq!(status.installed, Some(true));
    assert_eq!(right.driver.install_plan(&right.cluster).unwrap().iter().count(), 0);
    right.driver.after_install(&right.call(), &right.cluster).await.unwrap();
}

/// Takes what is written to it, and acts when the first of it comes.
struct Interrupted<F>(Option<F>);

impl<F: FnOnce() + Unpin> futures::AsyncWrite for Interrupted<F> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(act) = self.0.take() {
            act();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_replaced() {
    if skipped("connections_are_kept_and_replaced") {
        return;
    }
    let first = Bed::new().await;
    let mut server = SshServer::start();
    let bed = first.by_ssh(&server, &[]);
    for _ in 0..3 {
        check(&bed, "again", "").await;
    }
    assert_eq!(server.connections().len(), 1, "one connection serves one request after the other");
    server.restart();
    check(&bed, "after the machine was away", "").await;

    let identity = bed.identity("app");
    let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &bed.uid };
    let volume: VolumeName = "default".parse().unwrap();
    let made = bed.driver.create(&bed.call(), scope, &volume, &disk("one")).await.unwrap();
    let mut random = fs::File::open("/dev/urandom").unwrap();
    let mut file = fs::File::create(Path::new(&made.handle).join("file")).unwrap();
    io::copy(&mut io::Read::take(&mut random, 64 << 20), &mut file).unwrap();
    let export = DiskExport {
        of: ExportOf::Disk("one".parse().unwrap()),
        at_rest: true,
        exported_at: jiff::Timestamp::UNIX_EPOCH,
        resume: None,
    };
    let mut archive = Interrupted(Some(|| server.end()));
    let cut = bed.driver.export(&bed.call(), scope, &volume, &export, &mut archive, &|_, _| {}).await;
    let cut = cut.unwrap_err();
    assert_eq!(cut.kind, ErrorKind::Unavailable, "{}", told(&cut));
    server.restart();
    let mut archive = Interrupted(Some(|| {}));
    bed.driver.export(&bed.call(), scope, &volume, &export, &mut archive, &|_, _| {}).await.unwrap();
    bed.clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_when_nobody_waits_for_it() {
    if skipped("a_program_ends_when_nobody_waits_for_it") {
        return;
    }
    let first = Bed::new().await;
    let server = SshServer::start();
    for transport in ["ssh", "local"] {
        let (script, id) = (server.folder().join("waits"), server.folder().join(transport));
        // It has its request, and the end of its input is never seen as long as somebody is there.
        let text =
            format!("#!/bin/sh\necho $$ > {0}.new; mv {0}.new {0}\nexec tail -f /dev/stdin\n", id.display());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let settings = [("K3S_NODE_COMMAND", script.to_str().unwrap()), ("K3S_NODE_TRANSPORT", transport)];
        let bed = first.by_ssh(&server, &settings);
        let identity = bed.identity("app");
        let scope = AppScope { identity: &identity, cluster: &bed.cluster, cluster_uid: &bed.uid };
        let cancel = Cancel::new();
        let call = Call::new(&cancel).with_cluster(&bed.client);
        let (ended, ()) = tokio::join!(bed.driver.list(&call, scope), async {
            while !id.exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            cancel.cancel();
        });
        assert_eq!(ended.unwrap_err().kind, ErrorKind::Cancelled);
        let process = format!("/proc/{}", fs::read_to_string(&id).unwrap().trim());
        until(|| server.connections().is_empty());
        match transport {
            // One that nobody has asked for its end yet has no command line left.
            "local" => until(|| fs::read(format!("{process}/cmdline")).unwrap_or_default().is_empty()),
            // Nothing tells it, but its next word, that nobody listens.
            _ => assert!(Command::new("kill").arg(&process["/proc/".len()..]).status().unwrap().success()),
        }
    }
}
