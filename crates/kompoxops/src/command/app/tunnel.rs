//! `app tunnel`. IO: listens on this machine.

use super::MODULE;
use crate::arguments::{TunnelArguments, TunnelPort};
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{Session, Use};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kompox_engine::app::{self, Tunnel, WantedPort};
use kompox_engine::{Error, refusal};
use serde::Serialize;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::TokioAsyncReadCompatExt;

/// How long a connection waits for a Pod while there is none, during a deploy for instance.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause after a connection could not be taken, when there are too many open files for instance.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) fn run(session: &Session<'_>, arguments: &TunnelArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    if !arguments.address.is_loopback() {
        let everyone = format!("whoever reaches {} can use the tunnel", arguments.address);
        session.screen.warning(&everyone);
    }
    session
        .on_cluster(&opened, MODULE, Use::Stream, async |connected| {
            let scope = connected.app()?;
            let wanted: Vec<WantedPort> = arguments.ports.iter().map(TunnelPort::wanted).collect();
            let work = async {
                let ports = app::tunnel_ports(&scope, &wanted).await?;
                let tunnel = Tunnel::new(&scope, PATIENCE);
                let serving = async {
                    let open = open(session, &tunnel, arguments, &ports).await?;
                    serve(session, &tunnel, &open).await
                };
                tokio::select! {
                    kept = tunnel.keep() => Ok(kept?),
                    served = serving => served,
                }
            };
            tokio::select! {
                biased;
                () = scope.cancel.cancelled() => {
                    Err(Error::Interrupted { done: "the tunnel is closed".to_owned() }.into())
                }
                result = work => result,
            }
        })
        .map(|never| match never {})
}

/// A listening port of this machine and where it leads.
struct Open {
    listener: TcpListener,
    port: u16,
}

/// Listens on every port, looks whether the app does too, and says what leads where.
async fn open(
    session: &Session<'_>,
    tunnel: &Tunnel<'_>,
    arguments: &TunnelArguments,
    ports: &[u16],
) -> Result<Vec<Open>, Failure> {
    let mut opened = Vec::new();
    let mut lines = Vec::new();
    for (asked, port) in arguments.ports.iter().zip(ports) {
        let address = SocketAddr::new(arguments.address, asked.local.unwrap_or(*port));
        let listener = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
        let address = listener.local_addr().map_err(|error| cannot_listen(address, &error))?;
        lines.push(Line { address, service: asked.service.clone(), port: *port, listens: false });
        opened.push(Open { listener, port: *port });
    }
    for line in &mut lines {
        line.listens = tunnel.listens(line.port).await?;
    }
    output::print(&Lines(lines), session.global.output)?;
    Ok(opened)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    let hint = "choose another port with LOCAL:PORT, where 0 takes a free one, or another --address";
    Error::refused(refusal::app::TUNNEL_ADDRESS, format!("cannot listen on {address}: {error}"), hint).into()
}

/// Hands connections on, many at once.
async fn serve(session: &Session<'_>, tunnel: &Tunnel<'_>, open: &[Open]) -> Result<Infallible, Failure> {
    let mut accepting: FuturesUnordered<_> = open.iter().map(|open| accept(open, Duration::ZERO)).collect();
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some((open, accepted)) = accepting.next() => {
                // Those that are connected go on meanwhile.
                let mut pause = Duration::ZERO;
                match accepted {
                    Ok((stream, _)) => connections.push(connect(tunnel, open.port, stream)),
                    Err(error) => {
                        session.screen.warning(&format!("a connection could not be taken: {error}"));
                        pause = PAUSE;
                    }
                }
                accepting.push(accept(open, pause));
            }
            Some((port, ended)) = connections.next(), if !connections.is_empty() => {
                if let Err(why) = ended {
                    session.screen.warning(&format!("a connection to port {port} ended: {why}"));
                }
            }
        }
    }
}

/// The next connection, after a pause.
async fn accept(open: &Open, pause: Duration) -> (&Open, io::Result<(TcpStream, SocketAddr)>) {
    tokio::time::sleep(pause).await;
    (open, open.listener.accept().await)
}

async fn connect(tunnel: &Tunnel<'_>, port: u16, stream: TcpStream) -> (u16, Result<(), String>) {
    let result = async {
        let remote = tunnel.open(port).await.map_err(|error| error.to_string())?;
        app::splice(stream.compat(), remote).await.map_err(|error| error.to_string())
    };
    (port, result.await)
}

/// What leads where.
#[derive(Serialize)]
struct Line {
    address: SocketAddr,
    service: Option<String>,
    port: u16,
    /// Something in the app listens there.
    listens: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Lines(Vec<Line>);

impl Data for Lines {
    fn table(&self) -> String {
        let mut table = Table::new(["LISTENING ON", "SERVICE", "PORT", "STATE"]);
        for Line { address, service, port, listens } in &self.0 {
            let state = if *listens { "answers" } else { "nothing listens there yet" };
            table.row([
                address.to_string(),
                service.clone().unwrap_or_default(),
                port.to_string(),
                state.to_owned(),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|line| line.address.to_string()).collect()
    }
}
