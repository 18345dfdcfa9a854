//! Commands in containers, over a WebSocket with one channel per stream. IO: the network.
//!
//! Input and output are moved by two independent loops. With one loop, a command that answers while it still reads
//! (`cat`, `tar`) comes to a halt as soon as both directions are full: nobody reads because somebody writes.
//!
//! A command should read its input to the end. When it exits with more than about 100 kB of it unread, some container
//! runtimes (containerd 1.6 is one) never report its end, to any client; then only a deadline ends the call.

use crate::client::Client;
use crate::request::Limits;
use crate::translate::Site;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use futures::stream::BoxStream;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use kompox_model::port::{ErrorKind, ExecRequest, ExecStreams, PortError, TerminalSize};
use kube::api::AttachParams;
use kube::core::Status;
use std::io;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
/// Carries a Status when the command has ended.
const STATUS: u8 = 3;
/// Carries the size of the terminal.
const RESIZE: u8 = 4;
/// Closes the channel that is named by the next byte; only in version 5 of the protocol.
const CLOSE: u8 = 255;

/// Input sent at once. Larger frames were not faster, and the server copies each one whole.
const CHUNK: usize = 32 * 1024;
/// An idle connection is kept open through proxies by a ping.
const PING: Duration = Duration::from_secs(30);
/// How long a closing handshake may take after the command has ended.
const FAREWELL: Duration = Duration::from_secs(1);

impl Client {
    pub(crate) async fn run_command(
        &self,
        limits: &Limits,
        request: &ExecRequest,
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError> {
        let target = format!("{}/{}: {}", request.namespace, request.pod, program(&request.command));
        let (_, path) = self.pod("exec", &request.namespace, &request.pod)?;
        let site = self.site("exec", target);
        let params = AttachParams {
            container: request.container.clone(),
            stdin: streams.stdin.is_some(),
            stdout: true,
            stderr: !request.tty,
            tty: request.tty,
            ..AttachParams::default()
        };
        let http = path
            .exec(&request.pod, &request.command, &params)
            .map_err(|error| site.client(kube::Error::BuildRequest(error)))?;
        let opening = async { self.kube().connect(http).await.map_err(|error| site.pod_client(error)) };
        let connection = limits.at_most(self.request_timeout()).run(&site, opening).await?;
        if streams.stdin.is_some() && !connection.supports_stream_close() {
            return Err(site
                .error(ErrorKind::Unsupported)
                .detail("the server cannot be told that the input has ended")
                .hint("Kubernetes 1.31 or newer is needed"));
        }
        limits.run(&site, converse(&site, connection.into_stream(), streams)).await
    }
}

/// The program, for messages; arguments may hold secrets.
fn program(command: &[String]) -> &str {
    command.first().map_or("", String::as_str)
}

/// Moves everything both ways until the command has ended, and returns its exit code.
async fn converse<S>(site: &Site, socket: S, streams: ExecStreams<'_>) -> Result<i32, PortError>
where
    S: Stream<Item = Result<Message, SocketError>> + Sink<Message, Error = SocketError> + Unpin,
{
    let (mut sink, mut source) = socket.split();
    let ExecStreams { stdin, stdout, stderr, sizes } = streams;
    let result = tokio::select! {
        result = receive(site, &mut source, stdout, stderr) => result,
        error = send(site, &mut sink, stdin, sizes) => Err(error),
    };
    // The result is known; a server that does not say goodbye changes nothing.
    let _ = tokio::time::timeout(FAREWELL, sink.close()).await;
    result
}

/// Sends the input, sizes of the terminal, and pings. Ends only with an error; the end of the command is the receiver's
/// to see, also when the command ended without reading its input.
async fn send<'a, S>(
    site: &Site,
    sink: &mut S,
    mut stdin: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    mut sizes: Option<BoxStream<'a, TerminalSize>>,
) -> PortError
where
    S: Sink<Message, Error = SocketError> + Unpin,
{
    let mut buffer = vec![0; CHUNK];
    loop {
        let message = tokio::select! {
            read = read(&mut stdin, &mut buffer) => match read {
                Ok(0) => {
                    stdin = None;
                    Message::Binary(Bytes::from_static(&[CLOSE, STDIN]))
                }
                Ok(count) => frame(STDIN, &buffer[..count]),
                Err(error) => {
                    return site
                        .error(ErrorKind::Internal)
                        .detail("the input of the command cannot be read")
                        .because(error);
                }
            },
            size = next(&mut sizes) => match size {
                Some(TerminalSize { columns, lines }) => {
                    frame(RESIZE, format!(r#"{{"Width":{columns},"Height":{lines}}}"#).as_bytes())
                }
                None => {
                    sizes = None;
                    continue;
                }
            },
            () = tokio::time::sleep(PING) => Message::Ping(Bytes::new()),
        };
        if let Err(error) = sink.send(message).await {
            // The receiver sees why. Input that nobody gets any more is not taken from whoever else may read it.
            tracing::debug!("sending input ended: {error}");
            return std::future::pending().await;
        }
    }
}

/// The next input; never without an input.
async fn read(
    stdin: &mut Option<&mut (dyn AsyncRead + Send + Unpin)>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    match stdin {
        Some(stdin) => stdin.read(buffer).await,
        None => std::future::pending().await,
    }
}

/// The next size; never without any to come.
async fn next<'a>(sizes: &mut Option<BoxStream<'a, TerminalSize>>) -> Option<TerminalSize> {
    match sizes {
        Some(sizes) => sizes.next().await,
        None => std::future::pending().await,
    }
}

fn frame(channel: u8, content: &[u8]) -> Message {
    let mut frame = BytesMut::with_capacity(content.len() + 1);
    frame.put_u8(channel);
    frame.put_slice(content);
    Message::Binary(frame.freeze())
}

/// Hands on the output until the command's status arrives.
async fn receive<S>(
    site: &Site,
    source: &mut S,
    stdout: &mut (dyn AsyncWrite + Send + Unpin),
    stderr: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<i32, PortError>
where
    S: Stream<Item = Result<Message, SocketError>> + Unpin,
{
    while let Some(message) = source.next().await {
        let data = match message.map_err(|error| site.transport(Box::new(error)))? {
            Message::Binary(data) => data,
            Message::Close(_) => break,
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        let Some((&channel, content)) = data.split_first() else { continue };
        match channel {
            STDOUT => stdout.write_all(content).await.map_err(|error| unwritable(site, error))?,
            STDERR => stderr.write_all(content).await.map_err(|error| unwritable(site, error))?,
            STATUS => {
                stdout.flush().await.map_err(|error| unwritable(site, error))?;
                stderr.flush().await.map_err(|error| unwritable(site, error))?;
                let status: Status = serde_json::from_slice(content).map_err(|error| site.garbled(error))?;
                return exit_code(site, &status);
            }
            _ => {}
        }
    }
    Err(site
        .error(ErrorKind::Unavailable)
        .detail("the connection ended before the command did; whether it still runs is not known"))
}

fn unwritable(site: &Site, error: io::Error) -> PortError {
    site.error(ErrorKind::Internal).detail("the output of the command cannot be written").because(error)
}

/// The exit code in a command's status. Failures to start it are errors.
fn exit_code(site: &Site, status: &Status) -> Result<i32, PortError> {
    if status.is_success() {
        return Ok(0);
    }
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let code = causes.filter(|cause| cause.reason == "ExitCode").find_map(|cause| cause.message.parse().ok());
    match code {
        Some(code) => Ok(code),
        None if status.message.contains("executable file not found")
            || status.message.contains("no such file or directory") =>
        {
            let problem = site.error(ErrorKind::NotFound);
            Err(problem.detail("the container has no such program").because(status.clone()))
        }
        None => Err(site.pod(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(status: &serde_json::Value) -> Result<i32, PortError> {
        let site =
            Site { operation: "exec", target: "a/b: sh".into(), server: "https://h".into(), secret: false };
        exit_code(&site, &serde_json::from_value(status.clone()).unwrap())
    }

    #[test]
    fn exit_codes_come_from_the_status() {
        assert_eq!(code(&json!({"status": "Success"})).unwrap(), 0);
        let failed = json!({"status": "Failure", "reason": "NonZeroExitCode",
            "message": "command terminated with non-zero exit code",
            "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}});
        assert_eq!(code(&failed).unwrap(), 7);
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        let status = json!({"status": "Failure", "reason": "InternalError", "code": 500,
            "message": "exec: \"nope\": executable file not found in $PATH: unknown"});
        assert_eq!(code(&status).unwrap_err().kind, ErrorKind::NotFound);
        let status = json!({"status": "Failure", "message": "the runtime is gone"});
        assert_eq!(code(&status).unwrap_err().kind, ErrorKind::Internal);
    }
}
