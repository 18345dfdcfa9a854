//! Logs of containers. IO: the network.

use crate::client::Client;
use crate::request::{Failure, Limits};
use crate::translate::Site;
use futures::future::BoxFuture;
use futures::io::AsyncRead;
use futures::{FutureExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use kompox_model::port::{ErrorKind, LogRequest, PortError};
use kube::api::LogParams;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

type Bytes = Pin<Box<dyn AsyncRead + Send>>;

/// A log that stops when its call has to. The errors it gives carry a [`PortError`].
pub(crate) struct Log {
    content: Bytes,
    stopped: BoxFuture<'static, PortError>,
}

impl Client {
    pub(crate) async fn read_log(&self, limits: Limits, request: &LogRequest) -> Result<Log, PortError> {
        let (_, path) = self.pod("logs", &request.namespace, &request.pod)?;
        let container =
            request.container.as_ref().map_or_else(String::new, |name| format!(" container {name}"));
        let site = self.site("logs", format!("Pod {}/{}{container}", request.namespace, request.pod));
        let params = LogParams {
            container: request.container.clone(),
            follow: request.follow,
            previous: request.previous,
            since_seconds: request.since_seconds,
            since_time: request.since_time,
            tail_lines: request.tail,
            timestamps: request.timestamps,
            ..LogParams::default()
        };
        let http = path
            .logs(&request.pod, &params)
            .map_err(|error| site.client(kube::Error::BuildRequest(error)))?;
        let opening = self.start(&site, http);
        let response = limits
            .at_most(self.request_timeout())
            .run(&site, opening)
            .await
            .map_err(|failure| refused(&site, failure))?;
        let broken = site.clone();
        let content = response
            .into_body()
            .into_data_stream()
            .map_err(move |error| io::Error::other(broken.client(error)))
            .into_async_read();
        let stopped = async move { limits.reached(&site).await }.boxed();
        Ok(Log { content: Box::pin(content), stopped })
    }
}

fn refused(site: &Site, failure: Failure) -> PortError {
    match failure {
        Failure::Status(status) => site.pod(&status),
        Failure::Port(error) => error,
    }
}

impl AsyncRead for Log {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(reason) = self.stopped.poll_unpin(context) {
            self.stopped = std::future::pending().boxed();
            let kind = match reason.kind {
                ErrorKind::Timeout => io::ErrorKind::TimedOut,
                // Not Interrupted, which readers take as a reason to try again.
                _ => io::ErrorKind::ConnectionAborted,
            };
            return Poll::Ready(Err(io::Error::new(kind, reason)));
        }
        self.content.as_mut().poll_read(context, buffer)
    }
}
