//! Makes a connection: the machine proves who it is, then the user does. Connects, reads key files, speaks with an agent.

use super::failure::Failure;
use super::known_hosts::{self, Verdict};
use super::{KeySource, Target};
use russh::client::{self, AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{Preferred, client::Config};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(10);
/// When a machine that says nothing is asked whether it is still there; after three times it is not.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A connection over which commands can be run.
pub(super) type Session = Handle<Machine>;

/// The machine at the other end, and what is known of its keys.
pub(super) struct Machine {
    known_hosts: String,
    known_as: String,
}

impl client::Handler for Machine {
    type Error = Failure;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Failure> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            // None was asked for.
            return Ok(false);
        };
        match known_hosts::judge(&self.known_hosts, &self.known_as, key) {
            Verdict::Known => Ok(true),
            verdict => Err(Failure::HostKey(verdict, Box::new(key.clone()))),
        }
    }
}

/// Connects and logs in.
pub(super) async fn connect(target: &Target) -> Result<Session, Failure> {
    let connected = tokio::time::timeout(LIMIT, async {
        let mut session = open(target).await?;
        log_in(&mut session, target).await?;
        Ok(session)
    });
    let late =
        || io::Error::new(io::ErrorKind::TimedOut, format!("no connection after {} s", LIMIT.as_secs()));
    connected.await.unwrap_or_else(|_| Err(Failure::Connect(late())))
}

async fn open(target: &Target) -> Result<Session, Failure> {
    let path = target.known_hosts.as_ref().ok_or(Failure::NoKnownHosts)?;
    let known_hosts = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::KnownHosts(path.clone(), error)),
    };
    let known_as = target.address.known_as();
    let key = by_preference(&known_hosts::algorithms(&known_hosts, &known_as));
    let config = Config {
        preferred: Preferred { key: key.into(), ..Preferred::DEFAULT },
        keepalive_interval: Some(KEEP_ALIVE),
        nodelay: true,
        ..Config::default()
    };
    let address = (target.address.host.as_str(), target.address.port);
    let stream = tokio::net::TcpStream::connect(address).await.map_err(Failure::Connect)?;
    client::connect_stream(Arc::new(config), stream, Machine { known_hosts, known_as }).await
}

/// Algorithms of host keys, those of known keys first; none that signs with SHA-1.
fn by_preference(known: &[Algorithm]) -> Vec<Algorithm> {
    let is_known = |algorithm: &Algorithm| {
        let rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
        known.iter().any(|known| known == algorithm || (rsa(known) && rsa(algorithm)))
    };
    let safe = Preferred::DEFAULT.key.iter().filter(|key| !matches!(key, Algorithm::Rsa { hash: None }));
    let (mut first, others): (Vec<_>, Vec<_>) = safe.cloned().partition(is_known);
    first.extend(others);
    first
}

async fn log_in(session: &mut Session, target: &Target) -> Result<(), Failure> {
    let shown = match &target.key {
        KeySource::File(path) => {
            let key = Arc::new(private_key(path)?);
            let hash = hash(session, &key.algorithm()).await?;
            let key = PrivateKeyWithHashAlg::new(key, hash);
            match session.authenticate_publickey(&target.user, key).await? {
                AuthResult::Success => return Ok(()),
                AuthResult::Failure { .. } => 1,
            }
        }
        KeySource::Agent(None) => return Err(Failure::NoKey),
        KeySource::Agent(Some(socket)) => match by_agent(session, &target.user, socket).await? {
            None => return Ok(()),
            Some(0) => return Err(Failure::AgentIsEmpty),
            Some(shown) => shown,
        },
    };
    Err(Failure::Refused { shown })
}

/// Tries every key of the agent; how many were refused, or none when one was accepted.
async fn by_agent(session: &mut Session, user: &str, socket: &Path) -> Result<Option<usize>, Failure> {
    let mut agent = match AgentClient::connect_uds(socket).await {
        Ok(agent) => agent,
        Err(russh::keys::Error::IO(_) | russh::keys::Error::BadAuthSock) => return Err(Failure::NoKey),
        Err(error) => return Err(Failure::Agent(error.into())),
    };
    let mut shown = 0;
    for identity in agent.request_identities().await.map_err(|error| Failure::Agent(error.into()))? {
        // A certificate comes beside its plain key.
        let AgentIdentity::PublicKey { key, .. } = identity else { continue };
        let hash = hash(session, &key.algorithm()).await?;
        shown += 1;
        match session.authenticate_publickey_with(user, key, hash, &mut agent).await {
            Ok(AuthResult::Success) => return Ok(None),
            Ok(AuthResult::Failure { .. }) => {}
            Err(error) => return Err(Failure::Agent(error)),
        }
    }
    Ok(Some(shown))
}

/// The hash that the machine wants in signatures of an RSA key.
async fn hash(session: &Session, algorithm: &Algorithm) -> Result<Option<HashAlg>, Failure> {
    match matches!(algorithm, Algorithm::Rsa { .. }) {
        true => Ok(session.best_supported_rsa_hash().await?.flatten().or(Some(HashAlg::Sha512))),
        false => Ok(None),
    }
}

fn private_key(path: &Path) -> Result<russh::keys::PrivateKey, Failure> {
    let unusable = |error| Failure::Key(path.to_owned(), error);
    let meta = std::fs::metadata(path).map_err(|error| unusable(error.into()))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(Failure::KeyIsOpen(path.to_owned()));
    }
    load_secret_key(path, None).map_err(unusable)
}
