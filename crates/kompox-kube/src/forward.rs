//! Connections to ports of Pods, over a WebSocket. IO: the network.

use crate::client::Client;
use crate::request::Limits;
use crate::translate::Site;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::io::{AsyncRead, AsyncWrite};
use futures::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use kompox_model::port::{ErrorKind, ForwardRequest, PortError};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

/// Bytes to and from the port.
const DATA: u8 = 0;
/// Why the port cannot be used.
const ERROR: u8 = 1;

/// The largest piece that is sent in one frame.
const CHUNK: usize = 32 * 1024;

/// Both halves of a WebSocket in one.
trait Socket: Stream<Item = Result<Message, SocketError>> + Sink<Message, Error = SocketError> {}

impl<T: Stream<Item = Result<Message, SocketError>> + Sink<Message, Error = SocketError>> Socket for T {}

/// A connection to a port of a Pod. The protocol has no half-close: closing ends both directions.
pub(crate) struct Forward {
    site: Site,
    socket: Pin<Box<dyn Socket + Send>>,
    stopped: BoxFuture<'static, PortError>,
    /// Received and not read yet.
    unread: Bytes,
    /// Whether the first frame of each channel, which repeats the port, has been seen.
    opened: [bool; 2],
}

impl Client {
    pub(crate) async fn open_port(
        &self,
        limits: Limits,
        request: &ForwardRequest,
    ) -> Result<Forward, PortError> {
        let (_, path) = self.pod("forward", &request.namespace, &request.pod)?;
        let site =
            self.site("forward", format!("Pod {}/{} port {}", request.namespace, request.pod, request.port));
        let http = path
            .portforward(&request.pod, &[request.port])
            .map_err(|error| site.client(kube::Error::BuildRequest(error)))?;
        let opening = async { self.kube().connect(http).await.map_err(|error| site.pod_client(error)) };
        let connection = limits.at_most(self.request_timeout()).run(&site, opening).await?;
        let patience = site.clone();
        Ok(Forward {
            site,
            socket: Box::pin(connection.into_stream()),
            stopped: async move { limits.reached(&patience).await }.boxed(),
            unread: Bytes::new(),
            opened: [false; 2],
        })
    }
}

impl Forward {
    fn poll_stopped(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let reason = ready!(self.stopped.poll_unpin(context));
        self.stopped = std::future::pending().boxed();
        Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, reason))
    }

    fn broken(&self, error: SocketError) -> io::Error {
        io::Error::new(io::ErrorKind::ConnectionReset, self.site.transport(Box::new(error)))
    }

    /// Takes in one frame.
    fn take(&mut self, mut frame: Bytes) -> io::Result<()> {
        if frame.is_empty() {
            return Ok(());
        }
        let channel = frame.get_u8();
        let Some(opened) = self.opened.get_mut(usize::from(channel)) else { return Ok(()) };
        if !*opened {
            *opened = true;
            return Ok(());
        }
        if channel == ERROR {
            let text = String::from_utf8_lossy(&frame).trim().to_owned();
            let error = self.site.error(ErrorKind::Unavailable).detail(text);
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, error));
        }
        self.unread = frame;
        Ok(())
    }
}

impl AsyncRead for Forward {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(error) = self.poll_stopped(context) {
            return Poll::Ready(Err(error));
        }
        while self.unread.is_empty() {
            match ready!(self.socket.poll_next_unpin(context)) {
                Some(Ok(Message::Binary(frame))) => self.take(frame)?,
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(0)),
                Some(Ok(_)) => {}
                Some(Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed)) => {
                    return Poll::Ready(Ok(0));
                }
                Some(Err(error)) => return Poll::Ready(Err(self.broken(error))),
            }
        }
        let count = buffer.len().min(self.unread.len());
        self.unread.split_to(count).copy_to_slice(&mut buffer[..count]);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Forward {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(error) = self.poll_stopped(context) {
            return Poll::Ready(Err(error));
        }
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.socket.poll_ready_unpin(context)).map_err(|error| self.broken(error))?;
        let count = buffer.len().min(CHUNK);
        let mut frame = BytesMut::with_capacity(count + 1);
        frame.put_u8(DATA);
        frame.put_slice(&buffer[..count]);
        self.socket.start_send_unpin(Message::Binary(frame.freeze())).map_err(|error| self.broken(error))?;
        // A frame that is not pushed out now is pushed out by the next write or flush.
        if let Poll::Ready(Err(error)) = self.socket.poll_flush_unpin(context) {
            return Poll::Ready(Err(self.broken(error)));
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(self.socket.poll_flush_unpin(context));
        Poll::Ready(result.map_err(|error| self.broken(error)))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.socket.poll_close_unpin(context)) {
            Ok(()) | Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(self.broken(error))),
        }
    }
}
