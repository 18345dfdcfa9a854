//! The test bed's NetworkPolicy engine: follows policies, Pods and Namespaces, and keeps the node's nftables rules as
//! they say. Runs inside a cluster's network namespace, where its rules end with the namespace. A stand-in for a real
//! engine (IPv4, one node); what it does is held against the upstream end-to-end suite.
//!
//! It ends, for `cluster status` to show, when rules cannot be loaded or the API server has long been out of reach.

mod address;
mod api;
mod follow;
mod object;
mod ports;
mod ruleset;
mod select;
#[cfg(test)]
mod tests;
mod world;

use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use api::Api;
use follow::{Message, follow};
use world::World;

/// The proxy's socket; `/run` belongs to the cluster.
const SOCKET: &str = "/run/testbed-policy.sock";
/// Tells `up` that policies are enforced.
const READY: &str = "/run/testbed-policy.ready";
/// Says on the node who enforces policies, where kompoxops looks for it.
const MARK: &str = "kompox.dev/network-policy-engine=testbed";
/// Changes come in groups: one Pod that starts is several of them.
const QUIET: Duration = Duration::from_millis(10);
/// The longest that rules wait for a quiet moment.
const LATEST: Duration = Duration::from_millis(100);
/// Between attempts at what depends on others that are still starting.
const PAUSE: Duration = Duration::from_millis(250);
const START_LIMIT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [kubectl, kubeconfig, node] => run(kubectl, kubeconfig, node),
        _ => Err("usage: testbed-policy KUBECTL KUBECONFIG NODE".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("testbed-policy: {message}");
            ExitCode::from(2)
        }
    }
}

/// Runs until something is wrong.
fn run(kubectl: &str, kubeconfig: &str, node: &str) -> Result<(), String> {
    // Left by an engine that was killed; this one has not loaded anything yet.
    std::fs::remove_file(READY).ok();
    let mut proxy = proxy(kubectl, kubeconfig)?;
    let api = Api::new(SOCKET);
    wait_for(&api, &mut proxy)?;
    let (send, messages) = mpsc::channel();
    follow(&api, "/apis/networking.k8s.io/v1/networkpolicies", &send, Message::Policies);
    follow(&api, "/api/v1/pods", &send, Message::Pods);
    follow(&api, "/api/v1/namespaces", &send, Message::Namespaces);
    drop(send);

    let mut world = World::default();
    let mut loaded = String::new();
    let mut marked = false;
    loop {
        match messages.recv_timeout(PAUSE) {
            Ok(message) => world.take(message)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("nobody follows the API server".to_owned()),
        }
        let first = Instant::now();
        while first.elapsed() < LATEST {
            let Ok(message) = messages.recv_timeout(QUIET) else { break };
            world.take(message)?;
        }
        let Some(rules) = world.rules() else { continue };
        if rules != loaded {
            load(&rules)?;
            loaded = rules;
        }
        if !marked && mark(kubectl, kubeconfig, node) {
            std::fs::write(READY, "").map_err(|error| format!("cannot write {READY}: {error}"))?;
            marked = true;
        }
        if let Ok(Some(status)) = proxy.try_wait() {
            return Err(format!("kubectl proxy ended: {status}"));
        }
    }
}

/// `kubectl proxy` speaks plain HTTP here and TLS with the API server. It ends with this process.
fn proxy(kubectl: &str, kubeconfig: &str) -> Result<Child, String> {
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", kubectl, "--kubeconfig", kubeconfig, "proxy", "--unix-socket", SOCKET])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start setpriv: {error}"))
}

fn wait_for(api: &Api, proxy: &mut Child) -> Result<(), String> {
    let started = Instant::now();
    while let Err(error) = api.list("/api/v1/namespaces") {
        if let Ok(Some(status)) = proxy.try_wait() {
            return Err(format!("kubectl proxy ended: {status}"));
        }
        if started.elapsed() > START_LIMIT {
            return Err(format!("no answer from the API server: {error}"));
        }
        std::thread::sleep(QUIET);
    }
    Ok(())
}

/// Exchanges the whole table in one transaction: no packet ever sees half of it.
fn load(rules: &str) -> Result<(), String> {
    use std::io::Write;
    let failed = |error: std::io::Error| format!("cannot run nft: {error}");
    let mut nft = Command::new("nft").args(["--file", "-"]).stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = nft.stdin.take() {
        stdin.write_all(rules.as_bytes()).map_err(failed)?;
    }
    let status = nft.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("nft: {status}; it did not take:\n{rules}")) }
}

/// False while there is no node to mark.
fn mark(kubectl: &str, kubeconfig: &str, node: &str) -> bool {
    Command::new(kubectl)
        .args(["--kubeconfig", kubeconfig, "annotate", "--overwrite", "node", node, MARK])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
