//! `app tunnel`: connections to ports of the app's Pod, whichever Pod that is. IO through the cluster port; sockets are
//! the caller's.

use crate::app::{live, logs};
use crate::{Error, Event, Scope, refusal};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures::{FutureExt, StreamExt};
use kompox_model::port::{Duplex, ErrorKind, ForwardRequest, PortError};
use serde_json::Value;
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use tokio::sync::watch;

/// How long a port is listened to for a refusal.
const TRIAL: Duration = Duration::from_millis(500);
/// How long the app may stay silent after the other side has said everything. The protocol cannot hand on that end, so
/// a server that waits for it would be waited for.
const FAREWELL: Duration = Duration::from_secs(5);
/// Bytes that are handed on at once.
const CHUNK: usize = 32 * 1024;

/// A port of the app, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPort {
    /// The compose service, if one was named; all share the Pod, so this only picks and checks the name.
    pub service: Option<String>,
    /// The port; none means the only one that the service declares.
    pub port: Option<u16>,
}

/// Finds the ports in the app's Pod.
///
/// # Errors
/// NotFound without a Pod or such a service; Invalid when the port must be named; those of the cluster.
pub async fn tunnel_ports(scope: &Scope<'_>, wanted: &[WantedPort]) -> Result<Vec<u16>, Error> {
    let pods = live::pods(scope).await?;
    let pod = logs::newest(scope, &pods)?;
    wanted.iter().map(|wanted| port_of(pod, wanted)).collect()
}

fn port_of(pod: &Value, wanted: &WantedPort) -> Result<u16, Error> {
    let all = logs::containers(pod);
    let container = match &wanted.service {
        Some(service) => Some(logs::find_container(&all, service)?),
        None => None,
    };
    if let Some(port) = wanted.port {
        return Ok(port);
    }
    let lists = ["/spec/initContainers", "/spec/containers"];
    let containers = lists.iter().filter_map(|path| pod.pointer(path)?.as_array()).flatten();
    let named = containers.filter(|spec| container.is_none_or(|name| spec["name"] == name));
    let declared: Vec<u16> = named
        .filter_map(|spec| spec["ports"].as_array())
        .flatten()
        .filter(|port| port["protocol"].as_str().unwrap_or("TCP") == "TCP")
        .filter_map(|port| u16::try_from(port["containerPort"].as_u64()?).ok())
        .collect();
    let service = wanted.service.as_deref().unwrap_or_default();
    match declared.as_slice() {
        [only] => Ok(*only),
        [] => Err(Error::refused(
            refusal::app::PORT_NONE,
            format!("service `{service}` declares no port"),
            format!("name the port it listens on: {service}:PORT"),
        )),
        several => {
            let several: Vec<_> = several.iter().map(ToString::to_string).collect();
            Err(Error::refused(
                refusal::app::PORT_AMBIGUOUS,
                format!("service `{service}` declares several ports"),
                format!("name one of: {}", several.join(", ")),
            ))
        }
    }
}

/// The way into the app's Pod. [`Tunnel::keep`] has to run beside it.
pub struct Tunnel<'a> {
    scope: &'a Scope<'a>,
    patience: Duration,
    pod: watch::Sender<Option<String>>,
}

impl<'a> Tunnel<'a> {
    /// A tunnel that knows of no Pod yet. A connection waits that long for one.
    #[must_use]
    pub fn new(scope: &'a Scope<'a>, patience: Duration) -> Self {
        Self { scope, patience, pod: watch::Sender::new(None) }
    }

    /// Keeps an eye on the app's Pods and tells when another one takes over. Ends only with an error.
    ///
    /// # Errors
    /// Those of the cluster.
    pub async fn keep(&self) -> Result<Infallible, Error> {
        let call = self.scope.call();
        let mut snapshots = self.scope.kubernetes.watch(&call, &live::pod_query(self.scope));
        let mut seen = false;
        while let Some(pods) = snapshots.next().await {
            let now = running(&pods?);
            self.pod.send_if_modified(|former| {
                if *former == now {
                    return false;
                }
                let text = match (&now, seen) {
                    (Some(pod), true) => Some(format!("connected with Pod {pod}")),
                    (None, true) => Some("the Pod is stopped; connections wait for the next".to_owned()),
                    (_, false) => None,
                };
                if let Some(text) = text {
                    self.scope.progress.event(Event::Note(text));
                }
                seen |= now.is_some();
                former.clone_from(&now);
                true
            });
        }
        Err(PortError::new(ErrorKind::Unavailable, "engine", "watch", "Pods")
            .detail("the watch ended")
            .into())
    }

    /// Connects to a port of the Pod; waits for one that runs.
    ///
    /// # Errors
    /// Unavailable when there is no such Pod for too long; those of the cluster.
    pub async fn open(&self, port: u16) -> Result<Box<dyn Duplex>, Error> {
        let mut pods = self.pod.subscribe();
        let waiting = tokio::time::timeout(self.patience, pods.wait_for(Option::is_some)).await;
        let pod = match waiting {
            Ok(Ok(pod)) => pod.clone().unwrap_or_default(),
            Ok(Err(_)) | Err(_) => {
                return Err(Error::refused(
                    refusal::app::POD_NOT_RUNNING,
                    "the app has no running Pod",
                    "see `kompoxops app status`",
                ));
            }
        };
        let request = ForwardRequest { namespace: self.scope.namespace(), pod, port };
        Ok(self.scope.kubernetes.forward(&self.scope.call(), &request).await?)
    }

    /// Whether something listens on a port of the Pod.
    ///
    /// # Errors
    /// Those of [`Tunnel::open`].
    pub async fn listens(&self, port: u16) -> Result<bool, Error> {
        let mut connection = self.open(port).await?;
        let mut byte = [0];
        // A refusal comes at once; silence, and a greeting, mean that somebody is there.
        let refused = match tokio::time::timeout(TRIAL, connection.read(&mut byte)).await {
            Ok(Err(error)) => error.kind() == io::ErrorKind::ConnectionRefused,
            Ok(Ok(_)) | Err(_) => false,
        };
        // What was learnt stands, however the farewell goes.
        let _ = connection.close().await;
        Ok(!refused)
    }
}

/// The newest Pod with a running container that is not on its way out.
fn running(pods: &[Value]) -> Option<String> {
    let runs = |pod: &&Value| {
        !live::is_terminating(pod) && pod.pointer("/status/phase").is_some_and(|phase| phase == "Running")
    };
    let made = |pod: &&Value| pod.pointer("/metadata/creationTimestamp").map(ToString::to_string);
    pods.iter().filter(runs).max_by_key(made).map(|pod| logs::pod_name(pod).to_owned())
}

/// Hands bytes on in both directions until one side is gone.
///
/// # Errors
/// Those of the two sides.
pub async fn splice(local: impl AsyncRead + AsyncWrite + Unpin, remote: Box<dyn Duplex>) -> io::Result<()> {
    let (mut from_local, mut to_local) = local.split();
    let (mut from_remote, mut to_remote) = remote.split();
    let (told, mut said_all) = watch::channel(false);
    let up = async {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = from_local.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            to_remote.write_all(&buffer[..count]).await?;
            to_remote.flush().await?;
        }
        told.send_replace(true);
        std::future::pending::<io::Result<()>>().await
    };
    let down = async {
        let mut buffer = vec![0; CHUNK];
        loop {
            let silence = async {
                // The sender lives as long as this function.
                let _ = said_all.wait_for(|all| *all).await;
                tokio::time::sleep(FAREWELL).await;
            };
            let count = tokio::select! {
                read = from_remote.read(&mut buffer) => read?,
                () = silence => break,
            };
            if count == 0 {
                break;
            }
            to_local.write_all(&buffer[..count]).await?;
            to_local.flush().await?;
        }
        to_local.close().await
    };
    let result = tokio::select! {
        result = up => result,
        result = down => result,
    };
    // Whether the other side is told or finds out: it is over. Without waiting for the server to agree.
    if let Ok(mut remote) = from_remote.reunite(to_remote) {
        let _ = remote.close().now_or_never();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({"spec": {
            "initContainers": [{"name": "db", "restartPolicy": "Always", "ports": [{"containerPort": 5432}]}],
            "containers": [
                {"name": "web", "ports": [{"containerPort": 80}, {"containerPort": 443, "protocol": "TCP"}]},
                {"name": "job", "ports": [{"containerPort": 53, "protocol": "UDP"}]},
            ],
        }})
    }

    #[test]
    fn a_service_with_one_port_needs_no_number() {
        let port = |service: &str, port| {
            port_of(&pod(), &WantedPort { service: Some(service.to_owned()), port })
                .map_err(|error| error.to_string())
        };
        assert_eq!(port("db", None), Ok(5432));
        assert_eq!(port("web", Some(8080)), Ok(8080));
        assert!(port("web", None).unwrap_err().contains("several ports"));
        assert!(port("job", None).unwrap_err().contains("no port"));
        assert!(port("nobody", Some(1)).unwrap_err().contains("no service `nobody`"));
    }

    #[test]
    fn the_pod_is_the_newest_that_runs() {
        let pod = |name: &str, made: &str, phase: &str, going: bool| {
            let mut pod =
                json!({"metadata": {"name": name, "creationTimestamp": made}, "status": {"phase": phase}});
            if going {
                pod["metadata"]["deletionTimestamp"] = "now".into();
            }
            pod
        };
        let old = pod("old", "2026-01-01T00:00:00Z", "Running", false);
        let new = pod("new", "2026-01-02T00:00:00Z", "Running", false);
        assert_eq!(running(&[new, old.clone()]).as_deref(), Some("new"));
        let pending = pod("new", "2026-01-02T00:00:00Z", "Pending", false);
        assert_eq!(running(&[old, pending.clone()]).as_deref(), Some("old"));
        assert_eq!(running(&[pod("old", "2026-01-01T00:00:00Z", "Running", true), pending]), None);
    }
}
